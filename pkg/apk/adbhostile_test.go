package apk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk/adbtest"
	"github.com/detinstall/detinstall/pkg/tree"
)

// goodADB has something of everything that a package of format 3 may have.
func goodADB() adbtest.Package {
	return adbtest.Package{
		Name: "a", Version: "1-r0", Description: "first\nsecond", Origin: "o", BuildTime: 1700000000, Installed: 1 << 33, Priority: 7, ReplacesPriority: 3,
		Depends: []string{"b>=1", "!c", "d~2", "so:e.so.1", "f><Q1OV3498UfAHAZyzAgHEnohLRrkvo="}, Provides: []string{"cmd:a=1-r0", "v"},
		Replaces: []string{"old<2"}, InstallIf: []string{"x", "y=1"}, Triggers: []string{"/usr/lib/*", "+/etc"},
		Scripts: map[string]string{"post-install": "#!/bin/sh\nexit 0\n", "trigger": "#!/bin/sh\n" + strings.Repeat("# long\n", 20000)},
		Dirs:    []adbtest.File{{Path: "var/spool/a", Mode: 0o2770, User: "daemon", Group: "mail"}},
		Files: []adbtest.File{
			{Path: "top", Body: "at the top", Mode: 0o4755, Time: 1 << 33},
			{Path: "usr/bin/a", Body: strings.Repeat("body of a ", 30000), Xattrs: []string{"user.b\x002", "user.a\x00\x01\x00", "security.selinux\x00x"}},
			{Path: "usr/bin/empty"},
			{Path: "usr/bin/hard", Target: adbtest.Hardlink("usr/bin/a")},
			{Path: "usr/bin/soft", Target: adbtest.Symlink("/bin/busybox"), Mode: 0o777},
			{Path: "usr/share/b", Body: "body of b", User: "daemon"},
		},
	}
}

// TestADB is the control of what follows: all that a package may have is read as it was written, however it is compressed.
func TestADB(t *testing.T) {
	p, key := goodADB(), adbtest.NewKey(1)
	blocks := p.Blocks(key)
	for name, file := range map[string][]byte{"deflate": adbtest.Deflate(blocks), "zstd": adbtest.Zstd(blocks), "none": blocks} {
		a, err := Format{}.Open(bytes.NewReader(file), int64(len(file)), pkg.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		info := *a.Package().Native.(*Info)
		want := Info{Name: "a", Version: "1-r0", Arch: "noarch", Description: "first second", License: "MIT", Origin: "o", BuildTime: 1700000000,
			Installed: 1 << 33, Unique: sha256.Sum256(p.Metadata()), Depends: "b>=1 !c d~2 so:e.so.1 f><Q1OV3498UfAHAZyzAgHEnohLRrkvo=",
			Provides: "cmd:a=1-r0 v", Replaces: "old<2", InstallIf: "x y=1", Triggers: "/usr/lib/* +/etc", ProviderPriority: 7, ReplacesPriority: 3}
		if info != want {
			t.Errorf("%s: %+v, want %+v", name, info, want)
		}
		if s := a.Scripts(); len(s) != 2 || s[0].Phase != ".post-install" || string(s[1].Body) != p.Scripts["trigger"] {
			t.Errorf("%s: %d scripts", name, len(s))
		}
		lines, bodies := listed(t, a)
		var paths []string
		for _, l := range lines {
			paths = append(paths, strings.Join(strings.Fields(l)[:4], " "))
		}
		const tree = "top 04755 root root|usr/bin 0755 root root|usr/bin/a 0644 root root|usr/bin/empty 0644 root root|usr/bin/hard 0644 root root|" +
			"usr/bin/soft 0777 root root|usr/share 0755 root root|usr/share/b 0644 daemon root|var/spool/a 02770 daemon mail"
		if got := strings.Join(paths, "|"); got != tree {
			t.Errorf("%s: %s", name, got)
		}
		if bodies["usr/bin/a"] != p.Files[1].Body || bodies["usr/bin/soft"] != "/bin/busybox" || bodies["usr/bin/hard"] != "usr/bin/a" {
			t.Errorf("%s: bodies are others", name)
		}
		sums, err := fs.ReadFile(a.Control(), sumsFile)
		if err != nil || strings.Count(string(sums), "\n") != 7 || strings.Count(string(sums), sumOf(p.Files[1].Body)) != 2 || !strings.Contains(string(sums), sumOf("/bin/busybox")) {
			t.Errorf("%s: %v, %s", name, err, sums)
		}
		a.Close()
	}
}

func sumOf(s string) string {
	d := tree.Sum([]byte(s))
	return strings.TrimPrefix(d.String(), "sha256:")
}

// TestADBAttributes looks at what a line of a tree does not show.
func TestADBAttributes(t *testing.T) {
	p := goodADB()
	p.Files[0].Target, p.Files[0].Body = adbtest.Device(5<<8|1|1<<20), ""
	b := p.Blocks()
	a, err := Format{}.Open(bytes.NewReader(b), int64(len(b)), pkg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range a.Nodes() {
		switch n := e.Node; {
		case err != nil:
			t.Fatal(err)
		case n.Path == "top" && (n.Mode&fs.ModeCharDevice == 0 || n.Major != 5 || n.Minor != 1|1<<8):
			t.Errorf("%s: %s %d,%d", n.Path, n.Mode, n.Major, n.Minor)
		case n.Path == "usr/bin/a" && (len(n.Xattrs) != 2 || n.Xattrs[0] != tree.Xattr{Name: "user.a", Value: "\x01\x00"}):
			t.Errorf("%s: %q", n.Path, n.Xattrs)
		case n.Path == "usr/share/b" && n.User != tree.Owner{Name: "daemon", ID: 65534}:
			t.Errorf("%s: %+v", n.Path, n.User)
		}
	}
}

// changed returns the good package with one thing changed, not compressed.
func changed(change func(*adbtest.Package)) []byte {
	p := goodADB()
	change(&p)
	return p.Blocks()
}

// oneFile returns a package with one file.
func oneFile(f adbtest.File) []byte {
	return changed(func(p *adbtest.Package) { p.Files = []adbtest.File{f} })
}

// raw returns a package with metadata of the tests' own making.
func raw(root func(w *adbtest.Values) uint32) []byte {
	var w adbtest.Values
	return adbtest.Header("pckg", w.Bytes(root(&w)))
}

func TestHostileADB(t *testing.T) {
	for _, list := range [][]fault{blocksWrong(), valuesWrong(), infosWrong(), filesWrong()} {
		for _, f := range list {
			_, err := readAll(f.file, pkg.Limits{})
			f.check(t, err)
		}
	}
}

// blocksWrong is what is wrong with a file and its blocks.
func blocksWrong() []fault {
	meta := goodADB().Metadata()
	good := goodADB().Blocks()
	head := func(word uint32) []byte { return binary.LittleEndian.AppendUint32([]byte("ADB.pckg"), word) }
	padded := bytes.Clone(good)
	padded[8+4+len(meta)] = 1
	deflated := adbtest.Deflate(good)
	return []fault{
		{"only the magic", []byte("ADB"), "unknown compression"},
		{"unknown compression", []byte("ADBx..."), "unknown compression"},
		{"unknown method", []byte("ADBc\x03\x01..."), "unknown compression"},
		{"no deflate", []byte("ADBd\xff\xff\xff\xff"), "corrupt"},
		{"no zstd", []byte("ADBc\x02\x03\xff\xff\xff\xff"), "corrupt"},
		{"nothing in it", []byte("ADB.pckg"), "does not begin with a block of metadata"},
		{"no header in it", adbtest.Deflate([]byte("ADBdpckg----------")), "no header where decompressed data begin"},
		{"an index", adbtest.Index([]adbtest.Package{goodADB()}), `holds "indx", not "pckg"`},
		{"signature first", adbtest.Block([]byte("ADB.pckg"), 1, []byte("x")), "does not begin with a block of metadata"},
		{"metadata of a gigabyte", append(head(0x3fffffff), meta...), "metadata of 1073741819 bytes: the limit is"},
		{"metadata that are not there", append(head(60<<20), meta...), "ends within the metadata"},
		{"a block smaller than its header", head(3), "malformed block"},
		{"a large block of unknown type", append(head(3<<30|3), make([]byte, 12)...), "malformed block"},
		{"a large block of 2^63 bytes", append(head(3<<30), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"...), "malformed block"},
		{"half a header", append(bytes.Clone(good), 1, 2), "ends within a block's header"},
		{"padding", padded, "padding of a block is not zero"},
		{"two metadata", adbtest.Block(bytes.Clone(adbtest.Header("pckg", meta)), 0, meta), "has no block of data"},
		{"a long signature", adbtest.Block(adbtest.Header("pckg", meta), 1, make([]byte, 3000)), "signature of 3000 bytes"},
		{"a block too many", adbtest.Block(bytes.Clone(good), 2, []byte("12345678x")), "belongs to no file"},
		{"a signature after the data", adbtest.Block(bytes.Clone(good), 1, []byte("x")), "belongs to no file"},
		{"no blocks of data", adbtest.Header("pckg", meta), "top: has no block of data"},
		{"the first body twice", adbtest.Block(adbtest.Block(adbtest.Header("pckg", meta), 2, []byte("\x01\x00\x00\x00\x01\x00\x00\x00at the top")), 2, make([]byte, 300008)), "that of file 0 in directory 0"},
		{"a short body", adbtest.Block(adbtest.Header("pckg", meta), 2, []byte("\x01\x00\x00\x00\x01\x00\x00\x00at the")), "has 10 bytes, but a block of data of 6"},
		{"another body", adbtest.Block(adbtest.Header("pckg", meta), 2, []byte("\x01\x00\x00\x00\x01\x00\x00\x00AT the top")), "trust: top: has the sha256"},
		{"bytes after it, not compressed", append(bytes.Clone(good), "\x01\x00\x00\x00more"...), "malformed block"},
		{"bytes after it, deflate", append(bytes.Clone(deflated), "x"...), "data after the end of the stream"},
		{"bytes after it, zstd", append(adbtest.Zstd(good), "x"...), "corrupt"},
		{"a gzip member after it", append(bytes.Clone(deflated), gzOf(nil)...), "data after the end of the stream"},
		{"cut, deflate", deflated[:len(deflated)-9], "corrupt"},
	}
}

// valuesWrong is what is wrong with values: where they point, what they are, and what they say of themselves.
func valuesWrong() []fault {
	beyond := func(kind uint32) []byte {
		return raw(func(w *adbtest.Values) uint32 { return w.Object(w.Object(kind<<28 | 0xffffff)) })
	}
	newer := raw(func(w *adbtest.Values) uint32 { return w.Object() })
	newer[12] = 1
	return []fault{
		{"metadata of four bytes", adbtest.Header("pckg", make([]byte, 4)), "beyond its end"},
		{"a newer version", newer, "version 1 is newer"},
		{"no root", raw(func(w *adbtest.Values) uint32 { return 0 }), "missing or malformed package name"},
		{"the root is a number", raw(func(w *adbtest.Values) uint32 { return w.Int(5) }), "type 0x1 stands where a list should be"},
		{"the root is a string", raw(func(w *adbtest.Values) uint32 { return w.String("x") }), "type 0x8 stands where a list should be"},
		{"the root is beyond the end", raw(func(w *adbtest.Values) uint32 { return 0xe<<28 | 0xffffff }), "beyond its end"},
		{"an object that is itself", raw(func(w *adbtest.Values) uint32 { return w.Object(0xe<<28|8, 0xe<<28|8) }), "stands where a string should be"},
		{"an object with more slots than there are", raw(func(w *adbtest.Values) uint32 {
			w.Int(0x1fffffff)
			return 0xe<<28 | 8
		}), "beyond its end"},
		{"a list without a size", raw(func(w *adbtest.Values) uint32 { return 0xe << 28 }), "has no size"},
		{"a small string beyond the end", beyond(0x8), "beyond its end"},
		{"a string beyond the end", beyond(0x9), "beyond its end"},
		{"a large string beyond the end", beyond(0xa), "beyond its end"},
		{"a list for a name", beyond(0xe), "stands where a string should be"},
		{"an unknown type", beyond(0xf), "type 0xf stands where a string should be"},
		{"true for a name", raw(func(w *adbtest.Values) uint32 { return w.Object(w.Object(1)) }), "stands where a string should be"},
		{"a string that is longer than the file", raw(func(w *adbtest.Values) uint32 {
			s := w.String(strings.Repeat("x", 70000))
			return w.Object(w.Object(s + 8)) // its length is "xxxx" now
		}), "beyond its end"},
	}
}

// infosWrong is what is wrong with what is said of the package.
func infosWrong() []fault {
	type p = adbtest.Package
	return []fault{
		{"no name", changed(func(p *p) { p.Name = "" }), "missing or malformed package name"},
		{"a path for a name", changed(func(p *p) { p.Name = "../a" }), "malformed package name"},
		{"a line feed in the version", changed(func(p *p) { p.Version = "1\nP:b" }), "malformed version"},
		{"a path for an architecture", changed(func(p *p) { p.Arch = "../x" }), "malformed architecture"},
		{"2^63 bytes", changed(func(p *p) { p.Installed = 1 << 63 }), "installed size: 9223372036854775808 is over the limit"},
		{"built in a far future", changed(func(p *p) { p.BuildTime = 1 << 50 }), "build time"},
		{"a large priority", changed(func(p *p) { p.Priority = 1 << 40 }), "provider priority"},
		{"a large replaces priority", changed(func(p *p) { p.ReplacesPriority = 1 << 40 }), "replaces priority"},
		{"a dependency on nothing", changed(func(p *p) { p.Depends = []string{""} }), "malformed dependency"},
		{"a dependency of two words", changed(func(p *p) { p.Depends = []string{"a b"} }), "malformed dependency"},
		{"an unknown relation", changed(func(p *p) { p.Depends = []string{"a~<>1"} }), "unknown relation 15"},
		{"a trigger with a line feed", changed(func(p *p) { p.Triggers = []string{"/a\ndepend = b"} }), "malformed trigger"},
		{"a large script", changed(func(p *p) { p.Scripts["trigger"] = strings.Repeat("x", 11<<20) }), "bytes of scripts"},
	}
}

// filesWrong is what is wrong with files.
func filesWrong() []fault {
	type file = adbtest.File
	twice := func(f, g file) []byte {
		return changed(func(p *adbtest.Package) { p.Files = []file{f, g} })
	}
	short := sha256.Sum256([]byte("x"))
	return []fault{
		{"a wrong hash", oneFile(file{Path: "usr/a", Body: "x", Hash: strings.Repeat("\x00", 32)}), "trust: usr/a: has the sha256"},
		{"a wrong hash of nothing", oneFile(file{Path: "usr/a", Hash: strings.Repeat("\x00", 32)}), "trust: usr/a: has the sha256"},
		{"a wrong hash of a hard link", twice(file{Path: "a", Body: "x"}, file{Path: "b", Target: adbtest.Hardlink("a"), Hash: strings.Repeat("\x00", 32)}), "trust: b: has the sha256"},
		{"a short hash", oneFile(file{Path: "usr/a", Body: "x", Hash: string(short[:20])}), "hash of 20 bytes"},
		{"a wrong size", oneFile(file{Path: "usr/a", Body: "x", Size: 5}), "usr/a: has 5 bytes, but a block of data of 1"},
		{"an absurd size", oneFile(file{Path: "usr/a", Body: "x", Size: 1 << 63}), "size of usr/a: 9223372036854775808 is over the limit"},
		{"a size that only the header has", oneFile(file{Path: "usr/a", Size: 1 << 40}), "has no block of data"},
		{"a time in a far future", oneFile(file{Path: "usr/a", Body: "x", Time: 1 << 50}), "time of usr/a"},
		{"a directory for a file's name", oneFile(file{Path: ".", Body: "x"}), "malformed name of a file"},
		{"a path out of the root", changed(func(p *adbtest.Package) { p.Dirs = []file{{Path: "usr/../.."}} }), "leaves the root"},
		{"a file called so", oneFile(file{Path: "usr/..", Body: "x"}), "leaves the root"},
		{"a mode with a type", oneFile(file{Path: "a", Body: "x", Mode: 0o100644}), "mode of a: 33188 is over the limit"},
		{"a target of one byte", oneFile(file{Path: "a", Target: "x"}), "a: malformed target"},
		{"an unknown type", oneFile(file{Path: "a", Target: "\x00\xc0x"}), "a: unsupported type 0xc000"},
		{"a link to nothing", oneFile(file{Path: "a", Target: adbtest.Symlink("")}), "a: symbolic link's target is empty"},
		{"a hard link to nothing", oneFile(file{Path: "a", Target: adbtest.Hardlink("")}), "a: hard link to nothing"},
		{"a hard link out of the root", oneFile(file{Path: "a", Target: adbtest.Hardlink("../etc/shadow")}), "leaves the root"},
		{"a hard link to what is not there", oneFile(file{Path: "a", Target: adbtest.Hardlink("etc/shadow")}), "no earlier regular file"},
		{"a hard link to itself", oneFile(file{Path: "a", Target: adbtest.Hardlink("a")}), "no earlier regular file"},
		{"half a device", oneFile(file{Path: "a", Target: "\x00\x20xyz"}), "a: malformed device number"},
		{"a device out of range", oneFile(file{Path: "a", Target: adbtest.Device(1 << 63)}), "out of range"},
		{"a file twice", twice(file{Path: "a", Body: "x"}, file{Path: "a", Body: "x"}), "a: comes twice"},
		{"through its own file", twice(file{Path: "a", Body: "x"}, file{Path: "a/b", Body: "x"}), "a: comes twice"},
		{"an attribute without a value", oneFile(file{Path: "a", Body: "x", Xattrs: []string{"user.a"}}), "a: malformed attribute"},
		{"an attribute twice", oneFile(file{Path: "a", Body: "x", Xattrs: []string{"user.a\x001", "user.a\x002"}}), "twice"},
	}
}

// TestLargeBlocks: sizes may be in the long form, and count as little.
func TestLargeBlocks(t *testing.T) {
	p := adbtest.Package{Name: "a", Version: "1", Files: []adbtest.File{{Path: "a", Body: "body"}}}
	b := adbtest.LargeBlock([]byte("ADB.pckg"), 0, p.Metadata())
	b = adbtest.LargeBlock(b, 2, []byte("\x01\x00\x00\x00\x01\x00\x00\x00body"))
	if paths, err := readAll(b, pkg.Limits{}); err != nil || strings.Join(paths, " ") != "a" {
		t.Errorf("%q, %v", paths, err)
	}
}

// beginning is a file that has zeros after its first bytes.
type beginning []byte

func (b beginning) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	copy(p, b[min(off, int64(len(b))):])
	return len(p), nil
}

// TestADBMemory: bodies stream by, and sizes are not believed before there are bytes.
func TestADBMemory(t *testing.T) {
	const size = 256 << 20
	h := sha256.New()
	io.CopyN(h, zeros{}, size)
	p := adbtest.Package{Name: "a", Version: "1", Installed: size, Files: []adbtest.File{{Path: "a", Size: size, Hash: string(h.Sum(nil))}}}
	b := binary.LittleEndian.AppendUint32(p.Blocks(), 2<<30|(size+12))
	file := beginning(append(b, "\x01\x00\x00\x00\x01\x00\x00\x00"...))
	end := int64(len(file)) + size
	end += -end & 7
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := Format{}.Open(file, end, pkg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = listedAll(a)
	if _, lied := (Format{}).Open(beginning(binary.LittleEndian.AppendUint32([]byte("ADB.pckg"), 60<<20)), 100, pkg.Limits{}); lied == nil {
		t.Error("60 MiB of metadata in 100 bytes")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; err != nil || got > 2<<20 {
		t.Errorf("%d bytes allocated, %v", got, err)
	}
}

// listedAll counts the entries of a package and reads no body.
func listedAll(a pkg.Archive) (n int, err error) {
	for _, err := range a.Nodes() {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// TestADBTruncated: a package that ends too early is never taken, wherever it was cut.
func TestADBTruncated(t *testing.T) {
	p := goodADB()
	p.Scripts, p.Files[1].Body = nil, "short"
	for name, b := range map[string][]byte{"none": p.Blocks(), "deflate": adbtest.Deflate(p.Blocks()), "zstd": adbtest.Zstd(p.Blocks())} {
		if _, err := readAll(b, pkg.Limits{}); err != nil {
			t.Fatal(name, err)
		}
		for n := range b {
			_, err := readAll(b[:n], pkg.Limits{})
			var refused *tree.RefusedError
			if !errors.As(err, &refused) {
				t.Errorf("%s: %d of %d bytes: %v", name, n, len(b), err)
			}
		}
	}
}
