package unpack

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Merge puts the payloads of ps, which are in dependency order, into one tree, as dpkg would by unpacking one
// after the other, but with errors where dpkg's result would depend on luck.
//
// Paths are compared in canonical form, with the symbolic links of the payloads in their parents followed: /bin/ls
// and /usr/bin/ls are one path where bin is a link to usr/bin. Links at the places of merged /usr
// (bin, sbin, lib, lib32, lib64, libx32, libo32) stand before everything else, others from the package that ships them on.
//
//   - Directories are shared. Where packages disagree about mode, owner or xattrs the last in order wins,
//     with a note, but in ecosystems that leave a directory that is there as it is; From is the first.
//   - A directory where a symbolic link stands means the link's target; a symbolic link where a
//     directory stands is left out, with a note. Both are dpkg's rules.
//   - A file of two packages belongs to the one that Replaces the other (the later one if both do); the
//     other's Files lack it. It is shared if both packages are one name, Multi-Arch: same, and the bytes are the same.
//   - A diverted file is unpacked under the diversion's other name.
//   - Anything else that two packages claim is a *tree.ConflictError; of several the first by path is
//     returned. What may not be in a tree at all is a *tree.RefusedError of the first package by name.
//   - A hard link whose file was filtered out or replaced becomes the file itself.
func Merge(ps []*pkg.Unpacked, opt Options) (*Merged, error) {
	m := &merger{
		ps: ps, opt: opt, filter: filter{opt.Exclude, opt.Include}, places: newPlaces(),
		claims: map[string][]claim{}, winners: map[string]claim{}, out: &Merged{Tree: tree.New()},
	}
	for _, p := range ps {
		m.origin = append(m.origin, p.Package.Origin())
		m.where = append(m.where, make([]string, len(p.Nodes)))
		m.dropped = append(m.dropped, map[int]bool{})
		m.shipped = append(m.shipped, nil)
	}
	made := m.alias()
	if err := m.diversions(); err != nil {
		return nil, err
	}
	if err := m.placeAll(); err != nil {
		return nil, err
	}
	if err := m.decide(made); err != nil {
		return nil, err
	}
	if err := m.build(made); err != nil {
		return nil, err
	}
	m.files()
	return m.out, nil
}

// claim is one package's entry for a path.
type claim struct{ pkg, node int }

type merger struct {
	ps     []*pkg.Unpacked
	opt    Options
	filter filter
	places *places
	origin []string // of each package

	shipped []map[string]int // of each package that has hard links, by path, 1 + the node

	divert  map[string]diversion
	where   [][]string         // canonical path of each package's nodes; empty: not in the tree
	dropped []map[int]bool     // nodes of each package that another replaced
	claims  map[string][]claim // by canonical path, in order of packages
	sorted  []string           // the keys of claims
	winners map[string]claim
	out     *Merged
}

type diversion struct{ to, by string }

func (m *merger) node(c claim) *tree.Node { return &m.ps[c.pkg].Nodes[c.node] }

func (m *merger) note(format string, args ...any) {
	m.out.Notes = append(m.out.Notes, fmt.Sprintf(format, args...))
}

// of names the package that err is about, as the errors of Unpack do.
func (m *merger) of(p int, err error) error {
	return fmt.Errorf("package %s: %w", m.ps[p].Package.Name, err)
}

// aliases are the links of merged /usr; the first three are always made, the
// others where a package ships something below, which is what usrmerge and mmdebstrap
// leave in bookworm, and base-files ships in trixie.
var aliases = []string{"bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"}

// alias makes the links of merged /usr known and returns those that no package ships.
func (m *merger) alias() (made []string) {
	used := map[string]bool{"bin": true, "sbin": true, "lib": true}
	for _, p := range m.ps {
		for i := range p.Nodes {
			n := &p.Nodes[i]
			top, _, below := strings.Cut(n.Path, "/")
			if !slices.Contains(aliases, top) || m.filter.skip(n.Path, n.Mode) {
				continue
			}
			if _, known := m.places.links[top]; !below && n.Mode&fs.ModeSymlink != 0 && !known {
				m.places.links[top] = n.Link
			}
			used[top] = true
		}
	}
	for _, name := range aliases {
		if _, shipped := m.places.links[name]; m.opt.MergedUsr && used[name] && !shipped {
			made = append(made, name)
			m.places.links[name] = "usr/" + name
		}
	}
	return made
}

// diversions brings the diversions into canonical form.
func (m *merger) diversions() error {
	m.divert = map[string]diversion{}
	for _, d := range m.opt.Diversions {
		from, err := m.canonical(d.Path)
		if err != nil {
			return fmt.Errorf("diversion of %s: %w", tree.Quote(d.Path), err)
		}
		to, err := m.canonical(d.To)
		if err != nil {
			return fmt.Errorf("diversion of %s: %w", tree.Quote(d.Path), err)
		}
		old, twice := m.divert[from]
		if twice && old != (diversion{to, d.Package}) || from == to {
			return refuse(d.Path, "is diverted twice, or to itself")
		}
		m.divert[from] = diversion{to, d.Package}
	}
	return nil
}

// canonical cleans a path, with or without a leading slash, and follows the links of
// merged /usr, which are all that stands before the first package.
func (m *merger) canonical(p string) (string, error) {
	clean, err := archive.Clean(p)
	if err != nil {
		return "", err
	}
	parent, err := m.places.follow(path.Dir(clean))
	if err != nil {
		return "", err
	}
	return join(parent, path.Base(clean)), nil
}

// placeAll finds the place of every entry, package by package. Refusals are collected, so that the first
// package by name is named.
func (m *merger) placeAll() error {
	var first error
	name := ""
	for i, p := range m.ps {
		m.places.by = m.origin[i]
		for j := range p.Nodes {
			if err := m.place(claim{i, j}); err != nil {
				if first == nil || p.Package.Name < name {
					first, name = m.of(i, err), p.Package.Name
				}
				break
			}
		}
	}
	return first
}

func (m *merger) place(c claim) error {
	n := m.node(c)
	if m.filter.skip(n.Path, n.Mode) {
		return nil
	}
	if n.Mode&fs.ModeDevice != 0 && !m.opt.AllowDevices {
		return refuse(n.Path, "device node: packages may ship them only if that is asked for")
	}
	if n.Mode.IsDir() {
		at, err := m.places.dir(n.Path)
		if err != nil {
			return err
		}
		m.claim(at, c)
		return nil
	}
	at, err := m.places.entry(n.Path)
	if err != nil {
		return err
	}
	if d, ok := m.divert[at]; ok && d.by != m.ps[c.pkg].Package.Name {
		if _, err := m.places.dir(path.Dir(d.to)); err != nil {
			return err
		}
		at = d.to
	}
	if n.Mode&fs.ModeSymlink != 0 {
		if by := m.places.dirs[at]; by == m.origin[c.pkg] {
			return refuse(n.Path, "both a link and a directory")
		} else if by != "" {
			m.note("/%s: the link of %s is left out: it is a directory of %s", tree.Quote(at), m.origin[c.pkg], by)
			return nil
		}
		if _, stands := m.places.links[at]; !stands {
			m.places.links[at] = n.Link
		}
	}
	m.claim(at, c)
	return nil
}

func (m *merger) claim(at string, c claim) {
	m.where[c.pkg][c.node] = at
	m.claims[at] = append(m.claims[at], c)
}

// files lists what each package owns. As in dpkg's own lists, what a filter or a directory kept out is there, but
// what another package replaced is not.
func (m *merger) files() {
	m.out.Files = make([][]string, len(m.ps))
	for i, p := range m.ps {
		list := make([]string, 0, len(p.Nodes))
		for j := range p.Nodes {
			if !m.dropped[i][j] {
				list = append(list, p.Nodes[j].Path)
			}
		}
		m.out.Files[i] = list
	}
}

// paths returns the claimed paths, byte-sorted. All must be placed.
func (m *merger) paths() []string {
	if m.sorted == nil {
		m.sorted = slices.Sorted(maps.Keys(m.claims))
	}
	return m.sorted
}
