package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
)

// archive is a suite of a mirror, and the directory that keeps what was fetched of it.
type archive struct {
	mirror, suite, dir string
	limit              int64 // larger packages are fetched without their payload
	u                  pkg.Universe
}

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// open reads the suite's signed index.
func (a *archive) open() error {
	keys, err := os.ReadFile(keyring)
	if err != nil {
		return err
	}
	for _, d := range []string{"index", "packages"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return err
		}
	}
	repo := &pkg.Repo{ID: "debian@" + a.suite, Format: "deb", Base: a.mirror, Suite: a.suite, Components: []string{"main"},
		Keys: []pkg.Key{{Name: keyring, Data: keys}}}
	a.u, err = deb.Format{}.Universe(context.Background(), []*pkg.Repo{repo}, "amd64", pkg.IndexOptions{}, a)
	return err
}

// Get fetches a part of the index; what has a digest is kept.
func (a *archive) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	kept := filepath.Join(a.dir, "index", fmt.Sprintf("%x", ref.SHA256))
	if data, err := os.ReadFile(kept); err == nil && sha256.Sum256(data) == ref.SHA256 {
		return blob{bytes.NewReader(data), data}, nil
	}
	data, err := a.bytes(ref.Path, "")
	if err != nil {
		return nil, err
	}
	if ref.SHA256 != (tree.Digest{}) {
		if sha256.Sum256(data) != ref.SHA256 {
			return nil, fmt.Errorf("%s: wrong digest", ref.Path)
		}
		if err := os.WriteFile(kept, data, 0o644); err != nil {
			return nil, err
		}
	}
	return blob{bytes.NewReader(data), data}, nil
}

type blob struct {
	*bytes.Reader
	data []byte
}

func (b blob) Bytes() ([]byte, error) { return b.data, nil }
func (b blob) Close() error           { return nil }

// bytes fetches a file, or a range of it.
func (a *archive) bytes(path, span string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, a.mirror+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	want := http.StatusOK
	if span != "" {
		req.Header.Set("Range", "bytes="+span)
		want = http.StatusPartialContent
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, errors.New(path + ": no answer") // the error names the mirror
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case want:
		return io.ReadAll(io.LimitReader(resp.Body, 1<<30))
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("%s: %s", path, resp.Status)
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
			if b, err = r.a.bytes(r.path, fmt.Sprintf("%d-%d", i*block, min((i+1)*block, r.size)-1)); err != nil {
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
		data, err := a.bytes(p.Path, "")
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
