package triggers_test

import (
	"crypto/sha1"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/solve/lock"
)

// apkLock is the lock of the cases of apk.
func apkLock() *lock.File {
	return &lock.File{Epoch: 1000000, Format: "apk", Settings: lock.Settings{Pending: "unpacked"},
		Sources: []lock.Source{
			{ID: "alpine@3.19-main", Base: "https://dl-cdn.alpinelinux.org/alpine", Suite: "v3.19/main"},
			{ID: "@edge alpine@edge-main", Base: "https://dl-cdn.alpinelinux.org/alpine", Suite: "edge/main"},
			{ID: "flat", Base: "https://packages.example.com/x", Suite: "./"},
			{ID: "here", Base: "file:/srv/repo"},
		},
		Arches: []lock.Arch{{Name: "x86_64"}}}
}

// apkMember adds to the packages, and to root, what a file of a case says: "NAME/.PKGINFO" begins a package, "NAME/tree" is its files
// (treetest), any other a script.
func apkMember(t *testing.T, us []*pkg.Unpacked, root *tree.Tree, name, member string, data []byte) []*pkg.Unpacked {
	t.Helper()
	if member == ".PKGINFO" {
		info, err := apk.ParsePkgInfo(data)
		if err != nil || info.Name != name {
			t.Fatalf("%s: %v", name, err)
		}
		control := fstest.MapFS{member: {Data: data}, ".checksums": {Data: fmt.Appendf(nil, "%s\n", apk.Checksum(sha1.Sum(data)))}}
		p, _, err := apk.Format{}.Describe(control)
		if err != nil {
			t.Fatal(err)
		}
		p.Size = int64(len(data))
		return append(us, &pkg.Unpacked{Package: p, Control: control})
	}
	u := us[len(us)-1]
	if u.Package.Name != name {
		t.Fatalf("%s: .PKGINFO comes first", name)
	}
	if member != "tree" {
		u.Scripts = append(u.Scripts, pkg.Script{Phase: pkg.Phase(member), Interpreter: "/bin/sh", Body: data})
		return us
	}
	sums := u.Control.(fstest.MapFS)[".checksums"]
	for n := range treetest.Parse(string(data)).All() {
		if n.From == "implicit" {
			continue
		}
		n.From = u.Package.Origin()
		u.Nodes = append(u.Nodes, n)
		if err := root.Set(n); err != nil {
			t.Fatal(err)
		}
		body, err := n.Content.ReadAll(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if n.Mode&fs.ModeSymlink != 0 {
			body = []byte(n.Link)
		}
		if !n.Mode.IsDir() {
			sums.Data = fmt.Appendf(sums.Data, "%x %s\n", sha1.Sum(body), tree.Quote(n.Path))
		}
	}
	return us
}
