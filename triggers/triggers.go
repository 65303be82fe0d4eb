// Package triggers carries out what hooks would have done: one file per duty, each a pure
// function from what it declares to read to what it declares to own.
//
// A trigger gets an [Input] and returns what it wants as [Change]s; it cannot touch the tree. [Run] computes
// the order of the triggers from their declarations, holds every access and every change against them, and applies
// the changes. What packages ship stays as it is but for mode and owner of declared paths, and empty
// directories: no hook of ten real installations did more.
//
// To add one: a file with a function that returns the Trigger, a line in [All], and a case in testdata.
package triggers

import (
	"bytes"
	"io/fs"
	"slices"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// Trigger is one duty.
//
// Patterns are paths without a leading slash whose components may hold * (any bytes) and ? (one byte);
// the component ** stands for any number of components, also none: "DIR/**" is DIR and all
// below it. They are held against real paths: usr/lib/x, never lib/x, where /lib is a link.
type Trigger struct {
	Name   string       // also its file name
	Doc    string       // what the hooks did; what this does instead
	For    []string     // formats; empty: all
	Reads  []string     // path patterns it may read ("etc/*", "usr/share/x/**"), besides what it owns and what its duties name
	Duties []hooks.Kind // duties that it consumes
	Owns   []string     // path patterns it may create; besides, exactly the paths of its duties
	Edits  []string     // shipped files that it may replace
	// Claims, where set, names further paths that the duties come to, from files of the tree as packages shipped it. The
	// trigger comes after all others that write them, and may change mode and owner of what those put.
	Claims func(shipped fs.FS, duties []hooks.Duty) ([]string, error)
	// Unread, where set, says what it cannot make sense of in the tree as packages shipped it: leftovers of the scripts that ask for it.
	Unread func(shipped fs.FS) []string
	Run    func(Input) ([]Change, error)
}

// All returns the triggers, sorted by name.
func All() []Trigger {
	return []Trigger{
		accounts(),
		alpineAccounts(),
		alternatives(),
		apk(),
		apt(),
		baseFiles(),
		busybox(),
		caCertificates(),
		catalog(),
		debconf(),
		desktop(),
		dictionaries(),
		dpkg(),
		gioModules(),
		gschemas(),
		gtkModules(),
		hwdb(),
		iconCache(),
		info(),
		javaCacerts(),
		ldconfig(),
		mime(),
		pam(),
		paths(),
		phpmods(),
		pixbuf(),
		sgmlCatalog(),
		shells(),
		systemd(),
		sysv(),
		tmpfiles(),
		ucf(),
		xfonts(),
		xmlCatalog(),
	}
}

// Change is what a trigger wants of one path.
type Change struct {
	Op   Op
	Node tree.Node // Put, Replace: the whole node; Meta: Path, Mode's permission bits, User, Group, and the Xattrs that are set, others stay. A trigger cannot set a time.
	// By are the lines of scripts that it comes of, where the trigger knows; else they are those of the duties that name the path.
	By []hooks.Source
}

// Op is a kind of change.
type Op int

const (
	Put     Op = iota // a new path
	Meta              // mode and owner of an existing path
	Replace           // a shipped file named in Edits, or an empty directory
)

func (op Op) String() string { return [...]string{"put", "meta", "replace"}[op] }

// Input is all that a trigger sees.
type Input struct {
	FS       fs.FS // the tree as far as Reads declares it; anything else is an error that the runner reports
	Format   string
	Arch     string
	Packages []Installed // in dependency order
	Duties   []hooks.Duty
	Lock     *lock.File
	// Exclude and Include are the path filters that the tree was merged with, in dpkg's order.
	Exclude, Include []string
}

// Installed is a package of the root.
type Installed struct {
	*pkg.Unpacked
	Files     []string // its paths as its database lists them
	Requested bool
	Pending   bool // has scripts that are not wholly accounted for
}

// file returns a Put of a regular file of root's.
func file(path string, perm fs.FileMode, body []byte) Change {
	return Change{Op: Put, Node: tree.Node{Path: path, Mode: perm, User: tree.Root, Group: tree.Root, Content: tree.Bytes(body)}}
}

// link returns a Put of a symbolic link.
func link(path, target string) Change {
	return Change{Op: Put, Node: tree.Node{Path: path, Mode: fs.ModeSymlink | 0o777, User: tree.Root, Group: tree.Root, Link: target}}
}

// dir returns a Put of a directory of root's.
func dir(path string, mode fs.FileMode) Change {
	return Change{Op: Put, Node: tree.Node{Path: path, Mode: fs.ModeDir | mode, User: tree.Root, Group: tree.Root}}
}

// exists reports whether path is there, be it a dangling link. An access that was
// not declared is reported by the runner.
func exists(fsys fs.FS, path string) bool {
	_, err := fs.Lstat(fsys, path)
	return err == nil
}

// scriptedBy reports whether the named package's script of a phase has words in it.
func (in Input) scriptedBy(name string, phase pkg.Phase, words string) bool {
	for _, p := range in.Packages {
		if p.Package.Name == name && p.scripted(phase, words) {
			return true
		}
	}
	return false
}

// scripted reports whether any package's script of a phase has words in it.
func (in Input) scripted(phase pkg.Phase, words string) bool {
	return slices.ContainsFunc(in.Packages, func(p Installed) bool { return p.scripted(phase, words) })
}

func (p Installed) scripted(phase pkg.Phase, words string) bool {
	return slices.ContainsFunc(p.Scripts, func(s pkg.Script) bool {
		return s.Phase == phase && bytes.Contains(s.Body, []byte(words))
	})
}

// arg returns an argument of a duty, empty where there are not that many.
func arg(d hooks.Duty, i int) string {
	if i >= len(d.Args) {
		return ""
	}
	return d.Args[i]
}
