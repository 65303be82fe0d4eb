package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// memory keeps bodies in memory.
type memory struct{ puts atomic.Int64 }

func (m *memory) Put(r io.Reader, size int64) (tree.Content, error) {
	m.puts.Add(1)
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return tree.Content{}, err
	}
	return tree.Bytes(b), nil
}

// shelf is a getter of files in memory.
type shelf struct {
	files map[tree.Digest][]byte
	gets  atomic.Int64
	delay func(path string) time.Duration
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

func (s *shelf) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	s.gets.Add(1)
	if s.delay != nil {
		select {
		case <-time.After(s.delay(ref.Path)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	b, ok := s.files[ref.SHA256]
	if !ok {
		return nil, fmt.Errorf("%s: %w", ref.Path, fs.ErrNotExist)
	}
	return blob{bytes.NewReader(b)}, nil
}

// add makes a .deb of lines "PATH BODY" or "PATH/" and returns it as locked.
func (s *shelf) add(t testing.TB, name, lines string) lock.Package {
	t.Helper()
	var ar bytes.Buffer
	ar.WriteString("!<arch>\n")
	member := func(name string, b []byte) {
		fmt.Fprintf(&ar, "%-16s%-12s%-6s%-6s%-8s%-10d`\n%s", name, "0", "0", "0", "100644", len(b), b)
		if len(b)%2 == 1 {
			ar.WriteByte('\n')
		}
	}
	member("debian-binary", []byte("2.0\n"))
	member("control.tar", tarOf(t, "control Package: "+name+`\nVersion: 1\nArchitecture: all\nMulti-Arch: foreign\n`+"\npostinst #!/bin/sh\\n"))
	member("data.tar", tarOf(t, lines))
	b := ar.Bytes()
	if s.files == nil {
		s.files = map[tree.Digest][]byte{}
	}
	s.files[tree.Sum(b)] = b
	return lock.Package{Name: name, Version: "1", Arch: "all", From: "test", Path: "pool/" + name + "_1_all.deb", Size: int64(len(b)), SHA256: tree.Sum(b)}
}

func tarOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for line := range strings.Lines(text) {
		name, body, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		h := &tar.Header{Name: name, Mode: 0o644, Uname: "root", Gname: "root", ModTime: time.Unix(1e9, 0)}
		if body = strings.ReplaceAll(body, `\n`, "\n"); strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode, body = tar.TypeDir, 0o755, ""
		}
		if to, ok := strings.CutPrefix(body, "=> "); ok {
			h.Typeflag, h.Linkname, body = tar.TypeLink, to, ""
		}
		h.Size = int64(len(body))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, body)
	}
	w.Close()
	return b.Bytes()
}

var testRepos = map[string]*pkg.Repo{"test": {ID: "test", Format: "deb"}}

// describeAll prints packages with everything in them.
func describeAll(t testing.TB, us []*pkg.Unpacked) string {
	t.Helper()
	var out strings.Builder
	for _, u := range us {
		fmt.Fprintf(&out, "%s %s %d\n", u.Package, u.Package.Path, u.Package.Size)
		for _, s := range u.Scripts {
			fmt.Fprintf(&out, "  %s %s %q\n", s.Phase, s.Interpreter, s.Body)
		}
		err := fs.WalkDir(u.Control, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || p == "." {
				return err
			}
			b, err := fs.ReadFile(u.Control, p)
			info, _ := d.Info()
			fmt.Fprintf(&out, "  %s %s %q\n", info.Mode(), p, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range u.Nodes {
			b, err := n.Content.ReadAll(1 << 30)
			if err != nil {
				t.Fatal(err)
			}
			if n.Content.Size > 0 && tree.Sum(b) != n.Content.Digest {
				t.Errorf("%s: %d bytes that are not %s", n.Path, len(b), n.Content.Digest)
			}
			fmt.Fprintf(&out, "  %s %s %v %v %s %q %v %d,%d %s %s\n", n.Mode, n.Path, n.User, n.Group, n.ModTime, n.Link, n.Xattrs, n.Major, n.Minor, n.From, n.Content.Digest)
		}
	}
	return out.String()
}

func TestUnpack(t *testing.T) {
	s := &shelf{}
	var ps []lock.Package
	for i := range 20 {
		ps = append(ps, s.add(t, fmt.Sprintf("p%d", i), fmt.Sprintf("./\n./f%d %s\n./l => ./f%d\n./empty", i, strings.Repeat("x", i*1000), i)))
	}
	var told sync.Map
	st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Jobs: 3, Progress: func(p lock.Package) { told.Store(p.Name, true) }})
	us, err := st.Unpack(context.Background(), testRepos, ps)
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range us {
		if u.Package.Name != ps[i].Name || len(u.Nodes) != 4 || u.Nodes[1].Content.Size != int64(i*1000) || u.Package.Repo.ID != "test" {
			t.Errorf("package %d: %s with %d nodes", i, u.Package, len(u.Nodes))
		}
		if _, ok := told.Load(ps[i].Name); !ok {
			t.Errorf("no progress of %s", ps[i].Name)
		}
	}
	again, err := st.Unpack(context.Background(), testRepos, ps[3:5])
	if err != nil || again[0] != us[3] || s.gets.Load() != 20 {
		t.Errorf("not remembered: %v, %d gets", err, s.gets.Load())
	}
	if st.Format("deb") == nil || st.Format("rpm") != nil || st.Getter() != pkg.Getter(s) {
		t.Error("Format or Getter")
	}
}

// TestUnpackFirstError checks that one and the same error comes back whatever the schedule, and its type.
func TestUnpackFirstError(t *testing.T) {
	s := &shelf{delay: func(string) time.Duration { return time.Duration(rand.IntN(2000)) * time.Microsecond }}
	var ps []lock.Package
	for i := range 30 {
		lines := "./a " + strings.Repeat("x", rand.IntN(5000))
		if i == 7 || i == 12 || i == 25 {
			lines += "\n./b/../c x"
		}
		ps = append(ps, s.add(t, fmt.Sprintf("p%02d", i), lines))
	}
	for range 20 {
		rand.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
		st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Jobs: 4})
		_, err := st.Unpack(context.Background(), testRepos, ps)
		var refused *tree.RefusedError
		if !errors.As(err, &refused) || err.Error() != "package p07: data.tar: ./b/../c: path leaves the root" {
			t.Fatalf("got %v", err)
		}
	}
}

func TestUnpackErrors(t *testing.T) {
	s := &shelf{}
	good := s.add(t, "good", "./a x")
	other, version, from, gone := good, good, good, good
	other.Name, version.Version, from.From, gone.SHA256 = "other", "2", "nowhere", tree.Sum(nil)
	st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}})
	var trust *pkg.TrustError
	for _, p := range []lock.Package{other, version} {
		if _, err := st.Unpack(context.Background(), testRepos, []lock.Package{good, p}); !errors.As(err, &trust) || !strings.Contains(err.Error(), "control disagrees with the index") {
			t.Errorf("%s %s: got %v, want a TrustError", p.Name, p.Version, err)
		}
	}
	if _, err := st.Unpack(context.Background(), testRepos, []lock.Package{gone}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	from.SHA256[0]++
	if _, err := st.Unpack(context.Background(), testRepos, []lock.Package{from}); err == nil || !strings.Contains(err.Error(), `no source is called "nowhere"`) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := st.Unpack(ctx, testRepos, []lock.Package{gone}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	hand := s.add(t, "hand", "./x y")
	hand.From = ""
	if us, err := st.Unpack(context.Background(), nil, []lock.Package{hand}); err != nil || us[0].Package.Name != "hand" {
		t.Errorf("a file given by hand: %v", err)
	}
}

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
