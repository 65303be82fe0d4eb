package deb

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/detinstall/detinstall/internal/openpgp/pgptest"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// files is a pkg.Getter over a map from paths to bytes. It notes what it was asked for; like any getter it is asked by
// several goroutines at once.
type files struct {
	m    map[string][]byte
	mu   sync.Mutex
	seen []string
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

func (f *files) Get(_ context.Context, ref pkg.Ref) (pkg.Blob, error) {
	f.mu.Lock()
	f.seen = append(f.seen, ref.Path)
	f.mu.Unlock()
	data, ok := f.m[ref.Path]
	what := ref.Repo.ID + ": " + ref.Path
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	case ref.Size >= 0 && int64(len(data)) != ref.Size || int64(len(data)) > ref.Limit:
		return nil, pkg.Distrust(what, "%d bytes, want %d, at most %d", len(data), ref.Size, ref.Limit)
	case !ref.SHA256.IsZero() && tree.Sum(data) != ref.SHA256:
		return nil, pkg.Distrust(what, "wrong digest")
	}
	return blob{bytes.NewReader(data)}, nil
}

// deriver adds a cache of derived bytes.
type deriver struct {
	*files
	cache map[tree.Digest][]byte
	made  int
}

func (d *deriver) Derived(_ context.Context, want tree.Digest, size int64, make func(io.Writer) error) (pkg.Blob, error) {
	if data, ok := d.cache[want]; ok {
		return blob{bytes.NewReader(data)}, nil
	}
	d.made++
	var b bytes.Buffer
	if err := make(&b); err != nil {
		return nil, err
	}
	if tree.Sum(b.Bytes()) != want || int64(b.Len()) != size {
		return nil, pkg.Distrust("derived", "wrong digest or size")
	}
	d.cache[want] = b.Bytes()
	return blob{bytes.NewReader(b.Bytes())}, nil
}

// stanzas makes a Packages file: "NAME VERSION ARCH [FIELD: VALUE]..." with "; " between fields, one per line.
func stanzas(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		fields := strings.Split(l, "; ")
		f := strings.Fields(fields[0])
		fmt.Fprintf(&b, "Package: %s\nVersion: %s\nArchitecture: %s\n", f[0], f[1], f[2])
		for _, x := range fields[1:] {
			b.WriteString(x + "\n")
		}
		fmt.Fprintf(&b, "Filename: pool/%s_%s_%s.deb\nSize: 1\nSHA256: %s\n\n", f[0], f[1], f[2], tree.Sum([]byte(l)).Hex())
	}
	return b.String()
}

func gz(t testing.TB, s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const releaseDate = "Tue, 02 Jan 2024 00:00:00 UTC"

// suite is a repository in the making.
type suite struct {
	repo   *pkg.Repo
	key    *pgptest.Key
	head   string            // of the Release file
	lists  map[string]string // uncompressed, by path in the suite
	hidden bool              // the Release file does not list uncompressed indexes
}

func newSuite(t testing.TB, name string) *suite {
	k := pgptest.NewKey(t, 1, 0)
	return &suite{
		repo: &pkg.Repo{ID: "test@" + name, Suite: name, Components: []string{"main"}, Keys: []pkg.Key{{Name: "test.asc", Data: k.Armoured(t)}}},
		key:  k,
		head: "Origin: Test\nSuite: " + name + "\nCodename: code\nDate: " + releaseDate + "\nArchitectures: amd64 all\nNo-Support-for-Architecture-all: Packages\n",
		lists: map[string]string{"main/binary-amd64/Packages": stanzas(
			"hello 1 amd64; Depends: libc6", "libc6 2 amd64", "doc 1 all", "other 1 i386")},
	}
}

func (s *suite) dir() string {
	if strings.HasSuffix(s.repo.Suite, "/") {
		return path.Clean(s.repo.Suite)
	}
	return "dists/" + s.repo.Suite
}

// publish returns the suite's files, except for a signed Release file, and the Release file's text.
func (s *suite) publish(t testing.TB) (*files, string) {
	f := &files{m: map[string][]byte{}}
	release := s.head + "SHA256:\n"
	var names []string
	for name := range s.lists {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text := s.lists[name]
		compressed := gz(t, text)
		f.m[path.Join(s.dir(), name+".gz")] = compressed
		if !s.hidden {
			release += fmt.Sprintf(" %s %d %s\n", tree.Sum([]byte(text)).Hex(), len(text), name)
		}
		release += fmt.Sprintf(" %s %d %s\n", tree.Sum(compressed).Hex(), len(compressed), name+".gz")
	}
	return f, release
}

// signed returns the suite's files with an InRelease file.
func (s *suite) signed(t testing.TB) *files {
	f, release := s.publish(t)
	f.m[path.Join(s.dir(), "InRelease")] = []byte(s.key.Clearsign(t, release, pgptest.Options{}))
	return f
}

func open(get pkg.Getter, opt pkg.IndexOptions, repos ...*pkg.Repo) (*Universe, error) {
	u, err := Format{}.Universe(context.Background(), repos, "amd64", opt, get)
	if err != nil {
		return nil, err
	}
	return u.(*Universe), nil
}
