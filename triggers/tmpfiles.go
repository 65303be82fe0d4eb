package triggers

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/internal/unitfile"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// tmpfiles is systemd-tmpfiles(8).
func tmpfiles() Trigger {
	return Trigger{
		Name: "tmpfiles",
		Doc: "systemd-tmpfiles --create makes directories, files and links by tmpfiles.d(5), and sets modes and owners. The same where it lasts: " +
			"not below /run, /tmp, /var/tmp, /proc, /sys and /dev, not at boot only, not from credentials or what a host is called; no access lists " +
			"or attributes, no devices, no writing to files that are there, and copies from /usr/share/factory alone.",
		For:    []string{"deb"},
		Reads:  []string{"usr/bin/systemd-tmpfiles", "etc/tmpfiles.d/*", "usr/lib/tmpfiles.d/*", "usr/share/factory/**", "etc/passwd", "etc/group"},
		Duties: []hooks.Kind{hooks.Tmpfiles},
		Claims: claimTmpfiles,
		Run:    makeTmpfiles,
	}
}

// tmpfilesOf returns the lines of a duty's configuration files; none if one is not there, as systemd-tmpfiles then does nothing.
func tmpfilesOf(fsys fs.FS, d hooks.Duty) ([]tmpLine, error) {
	names := d.Args
	if len(names) == 0 {
		for _, dir := range []string{"etc/tmpfiles.d", "usr/lib/tmpfiles.d"} {
			entries, _ := fs.ReadDir(fsys, dir)
			for _, e := range entries {
				names = append(names, e.Name())
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	var out []tmpLine
	for _, name := range names {
		file := "etc/tmpfiles.d/" + path.Base(name)
		if !exists(fsys, file) {
			file = "usr/lib/tmpfiles.d/" + path.Base(name)
		}
		fi, err := fs.Stat(fsys, file)
		if err != nil || !fi.Mode().IsRegular() {
			return nil, nil
		}
		b, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		lines, err := readTmpfiles(b)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", file, err)
		}
		out = append(out, lines...)
	}
	return out, nil
}

// claimTmpfiles returns the paths that the lines name in the tree as it was shipped.
func claimTmpfiles(fsys fs.FS, duties []hooks.Duty) ([]string, error) {
	var out []string
	for _, d := range duties {
		lines, err := tmpfilesOf(fsys, d)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			out = append(out, l.targets(fsys)...)
			if l.kind == 'C' {
				for _, p := range below(fsys, l.source()) {
					out = append(out, l.path+strings.TrimPrefix(p, l.source()))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// source returns what a line copies, or where its link leads without an argument.
func (l tmpLine) source() string {
	if l.arg != "" {
		return strings.TrimPrefix(l.arg, "/")
	}
	return "usr/share/factory/" + l.path
}

// targets returns the paths of a line. What other triggers make is not among what patterns match.
func (l tmpLine) targets(fsys fs.FS) []string {
	if !l.adjusts() {
		return []string{l.path}
	}
	paths := globbed(fsys, l.path)
	if l.kind == 'Z' {
		for _, p := range slices.Clone(paths) {
			paths = append(paths, below(fsys, p)...)
		}
	}
	return paths
}

// below returns the paths below dir, which links do not lead out of.
func below(fsys fs.FS, dir string) []string {
	var out []string
	if fi, err := fs.Lstat(fsys, dir); err != nil || !fi.IsDir() {
		return nil
	}
	entries, _ := fs.ReadDir(fsys, dir)
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		out = append(out, p)
		if e.IsDir() {
			out = append(out, below(fsys, p)...)
		}
	}
	return out
}

// children returns what in dir matches a pattern of one component.
func children(fsys fs.FS, dir, pattern string) []string {
	if !strings.ContainsAny(pattern, "*?[") {
		if p := path.Join(dir, pattern); exists(fsys, p) {
			return []string{p}
		}
		return nil
	}
	var out []string
	entries, _ := fs.ReadDir(fsys, dir)
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(pattern, ".")
		if !hidden && unitfile.Match(pattern, e.Name()) {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out
}

func makeTmpfiles(in Input) ([]Change, error) {
	if len(in.Duties) == 0 || !exists(in.FS, "usr/bin/systemd-tmpfiles") {
		return nil, nil
	}
	ids, err := Accounts(in.FS)
	if err != nil {
		return nil, err
	}
	m := &maker{fsys: in.FS, ids: ids, nodes: map[string]tree.Node{}, made: map[string]bool{}, by: map[string][]hooks.Source{}}
	early := in.bootstrapped()
	for _, d := range in.Duties {
		if early[d.Package] {
			continue // systemd-tmpfiles is not there yet
		}
		lines, err := tmpfilesOf(in.FS, d)
		if err != nil {
			return nil, err
		}
		lines = slices.DeleteFunc(lines, func(l tmpLine) bool { return !m.known(l) })
		m.now = d.Sources()
		if err := m.all(lines); err != nil {
			return nil, err
		}
	}
	return m.changes(), nil
}

// maker carries out lines.
type maker struct {
	fsys  fs.FS
	ids   tree.IDs
	nodes map[string]tree.Node // as they shall be
	made  map[string]bool      // the ones that were not there
	by    map[string][]hooks.Source
	now   []hooks.Source // of the duty at hand
}

// known reports whether the line's owners are; the others are ignored.
func (m *maker) known(l tmpLine) bool {
	is := func(name string, ids map[string]uint32) bool {
		_, ok := ids[name]
		_, err := strconv.ParseUint(name, 10, 32)
		return ok || err == nil || name == "" || name == "root"
	}
	return is(l.user, m.ids.Users) && is(l.group, m.ids.Groups)
}

// node returns what is at p by now.
func (m *maker) node(p string) (tree.Node, bool) {
	if n, ok := m.nodes[p]; ok {
		return n, true
	}
	fi, err := fs.Lstat(m.fsys, p)
	if err != nil {
		return tree.Node{}, false
	}
	n := fi.Sys().(tree.Node)
	n.Path, n.Mode = p, fi.Mode() // directories that no package ships have no node
	return n, true
}

// all does the lines of one call: patterns last, and of those that make one path the first, but for ones with a +.
func (m *maker) all(lines []tmpLine) error {
	seen := map[string]bool{}
	for _, l := range lines {
		if l.adjusts() || seen[l.path] && !l.add {
			continue
		}
		seen[l.path] = true
		if err := m.do(l); err != nil {
			return err
		}
	}
	for _, l := range lines {
		if l.adjusts() {
			if err := m.do(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// adjusts reports whether a line is only for what is there, which its path is a pattern of.
func (l tmpLine) adjusts() bool { return strings.IndexByte("ezZ", l.kind) >= 0 }

func (m *maker) do(l tmpLine) error {
	switch l.kind {
	case 'd', 'D', 'v', 'q', 'Q':
		m.make(l, tree.Node{Path: l.path, Mode: fs.ModeDir | 0o755})
	case 'f':
		m.make(l, tree.Node{Path: l.path, Mode: 0o644, Content: tree.Bytes([]byte(unescape(l.arg)))})
	case 'p':
		m.make(l, tree.Node{Path: l.path, Mode: fs.ModeNamedPipe | 0o644})
	case 'L':
		target := l.arg
		if target == "" {
			target = "/" + l.source()
		}
		if l.maybe && !m.present(target, l.path) {
			return nil
		}
		if _, ok := m.node(l.path); !ok {
			m.put(tree.Node{Path: l.path, Mode: fs.ModeSymlink | 0o777, Link: target})
		}
	case 'C':
		return m.copy(l)
	default:
		for _, p := range l.targets(m.fsys) {
			if n, ok := m.node(p); ok && (l.kind != 'e' || n.Mode.IsDir()) {
				m.set(l, n, false)
			}
		}
	}
	return nil
}

// present reports whether a link's target is there, as far as it can be looked at.
func (m *maker) present(target, from string) bool {
	if !strings.HasPrefix(target, "/") {
		target = path.Join("/", path.Dir(from), target)
	}
	return strings.HasPrefix(target, "/usr/share/factory/") && exists(m.fsys, target[1:])
}

// make adds n as the line wants it, or brings what is there and of the same type to its mode and owners.
func (m *maker) make(l tmpLine, n tree.Node) {
	if old, ok := m.node(l.path); ok {
		if old.Mode.Type() == n.Mode.Type() {
			m.set(l, old, false)
		}
		return
	}
	n.User, n.Group = tree.Root, tree.Root
	m.made[n.Path] = true
	m.set(l, n, true)
}

func (m *maker) put(n tree.Node) {
	n.User, n.Group = tree.Root, tree.Root
	m.made[n.Path] = true
	m.keep(n)
}

// keep remembers how a path shall be.
func (m *maker) keep(n tree.Node) {
	m.nodes[n.Path] = n
	m.by[n.Path] = append(m.by[n.Path], m.now...)
}

const permissions = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// set gives n the mode and owners of the line.
func (m *maker) set(l tmpLine, n tree.Node, fresh bool) {
	if l.hasMode && (fresh || !l.onceMode) && n.Mode&fs.ModeSymlink == 0 {
		mode := l.mode
		if l.masked && !fresh {
			mode = mask(mode, n.Mode)
		}
		n.Mode = n.Mode&^permissions | mode
	}
	if l.user != "" && (fresh || !l.onceUser) {
		n.User = owner(l.user)
	}
	if l.group != "" && (fresh || !l.onceGroup) {
		n.Group = owner(l.group)
	}
	m.keep(n)
}

// mask takes from mode what nobody may on what is there, and the bits that mean nothing to files.
func mask(mode, old fs.FileMode) fs.FileMode {
	for _, bits := range []fs.FileMode{0o444, 0o222, 0o111} {
		if old&bits == 0 {
			mode &^= bits
		}
	}
	if !old.IsDir() {
		mode &^= fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	}
	return mode
}

func owner(name string) tree.Owner {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return tree.Owner{ID: uint32(n)}
	}
	return tree.Owner{Name: name}
}

// copy copies below /usr/share/factory, unless something is there.
func (m *maker) copy(l tmpLine) error {
	from := l.source()
	if _, ok := m.node(l.path); ok || !strings.HasPrefix(from, "usr/share/factory/") || !exists(m.fsys, from) {
		return nil
	}
	for _, p := range append([]string{from}, below(m.fsys, from)...) {
		n, ok := m.node(p)
		if !ok || n.Mode&(fs.ModeDevice|fs.ModeNamedPipe) != 0 {
			continue
		}
		n = tree.Node{Path: l.path + strings.TrimPrefix(p, from), Mode: n.Mode, User: n.User, Group: n.Group, Link: n.Link, Content: n.Content}
		if n.Mode.IsRegular() {
			n.Link = "" // a hard link becomes a file of its own
		}
		m.made[n.Path] = true
		m.keep(n)
		if p == from {
			m.set(l, n, true)
		}
	}
	return nil
}

// changes returns what is new or not as it was.
func (m *maker) changes() []Change {
	var out []Change
	for _, p := range slices.Sorted(maps.Keys(m.nodes)) {
		n := m.nodes[p]
		fi, err := fs.Lstat(m.fsys, p)
		if m.made[p] || err != nil || fi.Sys().(tree.Node).From == "implicit" {
			out = append(out, Change{Op: Put, Node: n, By: m.by[p]})
			continue
		}
		old := fi.Sys().(tree.Node)
		if fi.Mode() != n.Mode || !same(old.User, n.User) || !same(old.Group, n.Group) {
			out = append(out, Change{Op: Meta, Node: tree.Node{Path: p, Mode: n.Mode & permissions, User: n.User, Group: n.Group}, By: m.by[p]})
		}
	}
	return out
}

// same reports whether two owners are the same, as far as their spelling tells.
func same(a, b tree.Owner) bool {
	root := func(o tree.Owner) bool { return o.Name == "root" || o.Name == "" && o.ID == 0 }
	return a == b || root(a) && root(b) || a.Name != "" && a.Name == b.Name
}
