package iconcache

import (
	"encoding/binary"
	"slices"

	"github.com/detinstall/detinstall/internal/ghash"
)

// none is the offset of what is not there.
const none = 0xffffffff

// hashOffset is where the hash table begins.
const hashOffset = 12

// sizes are the sizes that GLib gives such tables (g_spaced_primes_closest).
var sizes = []int{11, 19, 37, 73, 109, 163, 251, 367, 557, 823, 1237, 1861, 2777, 4177, 6247, 9371, 14057, 21089, 31627, 47431, 71143,
	106721, 160073, 240101, 360163, 540217, 810343, 1215497}

// node is an icon in its bucket.
type node struct {
	name   string
	images []*image
}

// encoder writes the file. Its pool says of each string where it is; -1 where it is counted but not written yet.
type encoder struct {
	out  []byte
	pool map[string]int
}

func encode(icons *ghash.Map[[]*image], dirs []string) []byte {
	i, _ := slices.BinarySearch(sizes, icons.Len()/3+1)
	buckets := make([][]node, sizes[i])
	for name, images := range icons.All() {
		h := hash(name) % uint32(len(buckets))
		buckets[h] = append(buckets[h], node{name, images})
	}
	e := &encoder{pool: map[string]int{}}
	e.u32(1<<16, hashOffset, 0, uint32(len(buckets)))
	table := len(e.out)
	for range buckets {
		e.u32(none)
	}
	for h, nodes := range buckets {
		if len(nodes) == 0 {
			continue
		}
		e.put(table+4*h, len(e.out))
		slices.Reverse(nodes) // the last one in is the first
		for k, n := range nodes {
			e.node(n, k+1 < len(nodes))
		}
	}
	e.put(8, len(e.out))
	e.u32(uint32(len(dirs)))
	e.strings(dirs)
	return e.out
}

// hash is the format's hash of an icon's name.
func hash(name string) uint32 {
	h := uint32(0)
	for i := range len(name) {
		h = h*31 + uint32(int8(name[i]))
	}
	return h
}

func (e *encoder) u32(vs ...uint32) {
	for _, v := range vs {
		e.out = binary.BigEndian.AppendUint32(e.out, v)
	}
}

func (e *encoder) u16(vs ...uint16) {
	for _, v := range vs {
		e.out = binary.BigEndian.AppendUint16(e.out, v)
	}
}

func (e *encoder) put(at, v int) { binary.BigEndian.PutUint32(e.out[at:], uint32(v)) }

func (e *encoder) string(s string) {
	e.out = append(e.out, s...)
	e.out = append(e.out, make([]byte, padded(s)-len(s))...)
}

// padded is the length of a string in the file.
func padded(s string) int { return (len(s) + 4) &^ 3 }

// node writes a node with its images.
func (e *encoder) node(n node, more bool) {
	size, data := 16+8*len(n.images), 0
	if e.pool[n.name] == 0 {
		size += padded(n.name)
		e.pool[n.name] = -1
	}
	for _, im := range n.images {
		data += e.size(im)
	}
	start := len(e.out)
	next := uint32(none)
	if more {
		next = uint32(start + size + data)
	}
	at, own := e.pool[n.name], 0
	if at <= 0 {
		at, own = start+12, padded(n.name)
		e.pool[n.name] = at
	}
	e.u32(next, uint32(at), uint32(start+12+own))
	if own > 0 {
		e.string(n.name)
	}
	e.u32(uint32(len(n.images)))
	offset := start + size
	for _, im := range n.images {
		e.u16(uint16(im.dir), im.flags)
		if s := e.size(im); s > 0 {
			e.u32(uint32(offset))
			offset += s
		} else {
			e.u32(0)
		}
	}
	for _, im := range n.images {
		e.image(im)
	}
}

// strings writes offsets of strings, then those that are not there yet.
func (e *encoder) strings(list []string) {
	at := len(e.out) + 4*len(list)
	var fresh []string
	for _, s := range list {
		if e.pool[s] <= 0 {
			e.pool[s] = at
			at += padded(s)
			fresh = append(fresh, s)
		}
		e.u32(uint32(e.pool[s]))
	}
	for _, s := range fresh {
		e.string(s)
	}
}
