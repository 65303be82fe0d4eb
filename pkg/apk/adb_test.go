package apk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

const openwrt = "../../../shared/data/apk/v3-openwrt"

// samples are the repositories of format 3 among the shared data, with how many packages each has.
var samples = []struct {
	dir, key string
	packages int
}{
	{"stangri+apk.openwrt.melmac.ca", "apk.openwrt.melmac.ca.pem", 13},
	{"egc112+OpenWRT-egc-add-on", "", 3}, // the key of the index is in nobody's data, the packages are not signed
}

// TestSamples reads and verifies every real file of format 3: the signatures, the index's hashes of the packages, and the
// packages' of their files; and compares the trees with what another reader of the metadata finds.
func TestSamples(t *testing.T) {
	for _, s := range samples {
		t.Run(s.dir, func(t *testing.T) {
			var keys []pkg.Key
			if s.key != "" {
				keys = []pkg.Key{{Name: s.key, Data: shared(t, "v3-openwrt/"+s.dir+"/"+s.key)}}
			}
			b := shared(t, "v3-openwrt/"+s.dir+"/packages.adb")
			text, signers, err := OpenIndex(b, keys, s.key == "")
			if err != nil || s.key != "" && !slices.Equal(signers, []string{s.key}) {
				t.Fatalf("%q, %v", signers, err)
			}
			if _, _, err := OpenIndex(b, nil, false); err == nil || !strings.Contains(err.Error(), "none of the trusted ones") {
				t.Errorf("without keys: %v", err)
			}
			u, err := NewUniverse("x86_64", List{Repo: &pkg.Repo{ID: s.dir, Keys: keys}, Text: text})
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(openwrt, s.dir, "*.apk"))
			if names := slices.Collect(u.Names()); err != nil || len(files) != s.packages || len(names) != s.packages {
				t.Fatalf("%d files, %d in the index, %v", len(files), len(names), err)
			}
			for name := range u.Names() {
				sample(t, u.Named(name)[0], filepath.Join(openwrt, s.dir), keys)
			}
		})
	}
}

// sample holds one package against the index, its own signature, another reader and the list of files that OpenWrt puts into it.
func sample(t *testing.T, p *pkg.Package, dir string, keys []pkg.Key) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, p.Path))
	if err != nil || p.Size != int64(len(b)) {
		t.Fatalf("%s: %d bytes, %v", p, len(b), err)
	}
	r := bytes.NewReader(b)
	if err := (Format{}).Vouch(p, r, r.Size()); err != nil {
		t.Error(err)
	}
	a, err := Format{}.Open(r, r.Size(), pkg.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	defer a.Close()
	if signers, err := a.(*adbPackage).file.verify(keys); (err == nil) != (len(keys) > 0) {
		t.Errorf("%s: signed by %v, %v", p, signers, err)
	}
	got := a.Package()
	if got.Name != p.Name || got.Version != p.Version || got.Arch != p.Arch || got.Installed != p.Installed {
		t.Errorf("%s: says %s", p, got)
	}
	have, bodies := listed(t, a)
	if want := dumped(t, b); !slices.Equal(have, want) {
		t.Errorf("%s: is read as\n%s\nanother reader has\n%s", p, strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	list := "lib/apk/packages/" + p.Name + ".list"
	for path := range strings.Lines(bodies[list]) {
		if _, ok := bodies[strings.Trim(path, "/\n")]; !ok {
			t.Errorf("%s: no %q", p, path)
		}
		delete(bodies, strings.Trim(path, "/\n"))
	}
	for path := range bodies {
		if !strings.HasPrefix(path, "lib/apk/packages/"+p.Name+".") {
			t.Errorf("%s: its list of files lacks %s", p, path)
		}
	}
	sums, err := fs.ReadFile(a.Control(), sumsFile)
	if err != nil || !strings.HasPrefix(string(sums), p.Native.(*Info).unique()+"\n") || !strings.Contains(string(sums), " "+list+"\n") {
		t.Errorf("%s: %v %q", p, err, sums)
	}
}

// listed reads a package and returns a line for each entry, and what is in the files and links.
func listed(t *testing.T, a pkg.Archive) (lines []string, bodies map[string]string) {
	t.Helper()
	bodies = map[string]string{}
	for e, err := range a.Nodes() {
		if err != nil {
			t.Fatalf("%s: %v", a.Package(), err)
		}
		n := e.Node
		line := fmt.Sprintf("%s %#o %s %s", n.Path, tree.ModeBits(n.Mode), n.User.Name, n.Group.Name)
		if !n.Mode.IsDir() {
			body := n.Link
			if e.Body != nil {
				b, err := io.ReadAll(e.Body)
				if err != nil || int64(len(b)) != e.Size {
					t.Fatalf("%s: %s: %d bytes, %v", a.Package(), n.Path, len(b), err)
				}
				body = string(b)
			}
			bodies[n.Path] = body
			line += fmt.Sprintf(" %d %d %x", e.Size, n.ModTime.Unix(), sha256.Sum256([]byte(body)))
		}
		lines = append(lines, line)
	}
	return lines, bodies
}

// dumped is a second reader, as simple as can be: what it finds in the metadata of a package that is well-formed and has
// nothing but directories and regular files.
func dumped(t *testing.T, file []byte) (lines []string) {
	t.Helper()
	b, err := io.ReadAll(flate.NewReader(bytes.NewReader(file[4:])))
	if err != nil {
		t.Fatal(err)
	}
	b = b[12:]
	word := binary.LittleEndian.Uint32
	var dump func(v uint32) any
	dump = func(v uint32) any {
		switch at := v & 0xfffffff; v >> 28 {
		case 1:
			return int(at)
		case 2:
			return int(word(b[at:]))
		case 8:
			return string(b[at+1:][:b[at]])
		case 9:
			return string(b[at+2:][:binary.LittleEndian.Uint16(b[at:])])
		case 13, 14:
			list := make([]any, max(8, word(b[at:])))
			for i := uint32(1); i < word(b[at:]); i++ {
				list[i] = dump(word(b[at+4*i:]))
			}
			return list[:max(8, len(list))]
		}
		return nil
	}
	for _, d := range dump(word(b[4:])).([]any)[2].([]any) {
		d, ok := d.([]any)
		if !ok {
			continue
		}
		dir, _ := d[1].(string)
		if acl := d[2].([]any); dir != "" {
			lines = append(lines, fmt.Sprintf("%s %#o %s %s", dir, acl[1], acl[2], acl[3]))
		}
		files, _ := d[3].([]any)
		for _, f := range files {
			if f, ok := f.([]any); ok {
				acl := f[2].([]any)
				lines = append(lines, fmt.Sprintf("%s %#o %s %s %d %d %x", strings.TrimPrefix(dir+"/"+f[1].(string), "/"), acl[1], acl[2], acl[3], f[3], f[4], f[5]))
			}
		}
	}
	return lines
}
