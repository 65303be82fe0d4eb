package apk

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

const apks = "../../../shared/data/apk/alpine-3.19-x86_64/apks"

// TestRealPackages reads and verifies all real packages against their index.
func TestRealPackages(t *testing.T) {
	text, _, err := OpenIndex(shared(t, "alpine-3.19-x86_64/index/apks_x86_64_APKINDEX.tar.gz"), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	u, err := NewUniverse("x86_64", List{Repo: &pkg.Repo{ID: "iso"}, Dir: "", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(apks + "/*.apk")
	if len(files) != 100 {
		t.Fatalf("%d packages", len(files))
	}
	links, nodes := 0, 0
	for name := range u.Names() {
		p := u.Named(name)[0]
		b, err := os.ReadFile(filepath.Join(apks, p.Path))
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(b)
		if err := (Format{}).Vouch(p, r, r.Size()); err != nil {
			t.Error(err)
		}
		a, err := Format{}.Open(r, r.Size(), pkg.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := a.Package(); got.Name != p.Name || got.Version != p.Version || got.Installed != p.Installed {
			t.Errorf("%s: says %s", p, got)
		}
		n, l := count(t, a)
		nodes, links = nodes+n, links+l
	}
	t.Logf("%d nodes, %d of them hard links", nodes, links)
	if nodes < 2000 {
		t.Error("too few nodes")
	}
}

func count(t *testing.T, a pkg.Archive) (nodes, links int) {
	t.Helper()
	for e, err := range a.Nodes() {
		if err != nil {
			t.Fatalf("%s: %v", a.Package(), err)
		}
		if e.Node.IsHardLink() {
			links++
		}
		if strings.HasPrefix(e.Node.Path, ".") && e.Node.Path != "." {
			t.Errorf("%s: %s", a.Package(), e.Node.Path)
		}
		if e.Body != nil {
			if _, err := io.Copy(io.Discard, e.Body); err != nil {
				t.Fatal(err)
			}
		}
		nodes++
	}
	sums, err := fs.ReadFile(a.Control(), sumsFile)
	if err != nil || !strings.HasPrefix(string(sums), "Q1") {
		t.Errorf("%s: %v %q", a.Package(), err, sums)
	}
	return nodes, links
}
