package mimedb_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/internal/mimedb"
)

// sources reads the packages directory of a MIME directory.
func sources(t *testing.T, dir string) []mimedb.Source {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "packages", "*.xml"))
	var ss []mimedb.Source
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		ss = append(ss, mimedb.Source{Name: filepath.Base(n), Body: b})
	}
	slices.Reverse(ss) // they need no order
	return ss
}

// compare returns the paths of dir that got has identically, and those where the two differ.
func compare(t *testing.T, dir string, got map[string][]byte) (same int, differ []string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if err != nil || d.IsDir() || strings.HasPrefix(rel, "packages/") {
			return err
		}
		want, err := os.ReadFile(p)
		if b, ok := got[rel]; ok && bytes.Equal(b, want) {
			same++
		} else {
			differ = append(differ, rel)
		}
		if _, ok := got[rel]; ok {
			seen++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(got) {
		differ = append(differ, "files that the program does not make")
	}
	return same, differ
}

// TestOracle compares with roots that were really configured: $DETINSTALL_ORACLE_ROOTS/*.
func TestOracle(t *testing.T) {
	versions, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE_ROOTS"), "*", "usr/share/mime/version"))
	if os.Getenv("DETINSTALL_ORACLE_ROOTS") == "" || len(versions) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots with a MIME database in $DETINSTALL_ORACLE_ROOTS")
	}
	for _, v := range versions {
		dir := filepath.Dir(v)
		version, err := os.ReadFile(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := mimedb.Make(sources(t, dir), strings.TrimSpace(string(version)))
		if err != nil {
			t.Fatal(err)
		}
		same, differ := compare(t, dir, got)
		t.Logf("%s: %d of %d files identical", dir, same, same+len(differ))
		if len(differ) > 0 || same < 100 {
			t.Errorf("differ: %q", differ)
		}
	}
}

// TestProgram compares with the program on odd sources.
func TestProgram(t *testing.T) {
	program, err := exec.LookPath("update-mime-database")
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no update-mime-database (package shared-mime-info)")
	}
	for _, c := range []string{"testdata/odd", "testdata/override"} {
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "packages"), os.DirFS(c)); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		version, err := os.ReadFile(filepath.Join(dir, "version"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := mimedb.Make(sources(t, dir), strings.TrimSpace(string(version)))
		if err != nil {
			t.Fatal(err)
		}
		same, differ := compare(t, dir, got)
		if len(differ) > 0 || same < 13 {
			t.Errorf("%s: %d files identical, differ: %q", c, same, differ)
			for _, d := range differ {
				want, _ := os.ReadFile(filepath.Join(dir, d))
				t.Errorf("%s:\nours:\n%s\ntheirs:\n%s", d, got[d], want)
			}
		}
		got["types"] = append(got["types"], 'x')
		if _, differ := compare(t, dir, got); len(differ) != 1 {
			t.Errorf("the check sees no difference: %q", differ)
		}
	}
}

func TestErrors(t *testing.T) {
	const ns = `xmlns="http://www.freedesktop.org/standards/shared-mime-info"`
	for _, c := range []struct{ body, want string }{
		{"<mime-info " + ns + ">", "not one whole element"},
		{"<a></b>", "a.xml: "},
		{"<x:a/>", "no such namespace"},
		{"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "declares entities"},
		{"<mime-info " + ns + `><mime-type type="a/b"><glob pattern="*"/></mime-type></mime-info>`, `glob "*" of a/b`},
		{"<mime-info " + ns + `><mime-type type="a/b"/><mime-type type="A/b"/></mime-info>`, "differs by case alone"},
	} {
		if _, err := mimedb.Make([]mimedb.Source{{Name: "a.xml", Body: []byte(c.body)}}, "1"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.body, err, c.want)
		}
	}
}
