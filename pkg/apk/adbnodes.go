package apk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// adbReader makes nodes of the metadata of a package, and gives the regular files their bodies.
type adbReader struct {
	file  *adbFile
	rules archive.Rules
	sums  sums
}

// nobody is the id of an owner whose name no account has, as apk has it: format 3 has names only.
const nobody = 65534

func (d *adbReader) run(paths object, yield func(pkg.Entry) bool) error {
	for p := 1; p <= paths.len(); p++ {
		dir := paths.object(p)
		name := dir.text(directoryName)
		if name != "" { // the root's mode and owner are not a package's to set
			e := pkg.Entry{Node: tree.Node{Path: name, Mode: fs.ModeDir, ModTime: tree.Epoch(0)}}
			if err := d.emit(dir.object(directoryACL), e, "", yield); err != nil {
				return err
			}
		}
		files := dir.object(directoryFiles)
		for n := 1; n <= files.len(); n++ {
			if err := d.regular(files.object(n), name, [2]int{p, n}, yield); err != nil {
				return err
			}
		}
	}
	if paths.d.err != nil {
		return paths.d.err
	}
	if d.file.next != nil {
		return refuse("", "a block that belongs to no file follows the last body")
	}
	return nil
}

// regular reads what is no directory: the n-th file of the p-th directory.
func (d *adbReader) regular(o object, dir string, at [2]int, yield func(pkg.Entry) bool) error {
	name := o.text(fileName)
	if name == "" || name == "." || strings.Contains(name, "/") {
		o.d.fail("malformed name of a file %.80q in %.80q", name, dir)
	}
	e := pkg.Entry{Node: tree.Node{Path: name}}
	if dir != "" {
		e.Node.Path = dir + "/" + name
	}
	e.Size = o.int(fileSize, "size of "+tree.Quote(e.Node.Path), 1<<61)
	e.Node.ModTime = tree.Epoch(o.int(fileTime, "time of "+tree.Quote(e.Node.Path), maxTime))
	hash := o.d.bytes(o.slot(fileHash))
	if target := o.d.bytes(o.slot(fileTarget)); len(target) > 0 {
		e.Size = 0
		if err := setTarget(&e.Node, target); err != nil {
			return err
		}
	} else if o.d.err == nil && len(hash) != 32 {
		return refuse(e.Node.Path, "has a hash of %d bytes: supported is sha256", len(hash))
	} else if o.d.err == nil {
		var err error
		if e.Body, err = d.body(&e, at); err != nil {
			return err
		}
	}
	return d.emit(o.object(fileACL), e, hex.EncodeToString(hash), yield)
}

// setTarget takes in what a link names, or a device's numbers: after two bytes with the type, as stat(2) has it.
func setTarget(n *tree.Node, target []byte) error {
	if len(target) < 2 {
		return refuse(n.Path, "malformed target")
	}
	kind, rest := binary.LittleEndian.Uint16(target), target[2:]
	switch kind {
	case 0xa000:
		n.Mode, n.Link = fs.ModeSymlink, string(rest)
		return nil
	case 0x8000:
		if n.Link = string(rest); n.Link == "" {
			return refuse(n.Path, "hard link to nothing")
		}
		return nil
	case 0x2000:
		n.Mode = fs.ModeDevice | fs.ModeCharDevice
	case 0x6000:
		n.Mode = fs.ModeDevice
	case 0x1000:
		n.Mode = fs.ModeNamedPipe
	default:
		return refuse(n.Path, "unsupported type %#x", kind)
	}
	if len(rest) != 8 {
		return refuse(n.Path, "malformed device number")
	}
	if dev := binary.LittleEndian.Uint64(rest); kind != 0x1000 {
		n.Major = uint32(dev>>8&0xfff | dev>>32&^0xfff)
		n.Minor = uint32(dev&0xff | dev>>12&^0xff)
	}
	return nil
}

// emit gives a node its owner, mode and attributes, holds it against the rules and yields it, and then
// compares its body's hash.
func (d *adbReader) emit(acl object, e pkg.Entry, hash string, yield func(pkg.Entry) bool) error {
	n := &e.Node
	mode := acl.int(aclMode, "mode of "+tree.Quote(n.Path), 0o7777)
	user, group := acl.text(aclUser), acl.text(aclGroup)
	n.Xattrs = readXattrs(acl.object(aclXattrs), n.Path)
	if acl.d.err != nil {
		return acl.d.err
	}
	if user == "" || group == "" {
		return refuse(n.Path, "has no owner")
	}
	n.Mode |= tree.FileMode(uint32(mode))
	n.User, n.Group = owner(user), owner(group)
	link := n.Link
	isNew, err := d.rules.Admit(n, e.Size)
	if err != nil {
		return err
	}
	switch {
	case e.Body != nil:
		e.Body = d.sums.body(n.Path, e.Body, hash)
	case n.IsHardLink():
		err = d.sums.is(n.Path, d.sums.byPath[n.Link], hash)
	case n.Mode&fs.ModeSymlink != 0:
		err = d.sums.target(n.Path, link, "")
	}
	if err != nil {
		return err
	}
	if isNew && !yield(e) {
		return errStop
	}
	if err := d.sums.check(); err != nil {
		return err
	}
	if e.Size > 0 {
		return d.file.end()
	}
	return nil
}

func owner(name string) tree.Owner {
	if name == "root" {
		return tree.Root
	}
	return tree.Owner{Name: name, ID: nobody}
}

// readXattrs reads NAME, a NUL and the value, each in a string.
func readXattrs(list object, path string) (out []tree.Xattr) {
	for n := 1; n <= list.len(); n++ {
		name, value, ok := strings.Cut(list.text(n), "\x00")
		if !ok || name == "" {
			list.d.fail("%s: malformed attribute %.80q", tree.Quote(path), name)
		}
		if !tree.HostXattr(name) {
			out = append(out, tree.Xattr{Name: name, Value: value})
		}
	}
	slices.SortFunc(out, func(a, b tree.Xattr) int { return strings.Compare(a.Name, b.Name) })
	for n := 1; n < len(out); n++ {
		if out[n].Name == out[n-1].Name {
			list.d.fail("%s: attribute %.80q twice", tree.Quote(path), out[n].Name)
		}
	}
	return out
}

// body returns the body of a file: what the next block of data has after the file's place, if the file is not empty.
func (d *adbReader) body(e *pkg.Entry, at [2]int) (io.Reader, error) {
	if e.Size == 0 {
		return bytes.NewReader(nil), nil
	}
	b := d.file.next
	if b == nil || b.kind != blockData {
		return nil, refuse(e.Node.Path, "has no block of data")
	}
	if b.size != e.Size+8 {
		return nil, refuse(e.Node.Path, "has %d bytes, but a block of data of %d", e.Size, b.size-8)
	}
	var h [8]byte
	if err := d.file.read(h[:], "a block of data"); err != nil {
		return nil, err
	}
	if p, n := binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:]); p != uint32(at[0]) || n != uint32(at[1]) {
		return nil, refuse(e.Node.Path, "the next block of data is that of file %d in directory %d, not of file %d in directory %d", n, p, at[1], at[0])
	}
	return &section{d.file.r, e.Size, e.Node.Path}, nil
}

// section is what is left of a body.
type section struct {
	r    io.Reader
	left int64
	path string
}

// Read reads the body. A file that ends within it is a *tree.RefusedError.
func (s *section) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	switch {
	case err == io.EOF && s.left > 0:
		return n, refuse(s.path, "the file ends %d bytes before the body does", s.left)
	case err == io.EOF:
		return n, nil
	}
	return n, badBlocks(err)
}
