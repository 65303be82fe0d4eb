package deb

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Entry is one package of a root as dpkg's database has it.
type Entry struct {
	Package *pkg.Unpacked
	// Files are the paths that it owns, in the order of its archive and in its own
	// spelling, with or without a leading slash; the root is ".", "/" or "/.".
	Files []string
	// Pending packages are "install ok unpacked": dpkg --configure -a would run their postinst.
	// The others are "install ok installed".
	Pending bool
}

// DatabaseOptions are what the database holds besides packages.
type DatabaseOptions struct {
	Arch       string // the native architecture
	Diversions []Diversion
}

// Diversion is a record of dpkg-divert(1): Path is unpacked as To, except by
// Package; an empty Package diverts everybody's. Both paths begin with a slash.
type Diversion struct{ Path, To, Package string }

// admin is where dpkg keeps its database.
const admin = "var/lib/dpkg"

// Database returns dpkg's database of a root in which the packages ps, in any order, were
// installed for the first time: every file and directory below var/lib/dpkg
// that a fresh dpkg has, sorted by path, owned by root and without times.
//
// The files are those of dpkg 1.21 and 1.22 byte for byte, with three exceptions: there are no backups (status-old) and
// no lock files, which dpkg makes when it runs, and interests in triggers are sorted by package instead of by
// the time of unpacking. Not part of it: alternatives/*, which update-alternatives keeps.
func Database(ps []Entry, opt DatabaseOptions) ([]tree.Node, error) {
	rs, err := records(ps)
	if err != nil {
		return nil, err
	}
	db := &database{}
	for _, d := range []string{"", "/alternatives", "/info", "/parts", "/triggers", "/updates"} {
		db.nodes = append(db.nodes, tree.Node{Path: admin + d, Mode: fs.ModeDir | 0o755, User: tree.Root, Group: tree.Root})
	}
	db.put("arch", []byte(opt.Arch+"\n"), 0o644)
	db.put("diversions", diversions(opt.Diversions), 0o644)
	db.put("statoverride", nil, 0o644)
	db.put("info/format", []byte("1\n"), 0o644)
	db.interests(rs)
	var status []byte
	for _, r := range rs {
		if status, err = r.appendStatus(status); err == nil {
			err = db.info(r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name(), err)
		}
	}
	db.put("status", status, 0o644)
	slices.SortFunc(db.nodes, func(a, b tree.Node) int { return cmp.Compare(a.Path, b.Path) })
	return db.nodes, nil
}

// database collects nodes.
type database struct{ nodes []tree.Node }

func (db *database) put(name string, body []byte, perm fs.FileMode) {
	db.nodes = append(db.nodes, tree.Node{Path: admin + "/" + name, Mode: perm, User: tree.Root, Group: tree.Root, Content: tree.Bytes(body)})
}

// record is an entry that was looked into.
type record struct {
	Entry
	control   *Control
	conffiles []conffile
	nodes     map[string]*tree.Node // regular files by path, hard links resolved to the first name
}

// name returns the name under which dpkg files the package: with the
// architecture where several may be installed together.
func (r *record) name() string {
	if r.control.MultiArch() == "same" {
		return r.control.Get("Package") + ":" + r.control.Get("Architecture")
	}
	return r.control.Get("Package")
}

// records reads the control members of ps and sorts them by name, then architecture.
func records(ps []Entry) ([]*record, error) {
	rs := make([]*record, len(ps))
	for i, e := range ps {
		b, err := fs.ReadFile(e.Package.Control, "control")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Package.Package, err)
		}
		r := &record{Entry: e}
		if r.control, err = ParseControl(b); err != nil {
			return nil, fmt.Errorf("%s: control: %w", e.Package.Package, err)
		}
		if r.conffiles, err = readConffiles(e.Package.Control); err != nil {
			return nil, fmt.Errorf("%s: conffiles: %w", e.Package.Package, err)
		}
		rs[i] = r
	}
	slices.SortFunc(rs, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.control.Get("Package"), b.control.Get("Package")),
			cmp.Compare(a.control.Get("Architecture"), b.control.Get("Architecture")))
	})
	for i := 1; i < len(rs); i++ {
		if rs[i].name() == rs[i-1].name() {
			return nil, fmt.Errorf("%s: installed twice", rs[i].name())
		}
	}
	return rs, nil
}

// file returns the regular file that the package has at path, which may begin with
// a slash, or nil. A hard link yields the file that has the body.
func (r *record) file(path string) *tree.Node {
	if r.nodes == nil {
		r.nodes = map[string]*tree.Node{}
		for i := range r.Package.Nodes {
			if n := &r.Package.Nodes[i]; n.Mode.IsRegular() {
				r.nodes[n.Path] = n
			}
		}
	}
	n := r.nodes[strings.TrimPrefix(path, "/")]
	for range len(r.nodes) {
		if n == nil || !n.IsHardLink() {
			return n
		}
		n = r.nodes[n.Link]
	}
	return nil
}

// diversions returns the file of dpkg-divert(1), three lines per record. dpkg writes them in the order of
// its hash table of paths, which has 262139 chains by FNV-1a of the path (found by trial on 1.21.23 and 1.22.22).
func diversions(ds []Diversion) []byte {
	chain := func(d Diversion) uint32 {
		h := fnv.New32a()
		h.Write([]byte(strings.TrimPrefix(d.Path, "/")))
		return h.Sum32() % 262139
	}
	ds = slices.Clone(ds)
	slices.SortFunc(ds, func(a, b Diversion) int {
		return cmp.Or(cmp.Compare(chain(a), chain(b)), cmp.Compare(a.Path, b.Path))
	})
	var b []byte
	for _, d := range ds {
		b = fmt.Appendf(b, "%s\n%s\n%s\n", d.Path, d.To, cmp.Or(d.Package, ":"))
	}
	return b
}
