package apk

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

// testKey is a key of the tests.
type testKey struct {
	name    string
	private *rsa.PrivateKey
}

// testKeys are two keys, made once a run.
var testKeys = sync.OnceValue(func() (keys [2]testKey) {
	for i := range keys {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = testKey{fmt.Sprintf("key%d@example.org-1.rsa.pub", i), k}
	}
	return keys
})

func (k testKey) public() pkg.Key {
	der, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	if err != nil {
		panic(err)
	}
	return pkg.Key{Name: k.name, Data: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
}

// sign returns the member with the signature of a member.
func (k testKey) sign(signed []byte) []byte {
	sum := sha256.Sum256(signed)
	sig, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return member1(false, entry{name: ".SIGN.RSA256." + k.name, body: string(sig)})
}

// entry is an entry of a tar archive: a regular file, if nothing else is said.
type entry struct {
	name, body string
	typ        byte
	link       string
	mode       int64
	size       int64             // what the header says, if it is not the body's
	pax        map[string]string // nil: with the checksum that belongs there
	user       string
}

// tarOf returns a tar archive, with its end or without. Headers may lie.
func tarOf(end bool, entries ...entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		w := tar.NewWriter(&b)
		h := &tar.Header{Name: e.name, Typeflag: e.typ, Mode: e.mode, Linkname: e.link, Uname: "root", Gname: "root", PAXRecords: e.pax, Format: tar.FormatPAX}
		if e.user != "" {
			h.Uname = e.user
		}
		switch {
		case e.typ == 0:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(e.body))
		case e.typ == tar.TypeChar || e.typ == tar.TypeBlock:
			h.Devmajor, h.Devminor = 1, 3
		}
		if e.size != 0 {
			h.Size = e.size
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, e.body)
		w.Flush() // fails where the header lies
		b.Write(make([]byte, -b.Len()&511))
	}
	if end {
		b.Write(make([]byte, 1024))
	}
	return b.Bytes()
}

func gzOf(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.NoCompression) // a compressor would take all the time of fuzzing
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func member1(end bool, entries ...entry) []byte { return gzOf(tarOf(end, entries...)) }

// parts is a package in the making; build makes what is nil.
type parts struct {
	info    string // of .PKGINFO, with %s for the datahash
	scripts []entry
	files   []entry

	sign, control, data []byte // the members
}

const goodInfo = "pkgname = a\npkgver = 1-r0\narch = x86_64\nsize = 100\ndatahash = %s\n"

// withSums adds the checksums that files and links lack.
func withSums(files []entry) []entry {
	out := make([]entry, len(files))
	for i, e := range files {
		if out[i] = e; e.pax == nil && (e.typ == 0 || e.typ == tar.TypeSymlink) {
			out[i].pax = map[string]string{paxSum + "SHA1": fmt.Sprintf("%x", sha1.Sum([]byte(e.body+e.link)))}
		}
	}
	return out
}

// build makes the members that are missing.
func (p parts) build() parts {
	if p.info == "" {
		p.info = goodInfo
	}
	if p.data == nil {
		p.data = member1(true, withSums(p.files)...)
	}
	if p.control == nil {
		info := strings.Replace(p.info, "%s", fmt.Sprintf("%x", sha256.Sum256(p.data)), 1)
		p.control = member1(false, append([]entry{{name: pkgInfo, body: info}}, p.scripts...)...)
	}
	if p.sign == nil {
		p.sign = testKeys()[0].sign(p.control)
	}
	return p
}

func (p parts) file() []byte {
	p = p.build()
	return bytes.Join([][]byte{p.sign, p.control, p.data}, nil)
}

// indexed is the package as an index lists it.
func (p parts) indexed(t testing.TB) *pkg.Package {
	t.Helper()
	u, err := NewUniverse("x86_64", List{Repo: &pkg.Repo{ID: "test"}, Dir: "", Text: []byte(p.record())})
	if err != nil {
		t.Fatal(err)
	}
	return u.Named("a")[0]
}

// record is the package's record of an index.
func (p parts) record() string {
	return fmt.Sprintf("C:%s\nP:a\nV:1-r0\nA:x86_64\nS:%d\nI:100\n\n", Checksum(sha1.Sum(p.build().control)), len(p.file()))
}

// indexFile is a signed index with the given text.
func indexFile(k testKey, text string) []byte {
	m := member1(false, entry{name: "DESCRIPTION", body: "test"}, entry{name: "APKINDEX", body: text})
	return append(k.sign(m), m...)
}

// readAll opens a package and reads it to its end.
func readAll(b []byte, lim pkg.Limits) (paths []string, err error) {
	r := bytes.NewReader(b)
	a, err := Format{}.Open(r, r.Size(), lim)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	for e, err := range a.Nodes() {
		if err != nil {
			return paths, err
		}
		paths = append(paths, e.Node.Path)
		if e.Body != nil {
			if _, err := io.Copy(io.Discard, e.Body); err != nil {
				return paths, err
			}
		}
	}
	return paths, nil
}

// gzBest compresses as well as it can.
func gzBest(b []byte) []byte { return gzReader(bytes.NewReader(b)) }

func gzReader(r io.Reader) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	io.Copy(w, r)
	w.Close()
	return out.Bytes()
}
