package tree

import (
	"io/fs"
	"slices"
)

// validate holds finished nodes, each of which [check] has passed, against what Seal guarantees of them together.
func validate(nodes []Node) error {
	if len(nodes) == 0 || nodes[0].Path != "." {
		return refuse("", "the root is missing")
	}
	dirs := map[string]bool{".": true}
	files := map[string]*Node{} // those that carry a body
	for i := range nodes {
		n := &nodes[i]
		if i > 0 && Compare(nodes[i-1].Path, n.Path) >= 0 {
			return refuse(n.Path, "out of order, or twice")
		}
		if !dirs[parent(n.Path)] {
			return refuse(n.Path, "its parent is missing, or is not a directory")
		}
		switch {
		case n.Mode.IsDir():
			dirs[n.Path] = true
		case n.Mode&fs.ModeSymlink != 0 && n.Mode != fs.ModeSymlink|0o777:
			return refuse(n.Path, "symbolic link with a mode other than 0777")
		case n.IsHardLink():
			c := files[n.Link]
			if c == nil {
				return refuse(n.Path, "hard link to %s, which is not a file before it", Quote(n.Link))
			}
			if !sameInode(n, c) {
				return refuse(n.Path, "not of the same mode, owner, time and xattrs as its other name %s", Quote(c.Path))
			}
		case n.Mode.IsRegular():
			files[n.Path] = n
		}
	}
	return nil
}

// sameInode reports whether two names agree in what an inode has but its body.
func sameInode(a, b *Node) bool {
	return a.Mode == b.Mode && a.User == b.User && a.Group == b.Group && a.ModTime.Equal(b.ModTime) &&
		slices.Equal(a.Xattrs, b.Xattrs)
}
