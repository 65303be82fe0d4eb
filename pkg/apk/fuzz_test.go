package apk

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk/adbtest"
	"github.com/detinstall/detinstall/pkg/tree"
)

// FuzzIndex: what is scanned can be looked up, and nothing in it leads out of the repository.
func FuzzIndex(f *testing.F) {
	f.Add("C:Q1EyN5AdpAOBJWKMR89pp/C66o+OE=\nP:a\nV:1\nA:x86_64\nD:b>1 !c so:x\np:cmd:a=1 virt\ni:a=2 !b\nt:5\nk:7\nq:3\nr:old<2\n\n" +
		"C:Q1eVpkasfqZAukAXFYbgwt4xAMZWU=\nP:a\nV:2\nS:3\nI:4\nT:text\nU:u\nL:l\no:a\nm:m\nc:c\n\nP:other\nV:1\nA:noarch\np:virt a=3\n")
	f.Add("P:a\nV:1\n\n\nX:?\nP:b\nV:1\n")
	f.Add("P:a\nV:1\nD:" + strings.Repeat("x ", 100) + "\nD:y@z>~1\n")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := NewUniverse("x86_64", List{Repo: &pkg.Repo{ID: "r"}, Dir: "d", Text: []byte(text)}, List{Repo: &pkg.Repo{ID: "s", Tag: "edge"}, Dir: "", Text: []byte(text)})
		if err != nil {
			return
		}
		for name := range u.Names() {
			for _, p := range u.Named(name) {
				if p.Name != name || !goodVersion(p.Version) || p.Path != "d/"+name+"-"+p.Version+".apk" {
					t.Errorf("%q: %+v", name, p)
				}
				if u.Place(p) < 0 || len(u.Repos(p)) == 0 {
					t.Errorf("%s: place %d, %d repositories", p, u.Place(p), len(u.Repos(p)))
				}
				r := p.Relations()
				for _, c := range append(r.Depends, r.Conflicts...) {
					for _, l := range c.Any {
						if back, err := ParseDependency(FormatDependency(l)); err != nil || back != l {
							t.Errorf("%q: %+v, again %+v, %v", c.Text, l, back, err)
						}
					}
				}
				for _, v := range r.Provides {
					u.Providing(v.Name)
				}
				for _, l := range r.InstallIf {
					u.InstalledIf(l.Name)
				}
				p.Native.(*Info).Overwrites(p)
			}
		}
	})
}

// FuzzPkgInfo: what is read has a name that can stand in a path, and, written again, is read as the same.
func FuzzPkgInfo(f *testing.F) {
	f.Add([]byte("# x\npkgname = a\npkgver = 1-r0\npkgdesc = d\nbuilddate = 1\nsize = 2\narch = x86_64\ndepend = b\ndepend = !c>1\nprovides = d=1\n" +
		"install_if = a b\nreplaces = e\nreplaces_priority = 1\nprovider_priority = 2\ntriggers = /x /y\ndatahash = 00\npackager = p\n"))
	f.Add([]byte("pkgname = a\npkgver =\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		info, err := ParsePkgInfo(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(info.File(), "/\x00\n") || info.File()[0] == '.' {
			t.Errorf("file name %q", info.File())
		}
		var b strings.Builder
		for _, x := range fields {
			if v := *x.text(info); v != "" {
				fmt.Fprintf(&b, "%s = %s\n", x.key, v)
			}
		}
		fmt.Fprintf(&b, "size = %d\nbuilddate = %d\nprovider_priority = %d\nreplaces_priority = %d\n", info.Installed, info.BuildTime,
			info.ProviderPriority, info.ReplacesPriority)
		again, err := ParsePkgInfo([]byte(b.String()))
		if err != nil || *again != *info {
			t.Errorf("%+v\nis written as %q\nand read as %+v, %v", info, b.String(), again, err)
		}
		info.Package().Relations()
	})
}

// FuzzOpen: an archive is read to its end, or refused, or distrusted; no path of it leads out of the root.
func FuzzOpen(f *testing.F) {
	good := parts{files: []entry{{name: ".dummy"}, {name: "usr/", typ: '5', mode: 0o755}, {name: "usr/a", body: "x"},
		{name: "usr/b", typ: '1', link: "usr/a"}, {name: "usr/c", typ: '2', link: "a"}},
		scripts: []entry{{name: ".post-install", body: "#!/bin/sh\n"}}}.build()
	f.Add(good.file())
	f.Add(append(bytes.Clone(good.control), good.data...))
	f.Add(indexFile(testKeys()[0], "P:a\nV:1\n"))
	f.Add([]byte("ADB."))
	listed := good.indexed(f)
	f.Fuzz(func(t *testing.T, b []byte) { checkOpen(t, b, listed) })
}

// FuzzADB is FuzzOpen on the blocks of format 3, which a compressor would keep a fuzzer from; the metadata, whose words are
// places in them, are also put into an index.
func FuzzADB(f *testing.F) {
	p := goodADB()
	p.Scripts["trigger"], p.Files[1].Body, p.Files[0].Target = "z", "short", adbtest.Device(0x103)
	f.Add(p.Blocks(adbtest.NewKey(1)))
	f.Add(adbtest.Index([]adbtest.Package{p, {Name: "b", Version: "2"}}, adbtest.NewKey(1)))
	f.Add(adbtest.NamedIndex("${arch}/${hash:8}/${name}-${version}.apk", []adbtest.Package{p}))
	f.Add(adbtest.Zstd(adbtest.Package{Name: "a", Version: "1"}.Blocks()))
	f.Add(adbtest.Deflate(adbtest.Package{Name: "a", Version: "1"}.Blocks()))
	for _, list := range [][]fault{valuesWrong(), filesWrong()} {
		for _, x := range list {
			if len(x.file) < 1<<12 {
				f.Add(x.file)
			}
		}
	}
	listed := (&Info{Name: "a", Version: "1-r0", Unique: tree.Sum(p.Metadata())}).Package()
	f.Fuzz(func(t *testing.T, b []byte) {
		checkOpen(t, b, listed)
		text, _, err := OpenIndex(b, nil, true)
		if err != nil || !isADB(bytes.NewReader(b)) {
			return
		}
		u, err := NewUniverse("", List{Repo: &pkg.Repo{ID: "r"}, Text: text})
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		for name := range u.Names() {
			for _, p := range u.Named(name) {
				p.Relations()
			}
		}
	})
}

// FuzzMembers is FuzzOpen on what the compressor would keep a fuzzer from: tar archives, which become members here.
func FuzzMembers(f *testing.F) {
	info := entry{name: pkgInfo, body: strings.Replace(goodInfo, "%s", "00", 1)}
	f.Add(tarOf(false, entry{name: ".SIGN.RSA256.x", body: "y"}), tarOf(false, info, entry{name: ".trigger", body: "z"}),
		tarOf(true, withSums([]entry{{name: "usr/a", body: "x"}, {name: "l", typ: '2', link: "usr"}, {name: "h", typ: '1', link: "usr/a"}})...))
	f.Add(tarOf(false, info), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, sign, control, data []byte) {
		p := parts{sign: gzOf(sign), control: gzOf(control), data: gzOf(data)}
		checkOpen(t, p.file(), p.indexed(t))
	})
}

// checkOpen holds the laws of an archive, which may also be taken for an index.
func checkOpen(t *testing.T, b []byte, p *pkg.Package) {
	t.Helper()
	paths, err := readAll(b, pkg.Limits{Total: 1 << 20, Control: 1 << 20, File: 1 << 20})
	lawful(t, "open", err)
	for _, p := range paths {
		if clean := "/" + p; strings.Contains(clean+"/", "/../") || strings.HasPrefix(p, "/") || p == "" {
			t.Errorf("path %q", p)
		}
	}
	lawful(t, "vouch", Format{}.Vouch(p, bytes.NewReader(b), int64(len(b))))
	_, signers, err := OpenIndex(b, nil, false)
	if err == nil {
		t.Errorf("an index that nobody vouches for: %v", signers)
	}
	if _, signers, err := OpenIndex(b, nil, true); len(signers) > 0 {
		t.Errorf("signed by %v without keys", signers)
	} else {
		lawful(t, "index", err)
	}
}

func lawful(t *testing.T, what string, err error) {
	t.Helper()
	var refused *tree.RefusedError
	var trust *pkg.TrustError
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &trust) {
		t.Errorf("%s: %T: %v", what, err, err)
	}
}
