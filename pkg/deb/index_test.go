package deb

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/internal/openpgp/pgptest"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/google/go-cmp/cmp"
)

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
