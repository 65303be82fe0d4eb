// Package lock is the canonical lock file: everything that a build needs to
// know, and nothing else. What [Parse] accepts, [File.Marshal] writes back to the same bytes.
//
// A lock is the waist of detinstall: left of it the world may change, right of
// it everything is a pure function of the lock and of the bytes it names by digest.
package lock

import "github.com/detinstall/detinstall/pkg/tree"

// Version is the version of the format that this package reads and writes.
const Version = 1

// File is a lock. Every slice is sorted as its comment says; [File.Marshal] sorts, [Parse] insists.
type File struct {
	Lock     int         // the format's version
	Tool     string      // the version of detinstall that wrote it
	Request  tree.Digest // of the request's canonical form
	Format   string      // "deb", "rpm", "apk"
	Policy   string      // "apt-classic", "apt", "apk", "rpm"
	Epoch    int64       // seconds since 1970
	Settings Settings
	Sources  []Source // in the order of the request: earlier wins between equal versions
	IDs      IDs
	Waivers  []Waiver // by package, phase
	Arches   []Arch   // by name
}

// Settings are the parts of the request that a build depends on.
type Settings struct {
	Base         string // "essential", "minbase", ...
	Recommends   bool
	NoDeps       bool
	UnknownOwner tree.Unknown
	AllowDevices bool
	Pending      string   // "installed" or "unpacked": the dpkg state of packages with leftovers
	ExcludePaths []string // globs in the order given
	IncludePaths []string
	NoDocs       bool
	Langs        []string // sorted
	Answers      []Answer // by question
	MergedUsr    bool     // bin, sbin, lib* are links into usr
}

// Answer is a debconf answer.
type Answer struct{ Question, Value string }

// Source is a repository with the index that was verified.
type Source struct {
	ID         string
	Base       string // canonical; a host's mirror never enters a lock
	Snapshot   string // empty, or the base of the dated service
	Suite      string
	Components []string
	Date       int64       // of the signed index, seconds since 1970
	Index      tree.Digest // of InRelease or Release, APKINDEX, repomd.xml
	Keys       []string    // full fingerprints of the keys whose signatures were good, sorted
	Unsigned   bool
}

// IDs are the allocated ids, by name.
type IDs struct{ Users, Groups []ID }

// ID is one allocation.
type ID struct {
	Name string
	ID   uint32
}

// Waiver accepts a script with leftovers.
type Waiver struct {
	Package, Phase string
	SHA256         tree.Digest // of the script
	Why            string
}

// Arch is what one architecture gets.
type Arch struct {
	Name       string
	Packages   []Package   // by name, then version, then arch
	Diversions []Diversion // by path
	Pending    []Script    // by package, phase: scripts that are not wholly accounted for
}

// Package is one package file.
type Package struct {
	Name, Version, Arch string
	From                string // a Source's ID; empty for a file given by hand
	Path                string // relative to the source's base
	Size                int64
	SHA256              tree.Digest
	Requested           bool // named in the request; the others are automatic
}

// Diversion is a dpkg-divert record: Path is unpacked as To, except by Package ("" diverts everybody's).
type Diversion struct{ Path, To, Package string }

// Script is a script that has leftovers.
type Script struct {
	Package, Phase string
	SHA256         tree.Digest
}
