package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

func TestDerived(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{0, 100, 3 << 20} {
		data := body(1, n)
		want := tree.Sum(data)
		w := newWorld(t, nil)
		made := 0
		produce := func(out io.Writer) error {
			made++
			_, err := io.Copy(out, struct{ io.Reader }{bytes.NewReader(data)})
			return err
		}
		for range 3 {
			b, err := w.Derived(ctx, want, int64(n), produce)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.(interface{ Bytes() ([]byte, error) }).Bytes()
			if err != nil || !bytes.Equal(got, data) || !bytes.Equal(read(t, b), data) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		if made != 1 {
			t.Errorf("%d bytes: made %d times", n, made)
		}
		// A corrupt one is made again.
		os.WriteFile(entry(w, data), []byte("spoilt"), 0o666)
		if b, err := w.Derived(ctx, want, int64(n), produce); err != nil || !bytes.Equal(read(t, b), data) || made != 2 || !strings.Contains(w.said(), "corrupt") {
			t.Errorf("%d bytes, corrupt: %v, made %d times, said %q", n, err, made, w.said())
		}
	}
	data := body(1, 100)
	boom := errors.New("boom")
	for _, c := range []struct {
		name  string
		give  []byte
		err   error
		trust bool
	}{
		{"other", body(2, 100), nil, true},
		{"short", data[:99], nil, true},
		{"long", append(bytes.Clone(data), 0), nil, true},
		{"error", data[:5], boom, false},
	} {
		w := newWorld(t, nil)
		_, err := w.Derived(ctx, tree.Sum(data), 100, func(out io.Writer) error {
			if _, err := out.Write(c.give); err != nil {
				return fmt.Errorf("wrapped: %w", err)
			}
			return c.err
		})
		if isTrust(err) != c.trust || c.err != nil && !errors.Is(err, c.err) || err == nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if n, _, _ := w.Cache().Verify(ctx); n != 0 {
			t.Errorf("%s: stored", c.name)
		}
	}
	// Endless output is stopped, not collected.
	_, err := newWorld(t, nil).Derived(ctx, tree.Sum(data), 100, func(out io.Writer) error {
		for range 1 << 10 {
			if _, err := out.Write(data); err != nil {
				return err
			}
		}
		t.Error("endless output is taken")
		return nil
	})
	if !isTrust(err) {
		t.Errorf("endless: %v", err)
	}
	if _, err := newWorld(t, nil).Derived(ctx, tree.Sum(data), maxDerived+1, nil); err == nil {
		t.Error("too large: no error")
	}
}

// What was verified is of use even where it cannot be stored, but a download needs the cache.
func TestUnwritable(t *testing.T) {
	ctx := context.Background()
	data := body(1, 100)
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); w.Write(data) }).URL
	w := newWorld(t, nil)
	os.MkdirAll(w.Cache().Path(), 0o777)
	os.WriteFile(filepath.Join(w.Cache().Path(), "partial"), nil, 0o666) // a file where a directory should be
	b, err := w.Derived(ctx, tree.Sum(data), 100, func(out io.Writer) error { out.Write(data); return nil })
	if err != nil || !bytes.Equal(read(t, b), data) || !strings.Contains(w.said(), "not kept") {
		t.Errorf("derived: %v, said %q", err, w.said())
	}
	mustGet(t, w, pkg.Ref{Repo: &pkg.Repo{ID: "r", Base: url}, Path: "InRelease", Size: -1}, data)
	if n := strings.Count(w.said(), "not kept"); n != 2 {
		t.Errorf("%d reports, want 2: %s", n, w.said())
	}
	asked.Store(0)
	if err := mustFail(t, w, refTo(data, url, url)); !errors.Is(err, unix.ENOTDIR) || asked.Load() != 0 {
		t.Errorf("download: %v, asked %d times", err, asked.Load())
	}
}

func TestExport(t *testing.T) {
	ctx := context.Background()
	deb, big, rel := body(1, 100), body(2, small+1), body(3, 500)
	var latest atomic.Pointer[[]byte]
	latest.Store(&rel)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/deb":
			w.Write(deb)
		case "/big":
			w.Write(big)
		case "/InRelease":
			w.Write(*latest.Load())
		default:
			http.NotFound(w, r)
		}
	}).URL
	repo := &pkg.Repo{ID: "r", Base: url}
	refs := []pkg.Ref{
		{Repo: repo, Path: "deb", Size: 100, SHA256: tree.Sum(deb)},
		{Repo: repo, Path: "big", Size: small + 1, SHA256: tree.Sum(big)},
		{Repo: repo, Path: "InRelease", Size: -1, SHA256: tree.Sum(rel)},
	}
	index := pkg.Ref{Repo: repo, Path: "InRelease", Size: -1}
	w := newWorld(t, nil)
	dir := t.TempDir()
	for range 2 {
		if err := w.Export(ctx, dir, refs); err != nil {
			t.Fatal(err)
		}
	}
	off := newWorld(t, func(c *Config) { c.Dir = dir; c.Offline = true })
	mustGet(t, off, refs[0], deb)
	mustGet(t, off, refs[1], big)
	mustGet(t, off, index, rel)
	// By its path alone: what is the latest now.
	next := body(4, 500)
	latest.Store(&next)
	if err := w.Export(ctx, dir, []pkg.Ref{index}); err != nil {
		t.Fatal(err)
	}
	mustGet(t, off, index, next)
	// A spoilt entry is written anew.
	os.WriteFile(entry(off, deb), []byte("spoilt"), 0o666)
	if err := w.Export(ctx, dir, refs[:1]); err != nil {
		t.Fatal(err)
	}
	mustGet(t, off, refs[0], deb)
	// The first failure counts.
	bad := []pkg.Ref{refs[0], refTo(body(7, 10), url), refTo(body(8, 10), url)}
	bad[1].Path = "none1"
	if err := w.Export(ctx, dir, bad); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none1") || !strings.Contains(err.Error(), "and 1 more") {
		t.Errorf("missing: %v", err)
	}
}

func TestSeen(t *testing.T) {
	w := newWorld(t, nil)
	for _, id := range []string{"debian@trixie", "a/../b", "..", "", strings.Repeat("x", 500), "ü\x00\n", "%2E"} {
		if got := w.Seen(id); got != 0 {
			t.Errorf("%q: %d before", id, got)
		}
		for _, step := range []struct{ set, want int64 }{{5, 5}, {4, 5}, {1 << 40, 1 << 40}} {
			if err := w.SetSeen(id, step.set); err != nil {
				t.Fatal(err)
			}
			if got := w.Seen(id); got != step.want {
				t.Errorf("%q: %d after %d, want %d", id, got, step.set, step.want)
			}
		}
	}
	es, err := os.ReadDir(filepath.Join(w.Cache().Path(), "seen"))
	if err != nil || len(es) != 8 { // seven and the lock
		t.Errorf("%d files: %v", len(es), err)
	}
	if w.said() != "" {
		t.Errorf("said %s", w.said())
	}
	os.WriteFile(filepath.Join(w.Cache().Path(), "seen", "debian@trixie"), []byte("x"), 0o666)
	if got := w.Seen("debian@trixie"); got != 0 || w.said() == "" {
		t.Errorf("unreadable: %d, said %q", got, w.said())
	}
	if err := w.SetSeen("debian@trixie", 7); err != nil || w.Seen("debian@trixie") != 7 {
		t.Errorf("not healed: %v", err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if err := w.SetSeen("many", int64(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if w.Seen("many") != 19 {
		t.Errorf("many: %d", w.Seen("many"))
	}
}
