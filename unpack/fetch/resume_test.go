package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
)

// An interrupted download goes on in the next run, from another client.
func TestResumeLater(t *testing.T) {
	data := body(1, 1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	f := &faulty{t: t, data: data, faults: []http.HandlerFunc{half(data, `"v1"`, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(100 * time.Millisecond)
		cancel()
		<-r.Context().Done()
	})}}
	url := serve(t, f.ServeHTTP).URL
	w := newWorld(t, nil)
	if _, err := w.Get(ctx, refTo(data, url)); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if n, _, _ := w.Cache().Verify(context.Background()); n != 0 {
		t.Errorf("interrupted, and %d blobs", n)
	}
	part := filepath.Join(w.Cache().Path(), "partial", tree.Sum(data).Hex()+".part")
	if st, err := os.Stat(part); err != nil || st.Size() != int64(len(data)/2) {
		t.Fatalf("nothing to go on with: %v", err)
	}
	again := newWorld(t, func(c *Config) { c.Dir = w.Cache().Path() })
	mustGet(t, again, refTo(data, url), data)
	if diff := cmp.Diff([]string{"", fmt.Sprintf("bytes=%d-", len(data)/2)}, f.ranges); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
	empty(t, filepath.Join(w.Cache().Path(), "partial"))
}

// What one mirror began no other goes on with.
func TestResumeElsewhere(t *testing.T) {
	data := body(1, 100_000)
	one := &faulty{t: t, data: data}
	for range tries {
		one.faults = append(one.faults, half(data, `"v1"`, cut))
	}
	two := &faulty{t: t, data: data}
	w := newWorld(t, nil)
	mustGet(t, w, refTo(data, serve(t, one.ServeHTTP).URL, serve(t, two.ServeHTTP).URL), data)
	middle := "bytes=50000-"
	if diff := cmp.Diff([]string{"", middle, middle}, one.ranges); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{""}, two.ranges); diff != "" {
		t.Errorf("the second (-want +got):\n%s", diff)
	}
}

// TestMain lets the test binary be a process that fetches, to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FETCH_TEST_CACHE"); dir != "" {
		c, err := New(Config{Dir: dir, Netrc: os.DevNull})
		if err == nil {
			var b interface{ Close() error }
			if b, err = c.Get(context.Background(), refTo(body(1, 2<<20), os.Getenv("FETCH_TEST_URL"))); err == nil {
				err = b.Close()
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Processes that are killed at any moment leave a cache that is good, and that the next one completes.
func TestKilled(t *testing.T) {
	data := body(1, 2<<20)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(slow{w}, r, "x.deb", time.Time{}, bytes.NewReader(data))
	}).URL
	dir := t.TempDir()
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "FETCH_TEST_CACHE="+dir, "FETCH_TEST_URL="+url)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	killed := 0
	for i := range 30 {
		cmd := start()
		time.Sleep(time.Duration(i) * 4 * time.Millisecond)
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
		}
		if _, bad, err := OpenCache(dir).Verify(context.Background()); bad != nil || err != nil {
			t.Fatalf("after %d: corrupt %v, %v", i, bad, err)
		}
	}
	if killed == 0 {
		t.Error("none was killed before it was ready: nothing is shown")
	}
	for _, cmd := range []*exec.Cmd{start(), start()} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("after the killings: %v", err)
		}
	}
	mustGet(t, newWorld(t, func(c *Config) { c.Dir = dir; c.Offline = true }), refTo(data, url), data)
	empty(t, filepath.Join(dir, "partial"))
}

// slow sends 64 KiB a millisecond.
type slow struct{ http.ResponseWriter }

func (s slow) Write(p []byte) (int, error) {
	sent := 0
	for len(p) > 0 {
		n, err := s.ResponseWriter.Write(p[:min(len(p), 64<<10)])
		if sent += n; err != nil {
			return sent, err
		}
		s.ResponseWriter.(http.Flusher).Flush()
		time.Sleep(time.Millisecond)
		p = p[n:]
	}
	return sent, nil
}
