// Package apk is the ecosystem of Alpine Linux and its relatives: the chain from a signed index to
// the bytes of an .apk, the version order, dependencies, package files, and apk's database as text. Indexes and packages are of
// format 2 or 3: an index of format 3 (adb*.go) becomes the text that one of format 2 is, the metadata of a package
// the control members that it would have, and all the rest knows one format.
//
//	u, err := apk.Format{}.Universe(ctx, release.Repos(), "x86_64", opt, getter)
//	for _, p := range u.Named("busybox") { … }
//
// It does not choose packages (that is package solve), reads no network (a [pkg.Getter]
// does) and never runs anything.
package apk

import (
	"fmt"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Format is the apk ecosystem as a [pkg.Format].
type Format struct{}

// Name returns "apk".
func (Format) Name() string { return "apk" }

// Compare is [Compare].
func (Format) Compare(a, b string) int { return Compare(a, b) }

// Match is [Match].
func (Format) Match(version string, op pkg.Op, want string) bool { return Match(version, op, want) }

// ParseRequest is [ParseDependency]: what is asked for has the form of what packages ask for.
func (Format) ParseRequest(text string) (pkg.Literal, error) { return ParseDependency(text) }

func refuse(what, format string, args ...any) error {
	return &tree.RefusedError{What: what, Reason: fmt.Sprintf(format, args...)}
}
