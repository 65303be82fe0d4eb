package apk

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"

	"github.com/detinstall/detinstall/internal/archive"
)

// A file of format 2, index or package, is two or three gzip members one after the other, each a tar archive of which
// only the last has tar's own end. Checksums and signatures are of members as they lie there, compressed.

// counted counts what is read through it; it is an io.ByteReader, so that the decompressor takes no byte more
// than it needs.
type counted struct {
	r   *bufio.Reader
	pos int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.pos += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.pos++
	}
	return b, err
}

// member decompresses the gzip member that begins at r's position off, of which at most limit bytes may come
// out, and returns those and where the next member begins.
func member(r io.ReaderAt, off, size, limit int64) (data []byte, next int64, err error) {
	c := &counted{r: bufio.NewReaderSize(io.NewSectionReader(r, off, size-off), 16<<10)}
	z, err := gzip.NewReader(c)
	if err != nil {
		return nil, 0, badStream(err)
	}
	z.Multistream(false)
	data, err = io.ReadAll(io.LimitReader(z, limit+1))
	if err != nil {
		return nil, 0, badStream(err)
	}
	if int64(len(data)) > limit {
		return nil, 0, refuse("", "more than %d bytes in a member: over the limit", limit)
	}
	return data, off + c.pos, nil
}

// badStream turns a decompressor's verdict into a *tree.RefusedError and leaves errors of reading as they are.
func badStream(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse("", "the gzip member ends too early")
	}
	for _, verdict := range []error{gzip.ErrHeader, gzip.ErrChecksum} {
		if errors.Is(err, verdict) {
			return refuse("", "%v", err)
		}
	}
	if isCorrupt(err) {
		return refuse("", "corrupt compressed data: %v", err)
	}
	return err
}

// unended are the limits of a tar archive in a member that is not the last.
func unended(limit int64) archive.Limits {
	return archive.Limits{Entries: 1000, File: limit, Total: limit, Unended: true}
}
