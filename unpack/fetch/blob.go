package fetch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// small files are held in memory: verified and read in one pass.
const small = 1 << 20

// memory is a blob in memory. Its bytes are shared.
type memory struct {
	*bytes.Reader
	data []byte
}

func inMemory(data []byte) memory { return memory{bytes.NewReader(data), data} }

func (memory) Close() error { return nil }

// Bytes returns the whole blob, which must not be changed.
func (m memory) Bytes() ([]byte, error) { return m.data, nil }

// file is a blob on disk: the open file that was hashed.
type file struct {
	*io.SectionReader
	f   *os.File
	sum tree.Digest
}

func onDisk(f *os.File, size int64, sum tree.Digest) file {
	return file{io.NewSectionReader(f, 0, size), f, sum}
}

func (b file) Close() error { return b.f.Close() }

// Bytes reads the whole blob, and verifies it once more on the way.
func (b file) Bytes() ([]byte, error) {
	data, sum, err := load(b.f, b.Size())
	if err != nil {
		return nil, err
	}
	if sum != b.sum {
		return nil, pkg.Distrust(b.f.Name(), "changed while in use: %s, want %s", sum, b.sum)
	}
	return data, nil
}

// verify hashes f, which is size bytes long, and returns it as a blob: in memory if it is small or
// whole is set, and then f is closed. Other bytes than want's are a *mismatch. On error f is closed.
func verify(f *os.File, size int64, want tree.Digest, whole bool) (pkg.Blob, error) {
	if whole || size <= small {
		defer f.Close()
		data, sum, err := load(f, size)
		if err != nil {
			return nil, err
		}
		if sum != want {
			return nil, &mismatch{fmt.Sprintf("%s of %d bytes, want %s", sum, size, want)}
		}
		return inMemory(data), nil
	}
	h := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, io.NewSectionReader(f, 0, size), make([]byte, chunk))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if sum := tree.Digest(h.Sum(nil)); sum != want {
		f.Close()
		return nil, &mismatch{fmt.Sprintf("%s of %d bytes, want %s", sum, size, want)}
	}
	return onDisk(f, size, want), nil
}

// chunk is how much is read and hashed at a time: it stays in the processor's cache.
const chunk = 256 << 10

// load reads size bytes from the beginning of f and hashes them in the same pass.
func load(f *os.File, size int64) ([]byte, tree.Digest, error) {
	data := make([]byte, size)
	h := sha256.New()
	for off := int64(0); off < size; {
		n, err := f.ReadAt(data[off:min(off+chunk, size)], off)
		h.Write(data[off : off+int64(n)])
		off += int64(n)
		if err != nil && off < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, tree.Digest{}, err
		}
	}
	return data, tree.Digest(h.Sum(nil)), nil
}

// mismatch says that bytes are not what they should be: the one error that
// becomes a *pkg.TrustError when every source is exhausted.
type mismatch struct{ text string }

func (m *mismatch) Error() string { return m.text }
