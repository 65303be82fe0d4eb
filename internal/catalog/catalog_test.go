package catalog

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var sample = []File{
	{"a.catalog", []byte("# a comment\n\n-- f77379a8490b408bbe5f6940505a777b\nSubject: One\nDefined-By: a\n\nThe body.\n\n\nMore @X@.\n\n-- d93fb3c9c24d451a97cea615ce59c00b de\nSubject: Zwei\n\nThe body.\n" +
		"\n-- 00000000000000000000000000000001\nMore @X@.\n")},
	{"b.pt_BR.catalog", []byte("\n-- f77379a8490b408bbe5f6940505a777b\nSubject: Um\n-- not an entry, since no empty line is before it\n")},
	{"c.catalog", []byte("-- f77379a8490b408bbe5f6940505a777b\nSupport: c\n\n-- d93fb3c9c24d451a97cea615ce59c00b de\nSupport: c\n\nAnother body.")},
}

// TestJournalctl compares with what this machine's journalctl makes of texts, ours and its own.
func TestJournalctl(t *testing.T) {
	program, err := exec.LookPath("journalctl")
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: needs journalctl")
	}
	shipped, err := filepath.Glob("/usr/lib/systemd/catalog/*.catalog")
	if err != nil {
		t.Fatal(err)
	}
	var own []File
	for _, f := range shipped {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, File{f, b})
	}
	slices.SortFunc(own, func(a, b File) int { return strings.Compare(filepath.Base(a.Name), filepath.Base(b.Name)) })
	for _, files := range [][]File{sample, own} {
		root := t.TempDir()
		dir := filepath.Join(root, "usr/lib/systemd/catalog")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.Name)), f.Body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command(program, "--root", root, "--update-catalog").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		want, err := os.ReadFile(filepath.Join(root, "var/lib/systemd/catalog/database"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Compile(files)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d files: %d bytes differ from journalctl's %d", len(files), len(got), len(want))
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, text := range []string{"text\n", "-- f77379a8490b408bbe5f6940505a777b\n", "-- f77379a8490b408bbe5f6940505a777b x\nText\n", "\x00"} {
		if _, err := Compile([]File{{"x.catalog", []byte(text)}}); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range sample {
		f.Add(s.Name, s.Body)
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		got, err := Compile([]File{{name, b}})
		if err != nil {
			return
		}
		if again, err := Compile([]File{{name, b}}); err != nil || !bytes.Equal(got, again) {
			t.Error("two runs differ")
		}
	})
}
