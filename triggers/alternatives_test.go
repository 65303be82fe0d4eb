package triggers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// TestAlternativesReal installs made-up choices with the update-alternatives of this machine and with ours.
func TestAlternativesReal(t *testing.T) {
	if _, err := exec.LookPath("update-alternatives"); err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no update-alternatives on this machine")
	}
	seed := uint32(1)
	random := func(n int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>16) % n
	}
	differing := 0
	for round := range 60 {
		root := t.TempDir()
		ours := tree.New()
		for _, d := range []string{"etc/alternatives", alternativesAdmin, "usr/bin", "usr/man", "var/log"} {
			if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 6 {
			for _, f := range []string{fmt.Sprintf("usr/bin/c%d", i), fmt.Sprintf("usr/man/c%d.1", i)} {
				if random(5) == 0 {
					continue
				}
				if err := os.WriteFile(filepath.Join(root, f), nil, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := ours.Put(tree.Node{Path: f}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var duties []hooks.Duty
		for range 1 + random(6) {
			d := hooks.Duty{Kind: hooks.Alternative, Args: []string{"/usr/bin/tool", "tool", fmt.Sprintf("/usr/bin/c%d", random(6)), fmt.Sprint(random(3))}}
			for _, s := range []string{"tool.1", "another.1", "b"} {
				if random(2) == 0 {
					d.Slaves = append(d.Slaves, []string{"/usr/man/" + s, s, fmt.Sprintf("/usr/man/c%d.1", random(6))})
				}
			}
			duties = append(duties, d)
			args := append([]string{"--root", root, "--log", os.DevNull, "--quiet", "--install"}, d.Args...)
			for _, s := range d.Slaves {
				args = append(append(args, "--slave"), s...)
			}
			_ = exec.Command("update-alternatives", args...).Run() // it fails where the path is not there, as a script would ignore
		}
		if _, err := apply([]Trigger{alternatives()}, ours, Input{Format: "deb", Duties: duties}); err != nil {
			t.Fatal(err)
		}
		want, got := onDisk(t, root), inTree(t, ours)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("round %d: %v (-theirs +ours):\n%s", round, duties, d)
		}
		if len(want) > 0 {
			differing++
		}
	}
	if differing < 30 {
		t.Errorf("only %d rounds made anything: the check checks nothing", differing)
	}
}

// onDisk returns the links and administrative files below root.
func onDisk(t *testing.T, root string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, d := range []string{"etc/alternatives", alternativesAdmin, "usr/bin", "usr/man"} {
		entries, err := os.ReadDir(filepath.Join(root, d))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := filepath.Join(root, d, e.Name())
			if target, err := os.Readlink(name); err == nil {
				got[d+"/"+e.Name()] = strings.TrimPrefix(target, root)
			} else if d == alternativesAdmin {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				got[d+"/"+e.Name()] = string(b)
			}
		}
	}
	return got
}

func inTree(t *testing.T, tr *tree.Tree) map[string]string {
	t.Helper()
	got := map[string]string{}
	for n := range tr.All() {
		switch {
		case n.Link != "":
			got[n.Path] = n.Link
		case strings.HasPrefix(n.Path, alternativesAdmin+"/"):
			b, err := n.Content.ReadAll(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			got[n.Path] = string(b)
		}
	}
	return got
}
