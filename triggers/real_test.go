package triggers_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// reals are the cases that this machine's own tools are asked about, with the places that they are about.
var reals = []struct {
	name   string
	needs  string
	places []string
}{
	{"systemd", "deb-systemd-helper", []string{"etc/systemd/", "var/lib/systemd/"}},
	{"systemd_presets", "systemctl", []string{"etc/systemd/", "var/lib/systemd/"}},
	{"systemd_disable", "systemctl", []string{"etc/systemd/", "var/lib/systemd/"}},
	{"systemd_all", "systemctl", []string{"etc/systemd/"}},
	{"sysv", "update-rc.d", []string{"etc/rc"}},
	{"tmpfiles", "systemd-tmpfiles", []string{"var/", "etc/l", "etc/kept", "etc/no", "etc/fac", "etc/c"}},
}

// command returns the real call of a duty in root.
func command(d hooks.Duty, root string) *exec.Cmd {
	var c *exec.Cmd
	switch d.Kind {
	case hooks.Unit:
		if verb, ok := strings.CutPrefix(d.Args[0], "systemctl "); ok {
			return exec.Command("systemctl", slices.DeleteFunc([]string{"--root=" + root, verb, d.Args[1]}, func(a string) bool { return a == "" })...)
		}
		c = exec.Command("deb-systemd-helper", "--"+d.Args[2], d.Args[0], d.Args[1])
	case hooks.SysV:
		c = exec.Command("update-rc.d", d.Args...)
	default:
		c = exec.Command("systemd-tmpfiles", append([]string{"--root=" + root, "--create"}, d.Args...)...)
	}
	c.Env = append(os.Environ(), "DPKG_ROOT="+root, "DPKG_MAINTSCRIPT_PACKAGE="+d.Package)
	return c
}

// TestReal carries the duties of cases out twice: by our triggers, and by this machine's tools in a root of the same files.
func TestReal(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: roots with owners need root")
	}
	for _, r := range reals {
		t.Run(r.name, func(t *testing.T) {
			if _, err := exec.LookPath(r.needs); err != nil {
				t.Skip("SKIPPED, NOT CHECKED: ", err)
			}
			a, err := txtar.ParseFile(filepath.Join("testdata", r.name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			var text, calls string
			for _, f := range a.Files {
				switch f.Name {
				case "tree":
					text = string(f.Data)
				case "duties":
					calls = string(f.Data)
				}
			}
			duties := parseDuties(t, calls)
			ours := treetest.Parse(text)
			in := triggers.Input{Format: "deb", Arch: "amd64", Lock: testLock(), Duties: duties}
			if _, err := triggers.Apply(ours, in); err != nil {
				t.Fatal(err)
			}
			ids, err := triggers.Accounts(ours.FS())
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := ours.Seal(tree.Epoch(1), ids)
			if err != nil {
				t.Fatal(err)
			}
			diff, n := compareReal(sealed, realRoot(t, text, duties), r.places)
			for _, d := range diff {
				t.Error(d)
			}
			if n < 7 {
				t.Errorf("only %d paths: the check checks nothing", n)
			}
			if diff, _ := compareReal(sealed, realRoot(t, text, nil), r.places); len(diff) == 0 {
				t.Error("a root in which nothing was done passes: the check checks nothing")
			}
		})
	}
}

// realRoot writes the files of a case, with the accounts that ours has, and has the real tools at them.
func realRoot(t *testing.T, text string, duties []hooks.Duty) *tree.Sealed {
	t.Helper()
	root := treetest.Parse(text)
	if _, err := triggers.Apply(root, triggers.Input{Format: "deb", Arch: "amd64", Lock: testLock()}); err != nil {
		t.Fatal(err)
	}
	ids, err := triggers.Accounts(root.FS())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := root.Seal(tree.Epoch(1), ids)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "root")
	stage, err := emit.Begin(out, emit.StageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Abort()
	if _, err := emit.Write(context.Background(), stage, []emit.Image{{Tree: sealed}}, emit.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range duties {
		if b, err := command(d, out).CombinedOutput(); err != nil {
			t.Logf("%s %q: %v: %s", d.Kind, d.Args, err, b) // scripts go on
		}
	}
	theirs, err := tree.FromDir(out)
	if err != nil {
		t.Fatal(err)
	}
	return theirs
}

// compareReal returns how two roots differ at places, and how many paths it compared.
func compareReal(ours, theirs *tree.Sealed, places []string) (diff []string, n int) {
	at := func(s *tree.Sealed, p string) string { // this machine's systemctl may be one that prefers /lib
		return strings.Replace(describe(s, p), `"/lib/`, `"/usr/lib/`, 1)
	}
	for _, s := range []*tree.Sealed{ours, theirs} {
		for node := range s.All() {
			if !slices.ContainsFunc(places, func(b string) bool { return strings.HasPrefix(node.Path, b) }) {
				continue
			}
			n++
			if got, want := at(ours, node.Path), at(theirs, node.Path); got != want {
				diff = append(diff, fmt.Sprintf("/%s\nours   %s\ntheirs %s", node.Path, got, want))
			}
		}
	}
	return diff, n
}
