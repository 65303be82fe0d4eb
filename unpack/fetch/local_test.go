package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

func TestLocal(t *testing.T) {
	data := body(1, small+10)
	dir := t.TempDir()
	name := filepath.Join(dir, "pool", "x_1.0+b1~a.deb")
	os.MkdirAll(filepath.Dir(name), 0o777)
	os.WriteFile(name, data, 0o666)
	demo := map[string]fs.FS{"d": fstest.MapFS{"pool/x_1.0+b1~a.deb": {Data: data}}}
	for _, base := range []string{"file:" + dir, "file://" + dir, "file:" + dir + "/", "demo:d"} {
		for _, offline := range []bool{false, true} {
			w := newWorld(t, func(c *Config) { c.Demo = demo; c.Offline = offline })
			ref := refTo(data, base)
			mustGet(t, w, ref, data)
			index := ref
			index.SHA256, index.Size, index.Limit = tree.Digest{}, -1, 2*small
			mustGet(t, w, index, data)
			index.Limit = small
			if err := mustFail(t, w, index); !isTrust(err) {
				t.Errorf("%s: over the limit: %v", base, err)
			}
			other := refTo(body(2, len(data)), base)
			if err := mustFail(t, w, other); !isTrust(err) {
				t.Errorf("%s: other bytes: %v", base, err)
			}
			other = refTo(data[1:], base)
			if err := mustFail(t, w, other); !isTrust(err) {
				t.Errorf("%s: other size: %v", base, err)
			}
			other.Path = "none"
			if err := mustFail(t, w, other); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, pkg.ErrOffline) {
				t.Errorf("%s: missing: %v", base, err)
			}
			other.Path = "pool"
			if err := mustFail(t, w, other); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: directory: %v", base, err)
			}
		}
	}
	for _, base := range []string{"file:rel", "file://host/x", "demo:none"} {
		if err := mustFail(t, newWorld(t, nil), refTo(data, base)); errors.Is(err, fs.ErrNotExist) || isTrust(err) {
			t.Errorf("%s: %v", base, err)
		}
	}
}

// TestLocalFile opens a file without a repository, by its digest only.
func TestLocalFile(t *testing.T) {
	c, err := New(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "x.deb")
	body := []byte("a package given by hand")
	if err := os.WriteFile(name, body, 0o600); err != nil {
		t.Fatal(err)
	}
	ref := pkg.Ref{Path: name, Size: int64(len(body)), SHA256: tree.Sum(body)}
	b, err := c.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	ref.SHA256[0] ^= 1
	var trust *pkg.TrustError
	if _, err := c.Get(t.Context(), ref); !errors.As(err, &trust) {
		t.Errorf("another digest: %v, want a TrustError", err)
	}
	ref.SHA256[0] ^= 1
	for _, size := range []int64{ref.Size - 1, ref.Size + 1, 0} {
		wrong := ref
		wrong.Size = size
		if _, err := c.Get(t.Context(), wrong); !errors.As(err, &trust) {
			t.Errorf("size %d: %v, want a TrustError", size, err)
		}
	}
	// Without a size it is bounded; and when the file has gone, what was exported serves.
	ref.Size = -1
	dir := t.TempDir()
	if err := c.Export(t.Context(), dir, []pkg.Ref{ref}); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(cfg *Config) { cfg.Dir = dir; cfg.Offline = true })
	gone := ref
	gone.Path += ".gone"
	mustGet(t, w, ref, body)
	mustGet(t, w, gone, body)
	if _, err := c.Get(t.Context(), gone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	gone.Path = dir
	if _, err := c.Get(t.Context(), gone); err == nil || errors.As(err, &trust) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := c.Get(t.Context(), pkg.Ref{Path: name, Size: ref.Size}); err == nil {
		t.Error("a local file without a digest was opened")
	}
}

// TestConfiguredMirrors tries the mirrors of the configuration first, by the archive's name.
func TestConfiguredMirrors(t *testing.T) {
	dir, base := t.TempDir(), t.TempDir()
	body := []byte("from the mirror")
	if err := os.WriteFile(filepath.Join(dir, "f"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Dir: t.TempDir(), Mirrors: map[string][]string{"debian": {"file:" + dir}}})
	if err != nil {
		t.Fatal(err)
	}
	for id, found := range map[string]bool{"debian@trixie": true, "debian-security@trixie-security": false} {
		ref := pkg.Ref{Repo: &pkg.Repo{ID: id, Base: "file:" + base}, Path: "f", Size: -1}
		b, err := c.Get(t.Context(), ref)
		if (err == nil) != found {
			t.Errorf("%s: %v", id, err)
		}
		if err == nil {
			b.Close()
		}
	}
}
