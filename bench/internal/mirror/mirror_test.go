package mirror

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

func TestGet(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/a/b" {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "b", time.Time{}, strings.NewReader("0123456789"))
	}))
	defer srv.Close()
	ctx := context.Background()
	m := Mirror{Base: srv.URL, Dir: filepath.Join(t.TempDir(), "kept")}
	ref := pkg.Ref{Path: "a/b", SHA256: tree.Sum([]byte("0123456789"))}
	for range 2 {
		b, err := m.Get(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if string(got) != "0123456789" {
			t.Errorf("got %q", got)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times for what is kept", asked)
	}
	// What was kept and changed is fetched again; without a digest nothing is kept.
	if err := os.WriteFile(filepath.Join(m.Dir, ref.SHA256.Hex()), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, r := range []pkg.Ref{ref, {Path: "a/b"}, {Path: "a/b"}} {
		if _, err := m.Get(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 4 {
		t.Errorf("asked %d times, want 4", asked)
	}
	if _, err := m.Get(ctx, pkg.Ref{Path: "a/b", SHA256: tree.Sum(nil)}); err == nil {
		t.Error("wrong bytes are taken")
	}
	if _, err := m.Get(ctx, pkg.Ref{Path: "none"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that says that it does not exist", err)
	}
	if b, err := m.Bytes(ctx, "a/b", "2-4"); err != nil || string(b) != "234" {
		t.Errorf("range: %q, %v", b, err)
	}
	srv.Close()
	if _, err := m.Get(ctx, pkg.Ref{Path: "a/b"}); err == nil || strings.Contains(err.Error(), srv.URL) {
		t.Errorf("got %v, want an error that does not name the mirror", err)
	}
}
