package decompress

import (
	"errors"
	"fmt"
	"io"
)

// A slidingSlack is added to the dictionary where a block is decoded in a sliding
// window: room for one chunk (at most 2 MiB) and for sliding seldom.
const slidingSlack = 4 << 20

// wholeBlock is the largest block whose output is kept in one piece. It is the
// size of the blocks that xz -T makes at its default level.
const wholeBlock = 24 << 20

// lzma2 decodes the LZMA2 chunks of one block into a buffer that is also the
// dictionary: either the whole block's output, or a sliding window.
//
//	0x00                                     end
//	0x01 size16 bytes                        uncompressed, dictionary reset
//	0x02 size16 bytes                        uncompressed
//	0x80+ size16 compressed16 [props] data   LZMA; bits 5-6: 1 resets the state, 2 sets new
//	                                         properties too, 3 resets the dictionary too;
//	                                         bits 0-4 are bits 16-20 of the size
//
// Sizes are big-endian and less one.
type lzma2 struct {
	core

	src       io.ReaderAt
	off, left int64 // of the compressed data not yet in the ring
	next, got uint  // the ring holds offsets next..got
	buf       []byte
	base, pos uint  // the dictionary's start in buf, and the end of output
	room      int64 // output that may still come
	dict      uint

	needDict, needProps bool
}

// reset prepares d for the chunks in n bytes of src at off, which must decode to size
// bytes with a dictionary of dict bytes.
func (d *lzma2) reset(src io.ReaderAt, off, n, size, dict int64) {
	d.src, d.off, d.left = src, off, n
	d.next, d.got = 0, 0
	d.base, d.pos = 0, 0
	d.room = size
	d.dict = uint(dict)
	d.needDict, d.needProps = true, true
	need := size
	if size > wholeBlock {
		need = min(size, dict+dict/2+slidingSlack)
	}
	d.buf = grow(d.buf, int(need))
}

// grow returns a buffer of n bytes, b itself where it is large enough. New buffers are a
// power of two, so that a decoder used for many small blocks soon has the right one.
func grow(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:n]
	}
	size := 64 << 10
	for size < n {
		size *= 2
	}
	if n <= wholeBlock {
		size = min(size, wholeBlock)
	} else {
		size = n
	}
	return make([]byte, n, size)
}

var (
	errTruncated = fmt.Errorf("%w: lzma2 data end within a chunk", ErrCorrupt)
	errChunk     = fmt.Errorf("%w: invalid lzma2 chunk", ErrCorrupt)
	errLzma      = fmt.Errorf("%w: invalid lzma data", ErrCorrupt)
	errLong      = fmt.Errorf("%w: block is longer than its stated size", ErrCorrupt)
)

// need makes the next n bytes available in the ring; n is at most 64 KiB and a header.
func (d *lzma2) need(n uint) error {
	if d.got-d.next >= n {
		return nil
	}
	if int64(n-(d.got-d.next)) > d.left {
		return errTruncated
	}
	space := min(int64(ringSize-(d.got-d.next)), d.left)
	for space > 0 {
		p := d.in[d.got&ringMask:]
		p = p[:min(space, int64(len(p)))]
		m, err := d.src.ReadAt(p, d.off)
		if m < len(p) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		d.got += uint(m)
		d.off += int64(m)
		d.left -= int64(m)
		space -= int64(m)
	}
	return nil
}

// at returns the i-th of the bytes made available by need.
func (d *lzma2) at(i uint) uint { return uint(d.in[(d.next+i)&ringMask]) }

// chunk decodes the next chunk and returns its output, which stays valid until the next
// call, or nil at the end marker.
func (d *lzma2) chunk() ([]byte, error) {
	if err := d.need(1); err != nil {
		return nil, err
	}
	control := d.at(0)
	switch {
	case control == 0:
		d.next++
		return nil, nil
	case control >= 0xe0 || control == 1:
		d.needDict, d.needProps = false, true
		d.base = d.pos
	case d.needDict:
		return nil, errChunk
	}
	if control >= 0x80 {
		return d.compressed(control)
	}
	if control > 2 {
		return nil, errChunk
	}
	return d.stored()
}

// stored copies an uncompressed chunk.
func (d *lzma2) stored() ([]byte, error) {
	if err := d.need(3); err != nil {
		return nil, err
	}
	n := d.at(1)<<8 + d.at(2) + 1
	if err := d.need(3 + n); err != nil {
		return nil, err
	}
	if err := d.makeRoom(n); err != nil {
		return nil, err
	}
	d.next += 3
	out := d.buf[d.pos : d.pos+n]
	m := copy(out, d.in[d.next&ringMask:])
	copy(out[m:], d.in[:])
	d.next += n
	d.pos += n
	return out, nil
}

// compressed decodes an LZMA chunk.
func (d *lzma2) compressed(control uint) ([]byte, error) {
	head := uint(5)
	if control >= 0xc0 {
		head = 6
	}
	if err := d.need(head); err != nil {
		return nil, err
	}
	n := (control&0x1f)<<16 + d.at(1)<<8 + d.at(2) + 1
	packed := d.at(3)<<8 + d.at(4) + 1
	switch {
	case control >= 0xc0:
		if !d.setProps(byte(d.at(5))) {
			return nil, errChunk
		}
		d.needProps = false
		d.resetState()
	case d.needProps:
		return nil, errChunk
	case control >= 0xa0:
		d.resetState()
	}
	if err := d.need(head + packed); err != nil {
		return nil, err
	}
	if err := d.makeRoom(n); err != nil {
		return nil, err
	}
	d.next += head
	end := d.next + packed
	if !d.decode(d.buf[d.base:d.pos+n], d.pos-d.base, d.next, end, d.dict) {
		return nil, errLzma
	}
	d.next = end
	d.pos += n
	return d.buf[d.pos-n : d.pos], nil
}

// makeRoom makes sure that n more bytes fit into the buffer, by sliding the window if
// there is one. It slides by multiples of 16 bytes, since the models look at the
// low four bits of the position.
func (d *lzma2) makeRoom(n uint) error {
	if int64(n) > d.room {
		return errLong
	}
	d.room -= int64(n)
	if uint(len(d.buf))-d.pos >= n {
		return nil
	}
	from := d.base
	if d.pos-d.base > d.dict {
		from += (d.pos - d.base - d.dict) &^ 15
	}
	copy(d.buf, d.buf[from:d.pos])
	d.pos -= from
	d.base = 0
	if uint(len(d.buf))-d.pos < n {
		return errLong // cannot be: a window has room for a dictionary and a chunk
	}
	return nil
}
