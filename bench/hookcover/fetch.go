package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/detinstall/detinstall/bench/internal/mirror"
	"github.com/detinstall/detinstall/pkg"
)

// archive is a suite of a mirror, and the directory that keeps what was fetched of it.
type archive struct {
	mirror.Mirror
	suite, dir string
	limit      int64 // larger packages are fetched without their payload
	u          pkg.Universe
}

// open reads the suite's signed index.
func (a *archive) open() (err error) {
	if err := os.MkdirAll(filepath.Join(a.dir, "packages"), 0o755); err != nil {
		return err
	}
	a.Dir = filepath.Join(a.dir, "index")
	a.u, err = a.Universe(context.Background(), a.suite, "amd64")
	return err
}

// ranges reads a file of the mirror in blocks: the control members lie at the beginning of a .deb.
type ranges struct {
	a      *archive
	path   string
	size   int64
	blocks map[int64][]byte
}

const block = 16 << 10

func (r *ranges) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < r.size {
		i := off / block
		b, ok := r.blocks[i]
		if !ok {
			var err error
			if b, err = r.a.Bytes(context.Background(), r.path, fmt.Sprintf("%d-%d", i*block, min((i+1)*block, r.size)-1)); err != nil {
				return n, err
			}
			r.blocks[i] = b
		}
		k := copy(p[n:], b[min(off-i*block, int64(len(b))):])
		if k == 0 {
			return n, io.ErrUnexpectedEOF
		}
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// unpacked returns p as it is kept, or fetches it: with its payload, if that is wanted and p is no larger than the limit.
func (a *archive) unpacked(p *pkg.Package, payload bool) (*kept, error) {
	payload = payload && p.Size <= a.limit
	if k, err := load(a.file(p)); err == nil && (!k.Cut || !payload) {
		return k, nil
	}
	var r io.ReaderAt = &ranges{a, p.Path, p.Size, map[int64][]byte{}}
	if payload {
		data, err := a.Bytes(context.Background(), p.Path, "")
		if err != nil {
			return nil, err
		}
		if sha256.Sum256(data) != p.SHA256 {
			return nil, fmt.Errorf("%s: wrong digest", p.Path)
		}
		r = bytes.NewReader(data)
	}
	k, err := keep(r, p.Size, payload)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return k, k.save(a.file(p))
}

func (a *archive) file(p *pkg.Package) string {
	return filepath.Join(a.dir, "packages", filepath.Base(p.Path)+".gob")
}

// complete reports whether all that there can be of p is kept; to read it would take longer.
func (a *archive) complete(p *pkg.Package) bool {
	_, err := os.Stat(a.file(p))
	_, cut := os.Stat(a.file(p) + ".cut")
	return err == nil && (cut != nil || p.Size > a.limit)
}

// fetch makes what is kept of packages, eight at a time.
func (a *archive) fetch(ps []*pkg.Package, payload bool) ([]*kept, error) {
	out, errs := make([]*kept, len(ps)), make([]error, len(ps))
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				out[i], errs[i] = a.unpacked(ps[i], payload)
			}
		})
	}
	for i := range ps {
		next <- i
	}
	close(next)
	wg.Wait()
	return out, errors.Join(errs...)
}
