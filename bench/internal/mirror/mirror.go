// Package mirror reads a Debian mirror for comparisons, and keeps what can be checked by its digest. It trusts what it is told of
// the mirror and puts no limit on it but one on size: the program itself fetches with package unpack/fetch.
package mirror

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

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Keyring is the file with the archive's keys.
const Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// A Mirror is a [pkg.Getter] over HTTP.
type Mirror struct {
	Base string // its address, without a trailing slash
	Dir  string // where files are kept that have a digest, under that name; made when it is needed
}

// Universe reads the signed index of a suite's main component.
func (m Mirror) Universe(ctx context.Context, suite, arch string) (pkg.Universe, error) {
	keys, err := os.ReadFile(Keyring)
	if err != nil {
		return nil, err
	}
	repo := &pkg.Repo{ID: "debian@" + suite, Format: "deb", Base: m.Base, Suite: suite, Components: []string{"main"},
		Keys: []pkg.Key{{Name: Keyring, Data: keys}}}
	return deb.Format{}.Universe(ctx, []*pkg.Repo{repo}, arch, pkg.IndexOptions{}, m)
}

// Get implements [pkg.Getter]. What has a digest comes from the directory, or goes there.
func (m Mirror) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	kept := filepath.Join(m.Dir, ref.SHA256.Hex())
	if data, err := os.ReadFile(kept); err == nil && sha256.Sum256(data) == ref.SHA256 {
		return blob{bytes.NewReader(data), data}, nil
	}
	data, err := m.Bytes(ctx, ref.Path, "")
	if err != nil {
		return nil, err
	}
	if ref.SHA256 != (tree.Digest{}) {
		if sha256.Sum256(data) != ref.SHA256 {
			return nil, fmt.Errorf("%s: wrong digest", ref.Path)
		}
		if err := os.MkdirAll(m.Dir, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(kept, data, 0o644); err != nil {
			return nil, err
		}
	}
	return blob{bytes.NewReader(data), data}, nil
}

// Bytes fetches a file, or, where span is not empty ("0-511"), that range of it. Its errors do not name the mirror.
func (m Mirror) Bytes(ctx context.Context, path, span string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Base+"/"+path, nil)
	if err != nil {
		return nil, errors.New(path + ": malformed address")
	}
	want := http.StatusOK
	if span != "" {
		req.Header.Set("Range", "bytes="+span)
		want = http.StatusPartialContent
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, errors.New(path + ": no answer")
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

type blob struct {
	*bytes.Reader
	data []byte
}

func (b blob) Bytes() ([]byte, error) { return b.data, nil }
func (b blob) Close() error           { return nil }
