package triggers_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// oracleEpoch is the SOURCE_DATE_EPOCH that the oracles were made with.
const oracleEpoch = 1750000000

// oracle returns the directory with, for each SUITE, a root that mmdebstrap really configured in SUITE/, and its packages in
// debs-SUITE/: SOURCE_DATE_EPOCH=1750000000 mmdebstrap --variant=minbase SUITE SUITE.
func oracle(t *testing.T, suite string) (root string, debs []string) {
	t.Helper()
	d := os.Getenv("DETINSTALL_ORACLE")
	debs, _ = filepath.Glob(filepath.Join(d, "debs-"+suite, "*.deb"))
	if d == "" || len(debs) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE")
	}
	return filepath.Join(d, suite), debs
}

// load decodes a package whole.
func load(t *testing.T, file string) *pkg.Unpacked {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := deb.Format{}.Open(f, fi.Size(), pkg.Limits{})
	if err != nil {
		t.Fatal(file, err)
	}
	defer a.Close()
	u := &pkg.Unpacked{Package: a.Package(), Control: a.Control(), Scripts: a.Scripts()}
	for e, err := range a.Nodes() {
		if err != nil {
			t.Fatal(file, err)
		}
		if e.Body != nil {
			b, err := io.ReadAll(e.Body)
			if err != nil {
				t.Fatal(file, err)
			}
			e.Node.Content = tree.Bytes(b)
		}
		u.Nodes = append(u.Nodes, e.Node)
	}
	return u
}

// built is a root of ours.
type built struct {
	sealed  *tree.Sealed
	applied []triggers.Applied
	shipped map[string]bool
	lock    *lock.File
}

// build makes a root of packages as the program does, but without lock and index. Requested are those named so.
func build(t *testing.T, debs []string, lk lock.File, exclude, include []string, requested ...string) built {
	t.Helper()
	var all []*pkg.Unpacked
	var ps []*pkg.Package
	for _, d := range debs {
		u := load(t, d)
		all, ps = append(all, u), append(ps, u.Package)
	}
	var us []*pkg.Unpacked
	for _, i := range solve.Order(ps, deb.Compare) {
		us = append(us, all[i])
	}
	in := triggers.Input{Format: "deb", Arch: "amd64", Lock: &lk, Exclude: exclude, Include: include}
	arch := lock.Arch{Name: "amd64"}
	w := triggers.World("deb")
	w.Arch, w.Compare, w.Answers = "amd64", deb.Compare, map[string]string{}
	for _, d := range hooks.Diversions(us, w) {
		arch.Diversions = append(arch.Diversions, lock.Diversion{Path: d.Args[0], To: d.Args[1], Package: d.Args[2]})
	}
	lk.Epoch, lk.Arches = oracleEpoch, []lock.Arch{arch}
	m, err := unpack.Merge(us, unpack.Options{Compare: deb.Compare, MergedUsr: true, Diversions: arch.Diversions, Exclude: exclude, Include: include})
	if err != nil {
		t.Fatal(err)
	}
	w.FS = m.Tree.FS()
	for _, r := range hooks.Read(us, w).Readings {
		in.Duties = append(in.Duties, r.Duties...)
	}
	b := built{shipped: map[string]bool{}, lock: &lk}
	for n := range m.Tree.All() {
		b.shipped[n.Path] = true
	}
	for i, u := range us {
		in.Packages = append(in.Packages, triggers.Installed{Unpacked: u, Files: m.Files[i], Requested: slices.Contains(requested, u.Package.Name)})
	}
	if b.applied, err = triggers.Apply(m.Tree, in); err != nil {
		t.Fatal(err)
	}
	ids, err := triggers.Accounts(m.Tree.FS())
	if err != nil {
		t.Fatal(err)
	}
	if b.sealed, err = m.Tree.Seal(tree.Epoch(oracleEpoch), ids); err != nil {
		t.Fatal(err)
	}
	return b
}

// describe is all of a node but its time: those of generated files are the epoch's by rule.
func describe(s *tree.Sealed, path string) string {
	n, ok := s.Lookup(path)
	if !ok {
		return "missing"
	}
	return fmt.Sprintf("%v %d:%d %q %d,%d %d %s %q", n.Mode, n.User.ID, n.Group.ID, n.Link, n.Major, n.Minor, n.Content.Size, n.Content.Digest, n.Xattrs)
}

// gaps are the paths of a configured minbase that are not made, or made otherwise, with the reason.
var gaps = []struct{ glob, why string }{
	// Deliberately.
	{"dev/*", "device nodes are the bootstrapper's"},
	{"etc/fstab", "the bootstrapper's"},
	{"etc/hostname", "the build host's"},
	{"etc/resolv.conf", "the build host's"},
	{"etc/apt/sources.list", "the bootstrapper's; ours is the example of the package, for the sources of a lock"},
	{"etc/passwd-", "backup"},
	{"etc/group-", "backup"},
	{"var/cache/apt/archives/*", "apt's own state"},
	{"var/lib/apt/lists/partial", "apt itself narrows it when it runs; no hook does"},
	{"var/lib/apt/lists/lock", "apt's own state"},
	{"var/lib/apt/extended_states", "the bootstrapper's request, in the order of apt's hash table"},
	{"var/lib/dpkg/lock*", "made by the first dpkg that runs"},
	{"var/lib/dpkg/triggers/Lock", "made by the first dpkg that runs"},
	{"var/lib/dpkg/*-old", "backup"},
	// Duties that are not read yet.
	{"var/cache/debconf/*", "answers that are not read yet, and backups"},
	{"usr/bin/uncompress", "bookworm: the merging of /usr breaks the hard link; ours is the package's"},
}

func gap(p string, used map[string]bool) string {
	for _, g := range gaps {
		if ok, _ := path.Match(g.glob, p); ok {
			used[g.glob] = true
			return g.why
		}
	}
	return ""
}

// TestMinbase compares every path of a root of ours with one that was really configured.
func TestMinbase(t *testing.T) {
	used := map[string]bool{}
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			root, debs := oracle(t, suite)
			b := build(t, debs, lock.File{}, nil, nil)
			want, err := tree.FromDir(root)
			if err != nil {
				t.Fatal(err)
			}
			made, same, missing, payload := 0, 0, 0, 0
			for _, a := range b.applied {
				made++
				switch got, want := describe(b.sealed, a.Path), describe(want, a.Path); {
				case got == want:
					same++
				case gap(a.Path, used) == "":
					t.Errorf("/%s by %s:\nours  %s\ntheirs %s", a.Path, a.Trigger, got, want)
				}
			}
			for n := range want.All() {
				got := describe(b.sealed, n.Path)
				switch {
				case got == "missing" && gap(n.Path, used) == "":
					t.Errorf("/%s is missing", n.Path)
				case got == "missing":
					missing++
				case b.shipped[n.Path] && got != describe(want, n.Path) && gap(n.Path, used) == "":
					t.Errorf("/%s differs:\nours  %s\ntheirs %s", n.Path, got, describe(want, n.Path))
				case b.shipped[n.Path]:
					payload++
				}
			}
			t.Logf("%d shipped paths equal; of %d made by triggers %d are identical; %d of theirs are not made (listed in gaps)", payload, made, same, missing)
			if same < 400 {
				t.Errorf("only %d identical paths: the check checks nothing", same)
			}
		})
	}
	for _, g := range gaps {
		if len(used) > 0 && !used[g.glob] {
			t.Errorf("gap %s (%s) is closed: drop the row", g.glob, g.why)
		}
	}
}

// TestDpkg asks the real dpkg and apt about a root of ours.
func TestDpkg(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: dpkg --root needs root")
	}
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			_, debs := oracle(t, suite)
			out := filepath.Join(t.TempDir(), "root")
			b := build(t, debs, lock.File{Sources: []lock.Source{{Base: "https://snapshot.debian.org/archive/debian", Suite: suite, Components: []string{"main"}}}}, nil, nil, "apt")
			stage, err := emit.Begin(out, emit.StageOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Abort()
			if _, err := emit.Write(context.Background(), stage, []emit.Image{{Tree: b.sealed}}, emit.Options{}); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"dpkg", "--audit"}, {"dpkg", "--verify"},
				{"dpkg", "--get-selections"}, {"dpkg", "-S", "/usr/share/base-files/motd"},
				{"apt-get", "check"}, {"apt-get", "update", "--print-uris"}, {"apt-mark", "showmanual"},
				{"update-alternatives", "--query", "awk"}, {"dpkg-divert", "--list"},
			} {
				c := exec.Command("chroot", append([]string{out}, args...)...)
				got, err := c.CombinedOutput()
				if err != nil {
					t.Errorf("%v: %v\n%s", args, err, got)
				}
				if silent := args[1] == "--audit" || args[1] == "--verify"; silent && len(got) > 0 {
					t.Errorf("%v says:\n%s", args, got)
				}
				if args[1] == "update" && !strings.Contains(string(got), "deb.debian.org/debian/dists/"+suite+"/InRelease") {
					t.Errorf("apt has no source for %s: %s", suite, got)
				}
				if args[1] == "showmanual" && strings.TrimSpace(string(got)) != "apt" {
					t.Errorf("manual packages: %q, want apt", got)
				}
			}
			if err := os.WriteFile(filepath.Join(out, "usr/bin/tar"), nil, 0o755); err != nil {
				t.Fatal(err)
			}
			if got, _ := exec.Command("chroot", out, "dpkg", "--verify").Output(); !strings.Contains(string(got), "/tar") {
				t.Errorf("dpkg --verify does not see a changed file: the check checks nothing")
			}
		})
	}
}
