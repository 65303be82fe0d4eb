package decompress

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The container: The .xz File Format, version 1.2.1.
//
//	stream header (12)  fd 37 7a 58 5a 00 | flags (2) | CRC32 of the flags
//	blocks
//	index               00 | count | count times (unpadded size, uncompressed size) | padding | CRC32
//	stream footer (12)  CRC32 | backward size (4) | flags (2) | "YZ"
//	stream padding      any number of four zero bytes
//
// and again for further streams. We read it from the end, so that all sizes are known and
// checked before a byte is decoded.

const (
	xzMagic    = "\xfd7zXZ\x00"
	xzEdge     = 12 // size of a stream header and of a footer
	maxStreams = 1 << 16
)

// An xzStream is one stream of a file.
type xzStream struct {
	blocks int64 // offset of the first block, after the header
	index  int64 // offset of the index
	footer int64 // offset of the footer, where the index ends
	count  int64 // records in the index
	check  byte
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// readAt fills p from off; a file that is shorter than its stated size is corrupt.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return corrupt("file ends at byte %d", off+int64(n))
	}
	return err
}

// scanXz finds the streams of a file, in order, checks all but the blocks, and returns the
// sum of the blocks' uncompressed sizes, within the limits.
func scanXz(r io.ReaderAt, size int64, lim Limits) (streams []xzStream, total int64, err error) {
	for end := size; end > 0 || len(streams) == 0; {
		if end, err = skipPadding(r, end, size); err != nil {
			return nil, 0, err
		}
		if len(streams) == maxStreams {
			return nil, 0, fmt.Errorf("%w: more than %d streams", ErrLimit, maxStreams)
		}
		s, err := readFooter(r, end)
		if err != nil {
			return nil, 0, err
		}
		sum, err := s.readIndex(r)
		if err != nil {
			return nil, 0, err
		}
		if total += sum; total < sum {
			return nil, 0, corrupt("index: sizes overflow")
		}
		if err := lim.check(total, size); err != nil {
			return nil, 0, err
		}
		streams = append(streams, s)
		end = s.blocks - xzEdge
	}
	for i, j := 0, len(streams)-1; i < j; i, j = i+1, j-1 {
		streams[i], streams[j] = streams[j], streams[i]
	}
	return streams, total, nil
}

// skipPadding returns where the stream before end ends.
func skipPadding(r io.ReaderAt, end, size int64) (int64, error) {
	if size%4 != 0 || size < 2*xzEdge+8 {
		return 0, corrupt("a file of %d bytes is no .xz file, or a cut one", size)
	}
	var buf [4096]byte
	for end > 0 {
		p := buf[:min(end, int64(len(buf)))]
		if err := readAt(r, p, end-int64(len(p))); err != nil {
			return 0, err
		}
		for i := len(p); i > 0; i -= 4 {
			if binary.LittleEndian.Uint32(p[i-4:]) != 0 {
				return end - int64(len(p)-i), nil
			}
		}
		end -= int64(len(p))
	}
	return 0, corrupt("padding where a stream should be")
}

// readFooter reads the footer that ends at end.
func readFooter(r io.ReaderAt, end int64) (xzStream, error) {
	var s xzStream
	var f [xzEdge]byte
	if end < 2*xzEdge+8 {
		return s, corrupt("%d bytes are too few for a stream", end)
	}
	s.footer = end - xzEdge
	if err := readAt(r, f[:], s.footer); err != nil {
		return s, err
	}
	if string(f[10:]) != "YZ" {
		return s, corrupt("no stream footer at the end")
	}
	if crc32.ChecksumIEEE(f[4:10]) != binary.LittleEndian.Uint32(f[:]) {
		return s, corrupt("stream footer: wrong checksum")
	}
	check, err := streamFlags(f[8], f[9])
	if err != nil {
		return s, fmt.Errorf("stream footer: %w", err)
	}
	s.check = check
	s.index = s.footer - 4*(int64(binary.LittleEndian.Uint32(f[4:]))+1)
	if s.index < xzEdge {
		return s, corrupt("stream footer: the index is larger than the file")
	}
	return s, nil
}

// streamFlags returns the check that a stream uses.
func streamFlags(zero, check byte) (byte, error) {
	if zero != 0 || check > 15 {
		return 0, fmt.Errorf("%w: reserved stream flags", ErrUnsupported)
	}
	if _, ok := checkNames[check]; !ok {
		return 0, fmt.Errorf("%w: check %d", ErrUnsupported, check)
	}
	return check, nil
}

// readIndex checks the index and the stream header, sets the remaining fields, and
// returns the sum of the uncompressed sizes. It keeps no records, of which a hostile file may
// have many: they are read again when their block's turn comes.
func (s *xzStream) readIndex(r io.ReaderAt) (int64, error) {
	x := newIndexReader(r, s.index, s.footer)
	if c, err := x.byte(); err != nil || c != 0 {
		return 0, x.fail(err, "no index where the footer says")
	}
	count, err := x.vli()
	if err != nil {
		return 0, x.fail(err, "number of records")
	}
	if count > (s.footer-s.index)/2 {
		return 0, corrupt("index: %d records do not fit", count)
	}
	s.count = count
	space, total := s.index-xzEdge, int64(0) // for the blocks
	for range count {
		rec, err := x.record()
		if err != nil {
			return 0, err
		}
		if rec.unpadded > space {
			return 0, corrupt("index: blocks are larger than the file")
		}
		space -= rec.padded()
		if total += rec.size; total < 0 {
			return 0, corrupt("index: sizes overflow")
		}
	}
	if space < 0 {
		return 0, corrupt("index: blocks are larger than the file")
	}
	if err := x.close(); err != nil {
		return 0, err
	}
	s.blocks = xzEdge + space
	var h [xzEdge]byte
	if err := readAt(r, h[:], space); err != nil {
		return 0, err
	}
	if string(h[:6]) != xzMagic {
		return 0, corrupt("no stream header at byte %d", space)
	}
	if crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]) {
		return 0, corrupt("stream header: wrong checksum")
	}
	if h[6] != 0 || h[7] != s.check {
		return 0, corrupt("stream header and footer differ")
	}
	return total, nil
}

// A record describes one block: the sizes of header, compressed data and check without
// padding, and of the uncompressed data.
type record struct {
	unpadded, size int64
}

// padded is the block's size in the file.
func (r record) padded() int64 { return (r.unpadded + 3) &^ 3 }

// An indexReader reads an index in order.
type indexReader struct {
	r    *bufio.Reader
	left int64 // bytes before the CRC32
	crc  uint32
	last [1]byte // what crc was last updated with, here so that it is not allocated
}

func newIndexReader(r io.ReaderAt, from, to int64) *indexReader {
	size := min(to-from, 4096)
	return &indexReader{
		r:    bufio.NewReaderSize(io.NewSectionReader(r, from, to-from), int(size)),
		left: to - from - 4,
	}
}

// fail names what was being read; it prefers the reader's own error.
func (x *indexReader) fail(err error, what string) error {
	if err != nil {
		return fmt.Errorf("index: %s: %w", what, err)
	}
	return corrupt("index: %s", what)
}

func (x *indexReader) byte() (byte, error) {
	if x.left <= 0 {
		return 0, corrupt("too short")
	}
	c, err := x.r.ReadByte()
	if err == io.EOF {
		return 0, corrupt("file ends early")
	}
	x.left--
	x.last[0] = c
	x.crc = crc32.Update(x.crc, crc32.IEEETable, x.last[:])
	return c, err
}

// vli reads a number of one to nine bytes of seven bits, the lowest first, in its
// shortest form.
func (x *indexReader) vli() (int64, error) {
	v := int64(0)
	for i := range 9 {
		c, err := x.byte()
		if err != nil {
			return 0, err
		}
		v |= int64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 && i > 0 {
				break
			}
			return v, nil
		}
	}
	return 0, corrupt("invalid number")
}

func (x *indexReader) record() (record, error) {
	unpadded, err := x.vli()
	if err != nil {
		return record{}, x.fail(err, "block size")
	}
	size, err := x.vli()
	if err != nil {
		return record{}, x.fail(err, "uncompressed size")
	}
	if unpadded < 5 || unpadded > 1<<62 {
		return record{}, corrupt("index: block size %d is impossible", unpadded)
	}
	return record{unpadded, size}, nil
}

// close checks the padding and the checksum.
func (x *indexReader) close() error {
	if x.left > 3 {
		return corrupt("index: %d bytes too long", x.left)
	}
	for x.left > 0 {
		if c, err := x.byte(); err != nil || c != 0 {
			return x.fail(err, "padding is not zero")
		}
	}
	var p [4]byte
	if _, err := io.ReadFull(x.r, p[:]); err != nil {
		return x.fail(err, "checksum")
	}
	if binary.LittleEndian.Uint32(p[:]) != x.crc {
		return corrupt("index: wrong checksum")
	}
	return nil
}
