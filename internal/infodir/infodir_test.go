package infodir

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manuals are this machine's own, and some odd ones.
func manuals(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{
		"a.info": "INFO-DIR-SECTION Zoo\nSTART-INFO-DIR-ENTRY\n* Beta: (a).\n* alpha: (a)node.  One.\n* Alphabet: (a)node with a long name indeed.  Two\n  three,\n  four.\n  " +
			"five.\nEND-INFO-DIR-ENTRY\n",
		"b.info": "START-INFO-DIR-ENTRY\n* No section: (b).\tX.\nEND-INFO-DIR-ENTRY\nINFO-DIR-SECTION aardvark\nINFO-DIR-SECTION Zoo\nSTART-INFO-DIR-ENTRY\n" +
			"* beta: (b).    " + strings.Repeat("lengthy words ", 20) + ".\n* alpha: (b).  Replaces.\nEND-INFO-DIR-ENTRY\n",
		"c.info": "INFO-DIR-SECTION Individual utilities\nSTART-INFO-DIR-ENTRY\n* x: (c)x invocation.  " + strings.Repeat("w", 90) + " end\n* y: (c).\n  On the next line.\n" +
			"END-INFO-DIR-ENTRY\nINFO-DIR-SECTION Individual utilities\nINFO-DIR-SECTION Misc\nSTART-INFO-DIR-ENTRY\n* z: (c).  tab\tbed.\nEND-INFO-DIR-ENTRY\n",
		"d.info": "INFO-DIR-SECTION Nothing\nno entries here\n",
		"e.info": "INFO-DIR-SECTION Open\nSTART-INFO-DIR-ENTRY\n* e: (e).  never ends.\n",
	}
	names, _ := filepath.Glob("/usr/share/info/*.info.gz")
	for _, n := range names {
		f, err := os.Open(n)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(n)] = string(b)
	}
	return all
}

// TestInstallInfo runs the real program with the same manuals in several orders.
func TestInstallInfo(t *testing.T) {
	if _, err := exec.LookPath("install-info"); err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no install-info on this machine")
	}
	all := manuals(t)
	var names []string
	for n := range all {
		names = append(names, n)
	}
	slices.Sort(names)
	t.Logf("%d manuals", len(names))
	seen := map[string]bool{}
	for turn := range 3 {
		dir := t.TempDir()
		menu := Empty
		for _, n := range names {
			file := filepath.Join(dir, strings.TrimSuffix(n, ".gz"))
			if err := os.WriteFile(file, []byte(all[n]), 0o644); err != nil {
				t.Fatal(err)
			}
			c := exec.Command("install-info", file, filepath.Join(dir, "dir"))
			c.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
			out, errTheirs := c.CombinedOutput()
			next, err := Add(menu, all[n])
			if (err == nil) != (errTheirs == nil) {
				t.Errorf("%s: %v, theirs %v %s", n, err, errTheirs, out)
			}
			if err != nil {
				continue
			}
			menu = next
			want, err := os.ReadFile(filepath.Join(dir, "dir"))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), menu); d != "" {
				t.Fatalf("turn %d, %s (-want +got):\n%s", turn, n, d)
			}
		}
		seen[menu] = true
		slices.Reverse(names)
		if turn == 1 {
			half := len(names) / 2
			names = slices.Concat(names[half:], names[:half])
		}
	}
	if len(seen) < 2 {
		t.Error("all orders give the same: the check checks less than it could")
	}
}

func FuzzAdd(f *testing.F) {
	for n, m := range manuals(f) {
		if len(m) < 4096 {
			f.Add(Empty, m)
			f.Add(m, m)
		}
		_ = n
	}
	f.Fuzz(func(t *testing.T, menu, manual string) {
		got, err := Add(menu, manual)
		if err != nil && got != menu {
			t.Error("an error, and a menu that changed")
		}
		if err == nil && len(got) < len(menu) && !bytes.Contains([]byte(menu), []byte("*")) {
			t.Error("lines went that are no entries")
		}
	})
}
