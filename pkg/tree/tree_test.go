package tree_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/google/go-cmp/cmp"
)

func file(path, body string) tree.Node {
	return tree.Node{Path: path, Mode: 0o644, User: tree.Root, Group: tree.Root, Content: tree.Bytes([]byte(body)), From: "test"}
}

func TestFS(t *testing.T) {
	tr := treetest.Parse(`
dir  0755 root:root usr
file 0755 root:root usr/bin/ls "ls\n"
hard 0755 root:root usr/bin/dir -> usr/bin/ls
link 0777 root:root bin -> usr/bin
link 0777 root:root abs -> /usr/bin/../bin/ls
link 0777 root:root up -> ../../../usr
link 0777 root:root loop -> loop
link 0777 root:root dangling -> nowhere
char 0666 root:root dev/null 1,3
file 0644 root:root etc/empty
file 0644 root:root \303\251 "e"
`)
	fsys := tr.FS()
	for name, want := range map[string]string{
		"bin/ls": "ls\n", "abs": "ls\n", "up/bin/dir": "ls\n", "etc/empty": "", "é": "e",
	} {
		if b, err := fs.ReadFile(fsys, name); err != nil || string(b) != want {
			t.Errorf("ReadFile(%s) = %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"loop", "dangling", "dev/null", "etc/empty/x", "/etc", "etc/", "nope", "usr/../etc"} {
		if b, err := fs.ReadFile(fsys, name); err == nil {
			t.Errorf("ReadFile(%s) = %q, want an error", name, b)
		}
	}
	tr.Delete("loop")
	tr.Delete("dangling")
	tr.Delete("dev/null")
	if err := fstest.TestFS(fsys, "usr/bin/ls", "etc/empty", "bin", "abs"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(fsys, "dev"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an implicit parent outlives its child: %v", err)
	}
}

func TestPutConflicts(t *testing.T) {
	dir := tree.Node{Path: "d", Mode: fs.ModeDir | 0o755, User: tree.Root, From: "a"}
	with := func(change func(*tree.Node)) tree.Node { n := dir; n.From = "b"; change(&n); return n }
	for name, tc := range map[string]struct {
		second tree.Node
		ok     bool
	}{
		"same":         {with(func(*tree.Node) {}), true},
		"root by id":   {with(func(n *tree.Node) { n.User = tree.Owner{} }), true},
		"other number": {with(func(n *tree.Node) { n.User.ID = 7 }), true},
		"mode":         {with(func(n *tree.Node) { n.Mode = fs.ModeDir | 0o700 }), false},
		"sticky":       {with(func(n *tree.Node) { n.Mode |= fs.ModeSticky }), false},
		"owner":        {with(func(n *tree.Node) { n.User = tree.Owner{Name: "man"} }), false},
		"group":        {with(func(n *tree.Node) { n.Group = tree.Owner{ID: 4} }), false},
		"xattrs":       {with(func(n *tree.Node) { n.Xattrs = []tree.Xattr{{Name: "user.a"}} }), false},
		"file":         {file("d", "x"), false},
	} {
		tr := tree.New()
		if err := tr.Put(dir); err != nil {
			t.Fatal(err)
		}
		err := tr.Put(tc.second)
		var conflict *tree.ConflictError
		if errors.As(err, &conflict) == tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := tr.Get("d"); got.From != "a" {
			t.Errorf("%s: now from %s", name, got.From)
		}
		if err := tr.Set(tc.second); err != nil {
			t.Errorf("%s: Set: %v", name, err)
		}
	}
	tr := tree.New()
	if err := errors.Join(tr.Put(file("f", "x")), tr.Put(file("f", "x"))); err == nil {
		t.Error("the same file twice is no conflict")
	}
	for _, mode := range []fs.FileMode{0o700, 0o755} {
		err := tr.Put(tree.Node{Path: ".", Mode: fs.ModeDir | mode})
		if (err == nil) != (mode == 0o700) {
			t.Errorf("root %v: %v", mode, err)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	long := strings.Repeat("n", 256)
	deep := strings.Repeat("abcdefg/", 513)
	nodes := []tree.Node{
		{Path: "."}, {Path: ".", Mode: fs.ModeSymlink, Link: "x"},
		{Path: "s", Mode: fs.ModeSocket}, {Path: "s", Mode: fs.ModeIrregular}, {Path: "s", Mode: fs.ModeCharDevice},
		{Path: "s", Mode: fs.ModeDir | fs.ModeSymlink, Link: "x"}, {Path: "s", Mode: fs.ModeAppend},
		{Path: "l", Mode: fs.ModeSymlink}, {Path: "l", Mode: fs.ModeSymlink, Link: "a\x00"},
		{Path: "l", Mode: fs.ModeSymlink, Link: strings.Repeat("x", 4096)},
		{Path: "h", Link: "h"}, {Path: "h", Link: "."}, {Path: "h", Link: "/x"}, {Path: "h", Link: "../x"},
		{Path: "d", Mode: fs.ModeDir, Link: "x"}, {Path: "d", Mode: fs.ModeDir, Content: tree.Bytes([]byte("x"))},
		{Path: "f", Content: tree.Content{Size: 1}}, {Path: "f", Content: tree.Content{Size: -1}},
		{Path: "b", Mode: fs.ModeDevice, Major: 4096}, {Path: "b", Mode: fs.ModeDevice, Minor: 1 << 20},
		{Path: "x", Xattrs: []tree.Xattr{{Name: ""}}}, {Path: "x", Xattrs: []tree.Xattr{{Name: "user.\x00"}}},
		{Path: "x", Xattrs: []tree.Xattr{{Name: "user.a"}, {Name: "user.b"}, {Name: "user.a"}}},
		{Path: "x", Xattrs: []tree.Xattr{{Name: "security.selinux", Value: "x"}}},
		{Path: "x", Xattrs: []tree.Xattr{{Name: "user.a", Value: strings.Repeat("x", 65537)}}},
	}
	for _, p := range []string{"", "/", "/a", "a/", "a//b", "./a", "a/.", "a/../b", "..", "a\x00b", long, deep[:len(deep)-1]} {
		nodes = append(nodes, tree.Node{Path: p})
	}
	for _, n := range nodes {
		var refused *tree.RefusedError
		if err := tree.New().Put(n); !errors.As(err, &refused) {
			t.Errorf("Put(%.50v): %v", n, err)
		}
		if err := tree.New().Set(n); !errors.As(err, &refused) {
			t.Errorf("Set(%.50v): %v", n, err)
		}
	}
	for _, p := range []string{long[:255], deep[:4095], "...", "a/..b/.c", "\xff\n", "a\\b"} {
		if err := tree.New().Put(tree.Node{Path: p}); err != nil {
			t.Errorf("Put(%.50q): %v", p, err)
		}
	}
}

func TestResolve(t *testing.T) {
	tr := treetest.Parse(`
dir  0755 root:root usr/lib
link 0777 root:root lib -> usr/lib
link 0777 root:root usr/lib/abs -> /etc/x
link 0777 root:root usr/lib/rel -> ../../../../var
link 0777 root:root var/run -> /run
link 0777 root:root a -> b
link 0777 root:root b -> a
link 0777 root:root slash -> /
link 0777 root:root dot -> usr/./
file 0644 root:root file "x"
`)
	for in, want := range map[string]string{
		".": ".", "/": ".", "lib": "lib", "lib/": "lib", "lib/x": "usr/lib/x", "lib/abs": "usr/lib/abs",
		"lib/abs/y": "etc/x/y", "lib/rel/run/z": "run/z", "slash/slash/lib/q": "usr/lib/q",
		"none/at/all": "none/at/all", "dot/lib/rel/x": "var/x", "../..": ".", "usr/../lib/x": "usr/lib/x", "file": "file",
	} {
		if got, err := tr.Resolve(in); err != nil || got != want {
			t.Errorf("Resolve(%s) = %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"a/x", "file/x", "file/.."} {
		var refused *tree.RefusedError
		if got, err := tr.Resolve(in); !errors.As(err, &refused) {
			t.Errorf("Resolve(%s) = %s, %v", in, got, err)
		}
	}
	chain := tree.New()
	for i := range 41 {
		name, target := strings.Repeat("l", i+1), strings.Repeat("l", i)
		if i == 0 {
			target = "end"
		}
		if err := chain.Put(tree.Node{Path: name, Mode: fs.ModeSymlink, Link: target}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := chain.Resolve(strings.Repeat("l", 40) + "/x"); got != "end/x" {
		t.Errorf("40 hops: %s, %v", got, err)
	}
	if got, err := chain.Resolve(strings.Repeat("l", 41) + "/x"); err == nil {
		t.Errorf("41 hops: %s", got)
	}
}

func TestChildrenFollowChanges(t *testing.T) {
	tr := tree.New()
	want := func(path string, names ...string) {
		t.Helper()
		if got := tr.Children(path); !slices.Equal(got, names) {
			t.Errorf("Children(%s) = %q, want %q", path, got, names)
		}
	}
	for _, p := range []string{"b/y", "b/x", "a-", "a/b/c", "a"} {
		if err := tr.Put(tree.Node{Path: p, Mode: fs.ModeDir}); err != nil {
			t.Fatal(err)
		}
	}
	want(".", "a", "a-", "b")
	want("b", "x", "y")
	want("a", "b")
	tr.Delete("a")
	want(".", "a", "a-", "b")
	tr.Delete("a/b/c")
	tr.Delete("a/b/c")
	want(".", "a-", "b")
	want("a")
	tr.Delete("b/x")
	if err := tr.Set(file("b/a", "x")); err != nil {
		t.Fatal(err)
	}
	want("b", "a", "y")
	var all []string
	for n := range tr.All() {
		all = append(all, n.Path)
	}
	if diff := cmp.Diff([]string{".", "a-", "b/a", "b/y"}, all); diff != "" {
		t.Error(diff)
	}
	if tr.Len() != 4 {
		t.Errorf("Len() = %d", tr.Len())
	}
}

func TestCompare(t *testing.T) {
	sorted := []string{".", "!", "a", "a/-", "a/x", "a/x/y", "a!", "a-b", "a.", "b", "\xff"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := tree.Compare(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("Compare(%q, %q) = %d", a, b, got)
			}
		}
	}
}
