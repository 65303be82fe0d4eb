package tree_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func manifest(t testing.TB, s *tree.Sealed) string {
	t.Helper()
	var b strings.Builder
	if err := s.WriteManifest(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func seal(t testing.TB, tr *tree.Tree, epoch int64) *tree.Sealed {
	t.Helper()
	s, err := tr.Seal(tree.Epoch(epoch), tree.IDs{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nodes returns what a manifest keeps of s.
func nodes(s *tree.Sealed) []tree.Node {
	var all []tree.Node
	for n := range s.All() {
		n.Content.Body = nil
		all = append(all, n)
	}
	return all
}

var sameNodes = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })}

func TestManifest(t *testing.T) {
	s := seal(t, treetest.Parse(`
link 0777 root:root bin -> usr/bin from=deb:base-files=13
file 4755 root:8 usr/a\040b "hello\n" @1690000000 user.x\075="\x01=" from=deb:a=1
hard 4755 root:root usr/c -> usr/a\040b
char 0666 root:root usr/null 1,3 @0
file 0644 0:0 \351
`), 1700000000)
	want := `#tree 1 epoch=1700000000
. dir 0755 0 0 1700000000 from=implicit
bin link 0777 0 0 1700000000 link=usr/bin from=deb:base-files=13
usr dir 0755 0 0 1700000000 from=implicit
usr/a\040b file 4755 0 8 1690000000 size=6 sha256=5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 xattr=user.x\075=\001= from=deb:a=1
usr/c hard 4755 0 8 1690000000 link=usr/a\040b xattr=user.x\075=\001=
usr/null char 0666 0 0 0 device=1,3
\351 file 0644 0 0 1700000000 size=0
`
	if diff := cmp.Diff(want, manifest(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestManifestInverse(t *testing.T) {
	for _, epoch := range []int64{0, 1700000000, 1 << 33} {
		s := seal(t, picked(t), epoch)
		got, err := tree.ParseManifest(strings.NewReader(manifest(t, s)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(nodes(s), nodes(got), sameNodes); diff != "" {
			t.Error(diff)
		}
		if !got.Epoch().Equal(tree.Epoch(epoch)) {
			t.Errorf("Epoch() = %v", got.Epoch())
		}
		if err := got.WriteTar(new(bytes.Buffer)); err == nil {
			t.Error("a tree without bodies was written")
		}
	}
}

const goodManifest = `#tree 1 epoch=5
. dir 0755 0 0 5
a dir 0755 0 0 -5.000000001
a/b file 0644 1 2 1.5 size=1 sha256=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
a/c link 0777 0 0 1 link=\001
a-b hard 0644 1 2 1.5 link=a/b from=x
b block 0644 0 0 1 device=8,1
c fifo 0644 0 0 1
`

func TestManifestRefuses(t *testing.T) {
	if _, err := tree.ParseManifest(strings.NewReader(goodManifest)); err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{
		{"#tree 1", "#tree 2"}, {"epoch=5", "epoch=6"}, {"epoch=5", "epoch=05"}, {goodManifest, ""},
		{". dir 0755 0 0 5\n", ""}, {". dir", ". fifo"}, {". dir", "./ dir"},
		{"a dir", "a file"}, {"a dir 0755 0 0 -5.000000001\n", ""}, {"a dir 0755", "a dir 755"}, {"-5.000000001", "-5.0000000010"},
		{"1.5 size", "1.50 size"}, {"size=1 ", "size=01 "}, {"size=1 ", ""}, {"size=1", "size=0"}, {"size=1", "size=-1"},
		{" size=1", "  size=1"}, {"4881\n", "4881 \n"}, {"4881\n", "4882 link=a/b\n"}, {"sha256=2d", "sha256=2D"}, {"sha256", "sha512"},
		{`\001`, `\37`}, {`\001`, `\101`}, {`\001`, ""}, {`\001`, "\x01"}, {"0777", "0755"},
		{"link=a/b", "link=a/a"}, {"link=a/b", "link=a/c"}, {"link=a/b", "link=a"}, {"hard 0644", "hard 0600"}, {"hard", "file"},
		{"from=x", "from="}, {"from=x", "from=x from=y"}, {"from=x", "xattr=user.b=1 from=x"},
		{"device=8,1", "device=8"}, {"device=8,1", ""}, {"device=8,1", "device=8,99999999"}, {"device=8,1", "device=08,1"},
		{"b block", "z block"}, {"c fifo", "b fifo"}, {"c fifo 0644 0 0", "c fifo 0644 0 -1"}, {"c fifo", "c socket"},
		{"c fifo 0644 0 0 1\n", "c fifo 0644 0 0 1"}, {"\n", "\r\n"}, {"c fifo", "\nc fifo"},
	} {
		text := strings.Replace(goodManifest, edit[0], edit[1], 1)
		if text == goodManifest {
			t.Errorf("%q is not in the manifest", edit[0])
		}
		if _, err := tree.ParseManifest(strings.NewReader(text)); err == nil {
			t.Errorf("%q: accepted", edit)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(goodManifest))
	f.Add([]byte("#tree 1 epoch=0\n. dir 0755 0 0 0 xattr=user.a=\\000 from=\\134\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := tree.ParseManifest(bytes.NewReader(text))
		if err != nil {
			return
		}
		if again := manifest(t, s); again != string(text) {
			t.Fatalf("%q became %q", text, again)
		}
	})
}
