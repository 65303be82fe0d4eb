package deb

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/detinstall/detinstall/pkg"
)

// Universe is the packages of several indexes for one architecture, as apt would see them on
// a system with nothing installed. It is a [pkg.Universe].
//
// The candidate of a name is the version with the highest pin, then the highest version, then
// that of the earliest repository. Versions whose pin is 0 or less are not in the universe. Packages of one name
// for the architecture and for "all" are versions of one package; a version that several
// repositories offer as the same file counts once, as the earliest one's.
type Universe struct {
	lists    []*packages // in the order in which apt reads them
	pins     []pkg.Pin
	verified []pkg.Verified

	providers func() []*nameTable // built when first asked for; by list
	names     func() []string

	mu       sync.Mutex
	packages map[entry]*pkg.Package
	named    map[string][]*pkg.Package
	mentions mentions
}

// entry is a stanza of a list.
type entry struct{ list, stanza int }

func newUniverse(lists []*packages, arch string, pins []pkg.Pin, verified []pkg.Verified) *Universe {
	u := &Universe{
		lists: lists, pins: pins, verified: verified,
		packages: map[entry]*pkg.Package{},
		named:    map[string][]*pkg.Package{},
		mentions: mentions{lists: lists, arch: arch},
	}
	u.providers = sync.OnceValue(u.indexProviders)
	u.names = sync.OnceValue(u.allNames)
	return u
}

// Verified implements [pkg.Universe].
func (u *Universe) Verified() []pkg.Verified { return u.verified }

// Named implements [pkg.Universe]: the versions of name, the candidate first.
func (u *Universe) Named(name string) []*pkg.Package {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.namedLocked(name)
}

func (u *Universe) namedLocked(name string) []*pkg.Package {
	if ps, ok := u.named[name]; ok {
		return ps
	}
	var vs []version
	for l, list := range u.lists {
		pin := u.pinOf(name, list)
		for s := range list.names.find(name) {
			vs = append(vs, version{u.packageLocked(entry{l, s}), pin, l})
		}
	}
	ps := order(vs)
	u.named[name] = ps
	return ps
}

// version is what counts when versions of a package are ordered.
type version struct {
	*pkg.Package
	pin, list int
}

// order merges equal versions and returns them, the candidate first.
func order(vs []version) []*pkg.Package {
	var merged []version
	for _, v := range vs {
		i := slices.IndexFunc(merged, func(m version) bool { return m.Version == v.Version && m.SHA256 == v.SHA256 })
		if i >= 0 {
			merged[i].pin = max(merged[i].pin, v.pin)
		} else {
			merged = append(merged, v)
		}
	}
	merged = slices.DeleteFunc(merged, func(v version) bool { return v.pin <= 0 })
	slices.SortStableFunc(merged, func(a, b version) int {
		return cmp.Or(cmp.Compare(b.pin, a.pin), Compare(b.Version, a.Version), cmp.Compare(a.list, b.list))
	})
	var ps []*pkg.Package
	for _, v := range merged {
		ps = append(ps, v.Package)
	}
	return ps
}

// pinOf returns the priority of the packages called name in a list (apt_preferences(5)): the first
// of the user's pins that names the package, else the first of those that name none, else the repository's own.
func (u *Universe) pinOf(name string, list *packages) int {
	for _, of := range []string{name, ""} {
		for _, p := range u.pins {
			if p.Package == of && (p.Repo == "" || p.Repo == list.repo.ID) {
				return p.Priority
			}
		}
	}
	return list.pin
}

func (u *Universe) packageLocked(e entry) *pkg.Package {
	p := u.packages[e]
	if p == nil {
		p = u.lists[e.list].parse(e.stanza)
		u.packages[e] = p
	}
	return p
}

// Providing implements [pkg.Universe]. It returns versions that are no candidates too.
// A qualified name ("python3:any") finds those that provide just that.
func (u *Universe) Providing(name string) []*pkg.Package {
	var ps []*pkg.Package
	tables := u.providers()
	u.mu.Lock()
	defer u.mu.Unlock()
	for l, list := range u.lists {
		last := -1
		for e := range tables[l].find(name) {
			s := list.stanzaAt(int(tables[l].off[e]))
			if s == last { // a package may provide several versions of a name
				continue
			}
			last = s
			p := u.packageLocked(entry{l, s})
			if slices.Contains(u.namedLocked(p.Name), p) {
				ps = append(ps, p)
			}
		}
	}
	return ps
}

// indexProviders enters the names in Provides fields into tables.
func (u *Universe) indexProviders() []*nameTable {
	tables := make([]*nameTable, len(u.lists))
	var wg sync.WaitGroup
	for i, list := range u.lists {
		wg.Go(func() { tables[i] = list.provided() })
	}
	wg.Wait()
	return tables
}

// provided returns a table of the names that p's packages provide.
func (p *packages) provided() *nameTable {
	t := &nameTable{text: p.text}
	var hashes []uint32
	for i, flags := range p.flags {
		if flags&hasProvides == 0 || flags&isForeign != 0 {
			continue
		}
		f := p.field(i, "Provides")
		for f.from < f.to {
			if n := nameLen(p.text[f.from:f.to]); n > 0 {
				t.off = append(t.off, uint32(f.from))
				hashes = append(hashes, hashName(p.text[f.from:f.from+n]))
				comma := bytes.IndexByte(p.text[f.from:f.to], ',')
				if comma < 0 {
					break
				}
				f.from += comma
			}
			f.from++
		}
	}
	t.link(hashes, func(int) bool { return true })
	return t
}

// field returns where the value of a field of stanza i lies, its continuation lines included.
func (p *packages) field(i int, name string) span {
	pos, end := int(p.start[i]), int(p.start[i+1])
	var f span
	for pos < end {
		stop := end
		if nl := bytes.IndexByte(p.text[pos:end], '\n'); nl >= 0 {
			stop = pos + nl
		}
		line := p.text[pos:stop]
		switch {
		case len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name):
			f = span{pos + len(name) + 1, stop}
		case f.to > 0 && len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			f.to = stop
		case f.to > 0:
			return f
		}
		pos = stop + 1
	}
	return f
}

// FirstMention returns the place of name in the order in which apt's cache numbers
// names: that of their first mention in the indexes, as a package or in a relation field, whatever
// comes of it. Where apt finds several providers equal it takes the one with the highest number.
// A name that is nowhere mentioned comes last.
func (u *Universe) FirstMention(name string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.mentions.first(name)
}

// Names implements [pkg.Universe].
func (u *Universe) Names() iter.Seq[string] { return slices.Values(u.names()) }

func (u *Universe) allNames() []string {
	var names []string
	for _, list := range u.lists {
		for i, flags := range list.flags {
			if flags&isForeign == 0 {
				names = append(names, string(list.name(i)))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// baseSets are the names of the base sets and the lowest priority that they take besides
// Essential packages; -1 is none. They are those of mmdebstrap, whose "minbase" is its "required".
var baseSets = []struct {
	name     string
	priority int
}{
	{"essential", -1}, {"important", 1}, {"minbase", 0}, {"none", -1}, {"standard", 2},
}

// Base implements [pkg.Universe]: "essential" is the packages with Essential: yes, "minbase" those and
// the ones of priority required, "important" and "standard" down to those priorities, "none" nothing. Only
// candidates count.
func (u *Universe) Base(set string) ([]string, error) {
	var known []string
	for _, b := range baseSets {
		if known = append(known, b.name); b.name == set {
			if set == "none" {
				return nil, nil
			}
			return u.base(b.priority), nil
		}
	}
	return nil, fmt.Errorf("unknown base set %q: known are %s", set, strings.Join(known, ", "))
}

func (u *Universe) base(priority int) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var names []string
	for l, list := range u.lists {
		for s, flags := range list.flags {
			if flags&isForeign != 0 || flags&isEssential == 0 && int(flags&prioMask) > priority {
				continue
			}
			name := string(list.name(s))
			if vs := u.namedLocked(name); len(vs) > 0 && vs[0] == u.packageLocked(entry{l, s}) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
