package apk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
)

// Members of the control archive, and one of our own.
const (
	pkgInfo = ".PKGINFO"
	// sumsFile is made by Open: the checksums that the database needs and no control member has, a line each:
	//
	//	Q1mcpyM8ftLHlvmaMjdLoBo6zq/Fo=              the control member's, for format 3 the metadata's "Q2"
	//	aca1a82cbd2bdf9e9c4ed0c10d5fd9e1cc9c1b0c usr/bin/x      a file's or a link's, in archive order
	//
	// so that a package that is kept unpacked has them too.
	sumsFile = ".checksums"
)

// phases are the scripts in the order in which a first installation would run the first three of them; it runs no other.
var phases = []string{".pre-install", ".post-install", ".trigger", ".pre-upgrade", ".post-upgrade", ".pre-deinstall", ".post-deinstall"}

// ParsePkgInfo reads a .PKGINFO file: lines "KEY = VALUE", and comments.
func ParsePkgInfo(text []byte) (*Info, error) {
	r := infoReader{info: &Info{}}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New("has a NUL")
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimRight(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			key, ok = strings.CutSuffix(line, " =") // an empty value
		}
		if !ok {
			return nil, fmt.Errorf("line %d: want KEY = VALUE, not %.80q", n, line)
		}
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if err := r.set(0, key, value); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n, key, err)
		}
	}
	if r.info.Arch == "" {
		r.info.Arch = "noarch"
	}
	return r.read()
}

// Describe returns what the control members say of the package, and the scripts among them.
// A .PKGINFO that does not parse is a *tree.RefusedError.
func (Format) Describe(control fs.FS) (*pkg.Package, []pkg.Script, error) {
	b, err := fs.ReadFile(control, pkgInfo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, refuse(pkgInfo, "is missing")
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := ParsePkgInfo(b)
	if err != nil {
		return nil, nil, refuse(pkgInfo, "%v", err)
	}
	if sums, err := fs.ReadFile(control, sumsFile); err == nil {
		first, _, _ := strings.Cut(string(sums), "\n")
		if err := info.identify(first); err != nil {
			return nil, nil, refuse(sumsFile, "%v", err)
		}
	}
	scripts, err := pkg.ReadScripts(control, phases)
	return info.Package(), scripts, err
}

// members is the control members of an archive. It grows by the sums of the files when those have been read.
type members struct{ *archive.Files }

// with adds a member.
func (m *members) with(name string, data []byte) {
	m.Files = archive.NewFiles(append([]archive.File{{Name: name, Mode: 0o644, Data: data}}, m.All()...))
}
