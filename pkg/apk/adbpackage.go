package apk

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
)

// adbPackage is an opened .apk of format 3.
type adbPackage struct {
	file    *adbFile
	lim     pkg.Limits
	pkg     *pkg.Package
	control members
	scripts []pkg.Script
	paths   object
}

// adbScripts are the scripts' names in the order of their slots.
var adbScripts = []string{".trigger", ".pre-install", ".post-install", ".pre-deinstall", ".post-deinstall", ".pre-upgrade", ".post-upgrade"}

// openPackage reads all of a package but its bodies. What the metadata say becomes the control members that a package
// of format 2 would have, so that there is one way on from there.
func (f Format) openPackage(r io.ReaderAt, size int64, lim pkg.Limits) (*adbPackage, error) {
	file, err := openADB(r, size, schemaPackage, maxPackageMetadata, lim)
	if err != nil {
		return nil, err
	}
	a := &adbPackage{file: file, lim: lim}
	if err := a.describe(f); err != nil {
		file.Close()
		return nil, err
	}
	return a, nil
}

func (a *adbPackage) describe(f Format) error {
	d := &values{data: a.file.metadata}
	root := d.root()
	info, err := readInfo(root.object(packageInfo))
	if err != nil {
		return refuse("", "%v", err)
	}
	info.ReplacesPriority = int(root.int(packageReplacesPriority, "replaces priority", 1<<31-1))
	info.Triggers, info.Unique = readTriggers(root.object(packageTriggers), a.lim.Control), a.file.sum
	files := []archive.File{
		{Name: pkgInfo, Mode: 0o644, Data: info.appendPkgInfo(nil)},
		{Name: sumsFile, Mode: 0o644, Data: []byte(info.unique() + "\n")},
	}
	left := a.lim.Control
	for n, scripts := 0, root.object(packageScripts); n < len(adbScripts); n++ {
		// Of a value that is shared each script has a copy, so they count one by one.
		body := d.bytes(scripts.slot(n + 1))
		if left -= int64(len(body)); left < 0 {
			return refuse("", "more than %d bytes of scripts", a.lim.Control)
		}
		if len(body) > 0 {
			files = append(files, archive.File{Name: adbScripts[n], Mode: 0o755, Data: bytes.Clone(body)})
		}
	}
	a.paths = root.object(packagePaths)
	if d.err != nil {
		return d.err
	}
	a.control.Files = archive.NewFiles(files)
	a.pkg, a.scripts, err = f.Describe(a.control)
	return err
}

// readTriggers returns a list of patterns with blanks between them.
func readTriggers(list object, limit int64) string {
	var b strings.Builder
	for n := 1; n <= list.len(); n++ {
		t := list.text(n)
		if t == "" || oneLine(t) != t || strings.Contains(t, " ") {
			list.d.fail("malformed trigger %.80q", t)
		}
		if b.WriteString(t + " "); int64(b.Len()) > limit {
			list.d.fail("more than %d bytes of triggers", limit)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

// Package returns what the metadata say; it has no Repo, Path, Size or SHA256.
func (a *adbPackage) Package() *pkg.Package { return a.pkg }

// Control holds .PKGINFO and the scripts, made of the metadata, and the checksums once Nodes has been read.
func (a *adbPackage) Control() fs.FS { return &a.control }

// Scripts returns the scripts, those of a first installation first.
func (a *adbPackage) Scripts() []pkg.Script { return a.scripts }

// Close frees what decompression needs. The file belongs to the caller.
func (a *adbPackage) Close() error { return a.file.Close() }

// Nodes yields the directories in the order of the metadata, each before its files. Every body must have the size
// and the sha256 that the metadata have, and the file must end with the last one.
func (a *adbPackage) Nodes() iter.Seq2[pkg.Entry, error] {
	return func(yield func(pkg.Entry, error) bool) {
		lim := archive.Limits{Entries: a.lim.Entries, File: a.lim.File, Total: total(a.lim, a.pkg.Native.(*Info))}
		d := &adbReader{file: a.file, rules: archive.NewRules(lim), sums: sums{alg: "sha256", fresh: sha256.New}}
		err := d.run(a.paths, func(e pkg.Entry) bool { return yield(e, nil) })
		if err == errStop {
			return
		}
		if err != nil {
			yield(pkg.Entry{}, fmt.Errorf("data: %w", err))
			return
		}
		first, _ := fs.ReadFile(a.control, sumsFile)
		a.control.with(sumsFile, append(first, d.sums.text...))
	}
}

// vouchADB reports as a *pkg.TrustError that r is not the package p, which an index identifies as want does: by a hash of
// the metadata, which have the hashes of the files. A signature need not be there, but none may be wrong.
func vouchADB(p *pkg.Package, want *Info, r io.ReaderAt, size int64) error {
	a, err := Format{}.Open(r, size, pkg.Limits{})
	if err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	defer a.Close()
	f := a.(*adbPackage).file
	if err := f.belongs(want); err != nil {
		return pkg.Distrust(p.Path, "%w", err)
	}
	if p.Repo != nil {
		if _, _, err := f.check(trust(p.Repo.Keys)); err != nil {
			return pkg.Distrust(p.Path, "%w", err)
		}
	}
	for _, err := range a.Nodes() {
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
	}
	return nil
}
