package triggers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// TestUpdateShells compares with the update-shells and add-shell of this machine.
func TestUpdateShells(t *testing.T) {
	program, err := exec.LookPath("update-shells")
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: needs update-shells")
	}
	body, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"usr/share/debianutils/shells": "# /etc/shells: valid login shells\n/bin/sh\n/bin/sh # again\n\n/bin/sh\n", "usr/share/debianutils/shells.d/bash": "/bin/bash\n/bin/rbash # restricted\n",
		"usr/share/debianutils/shells.d/zz": "# comment\n/bin/bash\n\n/opt/none/sh\n/usr/bin/dash", "usr/bin/x": "", "var/lib/x": "", "etc/x": "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("usr/bin", filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "--root", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := exec.Command("add-shell", "/usr/bin/zsh", "/bin/bash")
	c.Env = append(os.Environ(), "DPKG_ROOT="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root := treetest.Parse(`
link 0777 root:root bin -> usr/bin
file 0755 root:root usr/bin/x
file 0755 root:root usr/sbin/update-shells ` + quote(string(body)) + `
file 0644 root:root usr/share/debianutils/shells "# /etc/shells: valid login shells\n/bin/sh\n/bin/sh # again\n\n/bin/sh\n"
file 0644 root:root usr/share/debianutils/shells.d/bash "/bin/bash\n/bin/rbash # restricted\n"
file 0644 root:root usr/share/debianutils/shells.d/zz "# comment\n/bin/bash\n\n/opt/none/sh\n/usr/bin/dash"
`)
	got := results(t, root, triggers.Input{Format: "deb", Arch: "amd64", Lock: testLock(), Duties: []hooks.Duty{
		{Kind: hooks.Shell, Args: []string{"/usr/bin/zsh"}}, {Kind: hooks.Shell, Args: []string{"/bin/bash"}}}})
	for _, f := range []string{"etc/shells", "var/lib/shells.state"} {
		want, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil || strings.Count(string(want), "\n") < 8 {
			t.Fatalf("%s: %v, %q", f, err, want)
		}
		if d := cmp.Diff(string(want), got["body "+f]); d != "" {
			t.Errorf("%s (-theirs +ours):\n%s%s", f, d, got["error"])
		}
	}
}
