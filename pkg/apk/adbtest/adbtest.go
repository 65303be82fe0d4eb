// Package adbtest writes packages and indexes of apk's format 3 for tests, from little, and bit for bit the same each time.
// What it writes can be made wrong in every place: it is the source of negative controls too.
//
//	p := adbtest.Package{Name: "a", Version: "1-r0", Files: []adbtest.File{{Path: "usr/a", Body: "x"}}}
//	file := adbtest.Deflate(p.Blocks(key))
//	index := adbtest.Deflate(adbtest.Index([]adbtest.Package{p}, key))
package adbtest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// Package is a package in the making. Empty fields are left out, but for Arch, which becomes noarch.
type Package struct {
	Name, Version, Arch, Description, Origin string

	Depends, Provides, Replaces, InstallIf []string // NAME, !NAME, NAME=VERSION, with the operators = < > <= >= ~

	BuildTime, Installed uint64
	Size                 int    // of the file, for an index; what Deflate makes of it if 0
	Priority             uint64 // of the provider
	ReplacesPriority     uint64
	Triggers             []string
	Scripts              map[string]string // by name without the dot
	Dirs                 []File            // directories that are not 0755 root:root, or have no files
	Files                []File
}

// File is a file of a package: a regular one if it has no Target.
type File struct {
	Path        string
	Mode        uint64 // 0644 if 0
	User, Group string // root if empty
	Xattrs      []string
	Time        uint64
	Body        string
	Target      string // two bytes of type and what belongs to it, see Symlink

	Hash string // in the place of the right one
	Size uint64 // in the place of the right one
}

// Symlink, Hardlink and Device return targets.
func Symlink(to string) string  { return "\x00\xa0" + to }
func Hardlink(to string) string { return "\x00\x80" + to }
func Device(number uint64) string {
	return "\x00\x20" + string(binary.LittleEndian.AppendUint64(nil, number))
}

var scriptNames = []string{"trigger", "pre-install", "post-install", "pre-deinstall", "post-deinstall", "pre-upgrade", "post-upgrade"}

// Metadata returns the block of metadata.
func (p Package) Metadata() []byte {
	var w Values
	var paths, scripts, triggers []uint32
	for _, dir := range p.dirs() {
		var files []uint32
		for _, f := range dir.files {
			files = append(files, w.file(f))
		}
		paths = append(paths, w.Object(w.String(dir.Path), w.acl(dir.File, 0o755), w.Array(files...)))
	}
	for _, n := range scriptNames {
		scripts = append(scripts, w.String(p.Scripts[n]))
	}
	for _, t := range p.Triggers {
		triggers = append(triggers, w.String(t))
	}
	info := p.info(&w, "", 0)
	return w.Bytes(w.Object(info, w.Array(paths...), w.Object(scripts...), w.Array(triggers...), w.Int(p.ReplacesPriority)))
}

// info writes the object that an index and the package share.
func (p Package) info(w *Values, hash string, size int) uint32 {
	if p.Arch == "" {
		p.Arch = "noarch"
	}
	return w.Object(w.String(p.Name), w.String(p.Version), w.String(hash), w.String(p.Description), w.String(p.Arch),
		w.String("MIT"), w.String(p.Origin), 0, 0, 0, w.Int(p.BuildTime), w.Int(p.Installed), w.Int(uint64(size)), w.Int(p.Priority),
		w.dependencies(p.Depends), w.dependencies(p.Provides), w.dependencies(p.Replaces), w.dependencies(p.InstallIf))
}

func (w *Values) dependencies(list []string) uint32 {
	var slots []uint32
	for _, d := range list {
		match, name := uint64(0), d
		if n, found := strings.CutPrefix(d, "!"); found {
			match, name = 16, n
		}
		name, version := name, ""
		if i := strings.IndexAny(name, "=<>~"); i >= 0 {
			rest := name[i:]
			name, version = name[:i], strings.TrimLeft(rest, "=<>~")
			for _, c := range rest[:len(rest)-len(version)] {
				match |= map[rune]uint64{'=': 1, '<': 2, '>': 4, '~': 9}[c]
			}
		}
		slots = append(slots, w.Object(w.String(name), w.String(version), w.Int(match)))
	}
	return w.Array(slots...)
}

// dir is a directory with its files.
type dir struct {
	File
	files []File
}

// dirs returns the directories in order, the root first.
func (p Package) dirs() []dir {
	all := []dir{{}}
	for _, d := range p.Dirs {
		all = append(all, dir{File: d})
	}
	for _, f := range p.Files {
		name := strings.TrimPrefix(path.Dir(f.Path), ".")
		i := slices.IndexFunc(all, func(d dir) bool { return d.Path == name })
		if i < 0 {
			i = len(all)
			all = append(all, dir{File: File{Path: name}})
		}
		all[i].files = append(all[i].files, f)
	}
	slices.SortStableFunc(all, func(a, b dir) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func (w *Values) file(f File) uint32 {
	hash, size := sha256.Sum256([]byte(f.Body)), uint64(len(f.Body))
	if f.Hash == "" && f.Target == "" {
		f.Hash = string(hash[:])
	}
	if f.Size != 0 {
		size = f.Size
	}
	return w.Object(w.String(path.Base(f.Path)), w.acl(f, 0o644), w.Int(size), w.Int(f.Time), w.String(f.Hash), w.String(f.Target))
}

func (w *Values) acl(f File, mode uint64) uint32 {
	var xattrs []uint32
	for _, x := range f.Xattrs {
		xattrs = append(xattrs, w.String(x))
	}
	if f.Mode != 0 {
		mode = f.Mode
	}
	or := func(s string) uint32 {
		if s == "" {
			s = "root"
		}
		return w.String(s)
	}
	return w.Object(w.Int(mode), or(f.User), or(f.Group), w.Array(xattrs...))
}

// Blocks returns the package, not compressed, with a signature of each key.
func (p Package) Blocks(keys ...Key) []byte {
	meta := p.Metadata()
	b := Header("pckg", meta, keys...)
	for d, dir := range p.dirs() {
		for n, f := range dir.files {
			if f.Target == "" && f.Body != "" {
				at := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(d+1)), uint32(n+1))
				b = Block(b, 2, append(at, f.Body...))
			}
		}
	}
	return b
}

// Index returns an index of packages, not compressed, with a signature of each key.
func Index(ps []Package, keys ...Key) []byte { return NamedIndex("", ps, keys...) }

// NamedIndex is Index with the names that the files of the packages have, such as "${name}.apk".
func NamedIndex(names string, ps []Package, keys ...Key) []byte {
	var w Values
	var infos []uint32
	for _, p := range ps {
		sum := sha256.Sum256(p.Metadata())
		if p.Size == 0 {
			p.Size = len(Deflate(p.Blocks(keys...)))
		}
		infos = append(infos, p.info(&w, string(sum[:]), p.Size))
	}
	return Header("indx", w.Bytes(w.Object(w.String("test"), w.Array(infos...), w.String(names))), keys...)
}

// Header returns the beginning of a file: its schema, metadata and signatures.
func Header(schema string, meta []byte, keys ...Key) []byte {
	b := Block([]byte("ADB."+schema), 0, meta)
	for _, k := range keys {
		b = Block(b, 1, k.Sign(schema, meta))
	}
	return b
}

// Block appends a block.
func Block(b []byte, kind uint32, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, kind<<30|uint32(len(body)+4))
	b = append(b, body...)
	return append(b, make([]byte, -len(b)&7)...)
}

// LargeBlock is Block in the form for sizes of more than 30 bits.
func LargeBlock(b []byte, kind uint32, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, 3<<30|kind)
	b = binary.LittleEndian.AppendUint64(append(b, 0, 0, 0, 0), uint64(len(body)+16))
	b = append(b, body...)
	return append(b, make([]byte, -len(b)&7)...)
}

// Deflate and Zstd return a file of blocks, compressed; as they are, they are one too.
func Deflate(blocks []byte) []byte {
	out := bytes.NewBufferString("ADBd")
	w, _ := flate.NewWriter(out, flate.BestSpeed)
	w.Write(blocks)
	w.Close()
	return out.Bytes()
}

// Zstd is Deflate by another method.
func Zstd(blocks []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll(blocks, []byte("ADBc\x02\x03"))
}

// Key signs.
type Key struct{ crypto.Signer }

// NewKey returns a key on the curve P-256, made of a number from 1 to 255.
func NewKey(n byte) Key {
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), n))
	if err != nil {
		panic(err)
	}
	return Key{k}
}

// PEM returns the public key.
func (k Key) PEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Sign returns a signature's block.
func (k Key) Sign(schema string, meta []byte) []byte {
	var der []byte
	switch p := k.Public().(type) {
	case *rsa.PublicKey:
		der = x509.MarshalPKCS1PublicKey(p)
	case *ecdsa.PublicKey:
		der, _ = p.Bytes()
	}
	id, sum := sha512.Sum512(der), sha512.Sum512(meta)
	head := append([]byte{0, 4}, id[:16]...)
	digest := sha512.Sum512(slices.Concat([]byte(schema), head, sum[:]))
	sig, err := k.Signer.Sign(nil, digest[:], crypto.SHA512)
	if err != nil {
		panic(err)
	}
	return append(head, sig...)
}
