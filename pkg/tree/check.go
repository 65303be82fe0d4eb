package tree

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Limits of names, the Linux kernel's own (limits.h, xattr.h).
const (
	maxName       = 255
	maxPath       = 4096
	maxTarget     = 4095
	maxXattrName  = 255
	maxXattrValue = 1 << 16
)

// CheckPath reports whether path may be a [Node.Path], as a *RefusedError: no
// leading or trailing slash, no empty, "." or ".." component (but "." alone, which is the
// root), no NUL, components of at most 255 bytes and at most 4096 in all.
func CheckPath(path string) error {
	if path == "." {
		return nil
	}
	if len(path) > maxPath {
		return refuse(path, "path is longer than %d bytes", maxPath)
	}
	if strings.IndexByte(path, 0) >= 0 {
		return refuse(path, "path holds a NUL")
	}
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		switch {
		case name == "":
			return refuse(path, "path is empty or has an empty component")
		case name == "." || name == "..":
			return refuse(path, "path has a component %q", name)
		case len(name) > maxName:
			return refuse(path, "component is longer than %d bytes", maxName)
		}
	}
	return nil
}

func refuse(what, format string, args ...any) error {
	return &RefusedError{What: what, Reason: fmt.Sprintf(format, args...)}
}

// typeBits are the bits of a mode that tell the type.
const typeBits = fs.ModeType

// modeBits are all the bits that a node may have.
const modeBits = fs.ModeDir | fs.ModeSymlink | fs.ModeDevice | fs.ModeCharDevice | fs.ModeNamedPipe |
	fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky | fs.ModePerm

// check holds n against the rules of nodes and brings it into its normal form:
// xattrs sorted, nothing set that its type does not have.
func check(n *Node) error {
	if err := CheckPath(n.Path); err != nil {
		return err
	}
	if n.Path == "." && !n.Mode.IsDir() {
		return refuse(n.Path, "the root is no directory")
	}
	if n.Mode&^modeBits != 0 {
		return refuse(n.Path, "mode %v is not representable", n.Mode)
	}
	if err := checkType(n); err != nil {
		return err
	}
	return checkXattrs(n)
}

func checkType(n *Node) error {
	kind := n.Mode & typeBits
	if kind&fs.ModeDevice == 0 {
		n.Major, n.Minor = 0, 0
	}
	if kind != 0 && n.Content != (Content{}) {
		return refuse(n.Path, "only a regular file has a body")
	}
	if kind != 0 && kind != fs.ModeSymlink && n.Link != "" {
		return refuse(n.Path, "neither a file nor a symbolic link, but has a link target")
	}
	switch kind {
	case 0:
		return checkFile(n)
	case fs.ModeSymlink:
		if n.Link == "" || len(n.Link) > maxTarget || strings.IndexByte(n.Link, 0) >= 0 {
			return refuse(n.Path, "symbolic link's target is empty, longer than %d bytes, or holds a NUL", maxTarget)
		}
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		// The kernel's dev_t has 12 and 20 bits.
		if n.Major >= 1<<12 || n.Minor >= 1<<20 {
			return refuse(n.Path, "device %d,%d is out of range", n.Major, n.Minor)
		}
	case fs.ModeDir, fs.ModeNamedPipe:
	default:
		return refuse(n.Path, "mode %v is of no one type", n.Mode)
	}
	return nil
}

func checkFile(n *Node) error {
	if n.Link != "" {
		n.Content = Content{}
		if n.Link == "." || n.Link == n.Path {
			return refuse(n.Path, "hard link to %s", Quote(n.Link))
		}
		if err := CheckPath(n.Link); err != nil {
			return refuse(n.Path, "hard link's target: %v", err)
		}
		return nil
	}
	switch {
	case n.Content.Size < 0:
		return refuse(n.Path, "body of %d bytes", n.Content.Size)
	case n.Content.Size == 0:
		n.Content = Content{}
	case n.Content.Digest.IsZero():
		return refuse(n.Path, "body without a digest")
	}
	return nil
}

func checkXattrs(n *Node) error {
	byName := func(a, b Xattr) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(n.Xattrs, byName) {
		n.Xattrs = slices.SortedFunc(slices.Values(n.Xattrs), byName)
	}
	for i, x := range n.Xattrs {
		switch {
		case x.Name == "" || len(x.Name) > maxXattrName || strings.IndexByte(x.Name, 0) >= 0:
			return refuse(n.Path, "xattr name %q is empty, longer than %d bytes, or holds a NUL", x.Name, maxXattrName)
		case len(x.Value) > maxXattrValue:
			return refuse(n.Path, "xattr %s is longer than %d bytes", Quote(x.Name), maxXattrValue)
		case i > 0 && n.Xattrs[i-1].Name == x.Name:
			return refuse(n.Path, "xattr %s twice", Quote(x.Name))
		case HostXattr(x.Name):
			return refuse(n.Path, "xattr %s is a host's to set", Quote(x.Name))
		}
	}
	if len(n.Xattrs) == 0 {
		n.Xattrs = nil
	}
	return nil
}

// HostXattr reports whether a host sets the attribute called name by itself
// (labels, measurements, inherited default ACLs, overlays): such an attribute is no part of a tree. Readers leave
// it out, [Tree.Put] refuses it.
func HostXattr(name string) bool {
	switch name {
	case "security.selinux", "security.ima", "security.evm":
		return true
	}
	return strings.HasPrefix(name, "system.posix_acl_") ||
		strings.HasPrefix(name, "user.overlay.") || strings.HasPrefix(name, "trusted.overlay.")
}
