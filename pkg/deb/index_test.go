package deb

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"errors"
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
	"github.com/google/go-cmp/cmp"
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

func TestUniverse(t *testing.T) {
	s := newSuite(t, "stable")
	f := s.signed(t)
	u, err := open(f, pkg.IndexOptions{}, s.repo)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"doc", "hello", "libc6"}, slices.Collect(u.Names())); diff != "" {
		t.Error(diff)
	}
	p := u.Named("hello")[0]
	if p.Path != "pool/hello_1_amd64.deb" || p.Size != 1 || p.SHA256 != tree.Sum([]byte("hello 1 amd64; Depends: libc6")) || p.Repo != s.repo {
		t.Errorf("%+v", p)
	}
	if p != u.Named("hello")[0] {
		t.Error("another package the second time")
	}
	if len(u.Named("other")) != 0 {
		t.Error("a foreign package")
	}
	v := u.Verified()
	key := fmt.Sprintf("%X", s.key.Entity.PrimaryKey.Fingerprint)
	if len(v) != 1 || v[0].Repo != s.repo || v[0].Date != 1704153600 || !slices.Equal(v[0].Fingerprint, []string{key}) ||
		v[0].Index != tree.Sum(f.m["dists/stable/InRelease"]) {
		t.Errorf("verified %+v", v)
	}
	want := []string{"dists/stable/InRelease", "dists/stable/main/binary-amd64/Packages.gz"}
	if diff := cmp.Diff(want, f.seen); diff != "" {
		t.Error(diff)
	}
}

func TestDerivedIndexNeedsNoDownload(t *testing.T) {
	s := newSuite(t, "stable")
	d := &deriver{s.signed(t), map[tree.Digest][]byte{}, 0}
	for range 2 {
		if _, err := open(d, pkg.IndexOptions{}, s.repo); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.seen); d.made != 1 || n != 3 {
		t.Errorf("made %d times, %d requests: %v", d.made, n, d.seen)
	}
}

func TestByHash(t *testing.T) {
	s := newSuite(t, "stable")
	s.head += "Acquire-By-Hash: yes\n"
	f := s.signed(t)
	if _, err := open(f, pkg.IndexOptions{}, s.repo); err != nil {
		t.Fatal(err) // the plain name is the fallback
	}
	plain := "dists/stable/main/binary-amd64/Packages.gz"
	hashed := path.Dir(plain) + "/by-hash/SHA256/" + tree.Sum(f.m[plain]).Hex()
	f.m[hashed], f.m[plain] = f.m[plain], []byte("the mirror is being updated")
	f.seen = nil
	if _, err := open(f, pkg.IndexOptions{}, s.repo); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(f.seen, hashed) || slices.Contains(f.seen, plain) {
		t.Errorf("requests %v", f.seen)
	}
}

func TestReleaseWithDetachedSignature(t *testing.T) {
	s := newSuite(t, "stable")
	f, release := s.publish(t)
	f.m["dists/stable/Release"] = []byte(release)
	if _, err := open(f, pkg.IndexOptions{}, s.repo); err == nil || !distrusted(err) {
		t.Errorf("without a signature: %v", err)
	}
	sig := s.key.Sign(t, release, pgptest.Options{Binary: true})
	for _, sig := range [][]byte{sig, []byte(pgptest.Armour("SIGNATURE", sig))} {
		f.m["dists/stable/Release.gpg"] = sig
		if u, err := open(f, pkg.IndexOptions{}, s.repo); err != nil || len(u.Verified()[0].Fingerprint) != 1 {
			t.Errorf("%v", err)
		}
	}
	f.m["dists/stable/Release"] = append(f.m["dists/stable/Release"], "X: y\n"...)
	if _, err := open(f, pkg.IndexOptions{}, s.repo); err == nil || !distrusted(err) {
		t.Errorf("changed: %v", err)
	}
}

func distrusted(err error) bool {
	var t *pkg.TrustError
	return errors.As(err, &t)
}

func TestFlatRepository(t *testing.T) {
	for _, name := range []string{"./", "sub/"} {
		s := newSuite(t, name)
		s.lists = map[string]string{"Packages": strings.ReplaceAll(stanzas("hello 1 amd64"), "pool/", "./pool/")}
		u, err := open(s.signed(t), pkg.IndexOptions{}, s.repo)
		if err != nil {
			t.Fatal(err)
		}
		if p := u.Named("hello"); len(p) != 1 || p[0].Path != "pool/hello_1_amd64.deb" {
			t.Errorf("%v", p)
		}
	}
}

func TestUncompressedNotListed(t *testing.T) {
	s := newSuite(t, "stable")
	s.hidden = true
	u, err := open(s.signed(t), pkg.IndexOptions{}, s.repo)
	if err != nil || len(u.Named("hello")) != 1 {
		t.Errorf("%v", err)
	}
}

func TestUnsigned(t *testing.T) {
	s := newSuite(t, "stable")
	s.repo.Unsigned = true
	f, release := s.publish(t)
	other := pgptest.NewKey(t, 2, 0)
	open := func(what string) {
		t.Helper()
		u, err := open(f, pkg.IndexOptions{}, s.repo)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		if v := u.Verified()[0]; len(v.Fingerprint) != 0 || len(u.Named("hello")) != 1 {
			t.Errorf("%s: %+v", what, v)
		}
	}
	f.m["dists/stable/main/binary-amd64/Packages"] = []byte(s.lists["main/binary-amd64/Packages"])
	open("no Release at all")
	f.m["dists/stable/Release"] = []byte(release)
	open("Release without a signature")
	f.m["dists/stable/InRelease"] = []byte(other.Clearsign(t, release, pgptest.Options{}))
	open("a stranger's signature")
	s.repo.Unsigned = false
	if _, err := openErr(f, s.repo); !distrusted(err) {
		t.Errorf("negative control: %v", err)
	}
}

func openErr(get pkg.Getter, r *pkg.Repo) (*Universe, error) {
	return open(get, pkg.IndexOptions{}, r)
}

func TestIndexForAll(t *testing.T) {
	s := newSuite(t, "stable")
	s.head = strings.Replace(s.head, "No-Support-for-Architecture-all: Packages\n", "", 1)
	s.lists["main/binary-all/Packages"] = stanzas("common 1 all")
	u, err := open(s.signed(t), pkg.IndexOptions{}, s.repo)
	if err != nil || len(u.Named("common")) != 1 {
		t.Errorf("%v", err)
	}
	s.head += "No-Support-for-Architecture-all: Packages\n"
	if u, err = open(s.signed(t), pkg.IndexOptions{}, s.repo); err != nil || len(u.Named("common")) != 0 {
		t.Errorf("not supported: %v", err)
	}
}

func TestDistrust(t *testing.T) {
	const now = 1704153600 // releaseDate
	for name, c := range map[string]struct {
		change func(s *suite, f *files, release string)
		opt    pkg.IndexOptions
		want   string // "" is accepted
	}{
		"clean":     {},
		"wrong key": {change: func(s *suite, f *files, _ string) { s.repo.Keys[0].Data = pgptest.NewKey(t, 2, 0).Armoured(t) }, want: "not among the trusted keys"},
		"no key":    {change: func(s *suite, f *files, _ string) { s.repo.Keys = nil }, want: "not among the trusted keys"},
		"prefix":    {change: edit(func(in string) string { return "x\n" + in }), want: "does not start with"},
		"suffix":    {change: edit(func(in string) string { return in + "x\n" }), want: "text after"},
		"two":       {change: edit(func(in string) string { return in + in }), want: "text after"},
		"body":      {change: edit(func(in string) string { return strings.Replace(in, "Suite: stable", "Suite: staple", 1) }), want: "no good signature"},
		"no hash":   {change: edit(func(in string) string { return strings.Replace(in, "Hash: SHA256\n", "", 1) }), want: "no Hash header"},
		"truncated": {change: edit(func(in string) string { return in[:len(in)-40] }), want: "unexpected end of file"},
		"SHA-1": {change: func(s *suite, f *files, release string) {
			f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(t, release, pgptest.Options{Hash: crypto.SHA1}))
		}, want: "insecure digest"},
		"wrong Packages": {change: func(s *suite, f *files, _ string) {
			f.m["dists/stable/main/binary-amd64/Packages.gz"] = gz(t, "x")
		}, want: "Packages.gz: "},
		"origin":             {change: func(s *suite, f *files, _ string) { s.repo.Expect.Origin = "Debian" }, want: `origin is "Test"`},
		"suite":              {change: func(s *suite, f *files, _ string) { s.repo.Expect.Suite = "testing" }, want: `want "testing"`},
		"suite by codename":  {change: func(s *suite, f *files, _ string) { s.repo.Expect.Suite = "code" }},
		"codename":           {change: func(s *suite, f *files, _ string) { s.repo.Expect.Codename = "sid" }, want: `want "sid"`},
		"not expired":        {change: head("Valid-Until: Wed, 03 Jan 2024 00:00:00 UTC\n"), opt: pkg.IndexOptions{Now: now + 3600}},
		"expired":            {change: head("Valid-Until: Wed, 03 Jan 2024 00:00:00 UTC\n"), opt: pkg.IndexOptions{Now: now + 90000}, want: "expired on 2024-01-03"},
		"expired, no clock":  {change: head("Valid-Until: Wed, 03 Jan 2024 00:00:00 UTC\n")},
		"future":             {opt: pkg.IndexOptions{Now: now - 90000}, want: "future"},
		"nearly future":      {opt: pkg.IndexOptions{Now: now - 3600}},
		"rollback":           {opt: pkg.IndexOptions{NotBefore: map[string]int64{"test@stable": now + 1}}, want: "old state"},
		"same again":         {opt: pkg.IndexOptions{NotBefore: map[string]int64{"test@stable": now}}},
		"rollback elsewhere": {opt: pkg.IndexOptions{NotBefore: map[string]int64{"test@other": now + 1}}},
		"no date": {change: func(s *suite, f *files, _ string) {
			s.head = strings.Replace(s.head, "Date: "+releaseDate+"\n", "", 1)
			*f = *s.signed(t)
		}, want: "no date"},
		"malformed date": {change: head("Valid-Until: tomorrow\n"), want: "not in UTC"},
		"uncompressed digest": {change: func(s *suite, f *files, release string) {
			text := s.lists["main/binary-amd64/Packages"]
			release = strings.Replace(release, tree.Sum([]byte(text)).Hex(), tree.Sum(nil).Hex(), 1)
			f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(t, release, pgptest.Options{}))
		}, want: "want "},
		"bomb": {change: func(s *suite, f *files, release string) {
			text := s.lists["main/binary-amd64/Packages"]
			release = strings.Replace(release, fmt.Sprintf(" %d main/binary-amd64/Packages\n", len(text)), " 100 main/binary-amd64/Packages\n", 1)
			f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(t, release, pgptest.Options{}))
		}, want: "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, "stable")
			f := s.signed(t)
			_, release := s.publish(t)
			if c.change != nil {
				c.change(s, f, release)
			}
			u, err := open(f, c.opt, s.repo)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || u != nil {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if !distrusted(err) || !strings.HasPrefix(err.Error(), "test@stable: ") {
				t.Errorf("error %v is no TrustError that names the repository", err)
			}
		})
	}
}

func edit(change func(string) string) func(*suite, *files, string) {
	return func(_ *suite, f *files, _ string) {
		f.m["dists/stable/InRelease"] = []byte(change(string(f.m["dists/stable/InRelease"])))
	}
}

// head adds a field to the Release file.
func head(field string) func(*suite, *files, string) {
	return func(s *suite, f *files, release string) {
		release = strings.Replace(release, "SHA256:\n", field+"SHA256:\n", 1)
		var t testing.T
		f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(&t, release, pgptest.Options{}))
	}
}

func TestMissing(t *testing.T) {
	s := newSuite(t, "stable")
	_, err := openErr(&files{}, s.repo)
	if !errors.Is(err, fs.ErrNotExist) || distrusted(err) {
		t.Errorf("no repository: %v", err)
	}
	f := s.signed(t)
	delete(f.m, "dists/stable/main/binary-amd64/Packages.gz")
	if _, err := openErr(f, s.repo); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no index: %v", err)
	}
	s.repo.Components = []string{"main", "contrib"}
	if _, err := openErr(s.signed(t), s.repo); err == nil || !strings.Contains(err.Error(), "contrib/binary-amd64/Packages: not in the Release file") {
		t.Errorf("unknown component: %v", err)
	}
}

func TestErrorsAreThoseOfTheFirstRepository(t *testing.T) {
	a, b := newSuite(t, "a"), newSuite(t, "b")
	for range 20 {
		if _, err := open(&files{}, pkg.IndexOptions{}, a.repo, b.repo); err == nil || !strings.HasPrefix(err.Error(), "test@a: ") {
			t.Fatal(err)
		}
	}
}
