package unpack

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// decide finds the winner of every path; made are the links of merged /usr that nobody ships.
func (m *merger) decide(made []string) error {
	var replaced replacements
	for _, at := range m.paths() {
		claims := m.claims[at]
		if slices.Contains(made, at) {
			return m.conflict(at, usrmerge, m.origin[claims[0].pkg])
		}
		if err := m.settle(at, claims, &replaced); err != nil {
			return err
		}
		if err := m.stands(at); err != nil {
			return err
		}
	}
	for _, r := range replaced {
		m.note("/%s: of %s, which replaces it in %s (%d paths)", tree.Quote(r.first), m.origin[r.by], m.origin[r.of], r.n)
	}
	return nil
}

// usrmerge is the From of links that no package ships.
const usrmerge = "merged-usr"

func (m *merger) conflict(at, first, second string) error {
	return &tree.ConflictError{Path: at, First: first, Second: second}
}

// settle decides about the claims of one path.
func (m *merger) settle(at string, claims []claim, replaced *replacements) error {
	cur := claims[0]
	for _, next := range claims[1:] {
		a, b := m.node(cur), m.node(next)
		switch {
		case a.Mode.IsDir() && b.Mode.IsDir():
			lost, won := cur, next
			if leavesDirs(m.ps[next.pkg].Package) {
				lost, won = next, cur
			}
			m.compareDirs(at, lost, won)
			cur = won
		case a.Mode.IsDir() || b.Mode.IsDir() || cur.pkg == next.pkg:
			return m.conflict(at, m.origin[cur.pkg], m.origin[next.pkg])
		case m.shared(cur, next):
		case m.ranked(next.pkg, cur.pkg) > 0:
			m.drop(cur)
			cur = next
		case m.ranked(next.pkg, cur.pkg) < 0:
			m.drop(next)
		case m.replaces(next.pkg, cur.pkg):
			m.drop(cur)
			replaced.add(at, next.pkg, cur.pkg)
			cur = next
		case m.replaces(cur.pkg, next.pkg):
			m.drop(next)
			replaced.add(at, cur.pkg, next.pkg)
		default:
			return m.conflict(at, m.origin[cur.pkg], m.origin[next.pkg])
		}
	}
	m.winners[at] = cur
	return nil
}

func (m *merger) drop(c claim) {
	m.dropped[c.pkg][c.node] = true
	m.where[c.pkg][c.node] = ""
}

// leavesDirs reports whether p's ecosystem leaves a directory that is there as it is.
func leavesDirs(p *pkg.Package) bool {
	n, ok := p.Native.(interface{ LeavesDirectories() bool })
	return ok && n.LeavesDirectories()
}

// compareDirs notes where two packages disagree about a directory, of which b's counts.
func (m *merger) compareDirs(at string, a, b claim) {
	x, y := m.node(a), m.node(b)
	if x.Mode != y.Mode || !sameOwner(x.User, y.User) || !sameOwner(x.Group, y.Group) || !slices.Equal(x.Xattrs, y.Xattrs) {
		m.note("/%s: %s ships the directory as %s, %s as %s, which counts", tree.Quote(at),
			m.origin[a.pkg], describe(x), m.origin[b.pkg], describe(y))
	}
}

func describe(n *tree.Node) string {
	return n.Mode.String() + " " + tree.Quote(n.User.Name) + ":" + tree.Quote(n.Group.Name)
}

func sameOwner(a, b tree.Owner) bool {
	if isRoot(a) || isRoot(b) || a.Name == "" && b.Name == "" {
		return isRoot(a) == isRoot(b) && (isRoot(a) || a.ID == b.ID)
	}
	return a.Name == b.Name
}

func isRoot(o tree.Owner) bool {
	return o.Name == "root" || o.Name == "" && o.ID == 0
}

// shared reports whether two packages may both have a file: they are one package for
// several architectures, and the file is the same.
func (m *merger) shared(a, b claim) bool {
	p, q := m.ps[a.pkg].Package, m.ps[b.pkg].Package
	if p.Name != q.Name || p.Arch == q.Arch || multiArch(p) != "same" || multiArch(q) != "same" {
		return false
	}
	x, y := m.node(a), m.node(b)
	if x.Mode&fs.ModeType != y.Mode&fs.ModeType {
		return false
	}
	if !x.Mode.IsRegular() {
		return x.Link == y.Link && x.Major == y.Major && x.Minor == y.Minor
	}
	return m.body(a).Equal(m.body(b))
}

// body returns a file's content, a hard link's that of the file it names.
func (m *merger) body(c claim) tree.Content {
	n := m.node(c)
	if !n.IsHardLink() {
		return n.Content
	}
	if f := m.find(c.pkg, n.Link); f.node >= 0 {
		return m.node(f).Content
	}
	return tree.Content{}
}

func multiArch(p *pkg.Package) string {
	if n, ok := p.Native.(interface{ MultiArch() string }); ok {
		return n.MultiArch()
	}
	return ""
}

// replaces reports whether package a may overwrite files of package b: by its name, not what b provides (Policy 7.6.1).
func (m *merger) replaces(a, b int) bool {
	p := m.ps[b].Package
	for _, l := range m.ps[a].Package.Relations().Replaces {
		if l.Name != p.Name || l.Arch != "" && l.Arch != "any" && l.Arch != p.Arch {
			continue
		}
		if l.Op == pkg.Any || m.opt.Compare != nil && l.Op.Holds(m.opt.Compare(p.Version, l.Version)) {
			return true
		}
	}
	return false
}

// ranked asks the ecosystem of package a, which comes after b, whether it takes over files of b (positive), leaves them
// to it (negative), or whether the general rule decides (0).
func (m *merger) ranked(a, b int) int {
	if n, ok := m.ps[a].Package.Native.(interface{ Overwrites(older *pkg.Package) int }); ok {
		return n.Overwrites(m.ps[b].Package)
	}
	return 0
}

// replacements counts the paths that one package replaces in another, in the order of the first.
type replacements []struct {
	by, of, n int
	first     string
}

func (r *replacements) add(at string, by, of int) {
	for i := range *r {
		if x := &(*r)[i]; x.by == by && x.of == of {
			x.n++
			return
		}
	}
	*r = append(*r, struct {
		by, of, n int
		first     string
	}{by, of, 1, at})
}

// stands makes sure that what is above other paths is a directory, and that a
// link that paths were placed through is the one that stayed.
func (m *merger) stands(at string) error {
	w := m.winners[at]
	n := m.node(w)
	if !n.Mode.IsDir() && m.places.dirs[at] != "" {
		return m.notDir(at, w)
	}
	if target, ok := m.places.links[at]; ok && m.places.used[at] && (n.Mode&fs.ModeSymlink == 0 || n.Link != target) {
		return m.conflict(at, m.origin[m.claims[at][0].pkg], m.origin[w.pkg])
	}
	return nil
}

// notDir is the error of something that is no directory and has something below it.
func (m *merger) notDir(at string, w claim) error {
	for _, below := range m.paths() {
		if !strings.HasPrefix(below, at+"/") {
			continue
		}
		c := m.claims[below][0]
		if c.pkg == w.pkg {
			return m.of(w.pkg, refuse(at, "is not a directory, but %s is below it", tree.Quote(below)))
		}
		return m.conflict(at, m.origin[w.pkg], m.origin[c.pkg])
	}
	return m.of(w.pkg, refuse(at, "is not a directory, but must be one"))
}

// build fills the tree.
func (m *merger) build(made []string) error {
	for _, name := range made {
		link := tree.Node{Path: name, Mode: fs.ModeSymlink | 0o777, User: tree.Root, Group: tree.Root, Link: "usr/" + name, From: usrmerge}
		if err := m.out.Tree.Put(link); err != nil {
			return err
		}
		if m.places.dirs["usr/"+name] == "" {
			dir := tree.Node{Path: "usr/" + name, Mode: fs.ModeDir | 0o755, User: tree.Root, Group: tree.Root, From: usrmerge}
			if err := m.out.Tree.Put(dir); err != nil {
				return err
			}
		}
	}
	links := m.hardLinks()
	for _, at := range m.paths() {
		w := m.winners[at]
		n := *m.node(w)
		n.Path = at
		n.From = m.origin[m.claims[at][0].pkg]
		if !n.Mode.IsDir() {
			n.From = m.origin[w.pkg]
		}
		if n.IsHardLink() {
			if to := links[w]; to.path != at {
				n.Link = to.path
			} else {
				n.Link, n.Content = "", to.content
			}
		}
		if err := m.out.Tree.Set(n); err != nil {
			return m.of(w.pkg, err)
		}
	}
	return nil
}

// inode is where the body of a hard-linked file went.
type inode struct {
	path    string
	content tree.Content
}

// hardLinks returns, for each hard link that won its path, where its file is: at the path of the file
// itself if that won too, else at that of the first of its links, in the order of the archive, that did.
func (m *merger) hardLinks() map[claim]inode {
	links := map[claim]inode{}
	for i, p := range m.ps {
		files := map[string]inode{} // by shipped path of the file
		for j := range p.Nodes {
			n, c := &p.Nodes[j], claim{i, j}
			if !n.IsHardLink() || m.winners[m.where[i][j]] != c || m.where[i][j] == "" {
				continue
			}
			in, ok := files[n.Link]
			if !ok {
				in = inode{path: m.where[i][j], content: m.body(c)}
				if f := m.find(i, n.Link); f.node >= 0 && m.where[i][f.node] != "" && m.winners[m.where[i][f.node]] == f {
					in.path = m.where[i][f.node]
				}
				files[n.Link] = in
			}
			links[c] = in
		}
	}
	return links
}

// find returns the entry of package p with the shipped path; its node is -1 if there is none.
func (m *merger) find(p int, shipped string) claim {
	byPath := m.shipped[p]
	if byPath == nil {
		byPath = map[string]int{}
		for i := range m.ps[p].Nodes {
			if at := m.ps[p].Nodes[i].Path; byPath[at] == 0 { // the first, where one is there twice
				byPath[at] = i + 1
			}
		}
		m.shipped[p] = byPath
	}
	return claim{p, byPath[path.Clean(shipped)] - 1}
}
