package main

import (
	"bytes"
	"context"
	"crypto/sha256"
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

// universe reads the suite's index from the mirror that apt uses.
func universe(ctx context.Context, a *aptRoot) (pkg.Universe, error) {
	keys, err := os.ReadFile(keyring)
	if err != nil {
		return nil, err
	}
	repo := &pkg.Repo{
		ID: "debian@" + a.suite, Format: "deb", Base: a.mirror, Suite: a.suite, Components: []string{"main"},
		Keys: []pkg.Key{{Name: keyring, Data: keys}},
	}
	return deb.Format{}.Universe(ctx, []*pkg.Repo{repo}, a.arch, pkg.IndexOptions{}, getter(a.dir))
}

// A getter fetches over HTTP and keeps what it can check in a directory.
type getter string

func (g getter) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	kept := filepath.Join(string(g), "kept", fmt.Sprintf("%x", ref.SHA256))
	if data, err := os.ReadFile(kept); err == nil && sha256.Sum256(data) == ref.SHA256 {
		return blob{bytes.NewReader(data), data}, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ref.Repo.Base+"/"+ref.Path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", ref.Path, fs.ErrNotExist)
	default:
		return nil, fmt.Errorf("%s: %s", ref.Path, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<30))
	if err != nil {
		return nil, err
	}
	if ref.SHA256 != (tree.Digest{}) {
		if sha256.Sum256(data) != ref.SHA256 {
			return nil, fmt.Errorf("%s: wrong digest", ref.Path)
		}
		if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
			return nil, err
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
