package reproduce_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/reproduce"
)

const epoch = 1700000000

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seal(t testing.TB, tr *tree.Tree) *tree.Sealed {
	t.Helper()
	s, err := tr.Seal(tree.Epoch(epoch), tree.IDs{})
	must(t, err)
	return s
}

func TestDiff(t *testing.T) {
	const common = `
dir  0755 0:0 a
file 0644 0:0 a/f "one"
file 0644 0:0 a-b "x"
`
	for _, c := range []struct {
		name, a, b string
		want       []string
	}{
		{"same", "", "", nil},
		{"missing and extra", `file 0644 0:0 gone "x"`, `link 0777 0:0 a/new -> y`, []string{"a/new extra  link", "gone missing file "}},
		{"canonical order", "", "file 0644 0:0 a.c\nfile 0644 0:0 a/z\nfile 0644 0:0 a0\nfile 0644 0:0 A", []string{"A extra  file", "a/z extra  file", "a.c extra  file", "a0 extra  file"}},
		{"type", `file 0644 0:0 x`, `dir 0755 7:7 x`, []string{"x type file dir"}},
		{"mode", `file 0644 0:0 x`, `file 4755 0:0 x`, []string{"x mode 0644 4755"}},
		{"owner", `file 0644 0:0 x`, `file 0644 4294967294:8 x`, []string{"x user 0 4294967294", "x group 0 8"}},
		{"time", `file 0644 0:0 x @5`, `file 0644 0:0 x @6`, []string{"x mtime 1970-01-01T00:00:05Z 1970-01-01T00:00:06Z"}},
		{"symlink", `link 0777 0:0 x -> a\040b`, `link 0777 0:0 x -> c`, []string{`x link a\040b c`}},
		{"content", `file 0644 0:0 x "1"`, `file 0644 0:0 x`, []string{"x content " + tree.Sum([]byte("1")).String() + ",1 empty"}},
		{"xattrs", `file 0644 0:0 x user.a="1" user.b="\n"`, `file 0644 0:0 x`, []string{`x xattrs user.a=1 user.b=\012 `}},
		{"device", `char 0644 0:0 x 1,3`, `char 0644 0:0 x 1,5`, []string{`x device 1,3 1,5`}},
		{"block and char", `char 0644 0:0 x 1,3`, `block 0644 0:0 x 1,3`, []string{`x type char block`}},
		{"hard link split", "hard 0644 0:0 x -> a-b", `file 0644 0:0 x "x"`, []string{"x link a-b "}},
		{"hard link elsewhere", "hard 0644 0:0 x -> a-b", "hard 0644 0:0 x -> a/f", []string{"x link a-b a/f"}},
		{"hard link, other body", "hard 0644 0:0 x -> a-b", `file 0644 0:0 x "y"`, []string{"x link a-b ", "x content " + tree.Sum([]byte("x")).String() + ",1 " + tree.Sum([]byte("y")).String() + ",1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range reproduce.Diff(seal(t, treetest.Parse(common+c.a)), seal(t, treetest.Parse(common+c.b))) {
				got = append(got, fmt.Sprintf("%s %s %s %s", d.Path, d.Field, d.A, d.B))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// randomTree is a small tree of few choices, so that two of them are often nearly the same.
func randomTree(r *rand.Rand) *tree.Tree {
	tr := tree.New()
	names := []string{"a", "a/b", "a-b", "c", "c/d", "c/d/e"}
	for _, name := range names {
		if r.IntN(4) == 0 {
			continue
		}
		n := tree.Node{Path: name, ModTime: tree.Epoch(int64(r.IntN(2))), User: tree.Owner{ID: uint32(r.IntN(2))}}
		switch k := r.IntN(8); {
		case name == "a" || name == "c" || name == "c/d":
			n.Mode = fs.ModeDir | 0o755
		case k == 0:
			n.Mode, n.Link = fs.ModeSymlink|0o777, []string{"x", "y"}[r.IntN(2)]
		case k == 1:
			n.Mode, n.Minor = fs.ModeDevice|0o600, uint32(r.IntN(2))
		case k == 2 && name != "a-b":
			n.Mode, n.Link = 0o644, "a-b"
		default:
			n.Mode, n.Content = 0o644, tree.Bytes([]byte("body")[:r.IntN(3)])
			if r.IntN(4) == 0 {
				n.Xattrs = []tree.Xattr{{Name: "user.x", Value: "y"}}
			}
		}
		if n.Link == "a-b" {
			if to, ok := tr.Get("a-b"); !ok || !to.Mode.IsRegular() {
				continue
			}
		}
		if err := tr.Put(n); err != nil {
			panic(err)
		}
	}
	return tr
}

// Two trees have no difference exactly if they have one digest.
func TestDiffMeansDigest(t *testing.T) {
	same := 0
	const pairs = 600
	for i := range uint64(pairs) {
		a := seal(t, randomTree(rand.New(rand.NewPCG(i, 1))))
		b := seal(t, randomTree(rand.New(rand.NewPCG(i+i%3, 1)))) // every third pair is the same
		da, err := a.Digest()
		must(t, err)
		db, err := b.Digest()
		must(t, err)
		ds := reproduce.Diff(a, b)
		if (len(ds) == 0) != (da == db) {
			var ma, mb bytes.Buffer
			must(t, a.WriteManifest(&ma))
			must(t, b.WriteManifest(&mb))
			t.Fatalf("differences %v, digests %s and %s\n%s\n%s", ds, da, db, &ma, &mb)
		}
		if back := reproduce.Diff(b, a); len(back) != len(ds) {
			t.Fatalf("%d differences one way, %d the other", len(ds), len(back))
		}
		if da == db {
			same++
		}
	}
	if same == 0 || same == pairs {
		t.Errorf("%d of %d pairs were the same: the test proves nothing", same, pairs)
	}
}
