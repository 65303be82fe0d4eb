// Package triggers carries out what hooks would have done: one file per duty, each a pure
// function from what it declares to read to what it declares to own.
package triggers

import (
	"io/fs"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// Trigger is one duty.
type Trigger struct {
	Name   string       // also its file name
	Doc    string       // what the hooks did; what this does instead
	For    []string     // formats; empty: all
	Reads  []string     // path patterns it may read ("etc/*", "usr/share/x/**")
	Duties []hooks.Kind // duties that it consumes
	Owns   []string     // path patterns it may create; besides, exactly the paths of its duties
	Edits  []string     // shipped files that it may replace
	Run    func(Input) ([]Change, error)
}

// Change is what a trigger wants of one path.
type Change struct {
	Op   Op
	Node tree.Node // Put, Replace: the whole node; Meta: Path, Mode's permission bits, User, Group. A trigger cannot set a time.
}

// Op is a kind of change.
type Op int

const (
	Put     Op = iota // a new path
	Meta              // mode and owner of an existing path
	Replace           // a shipped file named in Edits, or an empty directory
)

// Input is all that a trigger sees.
type Input struct {
	FS       fs.FS // the tree as far as Reads declares it; anything else is an error that the runner reports
	Format   string
	Arch     string
	Packages []Installed // in dependency order
	Duties   []hooks.Duty
	Lock     *lock.File
}

// Installed is a package of the root.
type Installed struct {
	*pkg.Unpacked
	Files     []string // its paths as its database lists them
	Requested bool
	Pending   bool // has scripts that are not wholly accounted for
}

// Run applies the triggers that fit to t in the order that their declarations demand.
func Run(t *tree.Tree, in Input) error { panic("not yet written") }
