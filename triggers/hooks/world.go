package hooks

import (
	"io/fs"
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// World is what scripts find on a fresh installation, besides the packages.
type World struct {
	// FS is the merged payload. Without it, before the merge, the paths that the packages ship stand for it.
	FS   fs.FS
	Arch string // dpkg's word for the architecture
	// Compare is the order of versions; without it a comparison is not known.
	Compare func(a, b string) int
	// Answers are the user's answers to debconf's questions.
	Answers map[string]string
	// Kinds are the kinds of duties that some trigger carries out, and Triggers the names of all triggers. What
	// needs another is a leftover. Nil means all there are.
	Kinds    []Kind
	Triggers []string
	// Owns are patterns of paths that triggers may make: such a path is not known to be missing.
	Owns []string
	// Unread says what a trigger cannot make sense of in the payload; nil: there is no such thing.
	Unread func(fsys fs.FS, trigger string) []string
}

// does reports whether some trigger carries out duties of kind k.
func (w World) does(k Kind) bool {
	return k == Diversion || w.Kinds == nil || slices.Contains(w.Kinds, k)
}

// has reports whether there is a trigger called name.
func (w World) has(name string) bool { return w.Triggers == nil || slices.Contains(w.Triggers, name) }

// state is what the scripts of one installation share.
type state struct {
	world      World
	packages   []*pkg.Unpacked
	installed  map[string]int // index in packages by name
	disk       *disk
	accounts   *accounts
	debconf    *debconf
	readings   []*Reading
	units      map[string]bool   // units that deb-systemd-helper keeps state of
	overrides  map[string]string // dpkg-statoverride's lines by path
	fired      map[string]bool   // names of dpkg triggers
	config     map[int]bool      // packages whose configuration is done, by index
	temps      int               // names that mktemp gave
	ucf        map[string]*ucfFile
	catalogs   map[string]catalogue // of XML, by path
	registered int                  // calls of ucf and ucfr
	early      map[int]bool         // packages that are extracted before any script runs
	table      []command
	recipes    []Recipe
}

func newState(ps []*pkg.Unpacked, w World) *state {
	s := &state{world: w, packages: ps, installed: map[string]int{}, units: map[string]bool{},
		overrides: map[string]string{}, fired: map[string]bool{}, config: map[int]bool{}, ucf: map[string]*ucfFile{}, catalogs: map[string]catalogue{}, table: commands, recipes: Recipes()}
	all := make([]*pkg.Package, len(ps))
	for i, p := range ps {
		s.installed[p.Package.Name] = i
		all[i] = p.Package
	}
	s.early = Bootstrapped(all)
	s.disk = newDisk(ps, w)
	s.accounts = newAccounts(s.disk)
	s.debconf = newDebconf(ps, w.Answers)
	return s
}

// Source is a line of a script.
type Source struct {
	Package string
	Phase   pkg.Phase
	Line    int
}
