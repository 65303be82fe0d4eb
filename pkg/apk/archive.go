package apk

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
)

// apkFile is an opened .apk of format 2.
type apkFile struct {
	r       io.ReaderAt
	from    int64 // of the data member
	size    int64
	lim     pkg.Limits
	pkg     *pkg.Package
	control members
	scripts []pkg.Script
}

// Open reads a package of format 2 (apk-v2(5)): three gzip members, each a tar archive, for the signature, which may be
// missing, for .PKGINFO and the scripts, and for the files; or one of format 3 (apk-v3(5)), told by its
// magic number. The control member is read at once, into memory. What breaks a rule of the format, or a limit, is a
// *tree.RefusedError, in Open as in Nodes; data that .PKGINFO does not vouch for is a *pkg.TrustError of Nodes.
// The package's own signature is not looked at: the signed index vouches for the control member (see [Format.Vouch]), that
// for the data. r is used until Close.
func (f Format) Open(r io.ReaderAt, size int64, lim pkg.Limits) (pkg.Archive, error) {
	if lim.Control <= 0 {
		lim.Control = 10 << 20
	}
	if isADB(r) {
		return f.openPackage(r, size, lim)
	}
	c, err := readControl(r, size, lim.Control)
	if err != nil {
		return nil, err
	}
	a := &apkFile{r: r, from: c.next, size: size, lim: lim}
	if a.control.Files, err = controlFiles(c.data, lim.Control); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	a.control.with(sumsFile, []byte(c.sum.String()+"\n"))
	if a.pkg, a.scripts, err = f.Describe(a.control); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if a.pkg.Native.(*Info).DataHash == "" {
		return nil, fmt.Errorf("control: %w", refuse(pkgInfo, "has no datahash"))
	}
	return a, nil
}

// control is the control member of a package.
type control struct {
	data []byte // the tar archive
	sum  Checksum
	next int64 // where the data member begins
}

// readControl finds the control member, after the signature if there is one.
func readControl(r io.ReaderAt, size, limit int64) (c control, err error) {
	var from int64
	if c.data, c.next, err = member(r, 0, size, limit); err != nil {
		return c, fmt.Errorf("first member: %w", err)
	}
	sigs, err := parseSignatures(c.data)
	if err != nil {
		return c, fmt.Errorf("signature: %w", err)
	}
	if len(sigs) > 0 {
		from = c.next
		if c.data, c.next, err = member(r, from, size, limit); err != nil {
			return c, fmt.Errorf("control: %w", err)
		}
	}
	h := sha1.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, from, c.next-from)); err != nil {
		return c, err
	}
	h.Sum(c.sum[:0])
	return c, nil
}

// controlFiles reads the members of the control archive: regular files right below the root whose names begin with a dot.
func controlFiles(data []byte, limit int64) (*archive.Files, error) {
	var files []archive.File
	for e, err := range archive.Tar(bytes.NewReader(data), unended(limit)) {
		if err != nil {
			return nil, err
		}
		n := e.Node
		if e.Body == nil || n.Path[0] != '.' || strings.ContainsAny(n.Path, "/\n") || len(n.Path) > 50 || n.Path == sumsFile {
			return nil, refuse(n.Path, "unexpected member of the control archive")
		}
		b, err := io.ReadAll(e.Body)
		if err != nil {
			return nil, err
		}
		files = append(files, archive.File{Name: n.Path, Mode: n.Mode.Perm(), Data: b})
	}
	return archive.NewFiles(files), nil
}

// Vouch reports as a *pkg.TrustError that the file r is not the package p of an index: the checksum that
// the index has for it must be the control member's, and the data must be what that says.
func (Format) Vouch(p *pkg.Package, r io.ReaderAt, size int64) error {
	want, ok := p.Native.(*Info)
	if !ok || want.Checksum.IsZero() && want.Unique.IsZero() {
		return pkg.Distrust(p.Path, "the index has no checksum for it")
	}
	if isADB(r) {
		return vouchADB(p, want, r, size)
	}
	c, err := readControl(r, size, 10<<20)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	if c.sum != want.Checksum {
		return pkg.Distrust(p.Path, "the control member has the checksum %s, the index says %s", c.sum, want.unique())
	}
	files, err := controlFiles(c.data, 10<<20)
	if err != nil {
		return fmt.Errorf("%s: control: %w", p.Path, err)
	}
	self, _, err := Format{}.Describe(files)
	if err != nil {
		return fmt.Errorf("%s: control: %w", p.Path, err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, c.next, size-c.next)); err != nil {
		return err
	}
	return checkData(p.Path, self.Native.(*Info), h)
}

// checkData compares the hash of the data member with what the control member says.
func checkData(what string, info *Info, h hash.Hash) error {
	if have := hex.EncodeToString(h.Sum(nil)); have != info.DataHash {
		return pkg.Distrust(what, "the data has the sha256 %s, its datahash says %s", have, info.DataHash)
	}
	return nil
}

// Package returns what .PKGINFO says; it has no Repo, Path, Size or SHA256.
func (a *apkFile) Package() *pkg.Package { return a.pkg }

// Control holds the members of the control archive, and the checksums once Nodes has been read.
func (a *apkFile) Control() fs.FS { return &a.control }

// Scripts returns the scripts, those of a first installation first.
func (a *apkFile) Scripts() []pkg.Script { return a.scripts }

// Close does nothing: the file belongs to the caller.
func (a *apkFile) Close() error { return nil }

// Nodes yields the entries of the data archive. Hidden files right below the root that come before everything else
// (".dummy") are no files of the package. Every body is compared with its own checksum, where the archive has one, when the
// next entry is asked for, and the whole with .PKGINFO's at the end.
func (a *apkFile) Nodes() iter.Seq2[pkg.Entry, error] {
	return func(yield func(pkg.Entry, error) bool) {
		d := &dataReader{info: a.pkg.Native.(*Info), sums: sums{alg: "sha1", fresh: sha1.New}}
		err := d.run(a, func(e pkg.Entry) bool { return yield(e, nil) })
		if err == errStop {
			return
		}
		if err != nil {
			yield(pkg.Entry{}, fmt.Errorf("data: %w", err))
			return
		}
		sums, _ := fs.ReadFile(a.control, sumsFile)
		a.control.with(sumsFile, append(sums, d.sums.text...))
	}
}

// errStop says that whoever reads the entries wants no more.
var errStop = fmt.Errorf("stopped")

// dataReader reads a data member.
type dataReader struct {
	info *Info
	sums sums
}

func (d *dataReader) run(a *apkFile, yield func(pkg.Entry) bool) error {
	whole := sha256.New()
	br := bufio.NewReaderSize(io.TeeReader(io.NewSectionReader(a.r, a.from, a.size-a.from), whole), 64<<10)
	z, err := gzip.NewReader(br)
	if err != nil {
		return badStream(err)
	}
	z.Multistream(false)
	lim := archive.Limits{Entries: a.lim.Entries, File: a.lim.File, Total: total(a.lim, d.info)}
	started := false
	for e, err := range archive.Tar(&stream{z: z, lim: a.lim, in: a.size, out: lim.Total}, lim) {
		if err != nil {
			return err
		}
		hidden := e.Node.Path[0] == '.' && e.Node.Path != "." && !strings.Contains(e.Node.Path, "/")
		if hidden && !started {
			continue
		}
		started = started || e.Node.Path != "."
		if err := d.sums.entry(&e); err != nil {
			return err
		}
		if !yield(pkg.Entry{Node: e.Node, Size: e.Size, Body: e.Body}) {
			return errStop
		}
		if err := d.sums.check(); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		return badStream(err)
	}
	if _, err := br.ReadByte(); err != io.EOF {
		return refuse("", "something follows the archive")
	}
	return checkData("data", d.info, whole)
}

// total is the most that the files of a package may hold.
func total(lim pkg.Limits, info *Info) int64 {
	switch {
	case lim.Total > 0:
		return lim.Total
	case info.Installed > 0:
		return 2*info.Installed + 16<<20
	}
	return 64 << 30
}

// stream bounds what a decompressor may give, and turns its verdict on its input into a *tree.RefusedError.
type stream struct {
	z        io.Reader
	lim      pkg.Limits
	in, out  int64 // bytes of the file; that may come out, with some for headers
	produced int64
}

const freeOutput = 64 << 20 // up to which the ratio is not looked at

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	s.produced += int64(n)
	ratio := s.lim.Ratio
	if ratio <= 0 {
		ratio = 200
	}
	if s.produced > freeOutput && s.produced/ratio > s.in {
		return n, refuse("", "more than %d bytes of output for each of input", ratio)
	}
	if err != nil && err != io.EOF {
		err = badStream(err)
	}
	return n, err
}
