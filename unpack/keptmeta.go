package unpack

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg/tree"
)

// metaMagic begins a meta file and is its version.
const metaMagic = "detinstall unpacked 1\n"

// meta is what a meta file holds:
//
//	magic; digest of the archive (32 bytes); size of the data file
//	strings: count, then length and bytes of each, in the order of their first use
//	control members: count, then name, mode, length and bytes of each
//	nodes: count, then of each: path, mode, user name, user id, group name, group id, seconds (signed),
//	    nanoseconds, link, major, minor, count of xattrs, name and value of each, size of the body and,
//	    unless it is 0, its offset in the data file and its digest (32 bytes)
//	sha256 of all before
//
// Numbers are unsigned varints of encoding/binary; names, paths and values are indexes of strings; modes are those of fs.FileMode.
type meta struct {
	digest   tree.Digest
	dataSize int64
	control  []archive.File
	nodes    []tree.Node // bodies are *keptBody without data
}

// marshal returns the bytes of the file.
func (m *meta) marshal() []byte {
	e := &metaEncoder{index: map[string]uint64{}}
	e.number(uint64(len(m.control)))
	for _, f := range m.control {
		e.string(f.Name)
		e.number(uint64(f.Mode))
		e.number(uint64(len(f.Data)))
		e.b = append(e.b, f.Data...)
	}
	e.number(uint64(len(m.nodes)))
	for i := range m.nodes {
		e.node(&m.nodes[i])
	}
	out := append([]byte(metaMagic), m.digest[:]...)
	out = binary.AppendUvarint(out, uint64(m.dataSize))
	out = binary.AppendUvarint(out, uint64(len(e.strings)))
	for _, s := range e.strings {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	out = append(out, e.b...)
	end := sha256.Sum256(out)
	return append(out, end[:]...)
}

type metaEncoder struct {
	b       []byte
	strings []string
	index   map[string]uint64
}

func (e *metaEncoder) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *metaEncoder) string(s string) {
	i, ok := e.index[s]
	if !ok {
		i = uint64(len(e.strings))
		e.index[s] = i
		e.strings = append(e.strings, s)
	}
	e.number(i)
}

func (e *metaEncoder) node(n *tree.Node) {
	e.string(n.Path)
	e.number(uint64(n.Mode))
	e.string(n.User.Name)
	e.number(uint64(n.User.ID))
	e.string(n.Group.Name)
	e.number(uint64(n.Group.ID))
	e.b = binary.AppendVarint(e.b, n.ModTime.Unix())
	e.number(uint64(n.ModTime.Nanosecond()))
	e.string(n.Link)
	e.number(uint64(n.Major))
	e.number(uint64(n.Minor))
	e.number(uint64(len(n.Xattrs)))
	for _, x := range n.Xattrs {
		e.string(x.Name)
		e.string(x.Value)
	}
	e.number(uint64(n.Content.Size))
	if body, ok := n.Content.Body.(*keptBody); ok {
		e.number(uint64(body.off))
		e.b = append(e.b, n.Content.Digest[:]...)
	}
}

var errMeta = errors.New("damaged or of another version")

// parseMeta reads a meta file. Its checksum tells damage; beyond that everything is bounded, for it might be another's file.
func parseMeta(b []byte) (m *meta, err error) {
	end := len(b) - sha256.Size
	if end < len(metaMagic)+sha256.Size || string(b[:len(metaMagic)]) != metaMagic ||
		sha256.Sum256(b[:end]) != [sha256.Size]byte(b[end:]) {
		return nil, errMeta
	}
	d := &metaDecoder{b: b[len(metaMagic):end], text: string(b[len(metaMagic):end])}
	m = &meta{}
	d.digest(&m.digest)
	m.dataSize = d.size()
	d.strings = make([]string, d.count(1))
	for i := range d.strings {
		d.strings[i] = d.take(d.count(1))
	}
	m.control = make([]archive.File, d.count(3))
	for i := range m.control {
		f := &m.control[i]
		f.Name, f.Mode = d.string(), fs.FileMode(d.uint32())
		f.Data = []byte(d.take(d.count(1)))
	}
	m.nodes = make([]tree.Node, d.count(13))
	bodies := make([]keptBody, len(m.nodes))
	for i := range m.nodes {
		d.node(&m.nodes[i], &bodies[i], m.dataSize)
	}
	if d.bad || len(d.b) != 0 {
		return nil, errMeta
	}
	return m, nil
}

// metaDecoder reads from b, of which text is the same as a string, so that strings share one memory. After an
// error everything is zero.
type metaDecoder struct {
	b       []byte
	text    string
	strings []string
	bad     bool
}

func (d *metaDecoder) fail() {
	d.bad, d.b, d.text = true, nil, ""
}

func (d *metaDecoder) skip(n int) {
	d.b, d.text = d.b[n:], d.text[n:]
}

func (d *metaDecoder) number() uint64 {
	n, width := binary.Uvarint(d.b)
	if width <= 0 {
		d.fail()
		return 0
	}
	d.skip(width)
	return n
}

// count reads the number of things of at least min bytes each that follow.
func (d *metaDecoder) count(min int) int {
	n := d.number()
	if n > uint64(len(d.b)/min) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *metaDecoder) size() int64 {
	n := d.number()
	if n > 1<<62 {
		d.fail()
		return 0
	}
	return int64(n)
}

func (d *metaDecoder) uint32() uint32 {
	n := d.number()
	if n > 1<<32-1 {
		d.fail()
	}
	return uint32(n)
}

func (d *metaDecoder) take(n int) string {
	if n > len(d.text) {
		d.fail()
		return ""
	}
	s := d.text[:n]
	d.skip(n)
	return s
}

func (d *metaDecoder) digest(to *tree.Digest) { copy(to[:], d.take(len(to))) }

func (d *metaDecoder) string() string {
	n := d.number()
	if n >= uint64(len(d.strings)) {
		d.fail()
		return ""
	}
	return d.strings[n]
}

func (d *metaDecoder) node(n *tree.Node, body *keptBody, dataSize int64) {
	n.Path = d.string()
	n.Mode = fs.FileMode(d.uint32())
	n.User = tree.Owner{Name: d.string(), ID: d.uint32()}
	n.Group = tree.Owner{Name: d.string(), ID: d.uint32()}
	sec, width := binary.Varint(d.b)
	if width <= 0 {
		d.fail()
		return
	}
	d.skip(width)
	n.ModTime = time.Unix(sec, int64(d.uint32())).UTC()
	n.Link = d.string()
	n.Major, n.Minor = d.uint32(), d.uint32()
	if k := d.count(2); k > 0 {
		n.Xattrs = make([]tree.Xattr, k)
		for i := range n.Xattrs {
			n.Xattrs[i] = tree.Xattr{Name: d.string(), Value: d.string()}
		}
	}
	size := d.size()
	if size == 0 {
		return
	}
	body.size, body.off = size, d.size()
	if size > dataSize || body.off > dataSize-size {
		d.fail()
		return
	}
	n.Content = tree.Content{Size: size, Body: body}
	d.digest(&n.Content.Digest)
}
