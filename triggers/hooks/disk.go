package hooks

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// entry is what is at a path.
type entry struct {
	kind        kind
	mode        fs.FileMode // permissions, as Unix spells them in octal
	user, group string      // empty: root's
	body        value       // of a file
	target      string      // of a link

	changed bool     // by a script
	written bool     // its body, by a script
	owned   bool     // the mode or the owner was changed
	other   string   // the trigger or the recipe that does it, so that it is no duty of ours
	by      []Source // the scripts' lines
	reading *Reading // of the last
	shipped func() value
}

type kind int

const (
	absent kind = iota
	file
	directory
	link
	special
	murky // changed in a way that is not known
)

// disk is the payload with what scripts changed over it.
type disk struct {
	fsys    fs.FS
	shipped map[string]*shipped
	nodes   map[string]*entry
	owned   owned
}

// shipped says who ships a path.
type shipped struct {
	node tree.Node
	by   []int32 // packages by index
}

func newDisk(ps []*pkg.Unpacked, w World) *disk {
	d := &disk{fsys: w.FS, shipped: map[string]*shipped{}, nodes: map[string]*entry{}, owned: newOwned(w.Owns)}
	for i, p := range ps {
		for _, n := range p.Nodes {
			at := merged(n.Path)
			s := d.shipped[at]
			if s == nil {
				s = &shipped{node: n}
				d.shipped[at] = s
			}
			s.by = append(s.by, int32(i))
		}
	}
	return d
}

// merged returns the place of a path where /bin and its like are links into /usr.
func merged(p string) string {
	first, _, deep := strings.Cut(p, "/")
	switch first {
	case "bin", "sbin", "lib", "lib32", "lib64", "libx32":
		if deep {
			return "usr/" + p
		}
	}
	return p
}

// base returns what the packages have at a path; what a link in its parents means was followed.
func (d *disk) base(p string) *entry {
	if d.fsys == nil {
		if s := d.shipped[p]; s != nil {
			return entryOf(s.node)
		}
		switch p {
		case ".", "bin", "sbin", "lib", "lib64":
			return &entry{kind: directory, mode: 0o755}
		}
		return &entry{}
	}
	info, err := fs.Lstat(d.fsys, p)
	if err != nil {
		return &entry{}
	}
	switch n := info.Sys().(type) {
	case tree.Node:
		return entryOf(n)
	case *tree.Node:
		return entryOf(*n)
	}
	e := entryOf(tree.Node{Mode: info.Mode()})
	if e.kind == link {
		e.target, _ = fs.ReadLink(d.fsys, p)
	}
	return e
}

func entryOf(n tree.Node) *entry {
	e := &entry{mode: octal(n.Mode), user: n.User.Name, group: n.Group.Name, target: n.Link}
	switch {
	case n.IsHardLink():
		e.kind = file
	case n.Mode.IsRegular():
		e.kind = file
		e.shipped = func() value {
			b, err := n.Content.ReadAll(maxContent)
			if err != nil || n.Content.Body == nil && n.Content.Size > 0 {
				return value{}
			}
			return known(string(b))
		}
	case n.Mode.IsDir():
		e.kind = directory
	case n.Mode&fs.ModeSymlink != 0:
		e.kind = link
	default:
		e.kind = special
	}
	return e
}

// octal turns a mode into what chmod(1) calls it.
func octal(m fs.FileMode) fs.FileMode { return fs.FileMode(tree.ModeBits(m)) }

// at returns what is at a path in which no parent is a link. It must not be changed.
func (d *disk) at(p string) *entry {
	if e, ok := d.nodes[p]; ok {
		return e
	}
	return d.base(p)
}

// resolve follows links in p, an absolute path; the last component only with follow. It reports whether the way is known.
func (d *disk) resolve(p string, follow bool) (string, bool) {
	todo := strings.Split(strings.Trim(p, "/"), "/")
	at := "."
	for hops := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		here := path.Join(at, name)
		e := d.at(here)
		if e.kind == murky {
			return here, false
		}
		if e.kind != link || len(todo) == 0 && !follow {
			at = here
			continue
		}
		if hops++; hops > 40 {
			return here, false
		}
		todo = slices.Concat(strings.Split(e.target, "/"), todo)
		if strings.HasPrefix(e.target, "/") {
			at = "."
		}
	}
	return at, true
}

// names returns the names below a directory, sorted.
func (d *disk) names(dir string) []string {
	set := map[string]bool{}
	if d.fsys != nil {
		list, err := fs.ReadDir(d.fsys, dir)
		if err == nil {
			for _, e := range list {
				set[e.Name()] = true
			}
		}
	} else {
		for p := range d.shipped {
			if path.Dir(p) == dir && p != "." {
				set[path.Base(p)] = true
			}
		}
	}
	for p, e := range d.nodes {
		if path.Dir(p) == dir && p != "." {
			if e.kind == absent {
				delete(set, path.Base(p))
			} else {
				set[path.Base(p)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// below returns the paths below dir that are there, parents first.
func (d *disk) below(dir string, limit int) ([]string, bool) {
	var out []string
	for _, n := range d.names(dir) {
		p := path.Join(dir, n)
		if out = append(out, p); len(out) > limit {
			return nil, false
		}
		if d.at(p).kind == directory {
			more, ok := d.below(p, limit-len(out))
			if out = append(out, more...); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

// mayMake reports whether some trigger may make p.
func (d *disk) mayMake(p string) bool {
	if d.owned.named(p) {
		return true
	}
	parts := strings.Split(p, "/")
	return slices.ContainsFunc(d.owned.patterns, func(o []string) bool { return ownsPath(o, parts) })
}

// owned is what triggers make, taken apart once: it is asked for every path that a script looks at.
type owned struct {
	literal  []string   // sorted
	patterns [][]string // by component, for path.Match
}

func newOwned(owns []string) owned {
	var o owned
	for _, p := range owns {
		if strings.ContainsAny(p, "*?") {
			o.patterns = append(o.patterns, strings.Split(strings.NewReplacer("[", `\[`, `\`, `\\`).Replace(p), "/"))
		} else {
			o.literal = append(o.literal, p)
		}
	}
	slices.Sort(o.literal)
	return o
}

// named reports whether a trigger makes p by that very name.
func (o owned) named(p string) bool {
	_, found := slices.BinarySearch(o.literal, p)
	return found
}

// ownsPath matches a pattern of triggers, whose component ** is any number of components.
func ownsPath(pattern, p []string) bool {
	switch {
	case len(pattern) == 0:
		return len(p) == 0
	case pattern[0] == "**":
		return ownsPath(pattern[1:], p) || len(p) > 0 && ownsPath(pattern, p[1:])
	case len(p) == 0:
		return false
	}
	m, _ := path.Match(pattern[0], p[0])
	return m && ownsPath(pattern[1:], p[1:])
}
