package deb

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// need skips a test whose judge is not on this machine.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("SKIPPED, NOT CHECKED: no %s on this machine", p)
		}
	}
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command(name, args...)
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out
}

// load reads a .deb with dpkg's own tools, so that the database is judged apart from our reader of archives.
func load(t *testing.T, file string) Entry {
	t.Helper()
	control := fstest.MapFS{}
	for _, n := range untar(t, output(t, "dpkg-deb", "--ctrl-tarfile", file)) {
		if n.Mode.IsRegular() {
			b, err := n.Content.ReadAll(1 << 24)
			if err != nil {
				t.Fatal(err)
			}
			control[n.Path] = &fstest.MapFile{Data: b, Mode: n.Mode}
		}
	}
	c, err := ParseControl(control["control"].Data)
	if err != nil {
		t.Fatal(file, err)
	}
	u := &pkg.Unpacked{Package: c.Package(), Control: control, Nodes: untar(t, output(t, "dpkg-deb", "--fsys-tarfile", file))}
	e := Entry{Package: u}
	for _, n := range u.Nodes {
		e.Files = append(e.Files, n.Path)
	}
	return e
}

func untar(t *testing.T, b []byte) []tree.Node {
	t.Helper()
	var nodes []tree.Node
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nodes
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		n := tree.Node{Path: filepath.Clean(h.Name), Mode: h.FileInfo().Mode(), Content: tree.Bytes(body)}
		if h.Typeflag == tar.TypeLink {
			n.Link = filepath.Clean(h.Linkname)
		}
		nodes = append(nodes, n)
	}
}

// snapshot describes dpkg's database in the directory dir: mode and contents by name.
// Left out are locks, backups and what other programs or scripts write there.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name {
		case "lock", "lock-frontend", "triggers/Lock", "status-old", "diversions-old", "arch-native":
			return nil
		}
		fi, err := d.Info()
		if err != nil || d.IsDir() || filepath.Dir(name) == "alternatives" {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		got[name] = fmt.Sprintf("%v\n%s", fi.Mode(), b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func contents(t *testing.T, nodes []tree.Node) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, n := range nodes {
		if n.Mode.IsDir() {
			continue
		}
		b, err := n.Content.ReadAll(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		got[strings.TrimPrefix(n.Path, admin+"/")] = fmt.Sprintf("%v\n%s", n.Mode, b)
	}
	return got
}

// oddPackages builds the packages of testdata/database.txtar below a new directory, which it returns, and reads them.
func oddPackages(t *testing.T) (string, []Entry) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/database.txtar")
	if err != nil {
		t.Fatal(err)
	}
	src := t.TempDir()
	for _, f := range a.Files {
		perm := fs.FileMode(0o644)
		if path.Base(f.Name) == "postinst" {
			perm = 0o755
		}
		writeFile(t, filepath.Join(src, f.Name), f.Data, perm)
	}
	odd := filepath.Join(src, "odd/usr/share/odd")
	if err := os.Link(odd+"/f", odd+"/hard"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("f", odd+"/link"); err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	for _, p := range []string{"odd", "same"} {
		deb := filepath.Join(src, p+".deb")
		output(t, "dpkg-deb", "--root-owner-group", "-b", filepath.Join(src, p), deb)
		entries = append(entries, load(t, deb))
	}
	return src, entries
}

func writeFile(t *testing.T, name string, b []byte, perm fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, perm); err != nil {
		t.Fatal(err)
	}
}

// emptyRoot makes a root with an empty database and some diversions, which it returns.
func emptyRoot(t *testing.T) (string, []Diversion) {
	t.Helper()
	root := t.TempDir()
	for name, body := range map[string]string{"status": "", "statoverride": "", "arch": "amd64\n"} {
		writeFile(t, filepath.Join(root, admin, name), []byte(body), 0o644)
	}
	for _, d := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/log"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ds := []Diversion{{"/bin/sh", "/bin/sh.distrib", "dash"}, {"/lib64", "/.lib64.usr-is-merged", "base-files"}, {"/usr/bin/x", "/usr/bin/y", ""}}
	for i := 1; i < 15; i++ {
		ds = append(ds, Diversion{fmt.Sprintf("/usr/b%d/f%d", i, i), fmt.Sprintf("/opt/d%d.x", i), "x"})
	}
	for _, d := range ds {
		who := "--package=" + d.Package
		if d.Package == "" {
			who = "--local"
		}
		output(t, "dpkg-divert", "--root="+root, "--quiet", "--no-rename", who, "--add", "--divert", d.To, d.Path)
	}
	return root, ds
}

// TestDatabaseOdd compares with what the dpkg of this machine makes of packages
// that have everything it rewrites.
func TestDatabaseOdd(t *testing.T) {
	need(t, "dpkg", "dpkg-deb")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: dpkg --root needs root")
	}
	src, entries := oddPackages(t)
	root, diverts := emptyRoot(t)
	for _, step := range []string{"unpack", "configure"} {
		args := []string{"--root=" + root, "--force-all", "--force-script-chrootless", "--unpack", src + "/odd.deb", src + "/same.deb"}
		if step == "configure" {
			args = []string{"--root=" + root, "--force-all", "--force-script-chrootless", "--configure", "odd", "same"}
		}
		output(t, "dpkg", args...)
		for i := range entries {
			entries[i].Pending = step == "unpack"
		}
		nodes, err := Database(entries, DatabaseOptions{Arch: "amd64", Diversions: diverts})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(snapshot(t, filepath.Join(root, admin)), contents(t, nodes)); d != "" {
			t.Errorf("%s: database differs (-dpkg +ours):\n%s", step, d)
		}
	}
}

// TestDatabaseMinbase compares with roots that mmdebstrap really configured: the directory DETINSTALL_ORACLE
// has, for each SUITE, the root SUITE/ and its packages in debs-SUITE/.
func TestDatabaseMinbase(t *testing.T) {
	need(t, "dpkg-deb")
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			dir := os.Getenv("DETINSTALL_ORACLE")
			root := filepath.Join(dir, suite, admin)
			debs, _ := filepath.Glob(filepath.Join(dir, "debs-"+suite, "*.deb"))
			if dir == "" || len(debs) == 0 {
				t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE")
			}
			var entries []Entry
			for _, d := range debs {
				entries = append(entries, load(t, d))
			}
			nodes, err := Database(entries, DatabaseOptions{Arch: "amd64", Diversions: readDiversions(t, root)})
			if err != nil {
				t.Fatal(err)
			}
			want, got := snapshot(t, root), contents(t, nodes)
			want["statoverride"] = "-rw-r--r--\n" // only dpkg-statoverride makes one
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("database differs (-dpkg +ours):\n%s", d)
			}
			t.Logf("%d files of the database are identical", len(got))
			entries[0].Pending = true
			if nodes, err = Database(entries, DatabaseOptions{Arch: "amd64"}); err != nil {
				t.Fatal(err)
			}
			if cmp.Equal(want["status"], contents(t, nodes)["status"]) {
				t.Error("a package in another state shows no difference: the check checks nothing")
			}
		})
	}
}

// readDiversions returns a root's diversions sorted by path, so that their order is ours to find.
func readDiversions(t *testing.T, dir string) []Diversion {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "diversions"))
	if err != nil {
		t.Fatal(err)
	}
	l := strings.Split(string(b), "\n")
	var ds []Diversion
	for i := 0; i+2 < len(l); i += 3 {
		ds = append(ds, Diversion{l[i], l[i+1], l[i+2]})
	}
	slices.SortFunc(ds, func(a, b Diversion) int { return strings.Compare(a.Path, b.Path) })
	return ds
}

// FuzzDatabase holds that no control archive makes Database panic or write outside of its directory.
func FuzzDatabase(f *testing.F) {
	f.Add("Package: a\nVersion: 1\nArchitecture: all\n", "/etc/a\nremove-on-upgrade /b\n", "interest /x\ninterest y\n", "md5sums")
	f.Add("Package: a\nVersion: 1\nArchitecture: all\nMulti-Arch: same\nDepends: |,(\n", "etc\n", "interest ../../x\ninterest File\n", "..x")
	f.Fuzz(func(t *testing.T, control, conffiles, triggers, member string) {
		if !fs.ValidPath(member) {
			return
		}
		m := fstest.MapFS{member: {}, "control": {Data: []byte(control)}, "conffiles": {Data: []byte(conffiles)}, "triggers": {Data: []byte(triggers)}}
		u := &pkg.Unpacked{Package: &pkg.Package{}, Control: m, Nodes: []tree.Node{{Path: "x", Link: "x"}}}
		nodes, err := Database([]Entry{{Package: u, Files: []string{".", "x"}}}, DatabaseOptions{})
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, n := range nodes {
			if seen[n.Path] || !fs.ValidPath(n.Path) || n.Path != admin && !strings.HasPrefix(n.Path, admin+"/") {
				t.Errorf("%q: twice, or outside of the database", n.Path)
			}
			seen[n.Path] = true
		}
	})
}
