package deb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const helloControl = `Package: hello
Source: hello-src (2.10-3)
Version: 2.10-3+b1
Architecture: amd64
Essential: yes
Protected: no
Multi-Arch: foreign
Installed-Size: 276
Pre-Depends: dpkg (>= 1.15)
Depends: libc6 (>= 2.38), foo | bar:any,
  baz (<< 3)
Conflicts: other
Breaks: old (<= 1)
Provides: greeting, hi (= 2)
Replaces: old (<= 1)
priority: required
Description: example
 Second line.
 .
  Indented.
`

func TestParseControl(t *testing.T) {
	c, err := ParseControl([]byte(helloControl))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Essential() || c.Protected() || c.Priority() != 0 || c.MultiArch() != "foreign" {
		t.Errorf("essential %v protected %v priority %d multi-arch %q", c.Essential(), c.Protected(), c.Priority(), c.MultiArch())
	}
	if n, v := c.Source(); n != "hello-src" || v != "2.10-3" {
		t.Errorf("source %q %q", n, v)
	}
	if got, want := c.Get("description"), "example\n Second line.\n .\n  Indented."; got != want {
		t.Errorf("Description %q, want %q", got, want)
	}
	p := c.Package()
	if p.String() != "hello=2.10-3+b1:amd64" || p.Installed != 276<<10 || p.Native != any(c) {
		t.Errorf("package %v, installed %d", p, p.Installed)
	}
	if len(c.Stanza()) != 16 || c.Stanza()[14].Name != "priority" {
		t.Errorf("stanza %v", c.Stanza())
	}
}

// What a stanza holds can be written out again.
func TestStanzaIsVerbatim(t *testing.T) {
	for s, err := range ParseStanzas(helloControl) {
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(helloControl, write(s)); diff != "" {
			t.Error(diff)
		}
	}
}

func write(s Stanza) string {
	var b strings.Builder
	for _, f := range s {
		b.WriteString(strings.TrimRight(f.Name+": "+f.Value, " ") + "\n")
	}
	return b.String()
}

func TestControlDefaults(t *testing.T) {
	c, err := ParseControl([]byte("\nPackage: a\nVersion: 1:2\nArchitecture: all\nPriority: odd\nImportant: yes\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	if n, v := c.Source(); n != "a" || v != "1:2" || c.Priority() != 3 || !c.Protected() || c.Essential() {
		t.Errorf("source %q %q, priority %d, protected %v, essential %v", n, v, c.Priority(), c.Protected(), c.Essential())
	}
	if r := c.Package().Relations(); len(r.Depends)+len(r.Conflicts)+len(r.Provides) != 0 {
		t.Errorf("relations %+v", r)
	}
}

func TestParseControlErrors(t *testing.T) {
	const head = "Package: a\nVersion: 1\nArchitecture: all\n"
	for _, c := range []struct{ text, want string }{
		{"", "no stanza"},
		{head + "\n" + head, "more than one stanza"},
		{"Package: a\nVersion: 1\n", "no architecture"},
		{"Version: 1\nArchitecture: all\n", "no package name"},
		{"Package: a\nArchitecture: all\n", "no version"},
		{"Package: a b\nVersion: 1\nArchitecture: all\n", "malformed package name"},
		{"Package: ../a\nVersion: 1\nArchitecture: all\n", "malformed package name"},
		{"Package: a\nVersion: 1/2\nArchitecture: all\n", "malformed version"},
		{"Package: a\nVersion: x:1\nArchitecture: all\n", "malformed epoch"},
		{"Package: a\nVersion: 1-\nArchitecture: all\n", "malformed version"},
		{head + "version: 2\n", "line 4: field version occurs twice"},
		{head + "no colon\n", "line 4: no colon"},
		{head + "A B: c\n", `line 4: malformed field name "A B"`},
		{head + ": c\n", "line 4: malformed field name"},
		{head + "-A: c\n", "line 4: malformed field name"},
		{head + "Description: x\n \t\n", "line 5: field Description: blank line in value"},
		{" continued\n", "line 1: continuation of no field"},
		{head + "A: b", "line 4: missing final newline"},
		{head + "A: b\r\n", "line 4: carriage return or NUL"},
		{head + "A: \x00\n", "line 4: carriage return or NUL"},
	} {
		if _, err := ParseControl([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzParseControl(f *testing.F) {
	f.Add(helloControl)
	f.Add("Package: a\nVersion: 1\nArchitecture: all\nDepends:\n b\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseControl([]byte(text))
		if err != nil {
			return
		}
		again, err := ParseControl([]byte(write(c.Stanza())))
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%q", err, write(c.Stanza()))
		}
		if diff := cmp.Diff(c.Stanza(), again.Stanza()); diff != "" {
			t.Error(diff)
		}
		for _, f := range c.Stanza() {
			if got := c.Get(f.Name); got != f.Value {
				t.Errorf("Get(%q) = %q, the stanza has %q", f.Name, got, f.Value)
			}
		}
		c.Package().Relations()
	})
}
