// Package reproduce reads finished trees of any form, and tells in what two trees differ.
//
//	a, closer, err := reproduce.Open("oci:image:v1", scratch)
//	if err != nil { ... }
//	defer closer.Close()
//	for _, d := range reproduce.Diff(a, b) {
//		fmt.Println(d.Path, d.Field, d.A, d.B)
//	}
//
// Trees are compared as they are: nothing is clamped, sorted or left out on the way but what
// [tree.FromDir] and [tree.FromTar] say.
package reproduce

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/internal/decompress"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Open reads the finished tree at path, whatever its form: a directory; a tar, plain or
// compressed; a manifest; an OCI image layout, as its directory or as oci:DIR[:TAG][@ARCH], where
// TAG and ARCH (as Go spells it, with a variant: arm/v7) are needed where there are several. What has to be
// unpacked is kept in a file without a name in the existing directory scratch.
//
// The closer must be called when the tree's bodies are not needed any more. A manifest's have
// none. What is not a tree at all is a *FormError.
func Open(path, scratch string) (*tree.Sealed, io.Closer, error) {
	if ref, ok := strings.CutPrefix(path, "oci:"); ok {
		return openLayout(parseRef(ref), scratch)
	}
	fi, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, nil, err
	case fi.IsDir() && isLayout(path):
		return openLayout(layoutRef{dir: path}, scratch)
	case fi.IsDir():
		t, err := tree.FromDir(path)
		return t, nothing{}, inside(path, err)
	case !fi.Mode().IsRegular():
		return nil, nil, &FormError{Path: path, Reason: "is no directory and no regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	t, c, err := openFile(f, path, fi.Size(), scratch)
	if err != nil {
		f.Close()
		return nil, nil, inside(path, err)
	}
	return t, c, nil
}

// FormError says that something is no tree in any of the forms that [Open] knows.
type FormError struct{ Path, Reason string }

func (e *FormError) Error() string { return e.Path + ": " + e.Reason }

type nothing struct{}

func (nothing) Close() error { return nil }

// inside says in which file something went wrong, unless err does.
func inside(path string, err error) error {
	var pe *fs.PathError
	var fe *FormError
	if err == nil || errors.As(err, &pe) || errors.As(err, &fe) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// openFile tells the form of f by its first bytes. It closes f where the tree does not need it.
func openFile(f *os.File, path string, size int64, scratch string) (*tree.Sealed, io.Closer, error) {
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("#tree ")):
		t, err := tree.ParseManifest(f)
		if err != nil {
			return nil, nil, err
		}
		return t, nothing{}, f.Close()
	case isTar(head):
		t, err := tree.FromTar(f, size)
		return t, f, err
	}
	kind := decompress.Sniff(head)
	if kind == decompress.None {
		return nil, nil, &FormError{Path: path, Reason: "is no tar and no manifest"}
	}
	spool, n64, err := unpack(f, size, kind, scratch)
	if err != nil {
		return nil, nil, err
	}
	t, err := tree.FromTar(spool, n64)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		spool.Close()
		return nil, nil, err
	}
	return t, spool, nil
}

// isTar reports whether a file that begins with head is a tar of the usual dialects, or an
// empty one.
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	return string(head[257:262]) == "ustar" || bytes.Count(head, []byte{0}) == len(head)
}

// unpack decompresses f into a spool file and returns it with its size. Nobody but the user says
// what to read here, so the only limit is the disk.
func unpack(f io.ReaderAt, size int64, k decompress.Kind, scratch string) (*os.File, int64, error) {
	r, err := decompress.NewReader(k, f, size, decompress.Limits{Ratio: math.MaxInt64 >> 1})
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	spool, err := newSpool(scratch)
	if err != nil {
		return nil, 0, err
	}
	n, err := io.Copy(spool, r)
	if err != nil {
		spool.Close()
		return nil, 0, err
	}
	return spool, n, nil
}

// newSpool makes a file without a name in dir. Where the file system cannot, a file has
// one for a moment.
func newSpool(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), filepath.Join(dir, "spool")), nil
	}
	if err != unix.EOPNOTSUPP && err != unix.EISDIR && err != unix.EINVAL {
		return nil, &fs.PathError{Op: "create a file in", Path: dir, Err: err}
	}
	for n := 0; ; n++ {
		name := filepath.Join(dir, ".spool-"+strconv.Itoa(n)+".detinstall")
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && n < 1000 {
			continue
		}
		if err != nil {
			return nil, err
		}
		return f, os.Remove(name)
	}
}
