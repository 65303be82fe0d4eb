package decompress

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
)

// A stream reads the formats that others decode for us, under the limits.
type stream struct {
	kind  Kind
	src   *source
	r     io.Reader
	close func()
	lim   Limits
	size  int64 // of the input
	out   int64 // so far
	err   error // sticky
}

// A source is the compressed file. It remembers its own errors, which the decoders may
// wrap or rename.
type source struct {
	io.SectionReader
	left int64
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.SectionReader.Read(p)
	s.left -= int64(n)
	switch {
	case err == io.EOF && s.left > 0:
		s.err = corrupt("file ends %d bytes early", s.left)
		err = s.err
	case err != nil && err != io.EOF:
		s.err = err
	}
	return n, err
}

func newStream(k Kind, r io.ReaderAt, size int64, lim Limits) (*stream, error) {
	s := &stream{
		kind: k, lim: lim, size: size, close: func() {},
		src: &source{SectionReader: *io.NewSectionReader(r, 0, size), left: size},
	}
	if size == 0 && k != None {
		return nil, corrupt("empty file")
	}
	var err error
	switch k {
	case Gz:
		err = s.openGz()
	case Zst:
		err = s.openZst()
	case Lzma:
		err = s.openLzma()
	case Deflate:
		in := bufio.NewReader(s.src)
		s.r = &whole{flate.NewReader(in), in}
	case Bz2:
		s.r = bzip2.NewReader(bufio.NewReader(s.src))
	default:
		s.r = s.src
	}
	if err != nil {
		s.close()
		return nil, s.classify(err)
	}
	return s, nil
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.out += int64(n)
	if s.kind != None || s.lim.Size > 0 {
		if e := s.lim.check(s.out, s.size); e != nil {
			if s.lim.Size > 0 && s.out > s.lim.Size {
				n = max(0, n-int(s.out-s.lim.Size))
			}
			err = e
		}
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", s.kind, s.classify(err))
	}
	s.err = err
	return n, err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.close()
	s.close = func() {}
	s.err = errClosed
	return nil
}

// classify makes one of our errors of a decoder's.
func (s *stream) classify(err error) error {
	switch {
	case s.src.err != nil:
		return s.src.err
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrLimit), errors.Is(err, ErrUnsupported):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: %v", ErrLimit, err)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return fmt.Errorf("%w: %v", ErrUnsupported, err)
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, err)
}

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

func (s *stream) openGz() error {
	z := gzipReaders.Get().(*gzip.Reader)
	s.r = z
	s.close = func() { gzipReaders.Put(z) }
	return z.Reset(bufio.NewReader(s.src))
}

// zstdWindow is the largest window unless Limits says otherwise: that of zstd --ultra.
const zstdWindow = 128 << 20

// zstdReaders holds decoders with the default window. With a concurrency of one they own
// no goroutines, so dropping one is no leak.
var zstdReaders sync.Pool

func newZstd(window int64) (*zstd.Decoder, error) {
	if window < zstd.MinWindowSize || window > 1<<31 {
		return nil, fmt.Errorf("zstd window limit %d is out of range", window)
	}
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(window)))
}

func (s *stream) openZst() error {
	window := s.lim.dict(zstdWindow)
	z, _ := zstdReaders.Get().(*zstd.Decoder)
	if z == nil || window != zstdWindow {
		var err error
		if z, err = newZstd(window); err != nil {
			return err
		}
	}
	s.r = z
	s.close = func() {
		if window == zstdWindow && z.Reset(nil) == nil {
			zstdReaders.Put(z)
		} else {
			z.Close()
		}
	}
	return z.Reset(s.src)
}

// openLzma opens a legacy .lzma file:
//
//	properties (1) | dictionary size (4) | uncompressed size (8), all ones if not known | data
//
// The decoder allocates what the header says, so that is checked first.
func (s *stream) openLzma() error {
	in := bufio.NewReader(s.src)
	h, err := in.Peek(lzma.HeaderLen)
	if err != nil {
		return err
	}
	if h[0] >= 9*5*5 {
		return corrupt("properties in the header")
	}
	dict, limit := int64(binary.LittleEndian.Uint32(h[1:])), s.lim.dict(64<<20)
	if dict > limit {
		return fmt.Errorf("%w: dictionary of %d bytes where %d are allowed", ErrLimit, dict, limit)
	}
	if n := int64(binary.LittleEndian.Uint64(h[5:])); n != -1 {
		if n < 0 {
			return corrupt("size in the header")
		}
		if err := s.lim.check(n, s.size); err != nil {
			return err
		}
	}
	z, err := lzma.ReaderConfig{DictCap: int(max(dict, lzma.MinDictCap))}.NewReader(in)
	if err != nil {
		return err
	}
	s.r = &whole{z, in}
	return nil
}

// whole turns the end of r into an error if in has more.
type whole struct {
	r  io.Reader
	in *bufio.Reader
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err == io.EOF {
		if _, e := w.in.ReadByte(); e == nil {
			err = corrupt("data after the end of the stream")
		} else if e != io.EOF {
			err = e
		}
	}
	return n, err
}
