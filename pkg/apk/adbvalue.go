package apk

import "encoding/binary"

// The block of metadata of format 3 (apk-v3(5)) is a tree of values. A value is a word of 32 bits, four of type and 28 of
// either a small number or the place where the rest lies; numbers are little-endian.
//
//	00 00 00 00 | b8 05 00 e0        version, and the root: an object (e) at 0x5b8
//	...
//	04 00 00 00 | 10 00 00 80 | ...  there: four slots, of which this is the first; a string (8) at 0x10, ...
//
// What the slots mean is nowhere in the file: readers know. So a tree is as deep as the reader's knowledge, whatever cycles
// there are in the file. Equal values are stored once, and a small file may so name a large value again and again:
// who reads lists bounds what becomes of them.
const (
	typeSpecial = 0x0 // 0: no value
	typeInt     = 0x1
	typeInt32   = 0x2
	typeInt64   = 0x3
	typeBlob8   = 0x8 // a string with a length of 8 bits before it, and so on
	typeBlob16  = 0x9
	typeBlob32  = 0xa
	typeArray   = 0xd
	typeObject  = 0xe
)

// value is one value.
type value uint32

func (v value) kind() uint32   { return uint32(v) >> 28 }
func (v value) number() uint64 { return uint64(v) & 0xfffffff }

// values is a block of metadata. It keeps the first error, after which all values are empty.
type values struct {
	data []byte
	err  error
}

func (d *values) fail(format string, args ...any) {
	if d.err == nil {
		d.err = refuse("", "metadata: "+format, args...)
	}
}

// at returns n bytes at an offset, nil if they are not there.
func (d *values) at(off, n uint64) []byte {
	if d.err != nil {
		return nil
	}
	if size := uint64(len(d.data)); off > size || n > size-off {
		d.fail("%d bytes at %d are beyond its end at %d", n, off, size)
		return nil
	}
	return d.data[off:][:n]
}

// root returns the outermost object.
func (d *values) root() object {
	b := d.at(0, 8)
	if b == nil {
		return object{d: d}
	}
	if b[0] != 0 {
		d.fail("version %d is newer than this program", b[0])
		return object{d: d}
	}
	return d.object(value(binary.LittleEndian.Uint32(b[4:])))
}

// uint returns a number; no value is 0.
func (d *values) uint(v value) uint64 {
	var b []byte
	switch v.kind() {
	case typeInt:
		return v.number()
	case typeInt32:
		b = d.at(v.number(), 4)
	case typeInt64:
		b = d.at(v.number(), 8)
	default:
		d.none(v, "number")
	}
	switch len(b) {
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	case 8:
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// none takes in a value that is not of the kind that is wanted: it must be none at all.
func (d *values) none(v value, want string) {
	if v != typeSpecial {
		d.fail("a value of type %#x stands where a %s should be", v.kind(), want)
	}
}

// bytes returns a string as a part of the block; no value is nil.
func (d *values) bytes(v value) []byte {
	var width uint64
	switch v.kind() {
	case typeBlob8:
		width = 1
	case typeBlob16:
		width = 2
	case typeBlob32:
		width = 4
	default:
		d.none(v, "string")
		return nil
	}
	var length [4]byte
	if copy(length[:], d.at(v.number(), width)) == 0 {
		return nil
	}
	return d.at(v.number()+width, uint64(binary.LittleEndian.Uint32(length[:])))
}

// object is a row of numbered slots, from 1 on: an object, whose slots have each a meaning, or an array.
type object struct {
	d     *values
	slots []byte // slot 0 included, which is how many there are
}

// object returns an object or array; no value is one without slots.
func (d *values) object(v value) object {
	o := object{d: d}
	if v.kind() != typeArray && v.kind() != typeObject {
		d.none(v, "list")
		return o
	}
	b := d.at(v.number(), 4)
	if b == nil {
		return o
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	if n == 0 {
		d.fail("the list at %d has no size", v.number())
		return o
	}
	o.slots = d.at(v.number(), 4*n)
	return o
}

// len returns how many slots there are but for slot 0; after an error, none.
func (o object) len() int {
	if o.d.err != nil {
		return 0
	}
	return max(0, len(o.slots)/4-1)
}

// slot returns the value of a slot; one beyond the last has none.
func (o object) slot(i int) value {
	if i > o.len() {
		return typeSpecial
	}
	return value(binary.LittleEndian.Uint32(o.slots[4*i:]))
}

func (o object) uint(i int) uint64   { return o.d.uint(o.slot(i)) }
func (o object) text(i int) string   { return string(o.d.bytes(o.slot(i))) }
func (o object) object(i int) object { return o.d.object(o.slot(i)) }

// int returns a number that is at most limit.
func (o object) int(i int, what string, limit int64) int64 {
	n := o.uint(i)
	if n > uint64(limit) {
		o.d.fail("%s: %d is over the limit of %d", what, n, limit)
		return 0
	}
	return int64(n)
}
