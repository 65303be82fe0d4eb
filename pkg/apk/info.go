package apk

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Checksum is the sha1 of a package's control member as it lies in the file, compressed: the identity of a
// package of format 2.
type Checksum [sha1.Size]byte

// String returns "Q1" and base64.
func (c Checksum) String() string { return "Q1" + base64.StdEncoding.EncodeToString(c[:]) }

// IsZero reports whether c is none.
func (c Checksum) IsZero() bool { return c == Checksum{} }

// parseChecksum reads "Q1" and base64, or forty hexadecimal digits.
func parseChecksum(s string) (c Checksum, err error) {
	var b []byte
	if text, ok := strings.CutPrefix(s, "Q1"); ok {
		b, err = base64.StdEncoding.DecodeString(text)
	} else {
		b, err = hex.DecodeString(s)
	}
	if err != nil || len(b) != len(c) {
		return c, fmt.Errorf("malformed checksum %q", s)
	}
	copy(c[:], b)
	return c, nil
}

// Info is what an index, or a package's own control member, says of a package, in its words. It is the
// Native record of the packages of this format. Fields that are lists keep their text, with blanks between the words.
type Info struct {
	Name, Version, Arch string

	Description, URL, License, Maintainer string
	Origin, Commit                        string // the source package; of its recipe
	Packager                              string // only in a control member
	BuildTime                             int64  // seconds since 1970

	Size      int64 // of the file; 0 in a control member
	Installed int64 // bytes of the unpacked files

	// Checksum is that of the control member; a package of format 3 has a Unique sha256 of its metadata instead.
	Checksum Checksum
	Unique   tree.Digest
	DataHash string // hexadecimal sha256 of the data member; only in a control member

	Depends, Provides, InstallIf, Replaces, Triggers string

	ProviderPriority, ReplacesPriority int
}

// fields of an index (apk-index(5)) and keys of .PKGINFO (apk-package(5)). Lists may come on several lines.
var fields = []struct {
	letter byte
	key    string
	text   func(*Info) *string
	list   bool
}{
	{'P', "pkgname", func(i *Info) *string { return &i.Name }, false},
	{'V', "pkgver", func(i *Info) *string { return &i.Version }, false},
	{'A', "arch", func(i *Info) *string { return &i.Arch }, false},
	{'T', "pkgdesc", func(i *Info) *string { return &i.Description }, false},
	{'U', "url", func(i *Info) *string { return &i.URL }, false},
	{'L', "license", func(i *Info) *string { return &i.License }, false},
	{'m', "maintainer", func(i *Info) *string { return &i.Maintainer }, false},
	{'o', "origin", func(i *Info) *string { return &i.Origin }, false},
	{'c', "commit", func(i *Info) *string { return &i.Commit }, false},
	{0, "packager", func(i *Info) *string { return &i.Packager }, false},
	{0, "datahash", func(i *Info) *string { return &i.DataHash }, false},
	{'D', "depend", func(i *Info) *string { return &i.Depends }, true},
	{'p', "provides", func(i *Info) *string { return &i.Provides }, true},
	{'i', "install_if", func(i *Info) *string { return &i.InstallIf }, true},
	{'r', "replaces", func(i *Info) *string { return &i.Replaces }, true},
	{0, "triggers", func(i *Info) *string { return &i.Triggers }, true},
}

// numbers are the fields with numbers.
var numbers = []struct {
	letter byte
	key    string
	set    func(*Info, int64)
}{
	{'S', "", func(i *Info, n int64) { i.Size = n }},
	{'I', "size", func(i *Info, n int64) { i.Installed = n }},
	{'t', "builddate", func(i *Info, n int64) { i.BuildTime = n }},
	{'k', "provider_priority", func(i *Info, n int64) { i.ProviderPriority = int(n) }},
	{'q', "replaces_priority", func(i *Info, n int64) { i.ReplacesPriority = int(n) }},
}

// infoReader collects the fields of an Info.
type infoReader struct {
	info  *Info
	lists [][]string // of each of fields, the lines of a list: it may have as many as a control member has room for
}

// set takes in the field with the given letter or key; the other one is zero. A field that this program does not know is passed over.
func (r *infoReader) set(letter byte, key, value string) (err error) {
	for n, f := range fields {
		if letter != 0 && letter == f.letter || letter == 0 && key == f.key {
			return r.setText(n, value)
		}
	}
	for _, f := range numbers {
		if letter != 0 && letter == f.letter || letter == 0 && f.key != "" && key == f.key {
			n, err := strconv.ParseInt(value, 10, 62)
			if err != nil || n < 0 || n > 1<<31 && (f.letter == 'k' || f.letter == 'q') {
				return fmt.Errorf("malformed number %q", value)
			}
			f.set(r.info, n)
			return nil
		}
	}
	if letter == 'C' {
		if strings.HasPrefix(value, "Q1") || strings.HasPrefix(value, "Q2") {
			return r.info.identify(value)
		}
		return fmt.Errorf("unsupported checksum %q", value)
	}
	return nil
}

func (r *infoReader) setText(n int, value string) error {
	to := fields[n].text(r.info)
	switch {
	case value == "":
	case fields[n].list:
		if r.lists == nil {
			r.lists = make([][]string, len(fields))
		}
		r.lists[n] = append(r.lists[n], value)
	case *to != "":
		return fmt.Errorf("comes twice: %q and %q", *to, value)
	default:
		*to = value
	}
	return nil
}

// read returns what was taken in, if the package can be named and fetched.
func (r *infoReader) read() (*Info, error) {
	for n, lines := range r.lists {
		if len(lines) > 0 {
			*fields[n].text(r.info) = strings.Join(lines, " ")
		}
	}
	return r.info, r.info.check()
}

// check refuses what cannot be named or fetched.
func (i *Info) check() error {
	switch {
	case !goodName(i.Name) || strings.ContainsRune(i.Name, '/') || i.Name[0] == '.':
		return fmt.Errorf("missing or malformed package name %q", i.Name)
	case !goodVersion(i.Version):
		return fmt.Errorf("package %s: missing or malformed version %q", i.Name, i.Version)
	case i.Arch != "" && (!goodName(i.Arch) || strings.ContainsAny(i.Arch, "/.")):
		return fmt.Errorf("package %s: malformed architecture %q", i.Name, i.Arch)
	}
	return nil
}

// Package returns the package that i describes. Its Native is i.
func (i *Info) Package() *pkg.Package {
	return &pkg.Package{
		Format: "apk", Name: i.Name, Version: i.Version, Arch: i.Arch,
		Size: i.Size, Installed: i.Installed, Native: i, Parse: i.relations,
	}
}

// relations reads the relation fields. A dependency that cannot be read is one that nothing satisfies.
func (i *Info) relations() *pkg.Relations {
	r := &pkg.Relations{
		Provides: parseProvides(i.Provides), Replaces: parseLiterals(i.Replaces), ProviderPriority: i.ProviderPriority,
	}
	all, _ := ParseDependencies(i.Depends)
	for _, c := range all {
		if len(c.Any) > 0 && c.Any[0].Neg {
			r.Conflicts = append(r.Conflicts, c)
		} else {
			r.Depends = append(r.Depends, c)
		}
	}
	if terms, err := ParseDependencies(i.InstallIf); err == nil {
		for _, c := range terms {
			r.InstallIf = append(r.InstallIf, c.Any[0])
		}
	}
	return r
}

// File returns the name that the package's file has in a repository.
func (i *Info) File() string { return i.Name + "-" + i.Version + ".apk" }

// identify takes in the package's identity: "Q1" and the checksum of a control member, or "Q2" and the sha256 of
// the metadata of format 3.
func (i *Info) identify(s string) (err error) {
	text, two := strings.CutPrefix(s, "Q2")
	if !two {
		i.Checksum, err = parseChecksum(s)
		return err
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != len(i.Unique) {
		return fmt.Errorf("malformed checksum %q", s)
	}
	copy(i.Unique[:], b)
	return nil
}

// unique is the inverse of identify.
func (i *Info) unique() string {
	if i.Unique.IsZero() {
		return i.Checksum.String()
	}
	return "Q2" + base64.StdEncoding.EncodeToString(i.Unique[:])
}

// Identity is what apk's database, and a dependency with "><", calls the package: the first 160 bits of its checksum.
func (i *Info) Identity() string {
	if i.Unique.IsZero() {
		return i.Checksum.String()
	}
	return Checksum(i.Unique[:len(i.Checksum)]).String()
}

// LeavesDirectories says that apk leaves mode and owner of a directory that is there as they are.
func (*Info) LeavesDirectories() bool { return true }

// AnyArch reports whether the package is for every architecture: an index may list it under its own.
func (i *Info) AnyArch() bool { return i.Arch == "noarch" }

// Overwrites tells whose a file is that i's package and an older one ship: 1 for i's, -1 for the older one's, 0 where
// neither claims it. Packages of one source take over from one another; else what counts is who replaces the other, and where both do
// the replaces_priority.
func (i *Info) Overwrites(older *pkg.Package) int {
	o, ok := older.Native.(*Info)
	switch {
	case !ok:
		return 0
	case i.Name == o.Name, i.Origin != "" && i.Origin == o.Origin:
		return 1
	}
	mine, theirs := -1, -1
	if i.replaces(o) {
		mine = i.ReplacesPriority
	}
	if o.replaces(i) {
		theirs = o.ReplacesPriority
	}
	switch {
	case theirs > mine:
		return -1
	case mine >= 0:
		return 1
	}
	return 0
}

func (i *Info) replaces(o *Info) bool {
	for _, l := range parseLiterals(i.Replaces) {
		if l.Name == o.Name && Match(o.Version, l.Op, l.Version) {
			return true
		}
	}
	return false
}
