package adbtest

import "encoding/binary"

// Values writes a block of metadata, value by value, each of which may be as wrong as it likes.
type Values struct{ b []byte }

// put appends bytes at a multiple of align and returns the place.
func (w *Values) put(align int, b ...byte) uint32 {
	if w.b == nil {
		w.b = make([]byte, 8)
	}
	for len(w.b)%align != 0 {
		w.b = append(w.b, 0)
	}
	at := len(w.b)
	w.b = append(w.b, b...)
	return uint32(at)
}

// Int returns a number as a value.
func (w *Values) Int(n uint64) uint32 {
	switch {
	case n < 1<<28:
		return 0x1<<28 | uint32(n)
	case n < 1<<32:
		return 0x2<<28 | w.put(4, binary.LittleEndian.AppendUint32(nil, uint32(n))...)
	}
	return 0x3<<28 | w.put(8, binary.LittleEndian.AppendUint64(nil, n)...)
}

// String returns a string as a value, the empty one as none.
func (w *Values) String(s string) uint32 {
	switch n := len(s); {
	case n == 0:
		return 0
	case n < 1<<8:
		return 0x8<<28 | w.put(1, append([]byte{byte(n)}, s...)...)
	case n < 1<<16:
		return 0x9<<28 | w.put(2, append(binary.LittleEndian.AppendUint16(nil, uint16(n)), s...)...)
	default:
		return 0xa<<28 | w.put(4, append(binary.LittleEndian.AppendUint32(nil, uint32(n)), s...)...)
	}
}

// Object returns an object with the given slots from 1 on.
func (w *Values) Object(slots ...uint32) uint32 { return 0xe<<28 | w.row(slots) }

// Array returns an array, an empty one as no value.
func (w *Values) Array(slots ...uint32) uint32 {
	if len(slots) == 0 {
		return 0
	}
	return 0xd<<28 | w.row(slots)
}

func (w *Values) row(slots []uint32) uint32 {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(slots)+1))
	for _, s := range slots {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return w.put(4, b...)
}

// Bytes returns the block with its root.
func (w *Values) Bytes(root uint32) []byte {
	w.put(1)
	binary.LittleEndian.PutUint32(w.b[4:], root)
	return w.b
}
