package tree_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
)

func TestFSLinks(t *testing.T) {
	fsys := treetest.Parse(`
dir  0750 root:adm d from=deb:d=1
link 0777 root:root d/l -> /e
link 0777 root:root to-d -> d
file 4755 root:root e "body" user.a="1"
hard 0600 root:root h -> e
hard 0600 root:root dangling -> nothing
`).FS()
	if target, err := fs.ReadLink(fsys, "to-d/l"); err != nil || target != "/e" {
		t.Errorf("ReadLink = %q, %v", target, err)
	}
	for _, name := range []string{"e", "d", "nope", "/d"} {
		if target, err := fs.ReadLink(fsys, name); err == nil {
			t.Errorf("ReadLink(%s) = %q", name, target)
		}
	}
	l, err := fs.Lstat(fsys, "to-d/l")
	if err != nil || l.Mode() != fs.ModeSymlink|0o777 || l.Size() != 2 || l.Name() != "l" {
		t.Errorf("Lstat = %v, %v", l, err)
	}
	d, err := fs.Stat(fsys, "to-d")
	if err != nil || d.Name() != "to-d" {
		t.Fatalf("Stat = %v, %v", d, err)
	}
	if n := d.Sys().(tree.Node); n.Path != "d" || n.Group.Name != "adm" || n.From != "deb:d=1" {
		t.Errorf("Sys() = %+v", n)
	}
	h, err := fs.Stat(fsys, "h")
	if err != nil || h.Size() != 4 || h.Mode() != fs.ModeSetuid|0o755 || h.Sys().(tree.Node).Path != "h" {
		t.Errorf("hard link = %v, %v", h, err)
	}
	if _, err := fs.Stat(fsys, "dangling"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dangling hard link: %v", err)
	}
	for name, want := range map[string]error{"nope": fs.ErrNotExist, "d/nope": fs.ErrNotExist, "../d": fs.ErrInvalid} {
		for what, err := range map[string]error{
			"Open":    second(fsys.Open(name)),
			"ReadDir": second(fs.ReadDir(fsys, name)),
			"Lstat":   second(fs.Lstat(fsys, name)),
		} {
			var path *fs.PathError
			if !errors.Is(err, want) || !errors.As(err, &path) || path.Path != name {
				t.Errorf("%s(%s): %v", what, name, err)
			}
		}
	}
	if _, err := fs.ReadDir(fsys, "e"); err == nil {
		t.Error("a file was listed")
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzQuote(f *testing.F) {
	f.Add([]byte("a b\\\x00\xff\n~!"))
	f.Add([]byte(`\1012\400\18`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q := tree.Quote(string(b))
		if bytes.ContainsFunc([]byte(q), func(r rune) bool { return r < '!' || r > '~' }) {
			t.Errorf("%q is not printable", q)
		}
		if back, err := tree.Unquote(q); err != nil || back != string(b) {
			t.Errorf("%q -> %q -> %q, %v", b, q, back, err)
		}
		if s, err := tree.Unquote(string(b)); err == nil && tree.Quote(s) == string(b) {
			return
		} else if err == nil {
			// Taken though not what Quote writes: at least it means one thing.
			if again, err := tree.Unquote(tree.Quote(s)); err != nil || again != s {
				t.Errorf("%q: %q, %v", b, again, err)
			}
		}
	})
}
