package emit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/detinstall/detinstall/pkg/tree"
)

// CpioOptions say how a cpio archive is written.
type CpioOptions struct {
	// Lossy leaves out or cuts down what the format cannot carry: xattrs are dropped, times
	// after 2106 become 2106. Files of 4 GiB and more, and a file that is called like the end of
	// the archive, are refused all the same.
	Lossy bool
}

// Cpio writes t in the format newc, as the kernel reads it for an initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst):
//
//	"070701" and 13 numbers of 8 hexadecimal digits: inode, mode, uid, gid, links, mtime, size,
//	device (major, minor), special device (major, minor), length of the name with its NUL, 0
//	name, NUL, padding to 4 bytes, body, padding to 4 bytes
//
// Entries are in canonical order, the root is "." and names have no "./". Inodes count from 1
// in that order. The last name of a hard-linked file carries the body and the earlier ones
// are empty, as GNU cpio has it. The archive ends with TRAILER!!! and is padded to 512 bytes.
// What newc cannot carry is a *LossyError, before anything is written.
func Cpio(ctx context.Context, w io.Writer, t *tree.Sealed, opt CpioOptions) error {
	links := map[string]*cpioLink{}
	for n := range t.All() {
		if err := cpioCheck(&n, opt); err != nil {
			return err
		}
		if n.IsHardLink() {
			l := links[n.Link]
			if l == nil {
				l = &cpioLink{count: 1}
				links[n.Link] = l
			}
			l.count, l.last = l.count+1, n.Path
		}
	}
	c := &cpioWriter{w: bufio.NewWriterSize(cancelable(ctx, w), 256<<10), tree: t, links: links}
	for n := range t.All() {
		if err := c.node(&n); err != nil {
			return fmt.Errorf("/%s: %w", tree.Quote(n.Path), err)
		}
	}
	return c.end()
}

// A cpioLink is a file with several names, by its first.
type cpioLink struct {
	count uint32
	last  string
	inode uint32
}

const cpioTrailer = "TRAILER!!!"

func cpioCheck(n *tree.Node, opt CpioOptions) error {
	lossy := func(what string) error {
		return &LossyError{Kind: KindCpio, Path: tree.Quote(n.Path), What: what}
	}
	switch {
	case n.Path == cpioTrailer:
		return lossy("a file of this name")
	case n.Content.Size > math.MaxUint32:
		return lossy("a file of 4 GiB or more")
	case opt.Lossy:
		return nil
	case len(n.Xattrs) > 0:
		return lossy("extended attributes: " + n.Xattrs[0].Name)
	case n.ModTime.Unix() > math.MaxUint32 || n.ModTime.Unix() < 0:
		return lossy("its time")
	}
	return nil
}

type cpioWriter struct {
	w     *bufio.Writer
	tree  *tree.Sealed
	links map[string]*cpioLink
	size  int64
	inode uint32
	head  []byte
}

func (c *cpioWriter) node(n *tree.Node) error {
	inode, count, content := c.inode+1, uint32(1), n.Content
	if n.Mode.IsDir() {
		count = 2
	}
	first := n.Path
	if n.IsHardLink() {
		first = n.Link
	}
	if l := c.links[first]; l != nil && n.Mode.IsRegular() {
		if l.inode == 0 {
			l.inode = inode
		}
		inode, count = l.inode, l.count
		if content = (tree.Content{}); n.Path == l.last {
			body, _ := c.tree.Lookup(first)
			content = body.Content
		}
	}
	c.inode = max(c.inode, inode)
	size := content.Size
	if n.Mode.Type() == fs.ModeSymlink {
		size = int64(len(n.Link))
	}
	if err := c.header(n, inode, count, size); err != nil {
		return err
	}
	if n.Mode.Type() == fs.ModeSymlink {
		return c.write(n.Link)
	}
	return c.body(content)
}

func (c *cpioWriter) header(n *tree.Node, inode, count uint32, size int64) error {
	mtime := uint32(min(max(n.ModTime.Unix(), 0), math.MaxUint32))
	c.head = append(c.head[:0], "070701"...)
	for _, v := range []uint32{
		inode, cpioMode(n.Mode), n.User.ID, n.Group.ID, count, mtime, uint32(size),
		0, 0, n.Major, n.Minor, uint32(len(n.Path) + 1), 0,
	} {
		c.head = fmt.Appendf(c.head, "%08X", v)
	}
	c.head = append(c.head, n.Path...)
	return c.write(string(append(c.head, 0)))
}

// write writes s and pads the archive to 4 bytes.
func (c *cpioWriter) write(s string) error {
	n, err := c.w.WriteString(s)
	c.size += int64(n)
	if err != nil {
		return err
	}
	return c.pad(4)
}

func (c *cpioWriter) pad(to int64) error {
	for ; c.size%to != 0; c.size++ {
		if err := c.w.WriteByte(0); err != nil {
			return err
		}
	}
	return nil
}

// body copies and verifies a body.
func (c *cpioWriter) body(content tree.Content) error {
	if content.Size == 0 {
		return nil
	}
	r, err := content.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.CopyN(io.MultiWriter(c.w, h), r, content.Size)
	c.size += n
	if err != nil {
		return short(err)
	}
	if d := tree.Digest(h.Sum(nil)); d != content.Digest {
		return fmt.Errorf("body is %s, want %s", d, content.Digest)
	}
	return c.pad(4)
}

func (c *cpioWriter) end() error {
	c.head = append(c.head[:0], "070701"...)
	for _, v := range []uint32{0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, uint32(len(cpioTrailer) + 1), 0} {
		c.head = fmt.Appendf(c.head, "%08X", v)
	}
	if err := c.write(string(c.head) + cpioTrailer + "\x00"); err != nil {
		return err
	}
	if err := c.pad(512); err != nil {
		return err
	}
	return c.w.Flush()
}

// cpioMode spells a mode with its type as stat(2) has it.
func cpioMode(m fs.FileMode) uint32 {
	types := map[fs.FileMode]uint32{
		fs.ModeDir: 0o040000, fs.ModeSymlink: 0o120000, fs.ModeNamedPipe: 0o010000,
		fs.ModeDevice: 0o060000, fs.ModeDevice | fs.ModeCharDevice: 0o020000, 0: 0o100000,
	}
	return types[m.Type()] | tree.ModeBits(m)
}
