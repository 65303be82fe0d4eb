// Package pkg is the small language into which .deb, .rpm and .apk are
// translated: packages, what they need, where their bytes lie, and what an
// archive holds. It knows no format and reads no file.
package pkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Package is one version of one package for one architecture, as an index or
// the package file itself describes it.
type Package struct {
	Format  string // "deb", "rpm", "apk"
	Name    string
	Version string // as the ecosystem prints it
	Arch    string // as the ecosystem spells it; "all" or "noarch" included

	// Repo is the repository that offers it, nil for a file given by hand. Path is
	// relative to the repository's base; Size and SHA256 are of the whole file.
	Repo   *Repo
	Path   string
	Size   int64
	SHA256 tree.Digest

	// Installed is the size in bytes that its metadata declares for the
	// unpacked files; 0 where it declares none.
	Installed int64

	// Native is the ecosystem's own record (for deb: deb.Control). Only code of that ecosystem looks at it.
	Native any

	// Parse reads the relation fields. It is called at most once, on the first call of
	// Relations: an index has tens of thousands of packages of which a solver reaches few.
	Parse func() *Relations

	once sync.Once
	rel  *Relations
}

// Relations returns what p needs, forbids and provides. It is safe for concurrent use;
// the result must not be changed.
func (p *Package) Relations() *Relations {
	p.once.Do(func() {
		if p.Parse != nil {
			p.rel = p.Parse()
		}
		if p.rel == nil {
			p.rel = &Relations{}
		}
	})
	return p.rel
}

// String returns NAME=VERSION:ARCH.
func (p *Package) String() string { return p.Name + "=" + p.Version + ":" + p.Arch }

// Origin returns "deb:NAME=VERSION", the [tree.Node.From] of p's files.
func (p *Package) Origin() string { return p.Format + ":" + p.Name + "=" + p.Version }

// Relations are a package's relation fields in the order in which the ecosystem's
// own solver reads them.
type Relations struct {
	Depends    []Clause // deb: Pre-Depends, then Depends
	PreDepends int      // how many of Depends must be configured before unpacking
	Recommends []Clause
	Suggests   []Clause
	Conflicts  []Clause // each of negated literals; deb: Conflicts, then Breaks
	Provides   []Provide
	Replaces   []Literal // whose files it may overwrite; rpm: obsoletes

	// InstallIf, where not empty, has the package installed as soon as all of it holds (apk).
	InstallIf []Literal
	// ProviderPriority orders the packages that provide one name without a version; 0: it is never picked for such
	// a name unless it is asked for by its own (apk).
	ProviderPriority int
}

// Clause is a dependency of any ecosystem: at least one of its literals must
// hold. `Depends: a | b` is {a, b}; `Conflicts: c` is {!c}; rpm's `(a if b)` is {!b, a}.
type Clause struct {
	Any  []Literal
	Text string // the repository's own words, for messages
}

// Literal says that some installed package is called or provides Name in a version that
// stands in relation Op to Version, or, negated, that none does.
type Literal struct {
	Neg     bool
	Name    string
	Arch    string // qualifier as written ("any", "native", "i386"), mostly empty
	Op      Op
	Version string
	Tag     string // apk: only from the repositories with this tag, or from those without one
}

// Op is a version relation. The zero value accepts every version, and also unversioned provides.
type Op string

const (
	Any     Op = ""
	Less    Op = "<<"
	AtMost  Op = "<="
	Equal   Op = "="
	AtLeast Op = ">="
	More    Op = ">>"
	Fuzzy   Op = "~" // apk: the version starts with

	FuzzyAtLeast Op = ">~" // apk: starts with, or is more
	FuzzyAtMost  Op = "<~" // apk: starts with, or is less
	Checksum     Op = "><" // apk: the package whose control member has this checksum
)

// Holds reports whether a version that compares to the literal's as cmp (negative, 0, positive) satisfies o.
func (o Op) Holds(cmp int) bool {
	switch o {
	case Less:
		return cmp < 0
	case AtMost:
		return cmp <= 0
	case Equal:
		return cmp == 0
	case AtLeast:
		return cmp >= 0
	case More:
		return cmp > 0
	}
	return o == Any
}

// String returns the literal as a deb control file writes it: "name:arch (>= 1)".
func (l Literal) String() string {
	s := l.Name
	if l.Arch != "" {
		s += ":" + l.Arch
	}
	if l.Op != Any {
		s += fmt.Sprintf(" (%s %s)", l.Op, l.Version)
	}
	if l.Neg {
		s = "!" + s
	}
	return s
}

// Provide is a name that a package answers to. Version is empty for an unversioned provide.
type Provide struct{ Name, Version string }

// Repo is where packages come from.
type Repo struct {
	ID     string // unique among the repositories of a request: "debian@trixie-updates", "demo-debian"
	Format string // "deb", "rpm", "apk"

	// Base is the canonical base: an http(s) URL without a trailing slash,
	// "file:" and an absolute directory, or "demo:" and a name of a repository in package fixtures.
	Base string

	// Snapshot, where not empty, is the base of a service that keeps every state of the
	// repository under SNAPSHOT/YYYYMMDDTHHMMSSZ/PATH; Base is then Snapshot too, and Date (seconds
	// since 1970) chooses the state. Mirrors are looked at first.
	Snapshot string
	Date     int64

	// Mirrors are tried in order before Base. They hold the same paths.
	Mirrors []string

	Suite      string   // deb: dists/SUITE; "./" and the like: a flat repository
	Components []string // deb: in the order of the sources line
	Priority   int      // earlier repositories have lower numbers; ties between equal versions
	Tag        string   // apk: packages come from here only where NAME@TAG is asked for

	// Keys are the only ones trusted for this repository.
	Keys []Key
	// Unsigned accepts a repository without a valid signature: loud, and recorded in the lock.
	Unsigned bool
	// Grace is for how many seconds an index is taken, loudly, after its time has run out. A distribution's own repositories have
	// some, since mirrors lag behind; the zero value has none.
	Grace int64
	// Expect binds the identity of the signed index; an empty field expects nothing.
	Expect Identity
}

// Identity is what a signed index says of itself.
type Identity struct{ Origin, Suite, Codename string }

// Key is a public key, or a keyring, with the file it came from for messages and,
// for apk, for the look-up by name.
type Key struct {
	Name string
	Data []byte // OpenPGP binary or armoured; apk: PEM
}

// Ref names bytes: where they lie, and what they must be.
type Ref struct {
	Repo *Repo
	Path string // relative to the repository's base
	// Size is the exact number of bytes, -1 when unknown: then Limit bounds it.
	Size  int64
	Limit int64
	// SHA256 is zero for bytes that nothing vouches for yet (a signed index's own file).
	SHA256 tree.Digest
}

// Blob is a file's verified bytes. It must be closed.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Getter brings bytes. A Ref with a digest yields exactly those bytes or an error;
// a path that is not there is an error that wraps fs.ErrNotExist; wrong bytes are a *TrustError. It is
// safe for concurrent use.
type Getter interface {
	Get(ctx context.Context, ref Ref) (Blob, error)
}

// Archive is an opened package file. Its methods may be called in any order, but Nodes only once.
type Archive interface {
	// Package is what the file says of itself, to be compared with the index.
	Package() *Package
	// Nodes yields the payload in archive order.
	Nodes() iter.Seq2[Entry, error]
	// Control holds the control members by name.
	Control() fs.FS
	// Scripts returns the maintainer scripts as inert text, ordered as a fresh installation would run them.
	Scripts() []Script
	io.Closer
}

// Entry is one payload entry: a node as the archive has it (Path cleaned by the
// one rule set, Content empty), and a regular file's body, to be read before the next entry.
type Entry struct {
	Node tree.Node
	Size int64     // of Body
	Body io.Reader // nil unless a regular file that is not a hard link
}

// Phase is when a script would run, in the ecosystem's words: "preinst", "postinst", "config", "%post", ".pre-install".
type Phase string

// Script is a maintainer script. Nothing ever runs it.
type Script struct {
	Phase       Phase
	Interpreter string // "/bin/sh", "/usr/bin/perl", "<lua>"; from "#!" or the header
	Body        []byte
}

// TrustError says that bytes are not what a signature, a key, a date, a digest or a size vouches for.
type TrustError struct {
	What string // the file, as the user knows it
	Err  error
}

func (e *TrustError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *TrustError) Unwrap() error { return e.Err }

// Distrust returns a *TrustError for what, formatted as by fmt.Errorf.
func Distrust(what, format string, args ...any) error {
	return &TrustError{What: what, Err: fmt.Errorf(format, args...)}
}

// ErrOffline is wrapped by a Getter that may not use the network and lacks the bytes.
var ErrOffline = errors.New("not in the cache, and offline")

// Unpacked is a package that was decoded once: entries in memory, bodies wherever the
// store put them. It is shared and must not be changed.
type Unpacked struct {
	Package *Package
	Control fs.FS // control members, in memory
	Scripts []Script
	// Nodes are the payload in archive order, with the package's own spelling of paths and with contents.
	Nodes []tree.Node
}
