package deb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/internal/decompress"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// debFile is an opened .deb.
type debFile struct {
	r       io.ReaderAt
	data    archive.Member
	lim     pkg.Limits
	pkg     *pkg.Package
	control *archive.Files
	scripts []pkg.Script
}

// Open reads a binary package of format 2, as deb(5) describes it: an ar archive of
//
//	debian-binary        "2.0\n"
//	control.tar[.gz|.xz|.zst]
//	data.tar[.gz|.xz|.zst|.bz2|.lzma]
//
// in this order; members that begin with an underscore are passed over wherever they are, others are refused.
// The control members are read at once, into memory. What breaks a rule of the format, or a limit, is a
// *tree.RefusedError, in Open as in Nodes. r is used until Close.
func (f Format) Open(r io.ReaderAt, size int64, lim pkg.Limits) (pkg.Archive, error) {
	if lim.Control <= 0 {
		lim.Control = 10 << 20
	}
	control, data, err := findMembers(r, size)
	if err != nil {
		return nil, err
	}
	d := &debFile{r: r, data: data, lim: lim}
	if d.control, err = readControl(r, control, lim); err != nil {
		return nil, fmt.Errorf("%s: %w", control.Name, err)
	}
	if d.pkg, d.scripts, err = f.Describe(d.control); err != nil {
		return nil, fmt.Errorf("%s: %w", control.Name, err)
	}
	return d, nil
}

// findMembers checks the order of the ar members and returns control.tar and data.tar.
func findMembers(r io.ReaderAt, size int64) (control, data archive.Member, err error) {
	all, err := archive.Ar(r, size)
	if err != nil {
		return control, data, err
	}
	members := all[:0]
	for _, m := range all {
		if !strings.HasPrefix(m.Name, "_") {
			members = append(members, m)
		}
	}
	want := []string{"debian-binary", "control.tar", "data.tar"}
	for i, m := range members {
		if i >= len(want) || m.Name != want[i] && (i == 0 || !strings.HasPrefix(m.Name, want[i]+".")) {
			return control, data, refuse(m.Name, "unexpected member of a .deb, or out of order")
		}
	}
	if len(members) < len(want) {
		return control, data, refuse("", "no member %s", want[len(members)])
	}
	version := make([]byte, min(members[0].Size, 16))
	if _, err := io.ReadFull(io.NewSectionReader(r, members[0].Offset, members[0].Size), version); err != nil {
		return control, data, err
	}
	if minor, ok := strings.CutPrefix(string(version), "2."); !ok || strings.Trim(minor, "0123456789") != "\n" || minor == "\n" {
		return control, data, refuse("debian-binary", "unsupported format %q", version)
	}
	return members[1], members[2], nil
}

// Describe returns what the control members say of the package, and the maintainer scripts among them.
// A control file that does not parse is a *tree.RefusedError.
func (Format) Describe(control fs.FS) (*pkg.Package, []pkg.Script, error) {
	b, err := fs.ReadFile(control, "control")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, refuse("control", "is missing")
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := ParseControl(b)
	if err != nil {
		return nil, nil, refuse("control", "%v", err)
	}
	scripts, err := pkg.ReadScripts(control, phases)
	return c.Package(), scripts, err
}

func refuse(what, format string, args ...any) error {
	return &tree.RefusedError{What: what, Reason: fmt.Sprintf(format, args...)}
}

// Package returns what the control file says; it has no Repo, Path, Size or SHA256.
func (d *debFile) Package() *pkg.Package { return d.pkg }

// Control holds the control members, "control" among them.
func (d *debFile) Control() fs.FS { return d.control }

// Scripts returns the maintainer scripts in the order config, preinst, postinst, in which a first
// installation runs them, and then prerm and postrm, which it does not run.
func (d *debFile) Scripts() []pkg.Script { return d.scripts }

// Nodes yields the entries of data.tar. Errors begin with the member's name.
func (d *debFile) Nodes() iter.Seq2[pkg.Entry, error] {
	return func(yield func(pkg.Entry, error) bool) {
		r, err := unpackMember(d.r, d.data, d.lim, d.total())
		if err != nil {
			yield(pkg.Entry{}, fmt.Errorf("%s: %w", d.data.Name, err))
			return
		}
		defer r.Close()
		lim := archive.Limits{Entries: d.lim.Entries, File: d.lim.File, Total: d.total()}
		for e, err := range archive.Tar(r, lim) {
			if err != nil {
				yield(pkg.Entry{}, fmt.Errorf("%s: %w", d.data.Name, err))
				return
			}
			if e.Body != nil {
				e.Body = &member{name: d.data.Name, r: e.Body}
			}
			if !yield(pkg.Entry{Node: e.Node, Size: e.Size, Body: e.Body}, nil) {
				return
			}
		}
	}
}

// total is the most that data.tar may hold.
func (d *debFile) total() int64 {
	switch {
	case d.lim.Total > 0:
		return d.lim.Total
	case d.pkg.Installed > 0:
		return 2*d.pkg.Installed + 16<<20
	}
	return 64 << 30
}

// Close does nothing: the file belongs to the caller.
func (d *debFile) Close() error { return nil }

// member puts the name of an ar member before the errors of a body.
type member struct {
	name string
	r    io.Reader
}

func (m *member) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", m.name, err)
	}
	return n, err
}

// unpackMember opens a compressed ar member, of which at most limit bytes may come out.
func unpackMember(r io.ReaderAt, m archive.Member, lim pkg.Limits, limit int64) (io.ReadCloser, error) {
	kind := decompress.KindOf(m.Name)
	if kind == decompress.None && !strings.HasSuffix(m.Name, ".tar") {
		return nil, refuse("", "unknown compression")
	}
	rc, err := decompress.NewReader(kind, io.NewSectionReader(r, m.Offset, m.Size), m.Size,
		decompress.Limits{Size: limit, Ratio: lim.Ratio, Dict: lim.Dict, Workers: lim.Workers, Crew: lim.Crew})
	if err != nil {
		return nil, refusedStream(err)
	}
	return &decoder{rc}, nil
}

// decoder turns a decompressor's verdict on its input into a *tree.RefusedError.
type decoder struct{ io.ReadCloser }

func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	return n, refusedStream(err)
}

func refusedStream(err error) error {
	for _, verdict := range []error{decompress.ErrCorrupt, decompress.ErrLimit, decompress.ErrUnsupported} {
		if errors.Is(err, verdict) {
			return refuse("", "%v", err)
		}
	}
	return err
}
