package unpack

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

func TestKept(t *testing.T) {
	s := &shelf{}
	ps := []lock.Package{
		s.add(t, "small", "./\n./a small\n./b => ./a\n./empty"),
		s.add(t, "large", "./a x\n./big "+strings.Repeat("0123456789", 1000)+"\n./c yy\n./exact "+strings.Repeat("x", 4096)+"\n./last z"),
		s.add(t, "nothing", "./"),
	}
	dir := t.TempDir()
	bodies := &memory{}
	cfg := Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: bodies, Jobs: 2}
	unpack := func(cfg Config) string {
		t.Helper()
		us, err := NewStore(cfg).Unpack(context.Background(), testRepos, ps)
		if err != nil {
			t.Fatal(err)
		}
		return describeAll(t, us)
	}
	want := unpack(cfg)
	bodies.puts.Store(0)
	cfg.Kept = filepath.Join(dir, "kept")
	if got := unpack(cfg); got != want {
		t.Error(cmp.Diff(want, got))
	}
	gets := s.gets.Load()
	if got := unpack(cfg); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if s.gets.Load() != gets || bodies.puts.Load() != 0 {
		t.Errorf("%d archives were fetched again, %d bodies put elsewhere", s.gets.Load()-gets, bodies.puts.Load())
	}
	if parts, _ := filepath.Glob(filepath.Join(cfg.Kept, "sha256", "*", ".*")); parts != nil {
		t.Errorf("left over: %q", parts)
	}
	k := &keptStore{dir: cfg.Kept}
	large := k.path(ps[1].SHA256)
	for name, damage := range map[string]func() error{
		"meta cut":     func() error { return os.Truncate(filepath.Join(large, "meta"), 100) },
		"meta empty":   func() error { return os.Truncate(filepath.Join(large, "meta"), 0) },
		"meta flipped": func() error { return flip(filepath.Join(large, "meta"), 90) },
		"meta gone":    func() error { return os.Remove(filepath.Join(large, "meta")) },
		"data cut":     func() error { return os.Truncate(filepath.Join(large, "data"), 5000) },
		"data gone":    func() error { return os.Remove(filepath.Join(large, "data")) },
		"other package": func() error {
			return errors.Join(os.RemoveAll(large), os.CopyFS(large, os.DirFS(k.path(ps[0].SHA256))))
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		gets := s.gets.Load()
		if got := unpack(cfg); got != want {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
		if n := s.gets.Load() - gets; n != 1 {
			t.Errorf("%s: %d archives were fetched, want 1", name, n)
		}
	}
}

func flip(file string, at int64) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b[at] ^= 1
	return os.WriteFile(file, b, 0o644)
}

func TestHeal(t *testing.T) {
	s := &shelf{}
	ps := []lock.Package{s.add(t, "a", "./a x"), s.add(t, "b", "./b "+strings.Repeat("y", 9000)), s.add(t, "c", "./c z")}
	st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Kept: t.TempDir()})
	if _, err := st.Unpack(context.Background(), testRepos, ps); err != nil {
		t.Fatal(err)
	}
	if names, err := st.Heal(ps); err != nil || len(names) != 0 {
		t.Fatalf("healed %q, %v of a sound store", names, err)
	}
	if err := flip(filepath.Join(st.kept.path(ps[1].SHA256), "data"), 5000); err != nil {
		t.Fatal(err)
	}
	names, err := st.Heal(ps)
	if err != nil || strings.Join(names, " ") != "b" {
		t.Fatalf("healed %q, %v", names, err)
	}
	us, err := st.Unpack(context.Background(), testRepos, ps)
	if err != nil {
		t.Fatal(err)
	}
	describeAll(t, us) // compares digests
}

func TestKeptBusy(t *testing.T) {
	s := &shelf{}
	ps := []lock.Package{s.add(t, "a", "./a x")}
	bodies := &memory{}
	cfg := Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: bodies, Kept: t.TempDir()}
	k := &keptStore{dir: cfg.Kept}
	w, err := k.create(ps[0].SHA256, deb.Format{})
	if err != nil || w == nil {
		t.Fatal(w, err)
	}
	if _, err := NewStore(cfg).Unpack(context.Background(), testRepos, ps); err != nil || bodies.puts.Load() != 1 {
		t.Errorf("while another keeps it: %v, %d bodies", err, bodies.puts.Load())
	}
	if err := w.abort(); err != nil {
		t.Fatal(err)
	}
	// A crash leaves the directory without a lock.
	if err := os.MkdirAll(w.part, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStore(cfg).Unpack(context.Background(), testRepos, ps); err != nil || k.load(ps[0].SHA256, deb.Format{}) == nil {
		t.Errorf("after a crash: %v", err)
	}
	if _, err := os.Stat(w.part); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left over: %v", err)
	}
}

func TestCopyTo(t *testing.T) {
	s := &shelf{}
	ps := []lock.Package{s.add(t, "a", "./small tiny\n./big "+strings.Repeat("0123456789", 1000)+"\n./end "+strings.Repeat("e", 4097))}
	for _, parent := range []string{t.TempDir(), "/dev/shm"} {
		dir, err := os.MkdirTemp(parent, "copyto")
		if err != nil {
			t.Logf("SKIPPED: %v", err)
			continue
		}
		defer os.RemoveAll(dir)
		us, err := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Kept: dir}).Unpack(context.Background(), testRepos, ps)
		if err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{t.TempDir(), dir} { // another file system, and the same
			for _, n := range us[0].Nodes {
				f, err := os.Create(filepath.Join(out, n.Path))
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Content.Body.(interface{ CopyTo(*os.File) error }).CopyTo(f); err != nil {
					t.Fatal(err)
				}
				f.Close()
				b, err := os.ReadFile(f.Name())
				if err != nil || tree.Sum(b) != n.Content.Digest || int64(len(b)) != n.Content.Size {
					t.Errorf("%s: %d bytes, %v", n.Path, len(b), err)
				}
			}
		}
		file := us[0].Nodes[2].Content.Body.(*keptBody).data.path
		if err := os.Truncate(file, 8192); err != nil {
			t.Fatal(err)
		}
		f, _ := os.Create(filepath.Join(dir, "x"))
		if err := us[0].Nodes[2].Content.Body.(*keptBody).CopyTo(f); err == nil {
			t.Error("a cut body was copied")
		}
		if _, err := us[0].Nodes[2].Content.ReadAll(1 << 20); err == nil {
			t.Error("a cut body was read")
		}
		f.Close()
	}
}

func FuzzParseMeta(f *testing.F) {
	m := &meta{digest: tree.Sum(nil), dataSize: 8192}
	u := packages("package a 1\nfile 0644 root:root x\nlink 0777 root:root l -> x\nchar 0666 root:root n 1,3\nfile 0755 5:6 c @77 user.x=\"y\"")[0]
	m.nodes = u.Nodes
	m.nodes[0].Content = tree.Content{Size: 10, Digest: tree.Sum([]byte("x")), Body: &keptBody{off: 4096, size: 10}}
	good := m.marshal()
	f.Add(good[:len(good)-32])
	f.Fuzz(func(t *testing.T, b []byte) {
		end := tree.Sum(b)
		m, err := parseMeta(append(bytes.Clone(b), end[:]...))
		if err != nil {
			return
		}
		again, err := parseMeta(m.marshal())
		if err != nil || !bytes.Equal(again.marshal(), m.marshal()) {
			t.Errorf("what was parsed is written as something else: %v", err)
		}
		for _, n := range m.nodes {
			if b, ok := n.Content.Body.(*keptBody); ok && (b.off < 0 || b.size < 0 || b.off+b.size > m.dataSize) {
				t.Errorf("body %+v of %d bytes", b, m.dataSize)
			}
		}
	})
}
