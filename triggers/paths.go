package triggers

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// paths is mkdir, install -d, ln, touch, chown, chmod, setcap, and redirections into files.
func paths() Trigger {
	return Trigger{
		Name: "paths",
		Doc: "Scripts make directories, links and files, rewrite files that packages ship, and change modes, owners and capabilities. The same, from what all scripts together come to; " +
			"so too the home directories that adduser makes (without the files of /etc/skel). " +
			"What is to belong to an account that nobody makes, because the script that would is pending, stays undone.",
		Reads:  []string{"etc/passwd", "etc/group"},
		Duties: []hooks.Kind{hooks.Capability, hooks.Directory, hooks.Edit, hooks.File, hooks.Link, hooks.Meta, hooks.User},
		Run:    makePaths,
	}
}

// bookkeeping are files that scripts touch and another trigger makes.
var bookkeeping = []string{"etc/shells", "etc/subgid", "etc/subuid", ucfHashes, ucfRegistry, "var/lib/dpkg/statoverride", "var/lib/shells.state"}

// pathSet is what becomes of the paths of duties.
type pathSet struct {
	in      Input
	changes []Change
	at      map[string]int // the change of a path
}

func makePaths(in Input) ([]Change, error) {
	s := &pathSet{in: in, at: map[string]int{}}
	ids, err := Accounts(in.FS)
	if err != nil {
		return nil, err
	}
	for _, d := range in.Duties {
		if orphaned(d, ids) {
			continue
		}
		if err := s.add(d); err != nil {
			return nil, fmt.Errorf("%s of package %s, line %d: %w", d.Phase, d.Package, d.Line, err)
		}
	}
	return s.changes, nil
}

// orphaned reports whether d names an owner whom no account has. Its package could not be installed by the real tools either;
// here the script that makes the account is pending, and was named.
func orphaned(d hooks.Duty, ids tree.IDs) bool {
	switch d.Kind {
	case hooks.Directory, hooks.Edit, hooks.File, hooks.Meta:
	default:
		return false
	}
	return !owned(arg(d, 2), ids.Users) || !owned(arg(d, 3), ids.Groups)
}

// owned reports whether a name is empty, a number, root's, or an account's.
func owned(name string, ids map[string]uint32) bool {
	if _, err := strconv.ParseUint(name, 10, 32); err == nil || name == "" || name == "root" {
		return true
	}
	_, ok := ids[name]
	return ok
}

func (s *pathSet) add(d hooks.Duty) error {
	switch d.Kind {
	case hooks.User:
		if home := homeOf(d); home != "" {
			u := userOf(d)
			mode := "0755" // SYS_DIR_MODE and DIR_MODE of adduser.conf(5)
			if !u.system {
				mode = "0700"
			}
			return s.directory(home, mode, u.name, u.group)
		}
		return nil
	case hooks.Directory:
		return s.directory(arg(d, 0), arg(d, 1), arg(d, 2), arg(d, 3))
	case hooks.File:
		return s.file(d)
	case hooks.Edit:
		return s.edit(d)
	case hooks.Link:
		p, err := s.real(arg(d, 0))
		if err != nil {
			return err
		}
		if n, ok := s.node(p); ok && n.Mode.Type() == fs.ModeSymlink && n.Link == arg(d, 1) {
			return nil
		}
		return s.put(link(p, arg(d, 1)))
	case hooks.Meta:
		return s.meta(arg(d, 0), func(n *tree.Node) error { return setMeta(n, arg(d, 1), arg(d, 2), arg(d, 3)) })
	case hooks.Capability:
		return s.meta(arg(d, 0), func(n *tree.Node) error {
			c, err := capability(arg(d, 1))
			n.Xattrs = []tree.Xattr{{Name: "security.capability", Value: c}}
			return err
		})
	}
	return nil
}

// homeOf returns the home directory that a User duty makes, or "".
func homeOf(d hooks.Duty) string {
	if d.Kind != hooks.User || arg(d, 7) != "home" || userOf(d).home == "/nonexistent" {
		return ""
	}
	return userOf(d).home
}

// directory makes a directory unless something is there.
func (s *pathSet) directory(name, mode, user, group string) error {
	p, err := s.real(name)
	if err != nil {
		return err
	}
	if _, ok := s.node(p); ok {
		return nil
	}
	c := dir(p, 0o755)
	if err := setMeta(&c.Node, mode, user, group); err != nil {
		return err
	}
	return s.put(c)
}

// file makes a file. One that packages ship with the same bytes stays.
func (s *pathSet) file(d hooks.Duty) error {
	p, err := s.real(arg(d, 0))
	if err != nil {
		return err
	}
	if slices.Contains(bookkeeping, p) {
		return nil
	}
	c := file(p, 0o644, d.Body)
	if err := setMeta(&c.Node, arg(d, 1), arg(d, 2), arg(d, 3)); err != nil {
		return err
	}
	if n, ok := s.node(p); ok && n.Mode.IsRegular() {
		if old, err := fs.ReadFile(s.in.FS, p); err == nil && bytes.Equal(old, d.Body) {
			return s.meta(p, func(n *tree.Node) error { return setMeta(n, arg(d, 1), arg(d, 2), arg(d, 3)) })
		}
	}
	return s.put(c)
}

// edit rewrites a file that a package ships.
func (s *pathSet) edit(d hooks.Duty) error {
	p, err := s.real(arg(d, 0))
	if err != nil {
		return err
	}
	c := file(p, 0o644, d.Body)
	if _, there := s.node(p); there {
		c.Op = Replace
	} else if len(s.in.Exclude) > 0 {
		return nil // the path filters left it out
	}
	if err := setMeta(&c.Node, arg(d, 1), arg(d, 2), arg(d, 3)); err != nil {
		return err
	}
	return s.put(c)
}

func (s *pathSet) put(c Change) error {
	if i, ok := s.at[c.Node.Path]; ok && s.changes[i].Op == Put {
		return fmt.Errorf("/%s: another duty made it", tree.Quote(c.Node.Path))
	}
	s.at[c.Node.Path] = len(s.changes)
	s.changes = append(s.changes, c)
	return nil
}

// meta changes what is there, or what an earlier duty made. A path that the path filters may have left out is none.
func (s *pathSet) meta(name string, change func(*tree.Node) error) error {
	p, err := s.real(name)
	if err != nil || slices.Contains(bookkeeping, p) {
		return err
	}
	if n, ok := s.node(p); ok && n.Mode.Type() == fs.ModeSymlink { // chown and chmod follow links
		fi, err := fs.Stat(s.in.FS, p)
		if err != nil {
			return err
		}
		p = fi.Sys().(tree.Node).Path
	}
	i, ok := s.at[p]
	if !ok {
		n, there := s.node(p)
		if !there && len(s.in.Exclude) > 0 {
			return nil
		}
		if !there {
			return &fs.PathError{Op: "change", Path: "/" + p, Err: fs.ErrNotExist}
		}
		i = len(s.changes)
		s.at[p] = i
		s.changes = append(s.changes, Change{Op: Meta, Node: tree.Node{Path: p, Mode: n.Mode, User: n.User, Group: n.Group}})
	}
	return change(&s.changes[i].Node)
}

// node returns what is at the real path p: made by an earlier duty, or in the tree.
func (s *pathSet) node(p string) (tree.Node, bool) {
	if i, ok := s.at[p]; ok && s.changes[i].Op == Put {
		return s.changes[i].Node, true
	}
	fi, err := fs.Lstat(s.in.FS, p)
	if err != nil {
		return tree.Node{}, false
	}
	return fi.Sys().(tree.Node), true
}

// real returns the path that name means, links in its parents followed, so that one path has one change.
func (s *pathSet) real(name string) (string, error) {
	p := strings.TrimPrefix(name, "/")
	if err := tree.CheckPath(p); err != nil {
		return "", err
	}
	if p == "." {
		return p, nil
	}
	parent := path.Dir(p)
	if fi, err := fs.Stat(s.in.FS, parent); err == nil {
		return path.Join(fi.Sys().(tree.Node).Path, path.Base(p)), nil
	}
	parent, err := s.real(parent)
	return path.Join(parent, path.Base(p)), err
}

// setMeta gives n what is not empty: an octal mode, a user and a group by name or number.
func setMeta(n *tree.Node, mode, user, group string) error {
	if mode != "" {
		m, err := strconv.ParseUint(mode, 8, 12)
		if err != nil {
			return fmt.Errorf("mode %q of /%s", mode, tree.Quote(n.Path))
		}
		n.Mode = n.Mode&(fs.ModeType|fs.ModeCharDevice) | tree.FileMode(uint32(m))
	}
	n.User, n.Group = ownerOf(user, n.User), ownerOf(group, n.Group)
	return nil
}

func ownerOf(text string, none tree.Owner) tree.Owner {
	if text == "" {
		return none
	}
	if id, err := strconv.ParseUint(cmp.Or(strings.TrimPrefix(text, "#"), text), 10, 32); err == nil {
		return tree.Owner{ID: uint32(id)}
	}
	return tree.Owner{Name: text}
}
