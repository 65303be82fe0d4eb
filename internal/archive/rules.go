package archive

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// An examiner holds the entries of one archive, in its order, against the rules.
type examiner struct {
	lim     Limits
	seen    map[string]*tree.Node
	implied map[string]bool // directories that are not there (yet) but have something below
	entries int64
	total   int64
	names   int64
}

func newExaminer(lim Limits) *examiner {
	return &examiner{lim: lim.defaults(), seen: map[string]*tree.Node{}, implied: map[string]bool{}}
}

// Rules holds the entries of one archive of another format, in its order, against the rules of the package.
type Rules struct{ x *examiner }

// NewRules returns rules for one archive under lim.
func NewRules(lim Limits) Rules { return Rules{newExaminer(lim)} }

// Admit checks n, a node whose Path and Link are as the archive spells them, with a body of size bytes, and cleans it:
// a hard link takes over what belongs to the file that it names. It reports whether n is new: a directory that comes again the same is not.
func (r Rules) Admit(n *tree.Node, size int64) (isNew bool, err error) { return r.x.admit(n, size) }

// admit checks n, whose Path and, for hard links, Link are as the archive spells them, and cleans
// them. It reports whether n is new: a directory that comes again the same is not.
func (x *examiner) admit(n *tree.Node, size int64) (isNew bool, err error) {
	if x.entries++; x.entries > x.lim.Entries {
		return false, refuse(n.Path, "more than %d entries", x.lim.Entries)
	}
	name := n.Path
	if n.Path, err = Clean(name); err != nil {
		return false, err
	}
	if !n.Mode.IsDir() && (n.Path == "." || strings.HasSuffix(name, "/")) {
		return false, refuse(name, "only a directory may be called so")
	}
	if err := x.count(n, size); err != nil {
		return false, err
	}
	if err := x.link(n); err != nil {
		return false, err
	}
	if old := x.seen[n.Path]; old != nil {
		if sameDir(old, n) {
			return false, nil
		}
		return false, refuse(n.Path, "comes twice")
	}
	if x.implied[n.Path] && !n.Mode.IsDir() {
		return false, refuse(n.Path, "is not a directory, but something came before that is below it")
	}
	if err := x.parents(n.Path); err != nil {
		return false, err
	}
	kept := *n
	x.seen[n.Path] = &kept
	return true, nil
}

// count adds n to the sums and holds them against the limits.
func (x *examiner) count(n *tree.Node, size int64) error {
	if n.Major >= 1<<12 || n.Minor >= 1<<20 { // the kernel's dev_t
		return refuse(n.Path, "device %d,%d is out of range", n.Major, n.Minor)
	}
	if size < 0 || size > x.lim.File {
		return refuse(n.Path, "body of %d bytes: the limit is %d", size, x.lim.File)
	}
	if size > x.lim.Total-x.total {
		return refuse(n.Path, "more than %d bytes in all", x.lim.Total)
	}
	if len(n.User.Name) > 256 || len(n.Group.Name) > 256 {
		return refuse(n.Path, "owner's name is longer than 256 bytes")
	}
	x.total += size
	x.names += int64(len(n.Path) + len(n.Link))
	for _, a := range n.Xattrs {
		x.names += int64(len(a.Name) + len(a.Value))
	}
	if x.names > x.lim.Names {
		return refuse(n.Path, "more than %d bytes of names and attributes", x.lim.Names)
	}
	return nil
}

// link checks the target of a link. A symbolic link's is kept as written.
func (x *examiner) link(n *tree.Node) error {
	switch {
	case n.Mode&fs.ModeSymlink != 0:
		if n.Link == "" || len(n.Link) > 4095 || strings.IndexByte(n.Link, 0) >= 0 {
			return refuse(n.Path, "symbolic link's target is empty, longer than 4095 bytes or has a NUL")
		}
		n.Mode = fs.ModeSymlink | 0o777 // what Linux makes of every link
	case n.Link != "":
		to, err := Clean(n.Link)
		if err != nil {
			return refuse(n.Path, "hard link's target: %v", err)
		}
		old := x.seen[to]
		if old == nil || !old.Mode.IsRegular() {
			return refuse(n.Path, "hard link to %s, which is no earlier regular file of the archive", tree.Quote(to))
		}
		if to == n.Path {
			return refuse(n.Path, "hard link to itself")
		}
		path := n.Path
		*n = *old
		n.Path = path
		if n.Link == "" {
			n.Link = to
		}
	}
	return nil
}

// parents checks that what is above path is nothing but directories and
// symbolic links; where those lead is for the merged tree to say.
func (x *examiner) parents(path string) error {
	for {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return nil
		}
		path = path[:i]
		if old := x.seen[path]; old != nil {
			if old.Mode.IsDir() || old.Mode&fs.ModeSymlink != 0 {
				return nil
			}
			return refuse(path, "is not a directory, but something is below it")
		}
		if x.implied[path] {
			return nil
		}
		x.implied[path] = true
	}
}

// sameDir reports whether a and b are directories that agree in all but time.
func sameDir(a, b *tree.Node) bool {
	return a.Mode.IsDir() && a.Mode == b.Mode && a.User == b.User && a.Group == b.Group &&
		slices.Equal(a.Xattrs, b.Xattrs)
}
