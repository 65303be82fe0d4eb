package unpack

import (
	"fmt"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// TestManyHardLinks: a hundred thousand files with a hard link each do not take a look at all of them for each.
func TestManyHardLinks(t *testing.T) {
	const n = 100_000
	u := &pkg.Unpacked{Package: &pkg.Package{Format: "deb", Name: "a", Version: "1", Arch: "all"}}
	for _, link := range []bool{false, true} {
		for i := range n {
			f := tree.Node{Path: fmt.Sprintf("f%d", i), Mode: 0o644, User: tree.Root, Group: tree.Root}
			if link {
				f.Path, f.Link = fmt.Sprintf("l%d", i), f.Path
			} else {
				f.Content = tree.Bytes([]byte(f.Path))
			}
			u.Nodes = append(u.Nodes, f)
		}
	}
	start := time.Now()
	m, err := Merge([]*pkg.Unpacked{u}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	if l, ok := m.Tree.Get("l99999"); !ok || l.Link != "f99999" {
		t.Errorf("%+v, %v", l, ok)
	}
}
