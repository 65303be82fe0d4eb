package gschema

import (
	"encoding/binary"
	"slices"

	"github.com/detinstall/detinstall/internal/ghash"
)

// table is a hash table of a GVDB file; its item "" is the parent of those that are children.
type table struct{ items ghash.Map[*item] }

type item struct {
	key   string
	child bool // of the item ""
	value *value
	table *table
	index uint32
}

func newTable() *table {
	t := &table{}
	t.add(&item{})
	return t
}

func (t *table) add(i *item) { t.items.Set(i.key, i) }

const (
	gvdbHeader = 24
	gvdbItem   = 24
	noParent   = ^uint32(0)
)

// encode returns the file of a table, little-endian.
func (t *table) encode() []byte {
	b := append([]byte("GVariant"), make([]byte, gvdbHeader-8)...)
	b, start, end := t.append(b)
	binary.LittleEndian.PutUint32(b[16:], start)
	binary.LittleEndian.PutUint32(b[20:], end)
	return b
}

// order returns the items by buckets, of which there are as many as items; those of a bucket come backwards.
func (t *table) order() (buckets [][]*item) {
	buckets = make([][]*item, t.items.Len())
	for k, i := range t.items.All() {
		n := ghash.Hash(k) % uint32(len(buckets))
		buckets[n] = append(buckets[n], i)
	}
	index := uint32(0)
	for _, b := range buckets {
		slices.Reverse(b)
		for _, i := range b {
			i.index = index
			index++
		}
	}
	return buckets
}

// append writes the table and what it points to.
func (t *table) append(b []byte) (out []byte, start, end uint32) {
	le := binary.LittleEndian
	buckets := t.order()
	b = align(b, 4)
	start = uint32(len(b))
	b = le.AppendUint32(b, 5<<27) // no words of a bloom filter
	b = le.AppendUint32(b, uint32(len(buckets)))
	index := uint32(0)
	for _, items := range buckets {
		b = le.AppendUint32(b, index)
		index += uint32(len(items))
	}
	at := len(b)
	b = append(b, make([]byte, gvdbItem*int(index))...)
	end = uint32(len(b))
	root, _ := t.items.Get("")
	for _, items := range buckets {
		for _, i := range items {
			parent := noParent
			if i.child {
				parent = root.index
			}
			entry := le.AppendUint32(nil, ghash.Hash(i.key))
			entry = le.AppendUint32(entry, parent)
			entry = le.AppendUint32(entry, uint32(len(b)))
			entry = le.AppendUint16(entry, uint16(len(i.key)))
			b = append(b, i.key...)
			var kind byte
			var from, to uint32
			b, kind, from, to = t.appendValue(b, i)
			entry = append(entry, kind, 0)
			entry = le.AppendUint32(entry, from)
			copy(b[at:], le.AppendUint32(entry, to))
			at += gvdbItem
		}
	}
	return b, start, end
}

// appendValue writes what an item points to.
func (t *table) appendValue(b []byte, i *item) (out []byte, kind byte, from, to uint32) {
	switch {
	case i.value != nil:
		b = align(b, 8)
		from = uint32(len(b))
		b = append(b, variant(*i.value).b...)
		return b, 'v', from, uint32(len(b))
	case i.table != nil:
		b, from, to = i.table.append(b)
		return b, 'H', from, to
	case i.key == "":
		var kids []*item
		for _, k := range t.items.All() {
			if k.child {
				kids = append(kids, k)
			}
		}
		if len(kids) == 0 {
			break
		}
		slices.SortFunc(kids, func(a, b *item) int {
			if a.key < b.key {
				return -1
			}
			return 1
		})
		b = align(b, 4)
		from = uint32(len(b))
		for _, k := range kids {
			b = binary.LittleEndian.AppendUint32(b, k.index)
		}
		return b, 'L', from, uint32(len(b))
	}
	return b, 0, 0, 0
}

func align(b []byte, n int) []byte {
	for len(b)%n != 0 {
		b = append(b, 0)
	}
	return b
}
