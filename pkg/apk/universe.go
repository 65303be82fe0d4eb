package apk

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/detinstall/detinstall/pkg"
)

// Universe is the packages of several indexes for one architecture. It is a [pkg.Universe].
//
// A package that several repositories offer, told by name, version and checksum, counts once, as the earliest one's,
// and is to be had from all of them (see [Universe.Repos]).
type Universe struct {
	lists    []*list
	arch     string
	verified []pkg.Verified
	names    func() []string

	mu       sync.Mutex
	packages map[record]*pkg.Package // nil: what record holds is broken
	records  map[*pkg.Package]record // the first of each package
	named    map[string][]*pkg.Package
	repos    map[*pkg.Package][]*pkg.Repo
}

// record is a record of a list.
type record struct{ list, index int }

// NewUniverse returns the universe of lists for arch, in the order of the repositories file. An error names the
// repository and the line.
func NewUniverse(arch string, lists ...List) (*Universe, error) {
	scanned := make([]*list, len(lists))
	errs := make([]error, len(lists))
	var wg sync.WaitGroup
	for i, l := range lists {
		wg.Go(func() { scanned[i], errs[i] = newList(l, arch) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, pkg.Distrust(lists[i].Repo.ID+": APKINDEX", "%w", err)
		}
	}
	return newUniverse(arch, scanned, nil), nil
}

func newUniverse(arch string, lists []*list, verified []pkg.Verified) *Universe {
	u := &Universe{
		lists: lists, arch: arch, verified: verified,
		packages: map[record]*pkg.Package{}, records: map[*pkg.Package]record{},
		named: map[string][]*pkg.Package{}, repos: map[*pkg.Package][]*pkg.Repo{},
	}
	u.names = sync.OnceValue(u.allNames)
	return u
}

// Verified implements [pkg.Universe].
func (u *Universe) Verified() []pkg.Verified { return u.verified }

// Named implements [pkg.Universe]: the versions of name, those of repositories without a tag first, of these
// the highest, of these that of the earliest repository.
func (u *Universe) Named(name string) []*pkg.Package {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.namedLocked(name)
}

func (u *Universe) namedLocked(name string) []*pkg.Package {
	if ps, ok := u.named[name]; ok {
		return ps
	}
	ps := []*pkg.Package{}
	for l, list := range u.lists {
		for r := range list.names.find(name) {
			p := u.packageLocked(record{l, r})
			if p == nil {
				continue
			}
			if i := slices.IndexFunc(ps, func(q *pkg.Package) bool { return same(p, q) }); i >= 0 {
				p = ps[i]
			} else {
				ps = append(ps, p)
			}
			if !slices.Contains(u.repos[p], list.Repo) {
				u.repos[p] = append(u.repos[p], list.Repo)
			}
		}
	}
	slices.SortStableFunc(ps, func(a, b *pkg.Package) int {
		return cmp.Or(cmp.Compare(u.tagged(a), u.tagged(b)), Compare(b.Version, a.Version))
	})
	u.named[name] = ps
	return ps
}

// same reports whether two records are of one package.
func same(p, q *pkg.Package) bool {
	a, b := p.Native.(*Info), q.Native.(*Info)
	return a.Version == b.Version && a.Checksum == b.Checksum && a.Unique == b.Unique
}

// tagged is 0 for a package that a repository without a tag has, else 1.
func (u *Universe) tagged(p *pkg.Package) int {
	for _, r := range u.repos[p] {
		if r.Tag == "" {
			return 0
		}
	}
	return 1
}

func (u *Universe) packageLocked(r record) *pkg.Package {
	p, ok := u.packages[r]
	if !ok {
		p, _ = u.lists[r.list].parse(r.index, u.arch) // what cannot be read cannot be installed
		u.packages[r] = p
		if p != nil {
			u.records[p] = r
		}
	}
	return p
}

// Providing implements [pkg.Universe].
func (u *Universe) Providing(name string) []*pkg.Package {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.through(name, func(l *list) *nameTable { return &l.provided })
}

// InstalledIf returns the packages whose install_if mentions name, in index order.
func (u *Universe) InstalledIf(name string) []*pkg.Package {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.through(name, func(l *list) *nameTable { return &l.needed })
}

// through returns the packages whose records a table has for name, each once.
func (u *Universe) through(name string, table func(*list) *nameTable) []*pkg.Package {
	var ps []*pkg.Package
	for l, list := range u.lists {
		last := -1
		for r := range table(list).find(name) {
			if r == last {
				continue
			}
			last = r
			if p := u.packageLocked(record{l, r}); p != nil && slices.Contains(u.namedLocked(p.Name), p) {
				ps = append(ps, p)
			}
		}
	}
	return ps
}

// Repos returns the repositories that offer p, in order. It is empty for a package of another universe.
func (u *Universe) Repos(p *pkg.Package) []*pkg.Repo {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.namedLocked(p.Name)
	return u.repos[p]
}

// Place returns where p stands among all packages in the order in which apk reads the indexes: it is the order in which
// apk's solver finds packages that are equal to it otherwise.
func (u *Universe) Place(p *pkg.Package) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, ok := u.records[p]
	if !ok {
		return -1
	}
	place := r.index
	for _, l := range u.lists[:r.list] {
		place += len(l.start)
	}
	return place
}

// Names implements [pkg.Universe].
func (u *Universe) Names() iter.Seq[string] { return slices.Values(u.names()) }

func (u *Universe) allNames() []string {
	var names []string
	for _, l := range u.lists {
		for i := range l.start {
			names = append(names, string(l.names.at(i)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// baseSets are the base sets: what Alpine's packages take for granted, and what its official minirootfs is made of.
var baseSets = []struct {
	name     string
	packages []string
}{
	{"busybox", []string{"/bin/sh", "alpine-baselayout", "busybox"}},
	{"essential", nil},
	{"minirootfs", []string{"alpine-baselayout", "alpine-keys", "alpine-release", "apk-tools", "busybox", "libc-utils"}},
	{"none", nil},
}

// Base implements [pkg.Universe].
func (u *Universe) Base(set string) ([]string, error) {
	var known []string
	for _, b := range baseSets {
		if b.name == set {
			return slices.Clone(b.packages), nil
		}
		if b.name != "essential" { // which is Debian's word, asked for wherever there is a base set
			known = append(known, b.name)
		}
	}
	return nil, fmt.Errorf("unknown base set %q: known are %s", set, strings.Join(known, ", "))
}
