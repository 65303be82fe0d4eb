package deb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// arOf makes an ar archive of the members, each "NAME=BODY".
func arOf(members ...string) string {
	var b strings.Builder
	b.WriteString("!<arch>\n")
	for _, m := range members {
		name, body, _ := strings.Cut(m, "=")
		fmt.Fprintf(&b, "%-16s%-12s%-6s%-6s%-8s%-10d`\n%s", name, "0", "0", "0", "100644", len(body), body)
		if len(body)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// tarOf makes a tar archive of lines "PATH BODY", "PATH/" or "PATH -> TARGET", "PATH => TARGET" (hard link), "PATH c1,3".
// "\n" in a body is a newline. What archive/tar refuses to write, internal/archive tests.
func tarOf(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for line := range strings.Lines(text) {
		line = strings.Trim(line, "\t\n")
		if line == "" {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		h := &tar.Header{Name: name, Mode: 0o644, Uname: "root", Gname: "root"}
		body := strings.ReplaceAll(rest, `\n`, "\n")
		switch {
		case strings.HasPrefix(rest, "-> "):
			h.Typeflag, h.Linkname, body = tar.TypeSymlink, rest[3:], ""
		case strings.HasPrefix(rest, "=> "):
			h.Typeflag, h.Linkname, body = tar.TypeLink, rest[3:], ""
		case rest == "c1,3":
			h.Typeflag, h.Devmajor, h.Devminor, body = tar.TypeChar, 1, 3, ""
		case strings.HasSuffix(name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		h.Size = int64(len(body))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, body)
	}
	w.Close()
	return b.String()
}

const hello = `Package: hello\nVersion: 1:2-3\nArchitecture: amd64\nInstalled-Size: 10\nDepends: libc6\n`

func goodControl(t testing.TB) string {
	return tarOf(t, `./
		./control `+hello+`
		./postinst #! /usr/bin/perl -w\nexit 0\n
		./config #!/usr/bin/env python3\n
		./preinst echo\n
		./md5sums x`)
}

func goodData(t testing.TB) string {
	return tarOf(t, `./
		./bin/
		./bin/hello hi
		./bin/hi => ./bin/hello
		./lib -> usr/lib`)
}

func xzOf(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func zstOf(t testing.TB, s string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func gzOf(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// read opens a .deb and returns its entries as text.
func read(file string, lim pkg.Limits) (pkg.Archive, string, error) {
	a, err := Format{}.Open(strings.NewReader(file), int64(len(file)), lim)
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	var out strings.Builder
	for e, err := range a.Nodes() {
		if err != nil {
			return a, out.String(), err
		}
		fmt.Fprintf(&out, "%s %s %s", e.Node.Mode, e.Node.Path, e.Node.Link)
		if e.Body != nil {
			b, err := io.ReadAll(e.Body)
			if err != nil {
				return a, out.String(), err
			}
			fmt.Fprintf(&out, "%q", b)
		}
		out.WriteString("\n")
	}
	return a, out.String(), nil
}

func TestOpen(t *testing.T) {
	control, data := goodControl(t), goodData(t)
	for name, file := range map[string]string{
		"none":                 arOf("debian-binary=2.0\n", "control.tar="+control, "data.tar="+data),
		"xz":                   arOf("debian-binary=2.0\n", "control.tar.xz="+xzOf(t, control), "data.tar.xz="+xzOf(t, data)),
		"gz":                   arOf("debian-binary=2.0\n", "control.tar.gz="+gzOf(control), "data.tar.gz="+gzOf(data)),
		"zst":                  arOf("debian-binary=2.0\n", "control.tar.zst="+zstOf(t, control), "data.tar.zst="+zstOf(t, data)),
		"underscores":          arOf("debian-binary=2.1\n", "_gpgorigin=x", "control.tar="+control, "_x=", "data.tar="+data, "_y=z"),
		"slashes after names":  arOf("debian-binary/=2.0\n", "control.tar/="+control, "data.tar/="+data),
		"empty frames of zstd": arOf("debian-binary=2.0\n", "control.tar="+control, "data.tar.zst="+strings.Repeat(zstOf(t, ""), 1000)+zstOf(t, data)),
	} {
		a, got, err := read(file, pkg.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "drwxr-xr-x . \ndrwxr-xr-x bin \n-rw-r--r-- bin/hello \"hi\"\n-rw-r--r-- bin/hi bin/hello\nLrwxrwxrwx lib usr/lib\n"
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		p := a.Package()
		if p.String() != "hello=1:2-3:amd64" || p.Installed != 10<<10 || p.Relations().Depends[0].Any[0].Name != "libc6" {
			t.Errorf("%s: package %v, %d bytes", name, p, p.Installed)
		}
		var scripts []string
		for _, s := range a.Scripts() {
			scripts = append(scripts, string(s.Phase)+"|"+s.Interpreter+"|"+string(s.Body))
		}
		wantScripts := []string{"config|python3|#!/usr/bin/env python3\n", "preinst||echo\n", "postinst|/usr/bin/perl|#! /usr/bin/perl -w\nexit 0\n"}
		if diff := cmp.Diff(wantScripts, scripts); diff != "" {
			t.Errorf("%s: scripts: %s", name, diff)
		}
		if names, err := fs.Glob(a.Control(), "*"); err != nil || strings.Join(names, " ") != "config control md5sums postinst preinst" {
			t.Errorf("%s: control members %q, %v", name, names, err)
		}
	}
}

// bigDict returns an .xz file whose block claims a dictionary of 1536 MiB.
func bigDict(t *testing.T, s string) string {
	b := []byte(xzOf(t, s))
	head := b[12 : 12+4*(int(b[12])+1)]
	i := bytes.IndexByte(head, 0x21) // the LZMA2 filter's id, then its properties' size and the dictionary
	if i < 0 || head[i+1] != 1 {
		t.Fatalf("no LZMA2 filter in % x", head)
	}
	head[i+2] = 37
	binary.LittleEndian.PutUint32(head[len(head)-4:], crc32.ChecksumIEEE(head[:len(head)-4]))
	return string(b)
}

func TestOpenRefuses(t *testing.T) {
	control, data := goodControl(t), goodData(t)
	deb := func(c, d string) string { return arOf("debian-binary=2.0\n", c, d) }
	withData := func(lines string) string { return deb("control.tar="+control, "data.tar="+tarOf(t, lines)) }
	withControl := func(lines string) string { return deb("control.tar="+tarOf(t, lines), "data.tar="+data) }
	many := &strings.Builder{}
	for i := range 2000 {
		fmt.Fprintf(many, "./f%d x\n", i)
	}
	zeros := strings.Repeat("\x00", 40<<20)
	good := deb("control.tar.xz="+xzOf(t, control), "data.tar.xz="+xzOf(t, data))
	tests := []struct{ name, in, want string }{
		{"empty", "", "cut short"},
		{"old format (CVE-2015-0860)", "0.939000\n1234\n", "old format"},
		{"a zip", "PK\x03\x04aaaaaaaaaaa", "not an ar archive"},
		{"cut", good[:len(good)-20], "are left"},
		{"ar size over the end", strings.Replace(good, fmt.Sprintf("%-10d`", len(xzOf(t, data))), "9999999999`", 1), "are left"},
		{"ar size negative", strings.Replace(good, fmt.Sprintf("%-10d`", len(xzOf(t, data))), "-1        `", 1), "malformed size"},
		{"BSD name", arOf("debian-binary=2.0\n", "#1/11=control.tar"), "unsupported name"},
		{"version 3", arOf("debian-binary=3.0\n", "control.tar="+control, "data.tar="+data), "unsupported format"},
		{"version without newline", arOf("debian-binary=2.0", "control.tar="+control, "data.tar="+data), "unsupported format"},
		{"version without minor", arOf("debian-binary=2.\n", "control.tar="+control, "data.tar="+data), "unsupported format"},
		{"no debian-binary", arOf("control.tar="+control, "data.tar="+data), "out of order"},
		{"data first", arOf("debian-binary=2.0\n", "data.tar="+data, "control.tar="+control), "out of order"},
		{"control twice", arOf("debian-binary=2.0\n", "control.tar="+control, "control.tar.gz="+gzOf(control), "data.tar="+data), "out of order"},
		{"no data", arOf("debian-binary=2.0\n", "control.tar="+control), "no member data.tar"},
		{"no control", arOf("debian-binary=2.0\n"), "no member control.tar"},
		{"data twice", arOf("debian-binary=2.0\n", "control.tar="+control, "data.tar="+data, "data.tar.gz="+gzOf(data)), "out of order"},
		{"unknown member", arOf("debian-binary=2.0\n", "control.tar="+control, "data.tar="+data, "x=y"), "unexpected member"},
		{"unknown compression", deb("control.tar="+control, "data.tar.lz4=xxxx"), "unknown compression"},
		{"no xz", deb("control.tar="+control, "data.tar.xz="+gzOf(data)), "corrupt"},
		{"xz cut", deb("control.tar="+control, "data.tar.xz="+xzOf(t, data)[:90]), "corrupt"},
		{"xz with a tail", deb("control.tar="+control, "data.tar.xz="+xzOf(t, data)+"junk"), "corrupt"},
		{"xz with a huge dictionary", deb("control.tar="+control, "data.tar.xz="+bigDict(t, data)), "limit"},
		{"zst cut (CVE-2026-2219)", deb("control.tar="+control, "data.tar.zst="+zstOf(t, data)[:40]), "corrupt"},
		{"zst with a tail", deb("control.tar="+control, "data.tar.zst="+zstOf(t, data)+"junk"), "corrupt"},
		{"gz cut", deb("control.tar="+control, "data.tar.gz="+gzOf(data)[:60]), "corrupt"},
		{"bomb of xz", deb("control.tar="+control, "data.tar.xz="+xzOf(t, zeros)), "limit"},
		{"bomb of gz", deb("control.tar="+control, "data.tar.gz="+gzOf(data+zeros)), "bytes of zeros"},
		{"bomb of zst", deb("control.tar="+control, "data.tar.zst="+zstOf(t, data+zeros)), "bytes of zeros"},
		{"control bomb", deb("control.tar.gz="+gzOf(control+zeros), "data.tar="+data), "limit"},
		{"no tar", deb("control.tar="+control, "data.tar="+strings.Repeat("x", 1024)), "checksum"},
		{"tar without an end", deb("control.tar="+control, "data.tar="+data[:1024]), "no end"},
		{"two tars", deb("control.tar="+control, "data.tar="+data+data), "after the end"},
		{"no control file", withControl("./md5sums x"), "control: is missing"},
		{"control file of no stanza", withControl(`./control \n`), "no stanza"},
		{"control file of two", withControl(`./control ` + hello + `\n` + hello), "more than one stanza"},
		{"control file without a version", withControl(`./control Package: x\nArchitecture: all\n`), "version"},
		{"package name with a slash", withControl(`./control Package: ../x\nVersion: 1\nArchitecture: all\n`), "malformed package name"},
		{"control directory (CVE-2025-6297)", withControl("./control " + hello + "\n./d/"), "not a regular file"},
		{"control file below", withControl("./control " + hello + "\n./d/x y"), "name of a control member"},
		{"control link", withControl("./control " + hello + "\n./postinst -> /etc/shadow"), "not a regular file"},
		{"control hard link", withControl("./control " + hello + "\n./postinst => ./control"), "not a regular file"},
		{"control outside", withControl("./control " + hello + "\n./../postinst x"), "leaves the root"},
		{"control file list", withControl("./control " + hello + "\n./list /etc/passwd"), "file list"},
		{"control name in capitals", withControl("./control " + hello + "\n./A x"), "unsupported name"},
		{"control name too long", withControl("./control " + hello + "\n./" + strings.Repeat("n", 51) + " x"), "longer than 50"},
		{"control twice", withControl("./control " + hello + "\n./control x"), "comes twice"},
		{"2000 control members", withControl("./control " + hello + "\n" + many.String()), "more than 1000 entries"},
		{"path outside", withData("./usr/\n./usr/../../x y"), "data.tar: ./usr/../../x: path leaves the root"},
		{"root as a link", withData(". -> /"), "only a directory"},
		{"file twice", withData("./a b\n./a c"), "a: comes twice"},
		{"below a file", withData("./a b\n./a/c d"), "is not a directory"},
		{"hard link outside", withData("./a => ../../etc/shadow"), "leaves the root"},
		{"hard link to a link", withData("./a -> /etc/shadow\n./b => ./a"), "no earlier regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := read(tt.in, pkg.Limits{})
			var refused *tree.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v after\n%swant a RefusedError with %q", err, got, tt.want)
			}
		})
	}
}

func TestOpenLimits(t *testing.T) {
	file := arOf("debian-binary=2.0\n", "control.tar="+goodControl(t), "data.tar.xz="+xzOf(t, goodData(t)))
	if _, _, err := read(file, pkg.Limits{Entries: 5, File: 2, Total: 1 << 20, Control: 1 << 20, Workers: 2}); err != nil {
		t.Error(err)
	}
	for _, lim := range []pkg.Limits{{Entries: 4}, {File: 1}, {Total: 1}, {Control: 100}, {Dict: 4096}} {
		var refused *tree.RefusedError
		if _, _, err := read(file, lim); !errors.As(err, &refused) {
			t.Errorf("%+v: got %v, want a RefusedError", lim, err)
		}
	}
}

// TestOpenKeepsDevices checks that a device gets through to who decides about it.
func TestOpenKeepsDevices(t *testing.T) {
	_, got, err := read(arOf("debian-binary=2.0\n", "control.tar="+goodControl(t), "data.tar="+tarOf(t, "./dev/null c1,3")), pkg.Limits{})
	if err != nil || got != "Dcrw-r--r-- dev/null \n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// failing is a file on a disk that breaks after the first n bytes.
type failing struct {
	io.ReaderAt
	n int64
}

var errDisk = errors.New("disk on fire")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.n {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

// TestOpenPassesIOErrors checks that a broken disk is not taken for a broken package.
func TestOpenPassesIOErrors(t *testing.T) {
	file := arOf("debian-binary=2.0\n", "control.tar="+goodControl(t), "data.tar="+goodData(t))
	for _, n := range []int64{0, 100, 1000, int64(len(file)) - 2000} {
		r := &failing{strings.NewReader(file), n}
		a, err := Format{}.Open(r, int64(len(file)), pkg.Limits{})
		if err == nil {
			for _, err = range a.Nodes() {
				if err != nil {
					break
				}
			}
		}
		var refused *tree.RefusedError
		if !errors.Is(err, errDisk) || errors.As(err, &refused) {
			t.Errorf("after %d bytes: got %v", n, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(arOf("debian-binary=2.0\n", "control.tar="+goodControl(f), "data.tar="+goodData(f))))
	f.Add([]byte(arOf("debian-binary=2.0\n", "control.tar.xz="+xzOf(f, goodControl(f)), "data.tar.xz="+xzOf(f, goodData(f)))))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := read(string(b), pkg.Limits{Total: 1 << 20})
		var refused *tree.RefusedError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%T: %v", err, err)
		}
	})
}
