package tree

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"time"
)

// FromTar reads an uncompressed tar of any of the usual dialects as a
// finished tree; bodies are sections of r. Leading "./" and "/" are taken off names, times are kept as they are, owners
// are the numbers. A root that is not in the archive is 0755 root:root with the newest time in it, and so are missing
// parents. The xattrs that a host injects are left out. What may not be in a tree, what is there twice, sparse files and settings for all
// entries that follow (global extended headers) are a *RefusedError.
func FromTar(r io.ReaderAt, size int64) (*Sealed, error) {
	t, err := readTar(r, size)
	if err != nil {
		return nil, fmt.Errorf("tar: %w", err)
	}
	nodes, err := t.flatten()
	if err == nil {
		err = regroup(t, nodes)
	}
	if err != nil {
		return nil, fmt.Errorf("tar: %w", err)
	}
	var newest time.Time
	for i := range nodes {
		if n := &nodes[i]; n.From != implicitFrom && n.ModTime.After(newest) {
			newest = n.ModTime
		}
	}
	if newest.IsZero() {
		newest = Epoch(0)
	}
	for i := range nodes {
		if n := &nodes[i]; n.From == implicitFrom {
			n.ModTime = newest
			n.User, n.Group = Owner{}, Owner{}
		}
	}
	return &Sealed{nodes: nodes}, nil
}

// readTar returns a tree of the archive's entries.
func readTar(r io.ReaderAt, size int64) (*Tree, error) {
	sums := newSums()
	nodes, err := tarNodes(r, size, sums)
	if e := sums.wait(nodes); e != nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	t := New()
	for _, n := range nodes {
		if t.nodes[n.Path] != nil && (n.Path != "." || t.root) {
			return nil, refuse(n.Path, "is in the archive twice")
		}
		if err := t.Put(n); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// tarNodes returns the entries in the archive's order and has their bodies summed.
func tarNodes(r io.ReaderAt, size int64, sums *sums) ([]Node, error) {
	sec := io.NewSectionReader(r, 0, size)
	tr := tar.NewReader(sec)
	var nodes []Node
	var next int64 // where the next entry must begin
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return nodes, tarEnd(sec, next)
		}
		if err != nil {
			return nodes, err
		}
		n, err := tarNode(h)
		if err != nil {
			return nodes, err
		}
		nodes = append(nodes, n)
		// Except in sparse files the reader is at the body, and has read nothing of it.
		if next, err = sec.Seek(0, io.SeekCurrent); err != nil {
			return nodes, err
		}
		if h.Typeflag != tar.TypeReg || h.Size == 0 {
			continue
		}
		if h.Size > size-next {
			return nodes, refuse(h.Name, "body of %d bytes, but %d are left", h.Size, size-next)
		}
		body := section{r, next, h.Size}
		next += h.Size + padding(h.Size)
		nodes[len(nodes)-1].Content.Body = body
		rc, err := body.Open()
		if err != nil {
			return nodes, err
		}
		sums.add(len(nodes)-1, h.Size, rc)
	}
}

// tarEnd checks that the two blocks of zeros at off end the archive: archive/tar takes one that was cut short for whole.
func tarEnd(r io.ReaderAt, off int64) error {
	var end [2 * blockSize]byte
	if n, err := r.ReadAt(end[:], off); n < len(end) {
		if err == io.EOF {
			err = refuse("", "the end is missing")
		}
		return err
	}
	if end != zeros {
		return refuse("", "the end is not in its place")
	}
	return nil
}

// tarNode returns the node of an entry, without content.
func tarNode(h *tar.Header) (Node, error) {
	n := Node{Path: treePath(h.Name), ModTime: h.ModTime.UTC(), Mode: FileMode(uint32(h.Mode & 0o7777))}
	if h.Uid < 0 || h.Uid >= math.MaxUint32 || h.Gid < 0 || h.Gid >= math.MaxUint32 {
		return n, refuse(h.Name, "owner %d:%d is out of range", h.Uid, h.Gid)
	}
	n.User.ID, n.Group.ID = uint32(h.Uid), uint32(h.Gid)
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeLink:
		n.Link = treePath(h.Linkname)
	case tar.TypeSymlink:
		n.Mode, n.Link = n.Mode|fs.ModeSymlink, h.Linkname
	case tar.TypeDir:
		n.Mode |= fs.ModeDir
	case tar.TypeFifo:
		n.Mode |= fs.ModeNamedPipe
	case tar.TypeBlock, tar.TypeChar:
		n.Mode |= fs.ModeDevice
		if h.Typeflag == tar.TypeChar {
			n.Mode |= fs.ModeCharDevice
		}
		if h.Devmajor < 0 || h.Devmajor > math.MaxUint32 || h.Devminor < 0 || h.Devminor > math.MaxUint32 {
			return n, refuse(h.Name, "device %d,%d is out of range", h.Devmajor, h.Devminor)
		}
		n.Major, n.Minor = uint32(h.Devmajor), uint32(h.Devminor)
	default:
		return n, refuse(h.Name, "entry of type %q", h.Typeflag)
	}
	return n, tarXattrs(h, &n)
}

// treePath takes off what archivers put before and after the path proper.
func treePath(name string) string {
	p, ok := strings.CutPrefix(name, "./")
	if !ok {
		p = strings.TrimPrefix(p, "/")
	}
	if p = strings.TrimSuffix(p, "/"); p == "" && name != "" {
		return "."
	}
	return p
}

func tarXattrs(h *tar.Header, n *Node) error {
	for key, value := range h.PAXRecords { // Put sorts them
		if strings.HasPrefix(key, "GNU.sparse.") {
			return refuse(h.Name, "a sparse file")
		}
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok {
			continue
		}
		if name = xattrName.Replace(name); !HostXattr(name) {
			n.Xattrs = append(n.Xattrs, Xattr{name, value})
		}
	}
	return nil
}

// xattrName is the inverse of xattrKeyword.
var xattrName = strings.NewReplacer("%25", "%", "%3D", "=")

// section is a body that is a part of a larger file.
type section struct {
	r         io.ReaderAt
	off, size int64
}

func (s section) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s.r, s.off, s.size)), nil
}
