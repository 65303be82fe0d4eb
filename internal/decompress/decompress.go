// Package decompress reads compressed files under limits: .xz, .lzma, .zst,
// .gz, .bz2 and bare deflate.
//
//	r, err := decompress.NewReader(decompress.Xz, f, size, decompress.Limits{Size: declared})
//	if err != nil { ... }
//	defer r.Close()
//	_, err = io.Copy(dst, r)
//
// Most of the time of an installation is spent here, so the decoder for .xz is
// our own: it uses the index at the end of the file to decode blocks in parallel and
// bounds memory before it allocates. The others are klauspost/compress, the
// standard library's bzip2 and ulikunitz/xz (for .lzma), wrapped with the same limits.
//
// The package does not compress, and it does not guess: the caller names the
// format, from Sniff or KindOf.
package decompress

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Kind is a compression format.
type Kind string

// The known formats. Their values are the customary suffixes.
const (
	Xz      Kind = "xz"   // The .xz File Format 1.2.1, single-filter LZMA2
	Lzma    Kind = "lzma" // legacy LZMA_Alone
	Zst     Kind = "zst"  // RFC 8878
	Gz      Kind = "gz"   // RFC 1952, any number of members
	Bz2     Kind = "bz2"
	Deflate Kind = "deflate" // RFC 1951, without a header or a checksum: no file has it for a suffix
	None    Kind = "none"    // not compressed
)

// Errors that say what a caller can do about a file; returned errors wrap them with
// detail. Errors of the underlying reader are returned as they are.
var (
	ErrLimit       = errors.New("exceeds the limit")           // refused, though possibly valid
	ErrCorrupt     = errors.New("corrupt compressed data")     // damaged or cut
	ErrUnsupported = errors.New("unsupported compressed data") // valid, but not for us
)

// Limits bound what a hostile stream may make us do. They are checked before anything is
// allocated wherever the format states sizes.
type Limits struct {
	Size    int64 // most bytes that may come out; 0: no limit but Ratio
	Ratio   int64 // most output bytes per input byte, once the output passes 64 MiB; 0: 200
	Dict    int64 // largest dictionary or window in bytes; 0: 64 MiB, and 128 MiB for zst
	Workers int   // xz blocks decoded at once, each with up to 24 MiB of memory; 0 or 1: one
	Crew    Crew  // who has to agree to more than one; nil: nobody
}

// A Crew shares goroutines among readers, each of which has one of them from the start. It is safe for concurrent use.
type Crew interface {
	// Hire reports whether the caller may use one goroutine more.
	Hire() bool
	// Dismiss gives one back.
	Dismiss()
	// Want says that the caller has work for one more, or has not any longer.
	Want(more bool)
}

// everybody is the crew of those who share with nobody.
type everybody struct{}

func (everybody) Hire() bool { return true }
func (everybody) Dismiss()   {}
func (everybody) Want(bool)  {}

// freeOutput is the output up to which the ratio is not looked at.
const freeOutput = 64 << 20

// check returns an error if out bytes are too many from in bytes.
func (l Limits) check(out, in int64) error {
	if l.Size > 0 && out > l.Size {
		return fmt.Errorf("%w: more than %d bytes of output", ErrLimit, l.Size)
	}
	ratio := l.Ratio
	if ratio <= 0 {
		ratio = 200
	}
	if out > freeOutput && (out-1)/ratio >= in {
		return fmt.Errorf("%w: more than %d bytes of output for each of %d of input", ErrLimit, ratio, in)
	}
	return nil
}

// dict returns the largest dictionary, which is def where none is set.
func (l Limits) dict(def int64) int64 {
	if l.Dict > 0 {
		return l.Dict
	}
	return def
}

var magics = []struct {
	prefix string
	kind   Kind
}{
	{"\xfd7zXZ\x00", Xz},
	{"\x28\xb5\x2f\xfd", Zst},
	{"\x1f\x8b", Gz},
	{"BZh", Bz2},
	{"\x5d\x00\x00", Lzma}, // no magic number: the usual properties, and a dictionary of 64 KiB or more
}

// Sniff tells the format from the first bytes of a file, of which six are enough. What it
// does not know is None.
func Sniff(prefix []byte) Kind {
	for _, m := range magics {
		if strings.HasPrefix(string(prefix[:min(len(prefix), 6)]), m.prefix) {
			return m.kind
		}
	}
	return None
}

// KindOf tells the format from the suffix of a file's name: "data.tar.xz" is Xz. What it
// does not know is None.
func KindOf(name string) Kind {
	for _, k := range []Kind{Xz, Lzma, Zst, Gz, Bz2} {
		if strings.HasSuffix(name, "."+string(k)) {
			return k
		}
	}
	return None
}

// NewReader reads the compressed file in the first size bytes of r. Only checks that need
// no decoding are made at once: headers, the index of an .xz file, limits on stated sizes.
//
// The reader may deliver bytes before the check that covers them; it returns io.EOF
// only after every check has passed: checksums, sizes, and that nothing follows but more
// streams (xz, gz, zst, bz2) and stream padding (xz). The same file gives the same bytes
// whatever the number of workers. It is not safe for concurrent use, but r.ReadAt is called
// concurrently where there are several workers.
//
// Close must be called, also after an error. It stops the workers, waits for them and
// frees the buffers.
func NewReader(k Kind, r io.ReaderAt, size int64, lim Limits) (io.ReadCloser, error) {
	if size < 0 {
		return nil, fmt.Errorf("compressed size %d is negative", size)
	}
	var rc io.ReadCloser
	var err error
	switch k {
	case Xz:
		rc, err = newXzReader(r, size, lim)
	case Lzma, Zst, Gz, Bz2, Deflate, None:
		rc, err = newStream(k, r, size, lim)
	default:
		err = fmt.Errorf("%w: format %q", ErrUnsupported, k)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	return rc, nil
}
