package pkg

import (
	"context"
	"io"
	"iter"
)

// Format is one ecosystem.
type Format interface {
	// Name returns "deb", "rpm" or "apk".
	Name() string
	// Compare is the ecosystem's version order: a total order on all strings.
	Compare(a, b string) int
	// Open reads the package file r. Only what the archive's own rules refuse is an error; limits hold throughout.
	Open(r io.ReaderAt, size int64, lim Limits) (Archive, error)
	// Universe reads and verifies the indexes of repos (earlier wins between equal versions) for arch.
	Universe(ctx context.Context, repos []*Repo, arch string, opt IndexOptions, get Getter) (Universe, error)
}

// IndexOptions are what the verification of indexes needs from outside.
type IndexOptions struct {
	// Now is the reference time for Valid-Until and future dates, seconds since 1970; 0 skips both checks.
	Now int64
	// NotBefore refuses an index of a repository (by ID) that is older than what was seen before.
	NotBefore map[string]int64
	// Pins are the user's: they come before what the repositories say.
	Pins []Pin
}

// Pin sets a priority, as apt_preferences(5) does: of packages by name, or of a repository by ID; empty matches all.
type Pin struct {
	Package, Repo string
	Priority      int
}

// Verified says what stands behind an index.
type Verified struct {
	Repo        *Repo
	Index       [32]byte // sha256 of the signed file
	Date        int64    // seconds since 1970
	Fingerprint []string // of the keys whose signatures were good, sorted; empty: unsigned
	Stale       int64    // when the index's time ran out, where it was taken all the same (Repo.Grace); else 0
}

// Universe is everything that may be installed for one architecture. It is safe for concurrent use.
type Universe interface {
	// Named returns the packages called name, the ecosystem's candidate first
	// (deb: highest pin, then version, then earlier repository).
	Named(name string) []*Package
	// Providing returns the packages that provide name by a Provides field, in index order.
	Providing(name string) []*Package
	// Names yields every package name once, byte-sorted.
	Names() iter.Seq[string]
	// Base returns the names of a base set ("essential", "minbase", ...), sorted, or an error
	// that lists the known ones.
	Base(set string) ([]string, error)
	// Verified returns one entry per repository, in the order given.
	Verified() []Verified
}

// Limits bound what an archive may make us do. Zero values mean the defaults.
type Limits struct {
	Entries int64 // per package; default 1e6
	File    int64 // bytes in one file; default 64 GiB
	Total   int64 // bytes unpacked; default: declared installed size x 2 + 16 MiB where known, else 64 GiB
	Ratio   int64 // output per input byte above 64 MiB of output; default 200
	Dict    int64 // largest dictionary of a compressor; default 64 MiB (zstd 128 MiB)
	Control int64 // bytes of control members; default 10 MiB
	Workers int   // goroutines that may decode one archive; default 1
	Crew    Crew  // who has to agree to more than one; default nobody
}

// A Crew shares goroutines among the archives that are being decoded, each of which has one of them from the start.
// Implementations are safe for concurrent use.
type Crew interface {
	// Hire reports whether the caller may use one goroutine more.
	Hire() bool
	// Dismiss gives one back.
	Dismiss()
	// Want says that the caller has work for one more, or has not any longer.
	Want(more bool)
}
