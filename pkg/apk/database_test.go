package apk

import (
	"archive/tar"
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// described makes a package of a .PKGINFO, with the checksums that reading its archive would have left behind.
func described(t *testing.T, info, sums string, scripts ...pkg.Script) *pkg.Unpacked {
	t.Helper()
	control := fstest.MapFS{
		pkgInfo:  {Data: []byte(info)},
		sumsFile: {Data: []byte(Checksum(sha1.Sum([]byte(info))).String() + "\n" + sums)},
	}
	p, _, err := Format{}.Describe(control)
	if err != nil {
		t.Fatal(err)
	}
	p.Size = 123
	return &pkg.Unpacked{Package: p, Control: control, Scripts: scripts}
}

func own(name string) tree.Owner { return tree.Owner{Name: name, ID: 77} }

// sumA is the sha1 of "a".
const sumA = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"

// manifold is a package with all that a record of the database can say.
func manifold(t *testing.T) *pkg.Unpacked {
	b := described(t, "pkgname = b\npkgver = 1-r0\narch = x86_64\npkgdesc = of  things\nsize = 5\ntriggers = /a\ntriggers = /b/*\n",
		sumA+" etc/b/conf\n"+sumA+" etc/b/ours\n"+sumA+" \"odd\\012name\"\n"+sumA+" usr/bin/b\n"+sumA+" usr/bin/link\n",
		pkg.Script{Phase: ".trigger", Body: []byte("#!/bin/sh\n")}, pkg.Script{Phase: ".pre-install", Body: bytes.Repeat([]byte("x"), 513)})
	b.Nodes = []tree.Node{
		{Path: ".", Mode: fs.ModeDir | 0o755},
		{Path: "etc/b", Mode: fs.ModeDir | fs.ModeSetgid | 0o750, User: own("root"), Group: own("here")},
		{Path: "etc/b/conf", Mode: 0o640, User: own("here"), Group: own("nowhere")},
		{Path: "etc/b/ours", Mode: 0o644, User: tree.Root, Group: tree.Root},
		{Path: "etc/b/lost", Mode: 0o644, User: tree.Root, Group: tree.Root},
		{Path: "usr/bin/b", Mode: fs.ModeSetuid | 0o755, User: tree.Root, Group: tree.Root},
		{Path: "usr/bin/link", Mode: fs.ModeSymlink | 0o777, User: tree.Root, Group: tree.Root, Link: "b"},
		{Path: "etc/b/nosum", Mode: 0o644, User: tree.Root, Group: tree.Root},
		{Path: "top", Mode: 0o644, User: tree.Root, Group: tree.Root},
	}
	return b
}

func TestDatabase(t *testing.T) {
	b := manifold(t)
	a := described(t, "pkgname = a\npkgver = 2\nreplaces = b\n", "")
	nodes, err := Database([]Entry{
		{Package: b, Files: []string{".", "etc/b", "etc/b/conf", "etc/b/ours", "usr/bin/b", "usr/bin/link", "etc/b/nosum", "top"}}, {Package: a}},
		DatabaseOptions{Dir: "lib/apk/db", Arch: "x86_64", World: []string{"z", "a", "z"}, Epoch: 86400,
			Users: map[string]uint32{"here": 5}, Groups: map[string]uint32{"here": 6}})
	if err != nil {
		t.Fatal(err)
	}
	got, paths := textOf(t, nodes)
	for name, want := range map[string]string{
		"etc/apk/arch": "x86_64\n", "etc/apk/world": "a\nz\n", "lib/apk/db/lock": "",
		"lib/apk/db/triggers":  identityOf(b) + " /a /b/*\n",
		"lib/apk/db/installed": installedOf(a, b),
	} {
		if d := cmp.Diff(want, got[name]); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if want := "644 etc/apk/arch\n644 etc/apk/world\n644 lib/apk/db/installed\n600 lib/apk/db/lock\n644 lib/apk/db/scripts.tar\n644 lib/apk/db/triggers\n"; paths != want {
		t.Errorf("got\n%s\nwant\n%s", paths, want)
	}
	checkScripts(t, got["lib/apk/db/scripts.tar"], b)
}

// installedOf is what the database says of TestDatabase's packages.
func installedOf(a, b *pkg.Unpacked) string {
	return "C:" + identityOf(a) + `
P:a
V:2
A:noarch
S:123
I:0
T:
U:
L:
r:b

C:` + identityOf(b) + `
P:b
V:1-r0
A:x86_64
S:123
I:5
T:of  things
U:
L:
F:etc/b
M:0:6:2750
R:conf
a:5:77:640
Z:Q1hvfkN/qlp/zhXR3cuerq6jd2Z7g=
R:ours
Z:Q1hvfkN/qlp/zhXR3cuerq6jd2Z7g=
R:nosum
F:usr/bin
R:b
a:0:0:4755
Z:Q1hvfkN/qlp/zhXR3cuerq6jd2Z7g=
R:link
a:0:0:777
Z:Q1hvfkN/qlp/zhXR3cuerq6jd2Z7g=
F:
R:top

`
}

// textOf returns the bodies of nodes by path, and their modes and paths.
func textOf(t *testing.T, nodes []tree.Node) (got map[string]string, paths string) {
	t.Helper()
	got = map[string]string{}
	for _, n := range nodes {
		body, err := n.Content.ReadAll(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		got[n.Path] = string(body)
		paths += fmt.Sprintf("%o %s\n", n.Mode, n.Path)
	}
	return got, paths
}

func identityOf(u *pkg.Unpacked) string { return u.Package.Native.(*Info).Identity() }

// checkScripts reads the scripts with the standard library: the order is the database's own.
func checkScripts(t *testing.T, archive string, u *pkg.Unpacked) {
	t.Helper()
	text := ""
	r := tar.NewReader(strings.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("%s %o %d %s %d\n", h.Name, h.Mode, len(body), h.Uname, h.ModTime.Unix())
	}
	want := fmt.Sprintf("b-1-r0.%[1]s.pre-install 755 513 root 86400\nb-1-r0.%[1]s.trigger 755 10 root 86400\n", identityOf(u))
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// TestDatabaseWithoutSums: a package whose checksums are not known has no record.
func TestDatabaseWithoutSums(t *testing.T) {
	u := described(t, "pkgname = a\npkgver = 1\n", "")
	u.Control = fstest.MapFS{}
	if _, err := Database([]Entry{{Package: u}}, DatabaseOptions{}); err == nil || !strings.Contains(err.Error(), sumsFile) {
		t.Errorf("got %v", err)
	}
	u.Control = fstest.MapFS{sumsFile: {Data: []byte("Q1x\n" + sumA + " a\\q\n")}}
	if _, err := Database([]Entry{{Package: u}}, DatabaseOptions{}); err == nil {
		t.Error("a path that is wrongly quoted is taken")
	}
}

func TestOverwrites(t *testing.T) {
	info := func(text string) *Info {
		i, err := ParsePkgInfo([]byte(strings.ReplaceAll(text, "; ", "\n") + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for _, c := range []struct {
		later, older string
		want         int
	}{
		{"pkgname = a; pkgver = 1", "pkgname = b; pkgver = 1", 0},
		{"pkgname = a; pkgver = 2", "pkgname = a; pkgver = 1", 1},
		{"pkgname = a; pkgver = 1; origin = o", "pkgname = b; pkgver = 1; origin = o", 1},
		{"pkgname = a; pkgver = 1; origin = o", "pkgname = b; pkgver = 1; origin = p", 0},
		{"pkgname = a; pkgver = 1; replaces = b", "pkgname = b; pkgver = 1", 1},
		{"pkgname = a; pkgver = 1; replaces = b<1", "pkgname = b; pkgver = 1", 0},
		{"pkgname = a; pkgver = 1; replaces = b<2", "pkgname = b; pkgver = 1", 1},
		{"pkgname = a; pkgver = 1; replaces = c b~1.2", "pkgname = b; pkgver = 1.2.3", 1},
		{"pkgname = a; pkgver = 1", "pkgname = b; pkgver = 1; replaces = a", -1},
		{"pkgname = a; pkgver = 1; replaces = b", "pkgname = b; pkgver = 1; replaces = a", 1},
		{"pkgname = a; pkgver = 1; replaces = b", "pkgname = b; pkgver = 1; replaces = a; replaces_priority = 2", -1},
		{"pkgname = a; pkgver = 1; replaces = b; replaces_priority = 3", "pkgname = b; pkgver = 1; replaces = a; replaces_priority = 2", 1},
		{"pkgname = a; pkgver = 1; replaces_priority = 3", "pkgname = b; pkgver = 1; replaces = a", -1},
		{"pkgname = a; pkgver = 1; replaces_priority = 3", "pkgname = b; pkgver = 1; provides = a", 0},
	} {
		if got := info(c.later).Overwrites(info(c.older).Package()); got != c.want {
			t.Errorf("%s over %s: %d, want %d", c.later, c.older, got, c.want)
		}
	}
	if got := info("pkgname = a; pkgver = 1").Overwrites(&pkg.Package{Name: "a"}); got != 0 {
		t.Errorf("a package of another ecosystem: %d", got)
	}
}
