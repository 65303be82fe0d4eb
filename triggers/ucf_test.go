package triggers_test

import (
	"crypto/md5"
	"fmt"
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

// TestUcf compares with the state that the real ucf and ucfr leave, in a directory of its own.
func TestUcf(t *testing.T) {
	if _, err := exec.LookPath("ucf"); err != nil || os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: needs ucf and root")
	}
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	if err := os.MkdirAll(filepath.Join(state, "cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	var duties []hooks.Duty
	text := "dir 0755 root:root usr/bin\n"
	big := strings.Repeat("0123456789\n", 2400)
	for _, f := range []struct{ name, body string }{{"a.conf", "a\n"}, {"b.conf", "b\n"}, {"big.conf", big}} {
		offered := filepath.Join(dir, "offered-"+f.name)
		dest := filepath.Join(dir, f.name)
		if err := os.WriteFile(offered, []byte(f.body), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"ucf", "--state-dir", state, offered, dest}, {"ucfr", "--state-dir", state, "pkg-" + f.name, dest}} {
			c := exec.Command(args[0], args[1:]...)
			c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "DEBCONF_DB_OVERRIDE=File{"+filepath.Join(dir, "debconf.dat")+"}")
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v: %s", args, err, out)
			}
		}
		duties = append(duties, hooks.Duty{Kind: hooks.Ucf, Args: []string{dest, "pkg-" + f.name, fmt.Sprintf("%x", md5.Sum([]byte(f.body)))}})
		text += "file 0644 root:root " + dest[1:] + " " + quote(f.body) + "\n"
	}
	duties = append([]hooks.Duty{{Kind: hooks.Ucf, Args: []string{filepath.Join(dir, "b.conf"), "older", "0"}}}, duties...)
	got := results(t, treetest.Parse(text), triggers.Input{Format: "deb", Arch: "amd64", Lock: testLock(), Duties: duties})
	want := map[string]string{}
	for _, f := range []string{"hashfile", "registry", "cache"} {
		_ = filepath.WalkDir(filepath.Join(state, f), func(p string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				b, err := os.ReadFile(p)
				want["body var/lib/ucf"+strings.TrimPrefix(p, state)] = string(b)
				return err
			}
			return err
		})
	}
	for name := range got {
		if !strings.HasPrefix(name, "body var/lib/ucf/") || name == "body var/lib/ucf/cache" {
			delete(got, name)
		}
	}
	if len(want) != 4 {
		t.Fatalf("ucf left %d files, want 4", len(want))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-theirs +ours:\n%s", d)
	}
}
