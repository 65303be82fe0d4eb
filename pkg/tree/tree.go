// Package tree says what a root file system is: nodes with owners by name,
// contents by digest, and the one order and encoding by which two roots are
// the same or not.
//
// A [Tree] is built in memory ([Tree.Put]) and becomes an immutable [Sealed]
// through [Tree.Seal], which clamps times, turns owner names into ids and
// fixes the order. Only a Sealed can be written, digested or compared.
//
//	t := tree.New()
//	err := t.Put(tree.Node{Path: "etc/motd", Mode: 0o644, Content: tree.Bytes([]byte("hello\n"))})
//	s, err := t.Seal(epoch, tree.IDs{})
//	d, err := s.Digest() // sha256 of the canonical tar
//
// The package resolves symbolic links in the model and never touches a disk,
// except for the two readers of finished trees, [FromDir] and [FromTar].
package tree

import (
	"io/fs"
	"time"
)

// Node is one path of a tree. Two nodes may share a Content, never a Path.
type Node struct {
	// Path is slash-separated and clean, without a leading slash; "." is the
	// root. Names are bytes: anything but NUL and slash is allowed.
	Path string

	// Mode holds the type, the permissions, setuid, setgid and sticky, as
	// fs.FileMode spells them. Sockets are not representable.
	Mode fs.FileMode

	User  Owner
	Group Owner

	// ModTime is what the package says; [Tree.Seal] clamps it and nobody else does.
	ModTime time.Time

	// Link is a symbolic link's target as written; or, on a regular file, the
	// tree path of the file that this one is a hard link to.
	Link string

	// Major and Minor are a device's numbers.
	Major, Minor uint32

	// Xattrs are ascending by name, without duplicates.
	Xattrs []Xattr

	// Content is a regular file's body. Hard links have none of their own.
	Content Content

	// From names who put the node here and why: "deb:nginx=1.26.3-3" or
	// "trigger:ldconfig". It is not part of the digest.
	From string
}

// IsHardLink reports whether n is a further name of the regular file n.Link.
func (n *Node) IsHardLink() bool { return n.Mode.IsRegular() && n.Link != "" }

// Owner is a user or group: a name, and the archive's number as a fallback
// that counts where the name is empty. After [Tree.Seal] ID is the final id and
// Name is empty.
type Owner struct {
	Name string
	ID   uint32
}

// Root is the owner of most of a tree.
var Root = Owner{Name: "root"}

// Xattr is one extended attribute. Value holds raw bytes.
type Xattr struct{ Name, Value string }

// IDs maps the names of a tree's accounts to numbers, as its etc/passwd and
// etc/group have them, and says what becomes of a name that is in neither.
type IDs struct {
	Users, Groups map[string]uint32
	Unknown       Unknown
}

// Unknown says what [Tree.Seal] does with an owner's name that no account has.
type Unknown string

const (
	UnknownError  Unknown = "error"  // refuse; the zero value means the same
	UnknownNumber Unknown = "number" // take the archive's number, as dpkg and apk do
	UnknownRoot   Unknown = "root"   // id 0, as rpm does
)

// Epoch returns the time that [Tree.Seal] takes for seconds since 1970.
func Epoch(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
