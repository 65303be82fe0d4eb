// Package deb is the ecosystem of Debian and its derivatives: the chain from a
// signed Release file to the bytes of a .deb, the version order, control stanzas and relations,
// package files, and dpkg's database as text.
//
//	u, err := deb.Format{}.Universe(ctx, release.Repos("amd64"), "amd64", opt, getter)
//	for _, p := range u.Named("hello") { … }
//
// It does not choose packages (that is package solve), reads no network (a [pkg.Getter]
// does) and never runs anything.
package deb

import (
	"context"
	"io"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Format is the deb ecosystem as a [pkg.Format].
type Format struct{}

// Name returns "deb".
func (Format) Name() string { return "deb" }

// Compare is [Compare].
func (Format) Compare(a, b string) int { return Compare(a, b) }

// Deriver is what a [pkg.Getter] may offer besides: a cache of bytes that were computed
// from others, such as an index that was decompressed.
type Deriver interface {
	// Derived returns the blob with the digest want and the given size. If there is none, it calls
	// make, which writes it, and keeps what make wrote for the next time once size and
	// digest are right; wrong bytes are a *pkg.TrustError and are not kept. An error of make is returned as it is.
	Derived(ctx context.Context, want tree.Digest, size int64, make func(w io.Writer) error) (pkg.Blob, error)
}

// Memory is what a [pkg.Blob] that lies in memory may offer besides, so that an index of
// many megabytes need not be copied. The slice must not be changed and stays valid after Close.
type Memory interface{ Bytes() ([]byte, error) }
