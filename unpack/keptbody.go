package unpack

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// blockSize is what file systems that can share blocks share; bodies of this size begin at a multiple of it.
const blockSize = 4096

func newHash() hash.Hash { return sha256.New() }

func sum(h hash.Hash) (d tree.Digest) {
	h.Sum(d[:0])
	return d
}

// keptBody is a body in the unpacked store.
type keptBody struct {
	data      *keptData
	off, size int64
}

// Open implements tree.Body.
func (b *keptBody) Open() (io.ReadCloser, error) {
	f, release, err := b.data.acquire()
	if err != nil {
		return nil, err
	}
	return &keptReader{io.NewSectionReader(f, b.off, b.size), b, release}, nil
}

type keptReader struct {
	*io.SectionReader
	body    *keptBody
	release func() error
}

func (r *keptReader) Close() error { return r.release() }

// Read says where a file is too short; wrong bytes are noticed by who compares digests.
func (r *keptReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	if err == io.EOF {
		if at, _ := r.Seek(0, io.SeekCurrent); at < r.body.size {
			err = r.body.short()
		}
	}
	return n, err
}

func (b *keptBody) short() error {
	return fmt.Errorf("unpacked store: %s is cut short: remove its directory", b.data.path)
}

// CopyTo writes the body to dst, an empty file, from its start: by sharing the blocks where the file
// system can, else within the kernel, else through memory. dst's offset may be anywhere afterwards.
func (b *keptBody) CopyTo(dst *os.File) error {
	src, release, err := b.data.acquire()
	if err != nil {
		return err
	}
	defer release()
	if b.clone(dst, src) {
		return dst.Truncate(b.size)
	}
	for done := int64(0); done < b.size; {
		from, to := b.off+done, done
		n, err := unix.CopyFileRange(int(src.Fd()), &from, int(dst.Fd()), &to, int(min(b.size-done, 1<<30)), 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil && done == 0:
			return b.write(dst, src)
		case err != nil:
			return &os.PathError{Op: "copy_file_range", Path: b.data.path, Err: err}
		case n == 0:
			return b.short()
		}
		done += int64(max(n, 0))
	}
	return nil
}

// clone shares b's blocks with dst, the last one wholly. It reports false where that cannot be done.
func (b *keptBody) clone(dst, src *os.File) bool {
	if b.size < blockSize || b.data.store.noReflink.Load() {
		return false
	}
	err := unix.IoctlFileCloneRange(int(dst.Fd()), &unix.FileCloneRange{
		Src_fd: int64(src.Fd()), Src_offset: uint64(b.off), Src_length: uint64(roundUp(b.size)),
	})
	if err != nil {
		b.data.store.noReflink.Store(true)
	}
	return err == nil
}

func (b *keptBody) write(dst, src *os.File) error {
	n, err := io.Copy(dst, io.NewSectionReader(src, b.off, b.size))
	if err == nil && n != b.size {
		err = b.short()
	}
	return err
}

func roundUp(n int64) int64 { return (n + blockSize - 1) &^ (blockSize - 1) }

// keptWriter keeps a package; it is the [Bodies] of its decoding.
type keptWriter struct {
	store       *keptStore
	digest      tree.Digest
	part, final string
	lock, file  *os.File
	w           *bufio.Writer
	size        int64
	data        *keptData
	buf         []byte
	done        bool
}

// Put appends a body to the data file.
func (w *keptWriter) Put(r io.Reader, size int64) (tree.Content, error) {
	if size == 0 {
		return tree.Content{}, nil
	}
	if w.w == nil {
		w.w, w.buf = bufio.NewWriterSize(w.file, 256<<10), make([]byte, 64<<10)
	}
	if size >= blockSize {
		if err := w.align(); err != nil {
			return tree.Content{}, err
		}
	}
	h := newHash()
	for left := size; left > 0; {
		n, err := r.Read(w.buf[:min(left, int64(len(w.buf)))])
		h.Write(w.buf[:n])
		if _, e := w.w.Write(w.buf[:n]); e != nil {
			return tree.Content{}, e
		}
		left -= int64(n)
		if err != nil && left > 0 {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return tree.Content{}, err
		}
	}
	c := tree.Content{Size: size, Digest: sum(h), Body: &keptBody{w.data, w.size, size}}
	w.size += size
	return c, nil
}

// align fills the data file up to the next block.
func (w *keptWriter) align() error {
	var zeros [blockSize]byte
	n := roundUp(w.size) - w.size
	w.size += n
	_, err := w.w.Write(zeros[:n])
	return err
}

// commit writes the rest and gives the package its name. A damaged one is replaced; a sound one, which another
// process kept meanwhile, stays, for it has the same bytes at the same places.
func (w *keptWriter) commit(u *pkg.Unpacked) error {
	control, err := members(u.Control)
	if err != nil {
		return err
	}
	if w.w != nil {
		if err := errors.Join(w.align(), w.w.Flush()); err != nil {
			return err
		}
	}
	f := w.file
	w.file = nil
	if err := f.Close(); err != nil {
		return err
	}
	m := &meta{digest: w.digest, dataSize: w.size, control: control, nodes: u.Nodes}
	b := m.marshal()
	if have, err := os.ReadFile(filepath.Join(w.final, "meta")); err == nil && bytes.Equal(have, b) {
		if info, err := os.Stat(w.data.path); err == nil && info.Size() == w.size {
			return nil
		}
	}
	if err := os.WriteFile(filepath.Join(w.part, "meta"), b, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(w.final); err != nil {
		return err
	}
	if err := os.Rename(w.part, w.final); err != nil {
		return err
	}
	w.done = true
	return nil
}

// members reads the control members, which are files in one directory.
func members(control fs.FS) ([]archive.File, error) {
	list, err := fs.ReadDir(control, ".")
	if err != nil {
		return nil, err
	}
	files := make([]archive.File, len(list))
	for i, e := range list {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		files[i] = archive.File{Name: e.Name(), Mode: info.Mode()}
		if files[i].Data, err = fs.ReadFile(control, e.Name()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// abort removes what was not committed, and gives up the lock.
func (w *keptWriter) abort() error {
	var err error
	if w.file != nil {
		w.file.Close()
	}
	if !w.done {
		err = os.RemoveAll(w.part)
	}
	return errors.Join(err, w.lock.Close())
}
