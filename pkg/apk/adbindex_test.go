package apk

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk/adbtest"
)

func adbKey(name string, k adbtest.Key) pkg.Key { return pkg.Key{Name: name, Data: k.PEM()} }

// TestADBIndex: an index of format 3 says what one of format 2 would.
func TestADBIndex(t *testing.T) {
	p := goodADB()
	p.Size = 99
	curve, rsa := adbtest.NewKey(1), adbtest.Key{Signer: testKeys()[0].private}
	keys := []pkg.Key{adbKey("rsa.pem", rsa), adbKey("curve.pem", curve)}
	for name, pack := range map[string]func([]byte) []byte{"none": bytes.Clone, "deflate": adbtest.Deflate, "zstd": adbtest.Zstd} {
		file := pack(adbtest.Index([]adbtest.Package{p, {Name: "b", Version: "2"}}, curve, rsa, adbtest.NewKey(7)))
		text, signers, err := OpenIndex(file, keys, false)
		if err != nil || strings.Join(signers, " ") != "curve.pem rsa.pem" {
			t.Fatalf("%s: %q, %v", name, signers, err)
		}
		sum := Info{Unique: sha256.Sum256(p.Metadata())}
		want := "C:" + sum.unique() + "\nP:a\nV:1-r0\nA:noarch\nT:first second\nL:MIT\no:o\nD:b>=1 !c d~2 so:e.so.1 f><Q1OV3498UfAHAZyzAgHEnohLRrkvo=\n" +
			"p:cmd:a=1-r0 v\ni:x y=1\nr:old<2\nS:99\nI:8589934592\nt:1700000000\nk:7\n\n"
		if !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %s\nwant %s", name, text, want)
		}
		u, err := NewUniverse("x86_64", List{Repo: &pkg.Repo{ID: "r"}, Dir: "d", Text: text})
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Named("a")[0]; q.Path != "d/a-1-r0.apk" || q.Size != 99 || q.Native.(*Info).Unique != sum.Unique || len(q.Relations().Depends) != 4 {
			t.Errorf("%s: %+v", name, q)
		}
	}
}

// TestADBFileNames: an index may say where its files are, but not where it likes.
func TestADBFileNames(t *testing.T) {
	key := adbtest.NewKey(1)
	p := adbtest.Package{Name: "a", Version: "1", Arch: "x86_64"}
	hash := fmt.Sprintf("%x", sha256.Sum256(p.Metadata()))
	for _, c := range []struct{ spec, suite, want string }{
		{"", "./", "a-1.apk"},
		{"", "main", "main/x86_64/a-1.apk"},
		{"${name}_${version}.apk", "./", "a_1.apk"},
		{"${arch}/${name}-${version}.apk", "main", "main/x86_64/a-1.apk"},
		{"${name:1}/${hash:8}/${hash}.apk", "", "a/" + hash[:8] + "/" + hash + ".apk"},
		{"../${name}", "", "error: leaves the root"},
		{"/../x", "", "error: leaves the root"},
		{"https://example.org/${name}", "", "error: does not say a path"},
		{"${name", "", "error: unknown word"},
		{"${license}", "", "error: unknown word"},
		{"${name:x}", "", "error: malformed width"},
		{"${name}?x", "", "error: does not say a path"},
	} {
		x, err := openIndex(adbtest.NamedIndex(c.spec, []adbtest.Package{p}, key), []pkg.Key{adbKey("k", key)}, false)
		got := ""
		if err == nil {
			r := &pkg.Repo{ID: "r", Suite: c.suite}
			l, lerr := newList(List{Repo: r, Dir: dir(r, "x86_64"), Text: x.text, fileNames: x.fileNames}, "x86_64")
			if lerr != nil {
				t.Fatal(lerr)
			}
			q, perr := l.parse(0, "x86_64")
			if perr != nil {
				t.Fatal(perr)
			}
			got = q.Path
		}
		if want, bad := strings.CutPrefix(c.want, "error: "); bad && (err == nil || !strings.Contains(err.Error(), want)) || !bad && got != want {
			t.Errorf("%q: %q, %v, want %s", c.spec, got, err, c.want)
		}
	}
}

func TestHostileADBIndexes(t *testing.T) {
	key, other := adbtest.NewKey(1), adbtest.NewKey(2)
	trusted := []pkg.Key{adbKey("k", key)}
	p := goodADB()
	good := adbtest.Index([]adbtest.Package{p}, key)
	meta := good[12:][:len(adbtest.Index([]adbtest.Package{p}))-12]
	meta = meta[:len(bytes.TrimRight(meta, "\x00"))]
	wrong := func(change func(sig []byte)) []byte {
		s := key.Sign("indx", p.Metadata())
		change(s)
		return adbtest.Block(adbtest.Header("indx", p.Metadata()), 1, s)
	}
	bad := func(change func(*adbtest.Package)) []byte {
		q := goodADB()
		change(&q)
		return adbtest.Index([]adbtest.Package{q}, key)
	}
	var share adbtest.Values
	one := share.Object(share.String("a"), share.String("1"), share.String(strings.Repeat("x", 32)), share.String(strings.Repeat("long ", 20000)))
	shared := share.Bytes(share.Object(0, share.Array(slices.Repeat([]uint32{one}, 5000)...)))
	for _, c := range []struct {
		name string
		file []byte
		keys []pkg.Key
		want string
	}{
		{"unsigned", adbtest.Index([]adbtest.Package{p}), trusted, "is not signed"},
		{"no trusted key", good, nil, "none of the trusted ones"},
		{"another's key", adbtest.Index([]adbtest.Package{p}, other), trusted, "none of the trusted ones"},
		{"a wrong signature", wrong(func(s []byte) { s[30] ^= 1 }), trusted, "signature with the key k: is wrong"},
		{"a signature of a package", wrong(func(s []byte) { copy(s, key.Sign("pckg", p.Metadata())) }), trusted, "is wrong"},
		{"an unknown hash", wrong(func(s []byte) { s[1] = 2 }), trusted, "unsupported hash 2"},
		{"a newer signature", wrong(func(s []byte) { s[0] = 1 }), trusted, "newer version"},
		{"a good signature and a wrong one", adbtest.Block(bytes.Clone(good), 1, append(key.Sign("indx", meta)[:18], "wrong"...)), trusted, "is wrong"},
		{"a short signature", adbtest.Block(adbtest.Header("indx", meta), 1, []byte{0, 4}), trusted, "newer version"},
		{"no key", good, []pkg.Key{{Name: "k", Data: []byte("x")}}, "key k: the key is not PEM"},
		{"a package", p.Blocks(key), trusted, `holds "pckg", not "indx"`},
		{"data in it", adbtest.Block(bytes.Clone(good), 2, []byte("12345678")), trusted, "more than metadata and signatures"},
		{"trailing bytes", append(adbtest.Deflate(good), 0), trusted, "data after the end"},
		{"no name", bad(func(p *adbtest.Package) { p.Name = "" }), trusted, "package 1: missing or malformed package name"},
		{"a field in a field", bad(func(p *adbtest.Package) { p.Version = "1\nD:evil" }), trusted, "package 1: package a: missing or malformed version"},
		{"an absurd size", bad(func(p *adbtest.Package) { p.Size = -1 }), trusted, "file size: 18446744073709551615 is over the limit"},
		{"a value shared too often", adbtest.Header("indx", shared, key), trusted, "grow to more than"},
		{"no hash", adbtest.Header("indx", rootOf(func(w *adbtest.Values) uint32 {
			return w.Object(0, w.Array(w.Object(w.String("a"), w.String("1"))))
		}), key), trusted, "unsupported checksum of 0 bytes"},
		{"a list that is itself", adbtest.Header("indx", rootOf(func(w *adbtest.Values) uint32 { return w.Object(0xe<<28|8, 0xd<<28|8) }), key), trusted, "should be"},
		{"nothing", []byte("ADBd"), trusted, "corrupt"},
	} {
		got, signers, err := OpenIndex(c.file, c.keys, false)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got) > 0 || len(signers) > 0 {
			t.Errorf("%s: %q by %q, %v, want %q", c.name, got, signers, err, c.want)
		}
	}
}

// TestADBIndexFlipped: no bit of a signed index counts for nothing.
func TestADBIndexFlipped(t *testing.T) {
	key := adbtest.NewKey(1)
	good := adbtest.Index([]adbtest.Package{goodADB()}, key)
	trusted := []pkg.Key{adbKey("k", key)}
	for i := range good {
		if got, _, err := OpenIndex(flip(good, i), trusted, false); err == nil {
			t.Errorf("byte %d of %d counts for nothing: %q", i, len(good), got)
		}
	}
	if _, _, err := OpenIndex(good, trusted, false); err != nil {
		t.Error(err)
	}
}

func rootOf(root func(w *adbtest.Values) uint32) []byte {
	var w adbtest.Values
	return w.Bytes(root(&w))
}

// TestADBVouch: what the index says and what lies there.
func TestADBVouch(t *testing.T) {
	key, other := adbtest.NewKey(1), adbtest.NewKey(2)
	p := goodADB()
	p.Scripts, p.Files[1].Body = nil, "short"
	changed := p
	changed.Description = "another"
	sum := sha256.Sum256(p.Metadata())
	full, short := &Info{Name: "a", Version: "1-r0", Unique: sum}, &Info{Name: "a", Version: "1-r0", Checksum: Checksum(sum[:20])}
	repo := &pkg.Repo{ID: "r", Keys: []pkg.Key{adbKey("k", key)}}
	vouch := func(info *Info, file []byte) error {
		q := info.Package()
		q.Repo, q.Path = repo, "a-1-r0.apk"
		return Format{}.Vouch(q, bytes.NewReader(file), int64(len(file)))
	}
	wrongBody := p.Blocks()
	copy(wrongBody[bytes.Index(wrongBody, []byte("body of b")):], "BODY")
	for _, f := range []fault{
		{"another package", changed.Blocks(key), "trust: a-1-r0.apk: the metadata has the checksum Q"},
		{"a wrong body", wrongBody, "trust: data: usr/share/b: has the sha256"},
		{"a signature of somebody else", p.Blocks(other), ""},
		{"no signature", p.Blocks(), ""},
		{"zstd", adbtest.Zstd(p.Blocks(key)), ""},
		{"a wrong signature", adbtest.Block(adbtest.Header("pckg", p.Metadata()), 1, append(key.Sign("pckg", p.Metadata())[:18], 1, 2, 3)), "trust: a-1-r0.apk: signature with the key k: is wrong"},
		{"a package of format 2", goodParts().file(), "trust: a-1-r0.apk: the control member has the checksum"},
		{"cut", p.Blocks()[:500], "a-1-r0.apk: ends within"},
	} {
		for _, info := range []*Info{full, short} {
			if err := vouch(info, f.file); f.want != "" {
				f.check(t, err)
			} else if err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	}
	good := p.Blocks(key)
	sig := bytes.Index(good, key.Sign("pckg", p.Metadata())[:signatureHeader])
	for i := range good {
		if i == sig || i >= sig+2 && i < sig+signatureHeader {
			continue // it is a signature of another version or key then: of those nothing is asked
		}
		if err := vouch(full, flip(good, i)); err == nil {
			t.Errorf("byte %d of %d: vouched for", i, len(good))
		}
	}
}

// TestADBDatabase: a package of format 3 is recorded by the first 160 bits of its sums.
func TestADBDatabase(t *testing.T) {
	p := goodADB()
	b := p.Blocks()
	a, err := Format{}.Open(bytes.NewReader(b), int64(len(b)), pkg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	u := &pkg.Unpacked{Package: a.Package(), Control: a.Control(), Scripts: a.Scripts()}
	e := Entry{Package: u}
	for n, err := range a.Nodes() {
		if err != nil {
			t.Fatal(err)
		}
		u.Nodes = append(u.Nodes, n.Node)
		e.Files = append(e.Files, n.Node.Path)
	}
	nodes, err := Database([]Entry{e}, DatabaseOptions{Dir: "db", Users: map[string]uint32{"daemon": 2}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := textOf(t, nodes)
	sum := sha256.Sum256(p.Metadata())
	id := Checksum(sum[:20]).String()
	z := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "Z:" + Checksum(sum[:20]).String() + "\n"
	}
	want := "C:" + id + "\nP:a\n"
	attributes := "a:0:0:644:" + Checksum(sha1.Sum([]byte("\x00\x00\x00\x06user.a\x00\x00\x00\x02\x01\x00\x00\x00\x00\x06user.b\x00\x00\x00\x012"))).String() + "\n"
	files := "q:3\nf:S\nF:\nR:top\na:0:0:4755\n" + z("at the top") + "F:usr/bin\nR:a\n" + attributes + z(p.Files[1].Body) + "R:empty\n" + z("") + "R:hard\n" + attributes + z(p.Files[1].Body) +
		"R:soft\na:0:0:777\n" + z("/bin/busybox") + "F:usr/share\nR:b\na:2:0:644\n" + z("body of b") + "F:var/spool/a\nM:2:65534:2770\n\n"
	if in := got["db/installed"]; !strings.HasPrefix(in, want) || !strings.HasSuffix(in, files) {
		t.Errorf("%s\nwant %s...%s", in, want, files)
	}
	if got["db/triggers"] != id+" /usr/lib/* +/etc\n" {
		t.Error(got["db/triggers"])
	}
	if !strings.Contains(got["db/scripts.tar"], "a-1-r0."+id+".post-install") {
		t.Error("no script")
	}
}

// TestADBReadErrors: an error of the disk is no fault of the package.
func TestADBReadErrors(t *testing.T) {
	b := adbtest.Deflate(goodADB().Blocks())
	_, err := Format{}.Open(failing{bytes.NewReader(b)}, int64(len(b)), pkg.Limits{})
	if !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

var errDisk = errors.New("disk on fire")

// failing fails but for the first bytes.
type failing struct{ *bytes.Reader }

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > 100 {
		return 0, errDisk
	}
	return f.Reader.ReadAt(p, off)
}
