package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// entry returns the name of data's blob.
func entry(w *world, data []byte) string { return w.Cache().blobPath(tree.Sum(data)) }

func TestCorruptHealed(t *testing.T) {
	for _, n := range []int{3000, small + 100} {
		data := body(1, n)
		url := serve(t, content(data)).URL
		for _, c := range []struct {
			name  string
			spoil func(name string) error
		}{
			{"flipped bit", func(name string) error {
				f, err := os.OpenFile(name, os.O_RDWR, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = f.WriteAt([]byte{data[n/2] ^ 1}, int64(n/2))
				return err
			}},
			{"truncated", func(name string) error { return os.Truncate(name, int64(n-1)) }},
			{"empty", func(name string) error { return os.Truncate(name, 0) }},
			{"longer", func(name string) error { return os.Truncate(name, int64(n+1)) }},
			{"a link", func(name string) error { os.Remove(name); return os.Symlink("/etc/passwd", name) }},
			{"a directory", func(name string) error { os.Remove(name); return os.Mkdir(name, 0o777) }},
			{"a pipe", func(name string) error { os.Remove(name); return unix.Mkfifo(name, 0o666) }},
		} {
			t.Run(fmt.Sprint(c.name, n), func(t *testing.T) {
				w := newWorld(t, nil)
				ref := refTo(data, url)
				mustGet(t, w, ref, data)
				if err := c.spoil(entry(w, data)); err != nil {
					t.Fatal(err)
				}
				mustGet(t, w, ref, data)
				if !strings.Contains(w.said(), "corrupt cache entry, refetching") {
					t.Errorf("said %q", w.said())
				}
				// It is healed for good.
				before := w.said()
				mustGet(t, w, ref, data)
				if w.said() != before {
					t.Errorf("not healed: %s", w.said())
				}
				// Offline it is an error, and never other bytes.
				if err := c.spoil(entry(w, data)); err != nil {
					t.Fatal(err)
				}
				off := newWorld(t, func(c *Config) { c.Dir = w.Cache().Path(); c.Offline = true })
				if err := mustFail(t, off, ref); !errors.Is(err, pkg.ErrOffline) || !strings.Contains(off.said(), "corrupt cache entry, removed") {
					t.Errorf("offline: %v, said %q", err, off.said())
				}
			})
		}
	}
}

func TestOffline(t *testing.T) {
	var asked atomic.Int32
	data := body(1, 100)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); w.Write(data) }).URL
	w := newWorld(t, func(c *Config) { c.Offline = true })
	ref := refTo(data, url)
	index := pkg.Ref{Repo: ref.Repo, Path: "dists/a/InRelease", Size: -1}
	snap := refTo(data, url)
	snap.Repo.Snapshot, snap.Repo.Date = url+"/archive/debian", 1
	mixed := refTo(data, "file:"+t.TempDir(), url)
	for _, r := range []pkg.Ref{ref, index, snap, mixed} {
		err := mustFail(t, w, r)
		if !errors.Is(err, pkg.ErrOffline) || isTrust(err) || !strings.Contains(err.Error(), strings.TrimPrefix(r.Path, "pool/")) {
			t.Errorf("%s: %v", r.Path, err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("offline, and asked %d times", asked.Load())
	}
	if _, err := os.Stat(w.Cache().Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a miss made the cache: %v", err)
	}
	// What was brought online, the index too, is there offline: its latest state.
	on := newWorld(t, func(c *Config) { c.Dir = w.Cache().Path() })
	mustGet(t, on, ref, data)
	mustGet(t, on, index, data)
	data = body(2, 200)
	mustGet(t, on, index, data)
	mustGet(t, w, index, data)
	mustGet(t, w, ref, body(1, 100))
	if asked.Load() != 3 {
		t.Errorf("asked %d times, want 3: an index is asked for each time", asked.Load())
	}
	// Another repository's index is another.
	index.Repo = &pkg.Repo{ID: "other", Base: url}
	if _, err := w.Get(context.Background(), index); !errors.Is(err, pkg.ErrOffline) {
		t.Errorf("another repository: %v", err)
	}
	// A kept index that is corrupt is none, nor is an unreadable note.
	index.Repo = ref.Repo
	if err := os.Truncate(entry(on, data), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(context.Background(), index); !errors.Is(err, pkg.ErrOffline) || !strings.Contains(w.said(), "corrupt") {
		t.Errorf("corrupt index: %v", err)
	}
	mustGet(t, on, index, data)
	mustGet(t, w, index, data)
	os.WriteFile(filepath.Join(w.Cache().Path(), "indexes", noteKey(index)), []byte("nonsense\n"), 0o666)
	if _, err := w.Get(context.Background(), index); !errors.Is(err, pkg.ErrOffline) {
		t.Errorf("nonsense note: %v", err)
	}
}

// The digest is right and the size is not: the metadata contradict themselves.
func TestSizeContradicted(t *testing.T) {
	data := body(1, 100)
	w := newWorld(t, nil)
	ref := refTo(data, serve(t, content(data)).URL)
	mustGet(t, w, ref, data)
	ref.Size++
	if _, err := w.Get(context.Background(), ref); !isTrust(err) {
		t.Errorf("other size: %v", err)
	}
	ref.Size, ref.Limit = -1, 99
	if _, err := w.Get(context.Background(), ref); !isTrust(err) {
		t.Errorf("over the limit: %v", err)
	}
	ref.Limit = 100
	mustGet(t, w, ref, data)
}

func TestVerifyClean(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, nil)
	if n, bad, err := w.Cache().Verify(ctx); n != 0 || bad != nil || err != nil {
		t.Errorf("no cache: %d, %v, %v", n, bad, err)
	}
	if n, err := w.Cache().Clean(); n != 0 || err != nil {
		t.Errorf("clean no cache: %d, %v", n, err)
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }).URL
	var names []string
	for i := range 5 {
		data := fmt.Appendf(nil, "/f%d", i)
		ref := refTo(data, url)
		ref.Path = string(data[1:])
		mustGet(t, w, ref, data)
		names = append(names, entry(w, data))
	}
	if n, bad, err := w.Cache().Verify(ctx); n != 5 || bad != nil || err != nil {
		t.Errorf("good cache: %d, %v, %v", n, bad, err)
	}
	os.WriteFile(names[2], []byte("spoilt"), 0o666)
	stray := filepath.Join(w.Cache().Path(), "blobs", "sha256", "00", "stray")
	os.MkdirAll(filepath.Dir(stray), 0o777)
	os.WriteFile(stray, nil, 0o666)
	n, bad, err := w.Cache().Verify(ctx)
	if n != 6 || err != nil || len(bad) != 2 || !strings.Contains(strings.Join(bad, " "), names[2]) || !strings.Contains(strings.Join(bad, " "), stray) {
		t.Errorf("bad cache: %d, %v, %v", n, bad, err)
	}
	if _, err := os.Stat(names[2]); err != nil {
		t.Errorf("Verify changes: %v", err)
	}
	if err := w.SetSeen("r", 5); err != nil {
		t.Fatal(err)
	}
	// Not under the feet of a writer.
	p, err := w.Cache().begin(ctx, tree.Sum([]byte("new")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Cache().Clean(); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("clean while in use: %v", err)
	}
	p.close()
	if freed, err := w.Cache().Clean(); err != nil || freed != 4*3+6 {
		t.Errorf("clean: %d, %v", freed, err)
	}
	if n, _, _ := w.Cache().Verify(ctx); n != 0 || w.Seen("r") != 5 {
		t.Errorf("clean left %d blobs, seen %d", n, w.Seen("r"))
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	w.Cache().put(ctx, tree.Sum(nil), nil)
	if _, _, err := w.Cache().Verify(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Two clients at one cache, as two processes would be: locks belong to open files.
func TestTwoClients(t *testing.T) {
	data := body(1, 2<<20)
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Write(data[:100])
		w.(http.Flusher).Flush()
		time.Sleep(100 * time.Millisecond)
		w.Write(data[100:])
	}).URL
	a := newWorld(t, nil)
	b := newWorld(t, func(c *Config) { c.Dir = a.Cache().Path() })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { mustGet(t, a, refTo(data, url), data) })
		wg.Go(func() { mustGet(t, b, refTo(data, url), data) })
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("%d transfers, want 1", asked.Load())
	}
	empty(t, filepath.Join(a.Cache().Path(), "partial"))
	// Waiting for another process ends with the context.
	p, err := a.Cache().begin(context.Background(), tree.Sum([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Get(ctx, refTo([]byte("x"), url)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
}
