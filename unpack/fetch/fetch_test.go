package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// world is a client with what it said and how long it would have slept.
type world struct {
	*Client
	mu      sync.Mutex
	reports []string
	slept   []time.Duration
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{}
	cfg := Config{
		Dir:   filepath.Join(t.TempDir(), "cache"),
		Netrc: filepath.Join(t.TempDir(), "netrc"),
		Report: func(s string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reports = append(w.reports, s)
		},
		Sleep: func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.slept = append(w.slept, d)
			return ctx.Err()
		},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Client = c
	t.Cleanup(func() { c.http.CloseIdleConnections() })
	return w
}

func (w *world) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.reports, "\n")
}

// body returns n bytes that are the same for the same seed and do not repeat soon.
func body(seed byte, n int) []byte {
	b := make([]byte, 0, n+32)
	sum := tree.Sum([]byte{seed})
	for len(b) < n {
		b = append(b, sum[:]...)
		sum = tree.Sum(sum[:])
	}
	return b[:n]
}

func refTo(data []byte, bases ...string) pkg.Ref {
	last := len(bases) - 1
	return pkg.Ref{
		Repo:   &pkg.Repo{ID: "r", Base: bases[last], Mirrors: bases[:last]},
		Path:   "pool/x_1.0+b1~a.deb",
		Size:   int64(len(data)),
		SHA256: tree.Sum(data),
	}
}

func read(t *testing.T, b pkg.Blob) []byte {
	t.Helper()
	defer b.Close()
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func mustGet(t *testing.T, w *world, ref pkg.Ref, want []byte) {
	t.Helper()
	b, err := w.Get(context.Background(), ref)
	if err != nil {
		t.Fatalf("Get(%s): %v", ref.Path, err)
	}
	if got := read(t, b); !bytes.Equal(got, want) {
		t.Fatalf("Get(%s): %d other bytes, want %d", ref.Path, len(got), len(want))
	}
}

// mustFail returns the error of a Get, and checks that nothing was stored.
func mustFail(t *testing.T, w *world, ref pkg.Ref) error {
	t.Helper()
	b, err := w.Get(context.Background(), ref)
	if err == nil {
		b.Close()
		t.Fatalf("Get(%s) succeeded", ref.Path)
	}
	if n, _, _ := w.Cache().Verify(context.Background()); n != 0 {
		t.Errorf("Get(%s) failed and left %d blobs", ref.Path, n)
	}
	return err
}

func isTrust(err error) bool {
	var e *pkg.TrustError
	return errors.As(err, &e)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func content(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.Write(data) }
}

// both sizes of blobs: held in memory, and not.
var sizes = []int{0, 1, 3000, small, small + 1, 3 << 20}

func TestGet(t *testing.T) {
	for _, n := range sizes {
		data := body(1, n)
		var asked atomic.Int32
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.URL.Path != "/debian/pool/x_1.0+b1~a.deb" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			if ua := r.Header.Get("User-Agent"); ua != "detinstall/1.2" {
				t.Errorf("User-Agent %q", ua)
			}
			if e := r.Header.Get("Accept-Encoding"); e != "identity" {
				t.Errorf("Accept-Encoding %q", e)
			}
			w.Write(data)
		})
		w := newWorld(t, func(c *Config) { c.Version = "1.2" })
		ref := refTo(data, s.URL+"/debian/")
		for range 3 {
			mustGet(t, w, ref, data)
		}
		if asked.Load() != 1 {
			t.Errorf("%d bytes: %d transfers, want 1", n, asked.Load())
		}
		// Layout, and no leavings.
		hex := ref.SHA256.Hex()
		got, err := os.ReadFile(filepath.Join(w.Cache().Path(), "blobs", "sha256", hex[:2], hex))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: not stored by digest: %v", n, err)
		}
		empty(t, filepath.Join(w.Cache().Path(), "partial"))
		if w.said() != "" {
			t.Errorf("reported %s", w.said())
		}
		// The same from a client that may not use the network.
		off := newWorld(t, func(c *Config) { c.Dir = w.Cache().Path(); c.Offline = true })
		mustGet(t, off, ref, data)
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range es {
		t.Errorf("left behind: %s", filepath.Join(dir, e.Name()))
	}
}

func TestBytes(t *testing.T) {
	for _, n := range []int{10, small + 1} {
		data := body(2, n)
		w := newWorld(t, nil)
		b, err := w.Get(context.Background(), refTo(data, serve(t, content(data)).URL))
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.(interface{ Bytes() ([]byte, error) }).Bytes()
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("Bytes of %d: %v", n, err)
		}
		b.Close()
		// A file that changes while it is open is noticed by Bytes.
		b, _ = w.Get(context.Background(), refTo(data, "file:/none"))
		hex := tree.Sum(data).Hex()
		name := filepath.Join(w.Cache().Path(), "blobs", "sha256", hex[:2], hex)
		if err := os.WriteFile(name, body(3, n), 0o666); err != nil {
			t.Fatal(err)
		}
		got, err = b.(interface{ Bytes() ([]byte, error) }).Bytes()
		if n > small && !isTrust(err) || n <= small && !bytes.Equal(got, data) {
			t.Errorf("Bytes of %d, changed on disk: %v", n, err)
		}
		b.Close()
	}
}

func TestMirrorsOrder(t *testing.T) {
	data := body(1, 5000)
	var mu sync.Mutex
	var order []string
	site := func(name string, h http.HandlerFunc) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			h(w, r)
		}).URL
	}
	gone := site("gone", http.NotFound)
	wrong := site("wrong", content(body(2, 5000)))
	short := site("short", content(data[:4000]))
	good := site("good", content(data))
	base := site("base", content(data))
	w := newWorld(t, nil)
	mustGet(t, w, refTo(data, gone, short, wrong, good, base), data)
	// Wrong bytes get one more chance.
	if got := strings.Join(order, " "); got != "gone short wrong wrong good" {
		t.Errorf("asked in the order %s", got)
	}
	for _, want := range []string{"got 4000 bytes, want 5000", tree.Sum(body(2, 5000)).Hex()} {
		if !strings.Contains(w.said(), want) {
			t.Errorf("report lacks %q: %s", want, w.said())
		}
	}
}

func TestErrors(t *testing.T) {
	data := body(1, 5000)
	bad := body(2, 5000)
	gone := serve(t, http.NotFound).URL
	wrong := serve(t, content(bad)).URL
	ill := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }).URL
	forbidden := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) }).URL
	for _, c := range []struct {
		name      string
		bases     []string
		trust, no bool
		texts     []string
	}{
		{"gone", []string{gone, gone}, false, true, []string{"404 not found"}},
		{"mirror ill, base gone", []string{ill, gone}, false, true, []string{"503", "404"}},
		{"mirror gone, base ill", []string{gone, ill}, false, false, []string{"503", "404"}},
		{"wrong somewhere", []string{wrong, gone}, true, false, []string{tree.Sum(bad).Hex(), tree.Sum(data).Hex(), "404"}},
		{"forbidden", []string{forbidden}, false, false, []string{"403 forbidden"}},
		{"no scheme", []string{"ftp://x/y"}, false, false, []string{"ftp://x/y"}},
		{"no host", []string{"http:///y"}, false, false, []string{"not an address"}},
	} {
		err := mustFail(t, newWorld(t, nil), refTo(data, c.bases...))
		if isTrust(err) != c.trust || errors.Is(err, fs.ErrNotExist) != c.no {
			t.Errorf("%s: trust %v, not exist %v: %v", c.name, isTrust(err), errors.Is(err, fs.ErrNotExist), err)
		}
		for _, s := range append(c.texts, "r: pool/x_1.0+b1~a.deb: ") {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: error lacks %q: %v", c.name, s, err)
			}
		}
	}
}

func TestBadRefs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "repo")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"../secret", "a/../../secret", "/etc/passwd", "", ".", "..", "a/..", "x\x00y"} {
		for _, base := range []string{"file:" + sub, "http://127.0.0.1:1"} {
			ref := pkg.Ref{Repo: &pkg.Repo{ID: "r", Base: base}, Path: p, Size: -1, SHA256: tree.Sum([]byte("x"))}
			if err := mustFail(t, newWorld(t, nil), ref); !isTrust(err) {
				t.Errorf("%q in %s: %v", p, base, err)
			}
		}
	}
	// The control: what is cleaned but fine.
	w := newWorld(t, nil)
	ref := pkg.Ref{Repo: &pkg.Repo{ID: "r", Base: "file:" + dir}, Path: "./secret", Size: 1, SHA256: tree.Sum([]byte("x"))}
	mustGet(t, w, ref, []byte("x"))
	if _, err := w.Get(context.Background(), pkg.Ref{Path: "x"}); err == nil {
		t.Error("no repository: no error")
	}
}
