// Package unpack turns locked packages into one tree: it decodes every archive once
// ([Store]) and merges the payloads by the rules of their ecosystem ([Merge]): merged /usr, conflicts,
// replaces, diversions, path filters. It knows no hooks and writes nothing but bodies.
package unpack

import (
	"io"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// Bodies keeps file bodies for the length of a build. Implementations are safe for concurrent use.
type Bodies interface {
	// Put stores exactly size bytes of r (an error if there are fewer) and returns them as a content. Small bodies may stay in memory.
	Put(r io.Reader, size int64) (tree.Content, error)
}

// Config says what a Store works with.
type Config struct {
	Get     pkg.Getter
	Formats []pkg.Format
	Bodies  Bodies
	Kept    string // directory of the unpacked store (see [Store.Heal]), keyed by package digest; empty: none
	Jobs    int    // packages decoded at once; 0: 1
	Limits  pkg.Limits
	// Progress, if not nil, is told of each package that was decoded. It may be called from any goroutine.
	Progress func(p lock.Package)
}

// Options are the rules of one merge.
type Options struct {
	Compare      func(a, b string) int // of versions; without it no versioned Replaces holds
	MergedUsr    bool                  // make bin, sbin, lib, ... links into usr even where no package ships them
	Diversions   []lock.Diversion
	Exclude      []string // path filters: dpkg's --path-exclude and --path-include; all excludes come before all includes
	Include      []string
	AllowDevices bool
}

// Merged is the tree with what each package has in it.
type Merged struct {
	Tree *tree.Tree
	// Files are, for each package by index, the paths that it owns in its shipped spelling,
	// in archive order: what dpkg's .list has. Replaced paths are left out; filtered ones are there, as in dpkg's.
	Files [][]string
	// Notes are things worth telling: shared directories that disagree, replaced files, links that a directory kept out.
	Notes []string
}
