package tree_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
)

// faulty is a body that is not what its content says.
type faulty func() (io.ReadCloser, error)

func (f faulty) Open() (io.ReadCloser, error) { return f() }

func body(s string, wrap func(io.Reader) io.Reader) tree.Body {
	return faulty(func() (io.ReadCloser, error) { return io.NopCloser(wrap(strings.NewReader(s))), nil })
}

func same(r io.Reader) io.Reader { return r }

func TestWriteTarVerifies(t *testing.T) {
	before := runtime.NumGoroutine()
	good := strings.Repeat("0123456789abcdef", 30000) // a few chunks
	flip := []byte(good)
	flip[len(flip)/2] ^= 1
	errRead := errors.New("read fails")
	for name, tc := range map[string]struct {
		body tree.Body
		want string // in the error; empty: none
	}{
		"good":           {body(good, same), ""},
		"one byte reads": {body(good, iotest.OneByteReader), ""},
		"data with EOF":  {body(good, iotest.DataErrReader), ""},
		"flipped":        {body(string(flip), same), "/b: body is sha256:"},
		"short":          {body(good[1:], same), "/b: body has 479999 bytes, want 480000"},
		"empty":          {body("", same), "/b: body has 0 bytes, want 480000"},
		"long":           {body(good+"x", same), "/b: body has more than 480000 bytes"},
		"read fails": {body(good, func(r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, 200000), iotest.ErrReader(errRead))
		}), "/b: read fails"},
		"open fails": {faulty(func() (io.ReadCloser, error) { return nil, errRead }), "/b: read fails"},
		"none":       {nil, "/b: content sha256:"},
	} {
		tr := tree.New()
		n := file("b", good)
		n.Content.Body = tc.body
		bad := file("z", good)
		bad.Content.Body = body("", same)
		nodes := []tree.Node{file("a", good), n, file("c", good)}
		if tc.want != "" {
			nodes = append(nodes, bad) // the first error is told
		}
		for _, n := range nodes {
			if err := tr.Put(n); err != nil {
				t.Fatal(err)
			}
		}
		s := seal(t, tr, 0)
		var b bytes.Buffer
		err := s.WriteTar(&b)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		d, derr := s.Digest()
		if (derr == nil) != (tc.want == "") || (derr == nil) == d.IsZero() {
			t.Errorf("%s: Digest() = %s, %v", name, d, derr)
		}
		if err == nil && d != tree.Sum(b.Bytes()) {
			t.Errorf("%s: digest is not that of the archive", name)
		}
	}
	settle(t, before)
}

// settle waits until there are no more goroutines than before.
func settle(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
}

// failing fails after n bytes.
type failing struct{ n int }

var errFull = errors.New("full")

func (w *failing) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteTarToFullDisk(t *testing.T) {
	before := runtime.NumGoroutine()
	tr := tree.New()
	for i := range 40 {
		if err := tr.Put(file(strings.Repeat("x", i+1), strings.Repeat("body", 40000))); err != nil {
			t.Fatal(err)
		}
	}
	s := seal(t, tr, 0)
	size := len(writeTar(t, seal(t, tr, 0)))
	for _, n := range []int{0, 1, 200000, size - 1} {
		if err := s.WriteTar(&failing{n}); err != errFull {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if err := s.WriteTar(&failing{size}); err != nil {
		t.Error(err)
	}
	settle(t, before)
}

func TestSealedIsConcurrent(t *testing.T) {
	s := seal(t, picked(t), 1_700_000_000)
	want := tree.Sum(writeTar(t, seal(t, picked(t), 1_700_000_000)))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i%2 == 0 {
				if d, err := s.Digest(); err != nil || d != want {
					t.Errorf("Digest() = %s, %v", d, err)
				}
				return
			}
			var b bytes.Buffer
			if err := s.WriteTar(&b); err != nil || tree.Sum(b.Bytes()) != want {
				t.Errorf("WriteTar: %v", err)
			}
			if n, ok := s.Lookup("a/x"); !ok || n.Path != "a/x" {
				t.Errorf("Lookup: %v", n)
			}
		})
	}
	wg.Wait()
}

func TestLookup(t *testing.T) {
	s := seal(t, picked(t), 0)
	for n := range s.All() {
		if got, ok := s.Lookup(n.Path); !ok || got.Path != n.Path {
			t.Errorf("Lookup(%q) = %q, %v", n.Path, got.Path, ok)
		}
		if got, ok := s.Lookup(n.Path + "\x01"); ok {
			t.Errorf("Lookup finds %q", got.Path)
		}
	}
}
