package decompress

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// A block is one block of an .xz file and its decoder.
//
//	header   size/4-1 | flags | [compressed size] | [uncompressed size] | filters | padding | CRC32
//	data     LZMA2 chunks
//	padding  to a multiple of four, zero
//	check
type block struct {
	lzma2
	check checker
	at    int64 // offset of what follows the compressed data
	pad   int64 // bytes of padding there
}

// blocks keeps decoders, with their buffers, for reuse: a package may be as small as their
// set-up.
var blocks = sync.Pool{New: func() any { return new(block) }}

// keepBuffer is the largest output buffer that is kept for reuse: larger ones cost little to make anew, and much to keep.
const keepBuffer = 4 << 20

func (b *block) free() {
	b.src, b.hist = nil, nil
	if cap(b.buf) > keepBuffer {
		b.buf = nil
	}
	blocks.Put(b)
}

// A job is a block to decode.
type job struct {
	record
	off   int64
	check byte
}

// openBlock reads the header of a block and returns its decoder.
func openBlock(r io.ReaderAt, j job, maxDict int64) (*block, error) {
	var buf [1024]byte
	p := buf[:min(j.unpadded, int64(len(buf)))]
	if err := readAt(r, p, j.off); err != nil {
		return nil, err
	}
	head := (int64(p[0]) + 1) * 4
	data := j.unpadded - head - checkSize[j.check]
	if p[0] == 0 || data < 1 {
		return nil, corrupt("block header: size %d is impossible", head)
	}
	dict, err := parseBlockHeader(p[:head], data, j.size)
	if err != nil {
		return nil, fmt.Errorf("block header: %w", err)
	}
	if dict > maxDict {
		return nil, fmt.Errorf("%w: dictionary of %d bytes where %d are allowed", ErrLimit, dict, maxDict)
	}
	b := blocks.Get().(*block)
	b.reset(r, j.off+head, data, j.size, dict)
	b.check.reset(j.check)
	b.at = j.off + head + data
	b.pad = j.padded() - j.unpadded
	return b, nil
}

// parseBlockHeader checks a block header against the sizes that the index gives, and
// returns the dictionary's size.
func parseBlockHeader(p []byte, data, size int64) (int64, error) {
	if crc32.ChecksumIEEE(p[:len(p)-4]) != binary.LittleEndian.Uint32(p[len(p)-4:]) {
		return 0, corrupt("wrong checksum")
	}
	flags := p[1]
	p = p[2 : len(p)-4]
	if flags&0x3c != 0 {
		return 0, fmt.Errorf("%w: reserved flags", ErrUnsupported)
	}
	for _, f := range []struct {
		bit  byte
		want int64
		name string
	}{{0x40, data, "compressed"}, {0x80, size, "uncompressed"}} {
		if flags&f.bit == 0 {
			continue
		}
		v, n := vli(p)
		if n == 0 || v != f.want {
			return 0, corrupt("%s size differs from the index", f.name)
		}
		p = p[n:]
	}
	dict := int64(0)
	for range flags&3 + 1 {
		id, n := vli(p)
		length, m := vli(p[n:])
		if n == 0 || m == 0 || length > int64(len(p)-n-m) {
			return 0, corrupt("filters do not fit")
		}
		if id != 0x21 || flags&3 != 0 {
			return 0, fmt.Errorf("%w: %s filter", ErrUnsupported, filterName(id))
		}
		props := p[n+m:][:length]
		if length != 1 || props[0] > 40 {
			return 0, fmt.Errorf("%w: properties of the LZMA2 filter", ErrUnsupported)
		}
		dict = dictSize(props[0])
		p = p[n+m+int(length):]
	}
	for _, c := range p {
		if c != 0 {
			return 0, fmt.Errorf("%w: header padding is not zero", ErrUnsupported)
		}
	}
	return dict, nil
}

// dictSize decodes the dictionary's size: 2 or 3 times a power of two, 4 KiB to 4 GiB.
func dictSize(b byte) int64 {
	if b == 40 {
		return 1<<32 - 1
	}
	return int64(2|b&1) << (b/2 + 11)
}

// vli decodes a number as the index holds it, and returns the bytes used, 0 if invalid.
func vli(p []byte) (v int64, n int) {
	for i, c := range p[:min(len(p), 9)] {
		v |= int64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 && i > 0 {
				return 0, 0
			}
			return v, i + 1
		}
	}
	return 0, 0
}

func filterName(id int64) string {
	names := [...]string{3: "delta", "x86", "powerpc", "ia64", "arm", "armthumb", "sparc", "arm64", "riscv"}
	switch {
	case id == 0x21:
		return "chained LZMA2"
	case id > 2 && id < int64(len(names)):
		return names[id]
	}
	return fmt.Sprintf("%#x", id)
}

// next decodes the next chunk. It returns its output, valid until the next call,
// or io.EOF when the block has ended and its check has passed.
func (b *block) next() ([]byte, error) {
	out, err := b.chunk()
	if err != nil {
		return nil, err
	}
	if out != nil {
		b.check.write(out)
		return out, nil
	}
	if b.lzma2.next != b.got || b.left != 0 {
		return nil, corrupt("block ends before its stated compressed size")
	}
	if b.room != 0 {
		return nil, corrupt("block is shorter than its stated size")
	}
	var buf [3 + 64]byte
	p := buf[:b.pad+checkSize[b.check.kind]]
	if err := readAt(b.src, p, b.at); err != nil {
		return nil, err
	}
	for _, c := range p[:b.pad] {
		if c != 0 {
			return nil, corrupt("block padding is not zero")
		}
	}
	if !b.check.equal(p[b.pad:]) {
		return nil, corrupt("wrong %s of a block", checkNames[b.check.kind])
	}
	return nil, io.EOF
}
