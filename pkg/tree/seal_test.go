package tree_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/google/go-cmp/cmp"
)

func TestSealTimes(t *testing.T) {
	const epoch = 1000
	tr := treetest.Parse(`
dir  0755 0:0 old @5
file 0644 0:0 old/file @5
file 0644 0:0 new @1001
file 0644 0:0 same @1000
file 0644 0:0 before @-1
file 0644 0:0 unset
link 0777 0:0 link -> x @7
`)
	frac := file("frac", "")
	frac.ModTime = time.Unix(7, 999999999)
	if err := tr.Put(frac); err != nil {
		t.Fatal(err)
	}
	s, err := tr.Seal(time.Unix(epoch, 5), tree.IDs{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for n := range s.All() {
		if n.ModTime.Nanosecond() != 0 {
			t.Errorf("%s: %v", n.Path, n.ModTime)
		}
		got[n.Path] = n.ModTime.Unix()
	}
	want := map[string]int64{".": epoch, "old": epoch, "old/file": 5, "new": epoch, "same": epoch, "before": 0, "unset": epoch, "link": 7, "frac": 7}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !s.Epoch().Equal(tree.Epoch(epoch)) {
		t.Errorf("Epoch() = %v", s.Epoch())
	}
	if _, err := tree.New().Seal(time.Time{}, tree.IDs{}); err == nil {
		t.Error("sealed before 1970")
	}
}

func TestSealOwners(t *testing.T) {
	ids := tree.IDs{Users: map[string]uint32{"man": 6, "root": 7}, Groups: map[string]uint32{"man": 12}}
	for _, tc := range []struct {
		owner   tree.Owner
		unknown tree.Unknown
		user    int64 // -1: an error
		group   int64
	}{
		{tree.Owner{Name: "man", ID: 99}, "", 6, 12},
		{tree.Owner{Name: "root", ID: 99}, "", 0, 0},
		{tree.Owner{ID: 99}, "", 99, 99},
		{tree.Owner{Name: "nobody", ID: 99}, "", -1, -1},
		{tree.Owner{Name: "nobody", ID: 99}, tree.UnknownError, -1, -1},
		{tree.Owner{Name: "nobody", ID: 99}, tree.UnknownNumber, 99, 99},
		{tree.Owner{Name: "nobody", ID: 99}, tree.UnknownRoot, 0, 0},
		{tree.Owner{Name: "nobody", ID: 99}, "typo", -2, -2},
		{tree.Owner{ID: 1<<32 - 1}, "", -2, -2},
		{tree.Owner{ID: 1<<32 - 2}, "", 1<<32 - 2, 1<<32 - 2},
	} {
		for kind, want := range map[string]int64{"user": tc.user, "group": tc.group} {
			n := file("x", "")
			if kind == "user" {
				n.User = tc.owner
			} else {
				n.Group = tc.owner
			}
			tr := tree.New()
			if err := tr.Put(n); err != nil {
				t.Fatal(err)
			}
			ids.Unknown = tc.unknown
			s, err := tr.Seal(tree.Epoch(0), ids)
			var unknown *tree.UnknownOwnerError
			if errors.As(err, &unknown) != (want == -1) || (err == nil) != (want >= 0) {
				t.Errorf("%s %v %q: %v", kind, tc.owner, tc.unknown, err)
			}
			if err != nil {
				if unknown != nil && *unknown != (tree.UnknownOwnerError{Path: "x", From: "test", Kind: kind, Name: "nobody"}) {
					t.Errorf("%+v", unknown)
				}
				continue
			}
			got, _ := s.Lookup("x")
			owners := map[string]tree.Owner{"user": got.User, "group": got.Group}
			if owners[kind] != (tree.Owner{ID: uint32(want)}) {
				t.Errorf("%s %v %q: %v, want %d", kind, tc.owner, tc.unknown, owners[kind], want)
			}
		}
	}
}

func TestSealHardLinks(t *testing.T) {
	s := seal(t, treetest.Parse(`
hard 0600 9:9 a -> m from=a
hard 0600 9:9 b -> z from=b
file 4755 1:2 m "body" @5 user.x="1" from=m
hard 0600 9:9 y -> b from=y
hard 0600 9:9 z -> a from=z
file 0644 0:0 other "body"
`), 1000)
	want := `dir   0755 0:0 . @1000 from=implicit
file  4755 1:2 a "body" @5 user.x="1" from=a
hard  4755 1:2 b -> a @5 user.x="1" from=b
hard  4755 1:2 m -> a @5 user.x="1" from=m
file  0644 0:0 other "body" @1000
hard  4755 1:2 y -> a @5 user.x="1" from=y
hard  4755 1:2 z -> a @5 user.x="1" from=z
`
	if diff := cmp.Diff(want, treetest.Format(s)); diff != "" {
		t.Error(diff)
	}
}

func TestSealRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"below a file":      "file 0644 0:0 a\nfile 0644 0:0 a/b",
		"deep below a file": "file 0644 0:0 a\nfile 0644 0:0 a/b/c",
		"below a link":      "dir 0755 0:0 d\nlink 0777 0:0 a -> d\nfile 0644 0:0 a/b",
		"below a fifo":      "fifo 0644 0:0 a\nfile 0644 0:0 a/b",
		"hard to nothing":   "hard 0644 0:0 a -> b",
		"hard to directory": "hard 0644 0:0 a -> b\ndir 0755 0:0 b",
		"hard to implicit":  "hard 0644 0:0 a -> b\nfile 0644 0:0 b/c",
		"hard to link":      "hard 0644 0:0 a -> b\nlink 0777 0:0 b -> c\nfile 0644 0:0 c",
		"hard through link": "hard 0644 0:0 a -> d/c\nlink 0777 0:0 d -> e\nfile 0644 0:0 e/c",
		"hard in a circle":  "hard 0644 0:0 a -> b\nhard 0644 0:0 b -> c\nhard 0644 0:0 c -> a",
	} {
		var refused *tree.RefusedError
		if _, err := treetest.Parse(text).Seal(tree.Epoch(0), tree.IDs{}); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSealRoot(t *testing.T) {
	tr := tree.New()
	for _, want := range []fs.FileMode{0o755, 0o700, 0o1777 &^ 0o1000} {
		if want != 0o755 {
			if err := tr.Set(tree.Node{Path: ".", Mode: fs.ModeDir | want}); err != nil {
				t.Fatal(err)
			}
		}
		got, ok := seal(t, tr, 0).Lookup(".")
		if !ok || got.Mode != fs.ModeDir|want {
			t.Errorf("root is %v, want %v", got.Mode, want)
		}
	}
	tr.Delete(".")
	if got, _ := tr.Get("."); got.Mode != fs.ModeDir|0o755 {
		t.Errorf("a deleted root is %v", got.Mode)
	}
}

// TestDigestSees changes one thing at a time: what is part of a root moves the digest, the rest does not.
func TestDigestSees(t *testing.T) {
	const text = `
dir  0755 0:0 d user.d="1"
file 0644 0:0 d/f "body" @5 user.f="1" from=one
hard 0644 0:0 d/h -> d/f
link 0777 0:0 l -> d
char 0644 0:0 c 1,2 @5
fifo 0644 0:0 p @5
`
	digest := func(text string) tree.Digest {
		d, err := seal(t, treetest.Parse(text), 1000).Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest(text)
	for _, tc := range []struct {
		old, new string
		moves    bool
	}{
		{"dir  0755 0:0 d user", "dir 0700 0:0 d user", true}, {`user.d="1"`, `user.d="2"`, true}, {`user.d="1"`, "", true},
		{"0644 0:0 d/f", "4644 0:0 d/f", true}, {"0644 0:0 d/f", "0644 1:0 d/f", true}, {"0644 0:0 d/f", "0644 0:1 d/f", true},
		{`"body" @5`, `"bodY" @5`, true}, {`"body" @5`, `"body" @6`, true}, {`user.f="1"`, `user.g="1"`, true},
		{"hard 0644 0:0 d/h -> d/f", `file 0644 0:0 d/h "body" @5 user.f="1"`, true},
		{"l -> d", "l -> ./d", true}, {"1,2", "1,3", true}, {"char", "block", true}, {"fifo 0644 0:0 p", "file 0644 0:0 p", true},
		{"fifo 0644 0:0 p", "fifo 0644 0:0 q", true}, {"fifo", "dir 0755 0:0 e\nfifo", true},
		{"from=one", "from=two", false}, {"0:0 d/f", "root:root d/f", false}, {"dir  0755 0:0 d user", "dir 0755 0:0 d @7 user", false},
		{"0644 0:0 d/h", "0600 7:7 d/h", false}, {"0777 0:0 l", "0700 0:0 l", false}, {"fifo", "dir 0755 0:0 .\nfifo", false},
	} {
		changed := strings.Replace(text, tc.old, tc.new, 1)
		if changed == text {
			t.Fatalf("%q is not there", tc.old)
		}
		if moved := digest(changed) != base; moved != tc.moves {
			t.Errorf("%q -> %q: moved %v, want %v", tc.old, tc.new, moved, tc.moves)
		}
	}
}
