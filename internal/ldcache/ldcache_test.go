package ldcache

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
)

// programs returns the ldconfigs that the tests ask: this machine's, and those of the roots in $DETINSTALL_ORACLE.
func programs(t *testing.T) []string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE"), "*", "usr/sbin/ldconfig"))
	names = append(names, "/usr/sbin/ldconfig", "/usr/sbin/ldconfig.real")
	names = slices.DeleteFunc(names, func(n string) bool {
		b, err := os.ReadFile(n)
		if err != nil {
			return true
		}
		_, err = ReadProgram(b)
		return err != nil
	})
	if len(names) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no ldconfig of glibc on this machine, nor in $DETINSTALL_ORACLE")
	}
	if os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: ldconfig -r needs root")
	}
	return names
}

// view reads a directory as a tree.
func view(t *testing.T, dir string) *tree.Tree {
	t.Helper()
	sealed, err := tree.FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := tree.New()
	for n := range sealed.All() {
		if err := out.Set(n); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// ours returns our cache of root, and the links.
func ours(t *testing.T, program, root string) ([]byte, []Link) {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadProgram(b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Search(view(t, root).FS())
	if err != nil {
		t.Fatal(err)
	}
	return Encode(p.Order, r.Entries, r.Subdirs, p.Generator), r.Links
}

// theirs runs the real program.
func theirs(t *testing.T, program, root string, options ...string) []byte {
	t.Helper()
	options = append(options, "-r", root, "-C", "/cache")
	if out, err := exec.Command(program, options...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	cache := filepath.Join(root, "cache")
	b, err := os.ReadFile(cache)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(cache)
	return b
}

// world makes a root of all that ldconfig knows, out of this machine's libraries.
func world(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	libc, err := filepath.Glob("/usr/lib/*-linux-gnu*/libc.so.6")
	if err != nil || len(libc) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no libc.so.6 on this machine")
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(libc[0]), name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write := func(name string, b []byte) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	c, m, dl := read("libc.so.6"), read("libm.so.6"), read("libdl.so.2")
	write("etc/ld.so.conf", []byte("# all\ninclude /etc/ld.so.conf.d/*.conf\n\t/opt/x/lib # after\n/usr/local/lib//  \n/missing\nhwcap 1 nosegneg\nrelative\n"))
	write("etc/ld.so.conf.d/b.conf", []byte("include more/?.inc none/*.conf\n/usr/lib/multi\n/lib/multi"))
	write("etc/ld.so.conf.d/a.conf", []byte("/opt/a"))
	write("etc/ld.so.conf.d/.c.conf", []byte("/opt/hidden"))
	write("etc/ld.so.conf.d/more/1.inc", []byte("/opt/more\n"))
	for _, d := range []string{"opt/hidden", "opt/a", "opt/more", "usr/lib/multi", "usr/local/lib", "usr/lib", "opt/x/lib"} {
		write(d+"/libc.so.6", c)
	}
	link("usr/lib", "lib")
	write("usr/lib/multi/libm-2.10.so", m) // no link from its SONAME
	write("usr/lib/multi/libm-2.9.so", m)  // older
	link("libm.so.6", "usr/lib/multi/libm.so")
	link("libm-2.10.so", "usr/lib/multi/libmimpl.so") // beside the SONAME: like a file
	write("usr/lib/multi/libdl.so.2", dl)
	link("libdl.so.2", "usr/lib/multi/libdl.so")
	link("nothing.so.1", "usr/lib/multi/libgone.so.1")
	link("../../../opt/a", "usr/lib/multi/libdir.so")
	write("usr/lib/multi/libscript.so", []byte("/* GNU ld script */\nGROUP ( /lib/libc.so.6 )\n"+strings.Repeat(" ", 80)))
	write("usr/lib/multi/libempty.so", nil)
	write("usr/lib/multi/libshort.so", c[:100])
	write("usr/lib/multi/libcut.so", c[:4096])
	write("usr/lib/multi/liborphan.so.1.#prelink#", c)
	write("usr/lib/multi/libnew.so.1.dpkg-new.so", c)
	write("usr/lib/multi/other.so", c)
	write("usr/lib/ld.so.extra", c)
	for _, d := range []string{"x86-64-v2", "x86-64-v3", "z13"} {
		write("usr/lib/multi/glibc-hwcaps/"+d+"/libm.so.6", m)
		write("usr/lib/multi/glibc-hwcaps/"+d+"/libimpl-"+d+".so", dl)
	}
	write("opt/hw/libm.so.6", m)
	link("../../../../opt/hw", "usr/lib/multi/glibc-hwcaps/linked")
	write("opt/a/glibc-hwcaps/x86-64-v4/README", nil)
	write("opt/a/glibc-hwcaps/.hidden/libm.so.6", m)
	for _, d := range []string{"tls", "haswell", "haswell/avx512_1", "tls/x86_64", "fpu"} {
		write("usr/lib/multi/"+d+"/libm.so.6", m)
	}
	isa(t, filepath.Join(root, "usr/lib/multi/glibc-hwcaps/x86-64-v3/libisa.so.1"))
	return root
}

// isa makes a library that needs x86-64-v3, if there is a compiler.
func isa(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command("gcc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-Wl,-soname,libisa.so.1", "-Wl,-z,x86-64-v3", "-o", name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("NOT CHECKED: the ISA level, for lack of a compiler that marks it: %v %s", err, out)
	}
}

// TestWorld compares with what the real program writes, with -X and without.
func TestWorld(t *testing.T) {
	for _, program := range programs(t) {
		t.Run(program, func(t *testing.T) {
			root := world(t)
			got, links := ours(t, program, root)
			if want := theirs(t, program, root, "-X"); !bytes.Equal(got, want) {
				t.Fatalf("the cache differs (-want +got):\n%s", cmp.Diff(text(t, program, want), text(t, program, got)))
			}
			before := view(t, root)
			theirs(t, program, root)
			after := view(t, root)
			var made []Link
			for n := range after.All() {
				if _, ok := before.Get(n.Path); !ok && strings.HasPrefix(n.Path, "usr/lib/multi/") {
					made = append(made, Link{n.Path, n.Link})
				}
			}
			slices.SortFunc(links, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
			links = slices.DeleteFunc(links, func(l Link) bool { return !strings.HasPrefix(l.Path, "usr/lib/multi/") })
			if d := cmp.Diff(made, links); d != "" || len(made) == 0 {
				t.Errorf("links (-want +got):\n%s", d)
			}
			if bytes.Equal(got, theirs(t, program, t.TempDir(), "-X")) {
				t.Error("the cache of nothing is the same: the check checks nothing")
			}
		})
	}
}

// text prints a cache.
func text(t *testing.T, program string, cache []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cache")
	if err := os.WriteFile(name, cache, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-p", "-C", name).CombinedOutput()
	if err != nil {
		t.Logf("%v: %s", err, out)
	}
	return string(out)
}

// TestRoots compares every root in $DETINSTALL_ORACLE.
func TestRoots(t *testing.T) {
	roots, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE"), "*", "etc/ld.so.cache"))
	if os.Getenv("DETINSTALL_ORACLE") == "" || len(roots) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE")
	}
	for _, cache := range roots {
		root := filepath.Dir(filepath.Dir(cache))
		want, err := os.ReadFile(cache)
		if err != nil {
			t.Fatal(err)
		}
		got, links := ours(t, filepath.Join(root, "usr/sbin/ldconfig"), root)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the cache differs", root)
		}
		if len(links) > 0 {
			t.Errorf("%s: links that are not there: %v", root, links)
		}
	}
}

func TestCompareNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"libx.so.9", "libx.so.10", -1}, {"libx.so.1", "libx.so.01", 0}, {"lib1", "liba", 1}, {"liba", "lib1", -1},
		{"lib", "lib1", -1}, {"lib1", "lib", 1}, {"", "", 0}, {"lib", "liba", -1},
	} {
		if got := CompareNames(c.a, c.b); got != c.want {
			t.Errorf("CompareNames(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	if b, err := os.ReadFile("/proc/self/exe"); err == nil {
		f.Add(b[:min(len(b), 4096)])
	}
	libs, _ := filepath.Glob("/usr/lib/*-linux-gnu*/libdl.so.2")
	for _, l := range libs {
		if b, err := os.ReadFile(l); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var host []byte
		for _, machine := range []byte{62, 183, 243} {
			host = append(make([]byte, 0, 128), "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00"...)
			host = append(host, machine, 0)
			host = append(host, make([]byte, 64)...)
			host = append(host, "ldconfig (fuzz) stable release version 2.36\x00"...)
			p, err := ReadProgram(host)
			if err != nil {
				t.Fatal(err)
			}
			o, err := p.read(bytes.NewReader(b), true)
			if err == nil && (len(o.soname) > mostName || o.flags == 0) {
				t.Errorf("%+v", o)
			}
		}
		_, _ = ReadProgram(b)
	})
}
