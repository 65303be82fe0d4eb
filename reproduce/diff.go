package reproduce

import (
	"fmt"
	"io/fs"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Field names what differs between two nodes of one path.
type Field string

// The fields, in the order in which they are reported for one path. A path that is Missing, Extra
// or of another Type has no other differences.
const (
	FieldMissing Field = "missing" // only the first tree has the path
	FieldExtra   Field = "extra"   // only the second tree has it
	FieldType    Field = "type"
	FieldMode    Field = "mode"
	FieldUser    Field = "user"
	FieldGroup   Field = "group"
	FieldMtime   Field = "mtime"
	FieldLink    Field = "link" // a symbolic link's target, or the first name of a hard link
	FieldContent Field = "content"
	FieldXattrs  Field = "xattrs"
	FieldDevice  Field = "device"
)

// Difference is one field in which two trees differ. A and B are printable spellings of
// the field in the first and the second tree; both have no control characters and no blanks but
// between xattrs.
type Difference struct {
	Path  string // the tree path, raw
	Field Field
	A, B  string
}

// Diff returns all differences between two trees, in canonical order of the paths. It is empty
// exactly if their digests are the same. Bodies are compared by digest and not read.
func Diff(a, b *tree.Sealed) []Difference {
	var ds []Difference
	next, stop := iter.Pull(b.All())
	defer stop()
	nb, ok := next()
	for na := range a.All() {
		for ok && tree.Compare(nb.Path, na.Path) < 0 {
			ds = append(ds, Difference{nb.Path, FieldExtra, "", typeName(&nb)})
			nb, ok = next()
		}
		if !ok || nb.Path != na.Path {
			ds = append(ds, Difference{na.Path, FieldMissing, typeName(&na), ""})
			continue
		}
		ds = diffNode(ds, a, b, &na, &nb)
		nb, ok = next()
	}
	for ; ok; nb, ok = next() {
		ds = append(ds, Difference{nb.Path, FieldExtra, "", typeName(&nb)})
	}
	return ds
}

// diffNode appends the differences between two nodes of one path.
func diffNode(ds []Difference, a, b *tree.Sealed, na, nb *tree.Node) []Difference {
	add := func(f Field, va, vb string) {
		if va != vb {
			ds = append(ds, Difference{na.Path, f, va, vb})
		}
	}
	if ta, tb := typeName(na), typeName(nb); ta != tb {
		add(FieldType, ta, tb)
		return ds
	}
	add(FieldMode, modeText(na.Mode), modeText(nb.Mode))
	add(FieldUser, idText(na.User), idText(nb.User))
	add(FieldGroup, idText(na.Group), idText(nb.Group))
	add(FieldMtime, timeText(na.ModTime), timeText(nb.ModTime))
	add(FieldLink, tree.Quote(na.Link), tree.Quote(nb.Link))
	if na.Mode.IsRegular() && !(na.IsHardLink() && nb.IsHardLink()) {
		add(FieldContent, contentText(a, na), contentText(b, nb))
	}
	add(FieldXattrs, xattrText(na.Xattrs), xattrText(nb.Xattrs))
	add(FieldDevice, deviceText(na), deviceText(nb))
	return ds
}

// typeName says what a node is. A further name of a file is a file: that is a matter of links.
func typeName(n *tree.Node) string {
	switch n.Mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "dir"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeDevice:
		return "block"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "char"
	}
	return n.Mode.Type().String()
}

// modeText spells permissions as chmod(1) reads them.
func modeText(m fs.FileMode) string { return fmt.Sprintf("%04o", tree.ModeBits(m)) }

func idText(o tree.Owner) string { return strconv.FormatUint(uint64(o.ID), 10) }

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// contentText spells the body behind n, which may be another name's.
func contentText(s *tree.Sealed, n *tree.Node) string {
	c := n.Content
	if n.IsHardLink() {
		if first, ok := s.Lookup(n.Link); ok {
			c = first.Content
		}
	}
	if c.Size == 0 {
		return "empty"
	}
	return c.Digest.String() + "," + strconv.FormatInt(c.Size, 10)
}

func xattrText(xs []tree.Xattr) string {
	var b strings.Builder
	for i, x := range xs {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ReplaceAll(tree.Quote(x.Name), "=", `\075`) + "=" + tree.Quote(x.Value))
	}
	return b.String()
}

func deviceText(n *tree.Node) string {
	if n.Mode&fs.ModeDevice == 0 {
		return ""
	}
	return fmt.Sprintf("%d,%d", n.Major, n.Minor)
}
