package hwdb

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// table holds strings, each ended by a NUL; one that is the end of another has its place there.
type table struct {
	buf  []byte
	root *suffix
}

// suffix is a node of a tree of strings from their ends: by the byte before what leads to it.
type suffix struct {
	at, size int
	children map[byte]*suffix
}

func newTable() *table { return &table{buf: []byte{0}, root: &suffix{}} }

// add returns the offset of a string.
func (t *table) add(s string) int {
	if s == "" {
		return 0
	}
	n := t.root
	for depth := 0; ; depth++ {
		at := n.at + n.size - len(s)
		if depth == len(s) || n.size >= len(s) && string(t.buf[at:at+len(s)]) == s {
			return at
		}
		c := s[len(s)-1-depth]
		next := n.children[c]
		if next == nil {
			if n.children == nil {
				n.children = map[byte]*suffix{}
			}
			n.children[c] = &suffix{at: len(t.buf), size: len(s)}
			at = len(t.buf)
			t.buf = append(append(t.buf, s...), 0)
			return at
		}
		n = next
	}
}

// at returns the string at an offset.
func (t *table) at(offset int) string {
	b := t.buf[offset:]
	return string(b[:bytes.IndexByte(b, 0)])
}

func (n *node) find(c byte) (int, bool) {
	return slices.BinarySearchFunc(n.children, c, func(a child, c byte) int { return cmp.Compare(a.c, c) })
}

func (n *node) child(c byte) *node {
	if i, ok := n.find(c); ok {
		return n.children[i].node
	}
	return nil
}

func (n *node) add(c byte, below *node) {
	i, _ := n.find(c)
	n.children = slices.Insert(n.children, i, child{c, below})
}

// put gives a node an entry, or another value for its key.
func (t *trie) put(n *node, e entry) {
	i, ok := slices.BinarySearchFunc(n.values, e.key, func(v entry, key int) int {
		return cmp.Compare(t.strings.at(v.key), t.strings.at(key))
	})
	if ok {
		e.key = n.values[i].key
		n.values[i] = e
		return
	}
	n.values = slices.Insert(n.values, i, e)
}

// The sizes of what the file holds.
const (
	headerSize = 80
	nodeSize   = 24
	childSize  = 16
	valueSize  = 32
)

// encoder writes the tree; the strings come behind it, at offset strings.
type encoder struct {
	out     []byte
	strings int
}

func (t *trie) encode(version uint64) []byte {
	e := &encoder{strings: headerSize + size(t.root)}
	e.out = make([]byte, headerSize, e.strings+len(t.strings.buf))
	root := e.node(t.root)
	nodes := len(e.out) - headerSize
	e.out = append(e.out, t.strings.buf...)
	h := []byte("KSLPHHRH")
	for _, v := range []uint64{version, uint64(len(e.out)), headerSize, nodeSize, childSize, valueSize, uint64(root), uint64(nodes), uint64(len(t.strings.buf))} {
		h = binary.LittleEndian.AppendUint64(h, v)
	}
	copy(e.out, h)
	return e.out
}

// size returns what a node and those below it take up.
func size(n *node) int {
	s := nodeSize + childSize*len(n.children) + valueSize*len(n.values)
	for _, c := range n.children {
		s += size(c.node)
	}
	return s
}

func (e *encoder) u64(v int) { e.out = binary.LittleEndian.AppendUint64(e.out, uint64(v)) }

// node writes those below n, then n, and returns where that is.
func (e *encoder) node(n *node) int {
	var at []int
	for _, c := range n.children {
		at = append(at, e.node(c.node))
	}
	start := len(e.out)
	e.u64(e.strings + n.prefix)
	e.u64(len(n.children) & 0xff)
	e.u64(len(n.values))
	for i, c := range n.children {
		e.u64(int(c.c))
		e.u64(at[i])
	}
	for _, v := range n.values {
		e.u64(e.strings + v.key)
		e.u64(e.strings + v.value)
		e.u64(e.strings + v.file)
		e.out = binary.LittleEndian.AppendUint32(e.out, v.line)
		e.out = binary.LittleEndian.AppendUint16(e.out, v.priority)
		e.out = append(e.out, 0, 0)
	}
	return start
}
