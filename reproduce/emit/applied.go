package emit

import (
	"slices"
	"strings"
)

// Applied says what of a tree a directory does not have, because the host did not allow it.
type Applied struct {
	// Skipped is ascending by Kind and empty where the directory has everything.
	Skipped []Skip
	// Manifest is the file beside the output that holds the whole truth; empty if nothing was
	// skipped, or if none could be written: then ManifestErr says why.
	Manifest    string
	ManifestErr error
}

// Skip counts one kind of thing that was not applied.
type Skip struct {
	Kind     SkipKind
	Count    int
	Examples []string // the first three tree paths in canonical order
}

// SkipKind names what was not applied.
type SkipKind string

// What a host may refuse.
const (
	SkipDevice SkipKind = "device" // device nodes, which are missing
	SkipOwner  SkipKind = "owner"  // users and groups
	SkipSetuid SkipKind = "setuid" // setuid and setgid bits, where the owner is not the tree's
	SkipXattr  SkipKind = "xattr"  // extended attributes, capabilities among them
)

func (a *Applied) skip(kind SkipKind, path string) {
	i, found := slices.BinarySearchFunc(a.Skipped, kind, func(s Skip, k SkipKind) int {
		return strings.Compare(string(s.Kind), string(k))
	})
	if !found {
		a.Skipped = slices.Insert(a.Skipped, i, Skip{Kind: kind})
	}
	s := &a.Skipped[i]
	s.Count++
	if len(s.Examples) < 3 {
		s.Examples = append(s.Examples, path)
	}
}
