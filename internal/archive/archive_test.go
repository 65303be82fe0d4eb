package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/detinstall/detinstall/pkg/tree"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"./", "."}, {".", "."}, {"/", "."}, {"./.", "."}, {"a", "a"}, {"./a", "a"}, {"/a", "a"}, {"./a/b/", "a/b"},
		{"a//b", "a/b"}, {"a/./b", "a/b"}, {"./././a", "a"}, {"..a/b..", "..a/b.."}, {"...", "..."}, {"\xff/ ", "\xff/ "},
		{"./a/.", "a"}, {"/./a", "a"},
	} {
		if got, err := Clean(tt.in); got != tt.want || err != nil {
			t.Errorf("Clean(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{"", "..", "../", "/..", "a/..", "a/../b", "./..", "//", "//a", ".//a", "a\x00", strings.Repeat("n", 256), strings.Repeat("n/", 2049)} {
		var refused *tree.RefusedError
		if got, err := Clean(in); !errors.As(err, &refused) {
			t.Errorf("Clean(%q) = %q, %v; want a RefusedError", in, got, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"./usr/bin/x", "/", "./", "a/../b", "a//b/./c/", "..", "\x00", "a/.../b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Clean(s)
		if err != nil {
			return
		}
		if err := tree.CheckPath(p); err != nil {
			t.Errorf("Clean(%q): %v", s, err)
		}
		if again, err := Clean(p); again != p || err != nil {
			t.Errorf("Clean(%q) = %q, of which Clean makes %q, %v", s, p, again, err)
		}
		if q := filepath.Clean("/" + s); q != filepath.Clean("/"+p) {
			t.Errorf("Clean(%q) = %q, but the path is %q", s, p, q)
		}
	})
}

// ar makes an ar archive of "NAME|SIZE|BODY" members; without SIZE the right one, with padding.
func ar(members ...string) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range members {
		f := strings.SplitN(m, "|", 3)
		if f[1] == "" {
			f[1] = fmt.Sprint(len(f[2]))
		}
		fmt.Fprintf(&b, "%-16s%-12s%-6s%-6s%-8s%-10s`\n%s", f[0], "0", "0", "0", "100644", f[1], f[2])
		if len(f[2])%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func TestAr(t *testing.T) {
	b := ar("debian-binary||2.0\n", "control.tar||odd", "data.tar/||even", "_x||")
	ms, err := Ar(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range ms {
		got = append(got, m.Name+"="+string(b[m.Offset:m.Offset+m.Size]))
	}
	if want := "[debian-binary=2.0\n control.tar=odd data.tar=even _x=]"; fmt.Sprint(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestArRefuses(t *testing.T) {
	good := string(ar("debian-binary||2.0\n"))
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "cut short"},
		{"not ar", "PK\x03\x04xxxxxxxxxxxxx", "not an ar archive"},
		{"old format", "0.939000\n123\n", "old format"},
		{"size over the rest", string(ar("x|9999999999|a")), "only 2 are left"},
		{"negative size", string(ar("x|-1|a")), "malformed size"},
		{"plus", string(ar("x|+1|a")), "malformed size"},
		{"hexadecimal", string(ar("x|0x1|a")), "malformed size"},
		{"no size", string(ar("x| |a")), "malformed size"},
		{"blank inside", string(ar("x|1 1|a")), "malformed size"},
		{"cut header", good[:30], "cut short"},
		{"cut body", good[:70], "are left"},
		{"cut padding", string(ar("x||a"))[:8+60+1], "cut short"},
		{"wrong padding", strings.TrimSuffix(string(ar("x||a")), "\n") + "x", "no newline"},
		{"junk after the end", good + "x", "cut short"},
		{"twice", string(ar("x||a", "x||b")), "comes twice"},
		{"twice by a slash", string(ar("x||a", "x/||b")), "comes twice"},
		{"BSD name", string(ar("#1/4||abcdef")), "unsupported name"},
		{"GNU name table", string(ar("//||abcdef")), "unsupported name"},
		{"GNU long name", string(ar("/17||abcdef")), "unsupported name"},
		{"slash inside", string(ar("../x||abcdef")), "unsupported name"},
		{"no name", string(ar("||abcdef")), "unsupported name"},
		{"no magic", strings.Replace(good, "`\n", "``", 1), "malformed header"},
	} {
		_, err := Ar(strings.NewReader(tt.in), int64(len(tt.in)))
		var refused *tree.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want a RefusedError with %q", tt.name, err, tt.want)
		}
	}
	var many []string
	for i := range 65 {
		many = append(many, fmt.Sprintf("m%d||", i))
	}
	for n, ok := range map[int]bool{64: true, 65: false} {
		b := ar(many[:n]...)
		if _, err := Ar(bytes.NewReader(b), int64(len(b))); (err == nil) != ok {
			t.Errorf("%d members: %v", n, err)
		}
	}
}

// TestArAgreesWithAr lists what binutils' ar writes.
func TestArAgreesWithAr(t *testing.T) {
	tool, err := exec.LookPath("ar")
	if err != nil {
		t.Skip("SKIPPED: no ar on this machine")
	}
	dir := t.TempDir()
	for name, body := range map[string]string{"debian-binary": "2.0\n", "data.tar": "odd"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool, "qc", "x.a", "debian-binary", "data.tar")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "x.a"))
	if err != nil {
		t.Fatal(err)
	}
	ms, err := Ar(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(ms) != 2 || ms[0].Name != "debian-binary" || string(b[ms[1].Offset:][:ms[1].Size]) != "odd" {
		t.Errorf("got %v, %v", ms, err)
	}
}

func FuzzAr(f *testing.F) {
	f.Add(ar("debian-binary||2.0\n", "control.tar.xz||abc", "data.tar/||abcd"))
	f.Add(ar("x|9999999999|a"))
	f.Add([]byte("!<arch>\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ms, err := Ar(bytes.NewReader(b), int64(len(b)))
		var refused *tree.RefusedError
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%T: %v", err, err)
		}
		end := int64(8)
		for _, m := range ms {
			if m.Offset < end+60 || m.Size < 0 || m.Offset+m.Size > int64(len(b)) {
				t.Fatalf("member %+v of %d bytes", m, len(b))
			}
			end = m.Offset + m.Size
		}
	})
}

func TestFiles(t *testing.T) {
	f := NewFiles([]File{{"postinst", 0o755, []byte("#!/bin/sh\n")}, {"control", 0o644, []byte("Package: x\n")}, {"control", 0o644, nil}, {"empty", 0o644, nil}})
	if err := fstest.TestFS(f, "control", "empty", "postinst"); err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(f, "control"); string(b) != "Package: x\n" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	if _, err := f.Open("list"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
