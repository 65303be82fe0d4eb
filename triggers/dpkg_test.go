package triggers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// TestStatoverrides compares with the file that the real dpkg-statoverride writes.
func TestStatoverrides(t *testing.T) {
	if _, err := exec.LookPath("dpkg-statoverride"); err != nil || os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: needs dpkg-statoverride and root")
	}
	dir := t.TempDir()
	var ds []hooks.Duty
	for i := range 40 {
		path := fmt.Sprintf("/etc/dir%d/file%d", i%7, i)
		args := []string{"root", []string{"adm", "lp", "mail"}[i%3], []string{"0710", "4755", "2750", "0"}[i%4], path}
		ds = append(ds, hooks.Duty{Kind: hooks.Statoverride, Args: args})
		if out, err := exec.Command("dpkg-statoverride", append([]string{"--admindir", dir, "--add"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	want, err := os.ReadFile(filepath.Join(dir, "statoverride"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := statoverrides(append(ds, hooks.Duty{Args: []string{"x", "x", "0", ds[3].Args[3]}}))
	if err != nil || string(got) != string(want) {
		t.Errorf("%v; ours:\n%stheirs:\n%s", err, got, want)
	}
	if _, err := statoverrides([]hooks.Duty{{Args: []string{"root", "root", "rw", "/x"}}}); err == nil {
		t.Error("a mode that is no number is accepted")
	}
}
