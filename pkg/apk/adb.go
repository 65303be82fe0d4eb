package apk

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/detinstall/detinstall/internal/decompress"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// A file of format 3, index or package, says how it is compressed, and then is a row of blocks:
//
//	ADBd                      deflate; "ADBc" with two bytes, method and level; or nothing, and not compressed
//	ADB.pckg                  what the blocks are of: "pckg" a package, "indx" an index
//	54 06 00 00 ...           a block of type 0 (two bits) and 0x654 bytes (30 bits): the metadata, and zeros up to eight
//	5e 00 00 40 ...           of type 1: a signature, of which there may be several or none
//	2b 00 00 80 ...           of type 2: the body of a file, where the metadata has the next one that is not empty
//
// Sizes include the word that they are in. Type 3 is for large blocks: the word has the type, a second one has
// nothing, and a third of 64 bits the size.
const (
	blockMetadata  = 0
	blockSignature = 1
	blockData      = 2
	blockLarge     = 3

	schemaPackage = "pckg"
	schemaIndex   = "indx"

	maxPackageMetadata = 64 << 20
	maxIndexMetadata   = 1 << 28 // what values can point at
	maxSignature       = 2048
	maxSignatures      = 64
)

// adbFile is an opened file of format 3, read up to its first block of data.
type adbFile struct {
	r      *bufio.Reader
	closer io.Closer

	schema     string
	metadata   []byte
	sum        tree.Digest // of the metadata: a package's identity
	signatures [][]byte
	next       *block // the next one, whose header has been read; nil at the end
}

// block is the header of a block.
type block struct {
	kind uint32
	size int64 // of what follows
	pad  int64 // zeros after that
}

func isADB(r io.ReaderAt) bool {
	var magic [3]byte
	_, err := r.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == "ADB"
}

// openADB opens a file whose blocks are of schema, with at most limit bytes of metadata. Close must be called.
func openADB(r io.ReaderAt, size int64, schema string, limit int64, lim pkg.Limits) (*adbFile, error) {
	kind, from, err := compression(r, size)
	if err != nil {
		return nil, err
	}
	z, err := decompress.NewReader(kind, io.NewSectionReader(r, from, size-from), size-from, decompress.Limits{Ratio: lim.Ratio, Dict: lim.Dict})
	if err != nil {
		return nil, badBlocks(err)
	}
	f := &adbFile{r: bufio.NewReaderSize(z, 64<<10), closer: z, schema: schema}
	if err := f.head(limit); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close frees what decompression needs.
func (f *adbFile) Close() error { return f.closer.Close() }

// compression tells how the file is compressed, and where that begins.
func compression(r io.ReaderAt, size int64) (kind decompress.Kind, from int64, err error) {
	var h [6]byte
	n, err := r.ReadAt(h[:min(6, max(0, size))], 0)
	if err != nil && err != io.EOF {
		return "", 0, err
	}
	switch {
	case n >= 4 && h[3] == '.':
		return decompress.None, 0, nil
	case n >= 4 && h[3] == 'd':
		return decompress.Deflate, 4, nil
	case n == 6 && h[3] == 'c' && h[4] == 0:
		return decompress.None, 6, nil
	case n == 6 && h[3] == 'c' && h[4] == 1:
		return decompress.Deflate, 6, nil
	case n == 6 && h[3] == 'c' && h[4] == 2:
		return decompress.Zst, 6, nil
	}
	return "", 0, refuse("", "format 3: unknown compression %q", h[:n])
}

// head reads all before the first block of data.
func (f *adbFile) head(limit int64) error {
	var h [8]byte
	if err := f.read(h[:], "the header"); err != nil {
		return err
	}
	if string(h[:4]) != "ADB." {
		return refuse("", "format 3: no header where decompressed data begin")
	}
	if string(h[4:]) != f.schema {
		return refuse("", "holds %q, not %q", h[4:], f.schema)
	}
	if err := f.advance(); err != nil {
		return err
	}
	if f.next == nil || f.next.kind != blockMetadata {
		return refuse("", "does not begin with a block of metadata")
	}
	var err error
	if f.metadata, err = f.all("metadata", limit); err != nil {
		return err
	}
	f.sum = sha256.Sum256(f.metadata)
	for f.next != nil && f.next.kind == blockSignature {
		s, err := f.all("signature", maxSignature)
		if err != nil {
			return err
		}
		if f.signatures = append(f.signatures, s); len(f.signatures) > maxSignatures {
			return refuse("", "more than %d signatures", maxSignatures)
		}
	}
	return nil
}

// read fills p.
func (f *adbFile) read(p []byte, what string) error {
	_, err := io.ReadFull(f.r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return refuse("", "ends within %s", what)
	}
	return badBlocks(err)
}

// advance reads the header of the next block.
func (f *adbFile) advance() error {
	f.next = nil
	if _, err := f.r.Peek(1); err == io.EOF {
		return nil
	}
	var h [16]byte
	if err := f.read(h[:4], "a block's header"); err != nil {
		return err
	}
	word := binary.LittleEndian.Uint32(h[:])
	b := &block{kind: word >> 30}
	size, header := uint64(word&0x3fffffff), uint64(4)
	if b.kind == blockLarge {
		if err := f.read(h[4:], "a block's header"); err != nil {
			return err
		}
		b.kind, size, header = uint32(size), binary.LittleEndian.Uint64(h[8:]), 16
	}
	if b.kind > blockData || size < header || size > 1<<62 {
		return refuse("", "malformed block of type %d and %d bytes", b.kind, size)
	}
	b.size, b.pad = int64(size-header), int64(-size&7)
	f.next = b
	return nil
}

// all returns the current block's bytes, as many of limit as there really are, and goes to the next one.
func (f *adbFile) all(what string, limit int64) ([]byte, error) {
	n := f.next.size
	if n > limit {
		return nil, refuse("", "%s of %d bytes: the limit is %d", what, n, limit)
	}
	var b bytes.Buffer
	if m, err := io.Copy(&b, io.LimitReader(f.r, n)); err != nil {
		return nil, badBlocks(err)
	} else if m < n {
		return nil, refuse("", "ends within the %s, which has %d bytes", what, n)
	}
	return b.Bytes(), f.end()
}

// end reads the zeros after the current block, and the header of the next one.
func (f *adbFile) end() error {
	var pad [8]byte
	if err := f.read(pad[:f.next.pad], "a block's padding"); err != nil {
		return err
	}
	if pad != [8]byte{} {
		return refuse("", "padding of a block is not zero")
	}
	return f.advance()
}

// badBlocks turns a decompressor's verdict on its input into a *tree.RefusedError and leaves errors of reading as they are.
func badBlocks(err error) error {
	for _, verdict := range []error{decompress.ErrCorrupt, decompress.ErrLimit, decompress.ErrUnsupported} {
		if errors.Is(err, verdict) {
			return refuse("", "%v", err)
		}
	}
	return err
}

// belongs reports as an error that the file is not one that an index identifies as want does: by the sha256 of the
// metadata, or by its first 160 bits.
func (f *adbFile) belongs(want *Info) error {
	have := Info{Unique: f.sum}
	copy(have.Checksum[:], f.sum[:])
	if !want.Unique.IsZero() && want.Unique != have.Unique || want.Unique.IsZero() && want.Checksum != have.Checksum {
		return fmt.Errorf("the metadata has the checksum %s, the index says %s", have.unique(), want.unique())
	}
	return nil
}
