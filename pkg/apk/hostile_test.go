package apk

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// goodParts is a package with something of everything.
func goodParts() parts {
	return parts{
		files: []entry{{name: ".dummy"}, {name: "usr/", typ: tar.TypeDir, mode: 0o755}, {name: "usr/a", body: "body of a"},
			{name: "usr/b", typ: tar.TypeLink, link: "usr/a"}, {name: "usr/c", typ: tar.TypeSymlink, link: "a"}},
		scripts: []entry{{name: ".post-install", body: "#!/bin/sh\nexit 0\n", mode: 0o755}},
	}
}

// TestGood is the control of all that follows: without a fault there is no error.
func TestGood(t *testing.T) {
	p := goodParts()
	paths, err := readAll(p.file(), pkg.Limits{})
	if err != nil || strings.Join(paths, " ") != "usr usr/a usr/b usr/c" {
		t.Errorf("%q, %v", paths, err)
	}
	b := p.file()
	if err := (Format{}).Vouch(p.indexed(t), bytes.NewReader(b), int64(len(b))); err != nil {
		t.Error(err)
	}
	// A signature is not needed: the index vouches for the rest.
	p.sign = []byte{}
	if _, err := readAll(p.file(), pkg.Limits{}); err != nil {
		t.Error(err)
	}
	text, signers, err := OpenIndex(indexFile(testKeys()[0], p.record()), []pkg.Key{testKeys()[0].public()}, false)
	if err != nil || string(text) != p.record() || len(signers) != 1 || signers[0] != testKeys()[0].name {
		t.Errorf("%q, %q, %v", text, signers, err)
	}
}

// fault is what is wrong with a package, and what is said of it.
type fault struct {
	name string
	file []byte
	want string // in a *tree.RefusedError, or after "trust: " in a *pkg.TrustError
}

func (f fault) check(t *testing.T, err error) {
	t.Helper()
	var refused *tree.RefusedError
	var trust *pkg.TrustError
	text, wantTrust := strings.CutPrefix(f.want, "trust: ")
	switch {
	case err == nil:
		t.Errorf("%s: no error", f.name)
	case !strings.Contains(err.Error(), text):
		t.Errorf("%s: %v, want %q", f.name, err, f.want)
	case wantTrust && !errors.As(err, &trust), !wantTrust && !errors.As(err, &refused):
		t.Errorf("%s: %T: %v", f.name, err, err)
	}
}

// with returns the good package with other files.
func with(files ...entry) []byte { return parts{files: files}.file() }

// control returns the good package with other control members.
func controlled(members ...entry) []byte {
	p := goodParts()
	p.control = member1(false, members...)
	return p.file()
}

func TestHostilePackages(t *testing.T) {
	for _, f := range slices.Concat(membersWrong(), controlWrong(), sumsWrong(), payloadWrong()) {
		_, err := readAll(f.file, pkg.Limits{})
		f.check(t, err)
	}
}

// membersWrong is what is wrong with the members of a file.
func membersWrong() []fault {
	good := goodParts().build()
	long := strings.Repeat("x", 60)
	return []fault{
		{"empty", nil, "ends too early"},
		{"no gzip", []byte("#!/bin/sh\nrm -rf /\n" + long), "first member"},
		{"only a signature", good.sign, "control: the gzip member ends too early"},
		{"no data", append(bytes.Clone(good.sign), good.control...), "data: the gzip member ends too early"},
		{"data first", append(bytes.Clone(good.data), good.control...), "unexpected member of the control archive"},
		{"two signatures of members", bytes.Join([][]byte{good.sign, good.sign, good.control, good.data}, nil), "control: .PKGINFO: is missing"},
		{"a signature and more", parts{sign: member1(false, entry{name: ".SIGN.RSA.x", body: "y"}, entry{name: "z"})}.file(), "is no signature"},
		{"a signature with a path", parts{sign: member1(false, entry{name: ".SIGN.RSA.x/../y", body: "y"})}.file(), "leaves the root"},
		{"a signature by nobody", parts{sign: member1(false, entry{name: ".SIGN.RSA", body: "y"})}.file(), "is no signature"},
		{"a link for a signature", parts{sign: member1(false, entry{name: ".SIGN.RSA.x", typ: tar.TypeSymlink, link: "/etc/passwd"})}.file(), "is no signature"},
		{"bytes after the data", append(goodParts().file(), "more"...), "something follows the archive"},
		{"a member after the data", append(goodParts().file(), good.data...), "something follows the archive"},
		{"no end of the data", parts{data: member1(false, goodParts().files[1])}.file(), "the archive has no end"},
	}
}

// controlWrong is what is wrong in the control member.
func controlWrong() []fault {
	info := entry{name: pkgInfo, body: "pkgname = a\npkgver = 1\ndatahash = 00\n"}
	long := strings.Repeat("x", 60)
	return []fault{
		{"no .PKGINFO", controlled(entry{name: ".post-install", body: "x"}), ".PKGINFO: is missing"},
		{"two .PKGINFO", controlled(info, info), ".PKGINFO"},
		{"a script twice", controlled(info, entry{name: ".trigger"}, entry{name: ".trigger"}), ".trigger"},
		{"no datahash", controlled(entry{name: pkgInfo, body: "pkgname = a\npkgver = 1\n"}), "has no datahash"},
		{"a file in control", controlled(info, entry{name: "etc/passwd", body: "x"}), "unexpected member of the control archive"},
		{"a hidden file in a directory", controlled(info, entry{name: ".a/b", body: "x"}), "unexpected member of the control archive"},
		{"a link in control", controlled(info, entry{name: ".trigger", typ: tar.TypeSymlink, link: "/bin/sh"}), "unexpected member of the control archive"},
		{"a name with a line feed", controlled(info, entry{name: ".a\nb", body: "x"}), "unexpected member of the control archive"},
		{"a long name", controlled(info, entry{name: "." + long, body: "x"}), "unexpected member of the control archive"},
		{"our own member", controlled(info, entry{name: sumsFile, body: "x"}), "unexpected member of the control archive"},
		{"a path in control", controlled(info, entry{name: "../.x", body: "x"}), "leaves the root"},
		{"a name that is a path", controlled(entry{name: pkgInfo, body: "pkgname = ../a\npkgver = 1\ndatahash = 00\n"}), "malformed package name"},
	}
}

// sumsWrong is checksums that do not fit.
func sumsWrong() []fault {
	return []fault{
		{"wrong datahash", parts{info: "pkgname = a\npkgver = 1\ndatahash = 00\n"}.file(), "trust: the data has the sha256"},
		{"wrong sum of a file", with(entry{name: "a", body: "x", pax: map[string]string{paxSum + "SHA1": strings.Repeat("0", 40)}}), "trust: a: has the sha1"},
		{"wrong sum of a link", with(entry{name: "a", typ: tar.TypeSymlink, link: "x", pax: map[string]string{paxSum + "SHA1": strings.Repeat("0", 40)}}), "trust: a: has the sha1"},
		{"unknown sum", with(entry{name: "a", body: "x", pax: map[string]string{paxSum + "MD5": strings.Repeat("0", 32)}}), "unsupported checksum"},
		{"short sum", with(entry{name: "a", body: "x", pax: map[string]string{paxSum + "SHA1": "00"}}), "unsupported checksum"},
	}
}

// payloadWrong is paths, links and sizes that no package may have.
func payloadWrong() []fault {
	info := entry{name: pkgInfo, body: "pkgname = a\npkgver = 1\ndatahash = 00\n"}
	return []fault{
		{"path out of the root", with(entry{name: "../evil", body: "x"}), "leaves the root"},
		{"path out of a directory", with(entry{name: "usr/../../evil", body: "x"}), "leaves the root"},
		{"absolute path", with(entry{name: "//etc/passwd", body: "x"}), "absolute"},
		{"a file for the root", with(entry{name: "./", typ: tar.TypeSymlink, link: "/tmp"}), "only a directory may be called so"},
		{"hard link out of the root", with(entry{name: "a", typ: tar.TypeLink, link: "../etc/shadow"}), "leaves the root"},
		{"hard link to nothing", with(entry{name: "a", typ: tar.TypeLink, link: "etc/shadow"}), "etc/shadow"},
		{"hard link to a directory", with(entry{name: "d/", typ: tar.TypeDir, mode: 0o755}, entry{name: "a", typ: tar.TypeLink, link: "d"}), "a"},
		{"hard link to itself", with(entry{name: "a", typ: tar.TypeLink, link: "a"}), "a"},
		{"through its own file", with(entry{name: "a", body: "x"}, entry{name: "a/b", body: "x"}), "a"},
		{"a file twice", with(entry{name: "a", body: "x"}, entry{name: "a", body: "y"}), "twice"},
		{"a file and a directory", with(entry{name: "a", body: "x"}, entry{name: "a/", typ: tar.TypeDir, mode: 0o755}), "a"},
		{"unknown type", with(entry{name: "a", typ: 'Z'}), "a"},
		{"absurd size", with(entry{name: "a", body: "x", size: 1 << 40}), "a"},
		{"absurd size of control", controlled(entry{name: pkgInfo, size: 1 << 40}), pkgInfo},
		{"large control", controlled(entry{name: pkgInfo, body: strings.Repeat("#\n", 6<<20)}), "over the limit"},
		{"many members", controlled(append([]entry{info}, many(2000)...)...), "1000"},
		{"zeros", parts{data: gzBest(make([]byte, 80<<20))}.file(), "data"},
	}
}

func many(n int) (out []entry) {
	for i := range n {
		out = append(out, entry{name: fmt.Sprintf(".m%d", i)})
	}
	return out
}

// TestHostileLimits: limits hold, whatever .PKGINFO says of the size.
func TestHostileLimits(t *testing.T) {
	var files []entry
	for i := range 100 {
		files = append(files, entry{name: fmt.Sprint(i), body: strings.Repeat("x", 1000)})
	}
	b := with(files...)
	for _, c := range []struct {
		lim  pkg.Limits
		want string
	}{
		{pkg.Limits{Entries: 50}, "entries"},
		{pkg.Limits{File: 999}, "0"},
		{pkg.Limits{Total: 50_000}, "50000"},
		{pkg.Limits{Control: 10}, "over the limit"},
	} {
		_, err := readAll(b, c.lim)
		fault{name: fmt.Sprintf("%+v", c.lim), want: c.want}.check(t, err)
	}
	if _, err := readAll(b, pkg.Limits{Entries: 100, File: 1000, Total: 200_000}); err != nil {
		t.Error(err)
	}
	// A bomb: 256 MB of zeros in a quarter of a megabyte.
	bomb := parts{info: "pkgname = a\npkgver = 1\nsize = 4000000000000000\ndatahash = %s\n",
		data: bombOf(1 << 28)}.file()
	_, err := readAll(bomb, pkg.Limits{})
	fault{name: "bomb", want: "bytes of output for each of input"}.check(t, err)
}

// bombOf is a data member with one file of n zeros.
func bombOf(n int64) []byte {
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		tw.WriteHeader(&tar.Header{Name: "a", Typeflag: tar.TypeReg, Mode: 0o644, Size: n})
		io.CopyN(tw, zeros{}, n)
		tw.Close()
		w.Close()
	}()
	return gzReader(r)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestTruncated: a package that ends too early is never taken, wherever it was cut.
func TestTruncated(t *testing.T) {
	p := goodParts()
	b := p.file()
	listed := p.indexed(t)
	for n := 0; n < len(b); n += 1 + n%3 {
		_, err := readAll(b[:n], pkg.Limits{})
		var refused *tree.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%d of %d bytes: %v", n, len(b), err)
		}
		if err := (Format{}).Vouch(listed, bytes.NewReader(b[:n]), int64(n)); err == nil {
			t.Errorf("%d of %d bytes: vouched for", n, len(b))
		}
	}
}

// TestFlipped: a package with one wrong bit is not what the index vouches for. Of the signature's member nothing is asked: what is
// installed does not depend on it.
func TestFlipped(t *testing.T) {
	p := goodParts().build()
	b := p.file()
	listed := p.indexed(t)
	for i := len(p.sign); i < len(b); i++ {
		if err := (Format{}).Vouch(listed, bytes.NewReader(flip(b, i)), int64(len(b))); err == nil {
			t.Errorf("byte %d of %d: vouched for", i, len(b))
		}
	}
	for i := range p.sign {
		bad := flip(b, i)
		paths, err := readAll(bad, pkg.Limits{})
		if err == nil && strings.Join(paths, " ") != "usr usr/a usr/b usr/c" {
			t.Errorf("byte %d of the signature changes what is installed: %q", i, paths)
		}
	}
}

// TestNotVouched: what the index says and what lies there.
func TestNotVouched(t *testing.T) {
	p := goodParts().build()
	listed := p.indexed(t)
	other := goodParts()
	other.files[2].body = "body of b"
	other = other.build()
	swapped := p
	swapped.data = other.data
	for _, f := range []fault{
		{"another package", other.file(), "trust: the control member has the checksum"},
		{"another payload", swapped.file(), "trust: the data has the sha256"},
		{"bytes after it", append(p.file(), "x"...), "trust: the data has the sha256"},
		{"nothing", nil, "ends too early"},
	} {
		f.check(t, Format{}.Vouch(listed, bytes.NewReader(f.file), int64(len(f.file))))
	}
	b := p.file()
	for name, q := range map[string]*pkg.Package{
		"no checksum":   {Path: "x", Native: &Info{}},
		"not from here": {Path: "x"},
	} {
		fault{name: name, want: "trust: the index has no checksum"}.check(t, Format{}.Vouch(q, bytes.NewReader(b), int64(len(b))))
	}
}

func TestHostileIndexes(t *testing.T) {
	keys := testKeys()
	trusted := []pkg.Key{keys[0].public()}
	const text = "P:a\nV:1\n\n"
	m := member1(false, entry{name: "DESCRIPTION", body: "x"}, entry{name: "APKINDEX", body: text})
	good := indexFile(keys[0], text)
	renamed := testKey{keys[0].name, keys[1].private}
	later := indexFile(keys[0], "P:a\nV:2\n\n")
	signature := func(kind, key string) []byte {
		return append(member1(false, entry{name: ".SIGN." + kind + "." + key, body: "x"}), m...)
	}
	wrap := func(m []byte) []byte { return append(keys[0].sign(m), m...) }
	for _, c := range []struct {
		name string
		file []byte
		keys []pkg.Key
		want string
	}{
		{"unsigned", m, trusted, "is not signed"},
		{"no trusted key", good, nil, "not among the trusted"},
		{"another's key", indexFile(keys[1], text), trusted, "key1@example.org-1.rsa.pub, which is not among the trusted"},
		{"another's key under the trusted name", indexFile(renamed, text), trusted, "is wrong"},
		{"the signature of a later index", append(bytes.Clone(later[:len(later)-len(m)]), m...), trusted, "is wrong"},
		{"unknown kind", signature("RSA1024", keys[0].name), trusted, "unsupported kind"},
		{"another kind of key", signature("DSA", keys[0].name), trusted, "not one for DSA"},
		{"malformed signature", signature("RSA256", keys[0].name), trusted, "is wrong"},
		{"no key", good, []pkg.Key{{Name: keys[0].name, Data: []byte("x")}}, "not PEM"},
		{"bytes after it", append(bytes.Clone(good), "x"...), trusted, "is wrong"},
		{"bytes after it, signed", wrap(append(bytes.Clone(m), "x"...)), trusted, "1 bytes follow the index"},
		{"a member after it, signed", wrap(append(bytes.Clone(m), m...)), trusted, "follow the index"},
		{"cut", good[:len(good)-1], trusted, "is wrong"},
		{"cut, signed", wrap(m[:len(m)-1]), trusted, "ends too early"},
		{"no APKINDEX", wrap(member1(false, entry{name: "DESCRIPTION", body: "x"})), trusted, "no file APKINDEX"},
		{"APKINDEX in a directory", wrap(member1(false, entry{name: "x/APKINDEX", body: text})), trusted, "no file APKINDEX"},
		{"APKINDEX as a link", wrap(member1(false, entry{name: "APKINDEX", typ: tar.TypeSymlink, link: "/etc/passwd"})), trusted, "no file APKINDEX"},
		{"APKINDEX twice", wrap(member1(false, entry{name: "APKINDEX", body: text}, entry{name: "APKINDEX", body: text})), trusted, "twice"},
		{"a lie about the size", wrap(member1(false, entry{name: "APKINDEX", body: text, size: 1 << 40})), trusted, "APKINDEX"},
		{"no tar", wrap(gzOf([]byte(text))), trusted, ""},
		{"nothing", nil, trusted, "ends too early"},
	} {
		got, signers, err := OpenIndex(c.file, c.keys, false)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got) > 0 || len(signers) > 0 && err == nil {
			t.Errorf("%s: %q by %q, %v, want %q", c.name, got, signers, err, c.want)
		}
	}
	// Bits anywhere.
	for i := range good {
		if got, _, err := OpenIndex(flip(good, i), trusted, false); err == nil && string(got) != text {
			t.Errorf("byte %d: %q", i, got)
		} else if err == nil && i >= len(good)-len(m) {
			t.Errorf("byte %d of the signed member counts for nothing", i)
		}
	}
}
