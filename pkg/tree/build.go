package tree

import (
	"io/fs"
	"iter"
	"slices"
	"strings"
)

// Tree is a root file system in the making. The zero value is not usable;
// call [New]. A Tree is not safe for concurrent use, not even for reading.
type Tree struct {
	nodes map[string]*Node
	// dirs holds, for each directory that has anything below it, what lies directly below. A path is
	// in the index of its parent if and only if it is in nodes or in dirs.
	dirs map[string]*index
	root bool // whether somebody put the root
}

// index lists the paths directly below a directory.
type index struct {
	paths  []string
	sorted bool
}

func (x *index) sort() []string {
	if !x.sorted {
		// In one directory the order of the paths is that of the names.
		slices.Sort(x.paths)
		x.sorted = true
	}
	return x.paths
}

// implicitFrom is the From of directories that nobody put.
const implicitFrom = "implicit"

// implicit returns a directory that nobody put.
func implicit(path string) *Node {
	return &Node{Path: path, Mode: fs.ModeDir | 0o755, User: Root, Group: Root, From: implicitFrom}
}

// New returns a tree that holds nothing but its root, 0755 root:root.
func New() *Tree {
	return &Tree{nodes: map[string]*Node{".": implicit(".")}, dirs: map[string]*index{}}
}

// Put adds n. A path that is taken is a *ConflictError, unless both are
// directories that agree in mode, owners and xattrs: then the first stays. A path that breaks
// the rules of names (D12) is a *RefusedError. Parents need not be there yet.
func (t *Tree) Put(n Node) error {
	if err := check(&n); err != nil {
		return err
	}
	old, taken := t.nodes[n.Path]
	if !taken || n.Path == "." && !t.root {
		t.insert(&n)
		return nil
	}
	if old.Mode.IsDir() && old.Mode == n.Mode && sameOwner(old.User, n.User) && sameOwner(old.Group, n.Group) &&
		slices.Equal(old.Xattrs, n.Xattrs) {
		return nil
	}
	return &ConflictError{Path: n.Path, First: old.From, Second: n.From}
}

// sameOwner reports whether a and b mean the same account whatever the tree's accounts are.
func sameOwner(a, b Owner) bool {
	if a == b || a.isRoot() && b.isRoot() {
		return true
	}
	return a.Name != "" && a.Name == b.Name
}

func (o Owner) isRoot() bool { return o.Name == "root" || o.Name == "" && o.ID == 0 }

// Set adds n or puts it in the place of what was there; the rules of names hold.
func (t *Tree) Set(n Node) error {
	if err := check(&n); err != nil {
		return err
	}
	t.insert(&n)
	return nil
}

func (t *Tree) insert(n *Node) {
	if n.Path == "." {
		t.root = true
	}
	if !t.linked(n.Path) {
		t.link(n.Path)
	}
	t.nodes[n.Path] = n
}

// linked reports whether path is in the index of its parent.
func (t *Tree) linked(path string) bool {
	return t.nodes[path] != nil || t.dirs[path] != nil
}

// link enters path into the index of its parent, and the parent into that of
// its own where nothing else made it known.
func (t *Tree) link(path string) {
	for path != "." {
		dir := parent(path)
		known := t.linked(dir)
		x := t.dirs[dir]
		if x == nil {
			x = new(index)
			t.dirs[dir] = x
		}
		x.sorted = len(x.paths) == 0 || x.sorted && x.paths[len(x.paths)-1] < path
		x.paths = append(x.paths, path)
		if known {
			return
		}
		path = dir
	}
}

// Delete removes path; what lies below it stays. Deleting the root makes it
// 0755 root:root again.
func (t *Tree) Delete(path string) {
	if path == "." {
		t.nodes["."], t.root = implicit("."), false
		return
	}
	if t.nodes[path] == nil {
		return
	}
	delete(t.nodes, path)
	for path != "." && !t.linked(path) {
		dir := parent(path)
		x := t.dirs[dir]
		i, _ := slices.BinarySearch(x.sort(), path)
		x.paths = slices.Delete(x.paths, i, i+1)
		if len(x.paths) > 0 {
			return
		}
		delete(t.dirs, dir)
		path = dir
	}
}

// Get returns the node at path itself: no symbolic link is followed.
func (t *Tree) Get(path string) (Node, bool) {
	if n := t.nodes[path]; n != nil {
		return *n, true
	}
	return Node{}, false
}

// Len returns the number of paths, the root included.
func (t *Tree) Len() int { return len(t.nodes) }

// Children returns the names directly below the directory path, byte-sorted,
// among them directories that are there only as parents of other paths. No symbolic link is followed.
func (t *Tree) Children(path string) []string {
	x := t.dirs[path]
	if x == nil {
		return nil
	}
	names := make([]string, len(x.paths))
	for i, p := range x.sort() {
		names[i] = base(p)
	}
	return names
}

// All yields the nodes in canonical order (depth-first, names byte-sorted
// within each directory), parents first. The tree must not change meanwhile.
// Directories that nobody put are not among them.
func (t *Tree) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		t.walk(".", func(path string, n *Node) bool { return n == nil || yield(*n) })
	}
}

// walk calls f for path and all below it in canonical order, with a nil node where nobody put one.
func (t *Tree) walk(path string, f func(path string, n *Node) bool) bool {
	if !f(path, t.nodes[path]) {
		return false
	}
	if x := t.dirs[path]; x != nil {
		for _, p := range x.sort() {
			if !t.walk(p, f) {
				return false
			}
		}
	}
	return true
}

// maxHops is how many symbolic links a path may lead through, as in the kernel.
const maxHops = 40

// Resolve returns the path that path means inside the root when symbolic
// links in its parents are followed, with the root as "/" for absolute
// targets and "..", at most 40 hops. The last component is not followed, and it need not exist;
// nor need the parents. A path that leads through something that is neither a directory nor a symbolic link, or
// through too many links, is a *RefusedError.
func (t *Tree) Resolve(path string) (string, error) {
	p, err := t.resolve(path, false)
	if err != nil {
		return "", &RefusedError{What: path, Reason: err.Error()}
	}
	return p, nil
}

// resolve follows the symbolic links in path, that of the last component only if last is set.
func (t *Tree) resolve(path string, last bool) (string, error) {
	cur, hops := ".", 0
	for rest := path; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		rest = strings.TrimLeft(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			cur = parent(cur)
			continue
		}
		next := join(cur, name)
		if rest == "" && !last {
			return next, nil
		}
		n := t.nodes[next]
		switch {
		case n == nil || n.Mode.IsDir():
			cur = next
		case n.Mode&fs.ModeSymlink != 0:
			if hops++; hops > maxHops {
				return "", errLoop
			}
			if n.Link[0] == '/' {
				cur = "."
			}
			switch {
			case rest != "":
				rest = n.Link + "/" + rest
			case strings.HasSuffix(n.Link, "/"):
				rest = n.Link + "." // it must be a directory
			default:
				rest = n.Link
			}
		case rest != "":
			return "", &notDirError{next}
		default:
			cur = next
		}
	}
	return cur, nil
}
