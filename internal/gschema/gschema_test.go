package gschema_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/internal/gschema"
)

func sources(t *testing.T, dir string) []gschema.Source {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ss []gschema.Source
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		ss = append(ss, gschema.Source{Name: e.Name(), Body: b})
	}
	slices.Reverse(ss) // they need no order
	return ss
}

// TestOracle compares with roots that were really configured: $DETINSTALL_ORACLE_ROOTS/*.
func TestOracle(t *testing.T) {
	compiled, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE_ROOTS"), "*", "usr/share/glib-2.0/schemas/gschemas.compiled"))
	if os.Getenv("DETINSTALL_ORACLE_ROOTS") == "" || len(compiled) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots with GSettings schemas in $DETINSTALL_ORACLE_ROOTS")
	}
	for _, name := range compiled {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := gschema.Compile(sources(t, filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: identical: %v", name, bytes.Equal(got, want))
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes differ from %d", name, len(got), len(want))
		}
	}
}

// TestProgram compares with the program on schemas that have everything.
func TestProgram(t *testing.T) {
	program, err := exec.LookPath("glib-compile-schemas")
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no glib-compile-schemas (package libglib2.0-bin)")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/all")); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, dir).CombinedOutput()
	if err != nil || strings.Contains(string(out), "gnored") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	want, err := os.ReadFile(filepath.Join(dir, "gschemas.compiled"))
	if err != nil {
		t.Fatal(err)
	}
	ss := sources(t, "testdata/all")
	got, err := gschema.Compile(ss)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differ:\n%q\n%q", got, want)
	}
	if got, _ := gschema.Compile(ss[1:]); bytes.Equal(got, want) {
		t.Error("the check sees no difference")
	}
}

func TestErrors(t *testing.T) {
	for body, want := range map[string]string{
		"<a/>":                               "no <schemalist>",
		"<schemalist><schema/></schemalist>": "has no id",
		"<schemalist><x/></schemalist>":      "unexpected <x>",
		`<schemalist><schema id="a"><key name="k" type="i"/></schema></schemalist>`:                                          "no default",
		`<schemalist><schema id="a"><key name="k" type="i"><default>x</default></key></schema></schemalist>`:                 `"x" of type i`,
		`<schemalist><schema id="a"><key name="k" type="(i"><default>x</default></key></schema></schemalist>`:                "bad type",
		`<schemalist><schema id="a"><key name="k" type="i"><range max="1"/><default>2</default></key></schema></schemalist>`: "not of the range",
	} {
		if _, err := gschema.Compile([]gschema.Source{{Name: "a.gschema.xml", Body: []byte(body)}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", body, err, want)
		}
	}
	if b, err := gschema.Compile(nil); b != nil || err != nil {
		t.Errorf("of nothing %q, %v", b, err)
	}
}
