package unpack

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

func TestMergeConflicts(t *testing.T) {
	merged := Options{MergedUsr: true, Compare: strings.Compare}
	for _, tt := range []struct {
		name string
		opt  Options
		in   string
		want string
	}{
		{"two files, same bytes", Options{}, "package a 1\nfile 0644 root:root x \"\"\npackage b 1\nfile 0644 root:root x \"\"", "x: a b"},
		{"first by path", Options{}, "package a 1\nfile 0644 root:root y \"\"\nfile 0644 root:root x \"\"\npackage b 1\nfile 0644 root:root x\nfile 0644 root:root y", "x: a b"},
		{"alias", merged, "package a 1\nfile 0644 root:root bin/x \"1\"\npackage b 1\nfile 0644 root:root usr/bin/x \"1\"", "usr/bin/x: a b"},
		{"alias in one package", merged, "package a 1\nfile 0644 root:root bin/x \"1\"\nlink 0777 root:root usr/bin/x -> /bin/x", "usr/bin/x: a a"},
		{"alias by a link of another package", Options{}, "package a 1\nlink 0777 root:root d -> e\npackage b 1\nfile 0644 root:root d/x\npackage c 1\nfile 0644 root:root e/x", "e/x: b c"},
		{"file and directory", Options{}, "package a 1\ndir 0755 root:root x\npackage b 1\nfile 0644 root:root x", "x: a b"},
		{"file and directory, replaced in vain", Options{}, "package a 1\ndir 0755 root:root x\npackage b 1 replaces=a\nfile 0644 root:root x", "x: a b"},
		{"file below a file", Options{}, "package a 1\nfile 0644 root:root x\npackage b 1\nfile 0644 root:root x/y", "x: a b"},
		{"file where something is below", Options{}, "package a 1\nfile 0644 root:root x/y\npackage b 1\nfile 0644 root:root x", "x: b a"},
		{"version of Replaces", merged, "package a 2\nfile 0644 root:root x\npackage b 1 replaces=a<<2\nfile 0644 root:root x", "x: a b"},
		{"Replaces of a third", Options{}, "package a 1\nfile 0644 root:root x\npackage b 1 replaces=a\nfile 0644 root:root x\npackage c 1\nfile 0644 root:root x", "x: b c"},
		{"architectures, other bytes", Options{}, "package a 1 multi=same\nfile 0644 root:root x \"1\"\npackage a 1 multi=same arch=i386\nfile 0644 root:root x \"2\"", "x: a a"},
		{"architectures, not same", Options{}, "package a 1 multi=same\nfile 0644 root:root x\npackage a 1 multi=foreign arch=i386\nfile 0644 root:root x", "x: a a"},
		{"two packages that are same", Options{}, "package a 1 multi=same\nfile 0644 root:root x\npackage b 1 multi=same arch=i386\nfile 0644 root:root x", "x: a b"},
		{"two links", Options{}, "package a 1\nlink 0777 root:root x -> y\npackage b 1\nlink 0777 root:root x -> y", "x: a b"},
		{"onto a diverted name", Options{Diversions: []lock.Diversion{{Path: "x", To: "y", Package: "b"}}}, "package a 1\nfile 0644 root:root x\npackage b 1\nfile 0644 root:root y", "y: a b"},
		{"file for a link of merged /usr", merged, "package a 1\nfile 0644 root:root bin", "bin: merged-usr a"},
		{"a replaced link that leads somewhere", Options{}, "package a 1\nlink 0777 root:root d -> e\nfile 0644 root:root d/x\npackage b 1 replaces=a\nlink 0777 root:root d -> f", "d: a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Merge(packages(tt.in), tt.opt)
			var c *tree.ConflictError
			if !errors.As(err, &c) {
				t.Fatalf("got %v, want a ConflictError", err)
			}
			short := func(s string) string { n, _, _ := strings.Cut(strings.TrimPrefix(s, "deb:"), "="); return n }
			if got := fmt.Sprintf("%s: %s %s", c.Path, short(c.First), short(c.Second)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  Options
		in   string
		want string
	}{
		{"device", Options{}, "package z 1\nchar 0666 root:root dev/z 1,3\npackage a 1\nchar 0666 root:root dev/null 1,3", "package a: dev/null: device node"},
		{"links in a ring", Options{}, "package a 1\nlink 0777 root:root x -> y\nlink 0777 root:root y -> x\nfile 0644 root:root x/f", "package a: y: both a link and a directory"},
		{"links in a ring, known before", Options{}, "package b 1\nlink 0777 root:root x -> y\nlink 0777 root:root y -> x\npackage a 1\nfile 0644 root:root x/f", "package a: x: more than 40 symbolic links"},
		{"link that grows", Options{}, "package a 1\nlink 0777 root:root x -> x/x\nfile 0644 root:root x/f", "more than 40 symbolic links"},
		{"alias to a file", Options{}, "package a 1\nlink 0777 root:root l -> f\nfile 0644 root:root l/x\nfile 0644 root:root f", "f: is not a directory"},
		{"diverted twice", Options{Diversions: []lock.Diversion{{Path: "x", To: "y"}, {Path: "/x", To: "z"}}}, "", "is diverted twice"},
		{"diverted outside", Options{Diversions: []lock.Diversion{{Path: "x", To: "../y"}}}, "", "leaves the root"},
	} {
		_, err := Merge(packages(tt.in), tt.opt)
		var r *tree.RefusedError
		if !errors.As(err, &r) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want a RefusedError with %q", tt.name, err, tt.want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"/usr/*", "/usr/a/b", true}, {"/usr/*", "/usr", false}, {"*", "", true}, {"", "", true}, {"", "a", false},
		{"/a?c", "/abc", true}, {"/a?c", "/ac", false}, {"/[a-c]x", "/bx", true}, {"/[!a-c]x", "/bx", false}, {"/[^a]x", "/bx", true},
		{"/[]]x", "/]x", true}, {"/[a-]x", "/-x", true}, {"/[ab", "/[ab", true}, {`/\*`, "/*", true}, {`/\*`, "/a", false}, {`/[\]]`, "/]", true},
		{"*/doc/*/x", "/usr/doc/doc/a/x", true}, {"*a*b*c", "xxaxxbxxbxxc", true}, {"*a*b*c", "xxaxxbxxbxxd", false}, {`a\`, `a\`, true},
		{"/usr/share/man/??_*", "/usr/share/man/de_DE/x", true},
	} {
		if got := match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
	if match(strings.Repeat("*a", 1000)+"b", strings.Repeat("a", 10000)) {
		t.Error("matched")
	}
}

// FuzzMerge makes trees of two packages from pairs of bytes, and looks for panics and for results that do not seal.
func FuzzMerge(f *testing.F) {
	f.Add([]byte("\x01\x12\x03\x14\x25\x36"))
	f.Add([]byte("\x00\x70\x11\x61\x82\x53"))
	names := []string{"bin", "usr/bin", "bin/x", "usr/bin/x", "lib/y", "lib", "a/b", "a"}
	f.Fuzz(func(t *testing.T, b []byte) {
		ps := packages("package a 1\npackage b 1\n")
		for i, p := range ps {
			have := tree.New()
			for j := i; j+1 < len(b) && j < 20; j += 2 {
				n := tree.Node{Path: names[b[j]%8], User: tree.Root, Group: tree.Root, From: "x"}
				switch b[j] >> 4 & 3 {
				case 0:
					n.Mode = fs.ModeDir | 0o755
				case 1:
					n.Mode, n.Link = fs.ModeSymlink|0o777, "/"+names[b[j+1]%8]
				default:
					n.Mode, n.Content = 0o644, tree.Bytes(b[j:j+1])
				}
				if have.Put(n) == nil {
					p.Nodes = append(p.Nodes, n)
				}
			}
		}
		m, err := Merge(ps, Options{MergedUsr: len(b)%2 == 0})
		var c *tree.ConflictError
		var r *tree.RefusedError
		if err != nil && !errors.As(err, &c) && !errors.As(err, &r) {
			t.Fatalf("%T: %v", err, err)
		}
		if err == nil {
			if _, err := m.Tree.Seal(tree.Epoch(0), tree.IDs{}); err != nil {
				t.Fatalf("%v\n%s", err, show(ps, m))
			}
		}
	})
}

// everywhere is the native record of a package that any architecture's index may list.
type everywhere bool

func (e everywhere) AnyArch() bool { return bool(e) }

func TestAgrees(t *testing.T) {
	want := lock.Package{Name: "a", Version: "1", Arch: "x86_64", Path: "x/a-1.apk"}
	for _, c := range []struct {
		have *pkg.Package
		ok   bool
	}{
		{&pkg.Package{Name: "a", Version: "1", Arch: "x86_64"}, true},
		{&pkg.Package{Name: "a", Version: "1", Arch: "noarch", Native: everywhere(true)}, true},
		{&pkg.Package{Name: "a", Version: "1", Arch: "aarch64", Native: everywhere(false)}, false},
		{&pkg.Package{Name: "a", Version: "1", Arch: "noarch"}, false},
		{&pkg.Package{Name: "b", Version: "1", Arch: "noarch", Native: everywhere(true)}, false},
		{&pkg.Package{Name: "a", Version: "2", Arch: "x86_64"}, false},
	} {
		err := agrees(c.have, want)
		var trust *pkg.TrustError
		if ok := err == nil; ok != c.ok || !ok && !errors.As(err, &trust) {
			t.Errorf("%s: %v", c.have, err)
		}
	}
}
