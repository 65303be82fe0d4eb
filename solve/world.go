package solve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// What only the ecosystem knows of a package comes through these, implemented by [pkg.Package.Native].
type (
	essential  interface{ Essential() bool }
	protected  interface{ Protected() bool }
	prioritied interface{ Priority() int } // lower is more important
	multiarch  interface{ MultiArch() string }
)

// mentioner is a [pkg.Universe] that knows the order in which its index first mentions names, as the
// name of a package or in a relation field. It decides ties as apt's cache ids do.
type mentioner interface{ FirstMention(name string) int }

// lowest is the priority of a package that declares none, behind all others.
const lowest = 1 << 10

// A world is a universe as one transaction sees it: of every name only the candidate, with relations
// resolved to packages. Everything is looked up when first asked for and kept.
type world struct {
	u       pkg.Universe
	compare func(a, b string) int
	arch    string
	weak    bool // recommendations are relations

	excluded map[string]bool
	fixed    map[string]*pkg.Package // candidates that are not the universe's: files, chosen versions
	given    []*pkg.Package          // those of fixed that the universe does not know, in order

	mention func(name string) int // nil: ties are decided by name alone
	byID    bool                  // ties go to the name mentioned last; else to the lower name

	nodes   []*node
	byName  map[string]*node // nil value: no candidate
	targets map[pkg.Literal][]*node
}

// A node is a candidate.
type node struct {
	id  int
	p   *pkg.Package
	pri int

	essential, protected, allowed bool

	linked bool
	needs  []group // Depends, then Recommends where asked for
	bans   []group // Conflicts
}

// A group is a relation of a package: one of its alternatives for needs, none of them for bans.
type group struct {
	clause *pkg.Clause
	alts   [][]*node // per literal, each in order of preference
	weak   bool
	pre    bool // must be configured before unpacking
}

func newWorld(u pkg.Universe, r *Request, byID bool) *world {
	w := &world{
		u: u, compare: r.Compare, arch: r.Arch, weak: r.Recommends, byID: byID,
		excluded: make(map[string]bool, len(r.Exclude)),
		fixed:    make(map[string]*pkg.Package),
		byName:   make(map[string]*node),
		targets:  make(map[pkg.Literal][]*node),
	}
	if m, ok := u.(mentioner); ok {
		w.mention = m.FirstMention
	}
	for _, name := range r.Exclude {
		w.excluded[name] = true
	}
	return w
}

// fix makes p the candidate of its name. It comes before any other question.
func (w *world) fix(p *pkg.Package) {
	w.fixed[p.Name] = p
	if !slices.Contains(w.u.Named(p.Name), p) && !slices.Contains(w.given, p) {
		w.given = append(w.given, p)
	}
}

// candidate returns the only package called name that may be picked, nil if there is none.
func (w *world) candidate(name string) *node {
	n, ok := w.byName[name]
	if ok {
		return n
	}
	p := w.fixed[name]
	if p == nil && !w.excluded[name] {
		if all := w.u.Named(name); len(all) > 0 {
			p = all[0]
		}
	}
	if p != nil {
		n = &node{id: len(w.nodes), p: p, pri: lowest}
		n.describe()
		w.nodes = append(w.nodes, n)
	}
	w.byName[name] = n
	return n
}

func (n *node) describe() {
	if v, ok := n.p.Native.(essential); ok {
		n.essential = v.Essential()
	}
	if v, ok := n.p.Native.(protected); ok {
		n.protected = v.Protected()
	}
	if v, ok := n.p.Native.(prioritied); ok {
		n.pri = v.Priority()
	}
	if v, ok := n.p.Native.(multiarch); ok {
		n.allowed = v.MultiArch() == "allowed"
	}
}

// link resolves n's relations.
func (w *world) link(n *node) {
	if n.linked {
		return
	}
	n.linked = true
	r := n.p.Relations()
	for i := range r.Depends {
		n.needs = append(n.needs, w.group(&r.Depends[i], false, i < r.PreDepends))
	}
	if w.weak {
		for i := range r.Recommends {
			n.needs = append(n.needs, w.group(&r.Recommends[i], true, false))
		}
	}
	for i := range r.Conflicts {
		g := w.group(&r.Conflicts[i], false, false)
		// A package never conflicts with itself, by its name or by what it provides.
		for j, alt := range g.alts {
			if slices.Contains(alt, n) {
				g.alts[j] = slices.DeleteFunc(slices.Clone(alt), func(m *node) bool { return m == n })
			}
		}
		n.bans = append(n.bans, g)
	}
}

func (w *world) group(c *pkg.Clause, weak, pre bool) group {
	g := group{clause: c, weak: weak, pre: pre, alts: make([][]*node, len(c.Any))}
	for i, l := range c.Any {
		g.alts[i] = w.match(l)
	}
	return g
}

// match returns the candidates that are called or provide what l asks for, whatever its sign, in order
// of preference. The result must not be changed.
func (w *world) match(l pkg.Literal) []*node {
	l.Neg = false
	out, ok := w.targets[l]
	if !ok {
		out = w.find(l)
		w.targets[l] = out
	}
	return out
}

// find implements match. A qualifier for another architecture matches nothing; ":any" only what is
// marked Multi-Arch: allowed. A qualified name may also be provided outright (deb-control(5)).
func (w *world) find(l pkg.Literal) []*node {
	foreign := l.Arch != "" && l.Arch != "any" && l.Arch != "native" && l.Arch != w.arch
	if foreign {
		return nil
	}
	var out []*node
	if n := w.candidate(l.Name); n != nil && (l.Arch != "any" || n.allowed) && w.holds(l, n.p.Version) {
		out = append(out, n)
	}
	w.providers(l.Name, func(n *node) {
		if (l.Arch != "any" || n.allowed) && w.provides(n, l.Name, l) {
			out = append(out, n)
		}
	})
	name := l.Name + ":" + cmp.Or(strings.TrimPrefix(l.Arch, "native"), w.arch)
	w.providers(name, func(n *node) {
		if w.provides(n, name, l) {
			out = append(out, n)
		}
	})
	slices.SortFunc(out, func(a, b *node) int { return w.prefer(l, a, b) })
	return slices.Compact(out) // names decide in the end, so equals are neighbours
}

// providers calls do with every candidate that might provide name.
func (w *world) providers(name string, do func(*node)) {
	for _, p := range w.u.Providing(name) {
		if n := w.candidate(p.Name); n != nil && n.p == p {
			do(n)
		}
	}
	for _, p := range w.given {
		if n := w.candidate(p.Name); n != nil && n.p == p {
			do(n)
		}
	}
}

func (w *world) holds(l pkg.Literal, version string) bool {
	return l.Op == pkg.Any || l.Op.Holds(w.compare(version, l.Version))
}

// provides reports whether n provides name as l wants it: only a versioned provide meets a versioned relation.
func (w *world) provides(n *node, name string, l pkg.Literal) bool {
	for _, pr := range n.p.Relations().Provides {
		if pr.Name == name && (l.Op == pkg.Any || pr.Version != "" && w.holds(l, pr.Version)) {
			return true
		}
	}
	return false
}

// prefer is apt's order among the packages that satisfy one literal on an empty root: the package of
// that very name, essential, protected, priority, then the policy's tie.
func (w *world) prefer(l pkg.Literal, a, b *node) int {
	if c := first(l.Arch == "" && a.p.Name == l.Name, l.Arch == "" && b.p.Name == l.Name); c != 0 {
		return c
	}
	if c := first(a.essential, b.essential); c != 0 {
		return c
	}
	if c := first(a.protected, b.protected); c != 0 {
		return c
	}
	if c := cmp.Compare(a.pri, b.pri); c != 0 {
		return c
	}
	if w.byID && w.mention != nil {
		if c := cmp.Compare(w.mention(b.p.Name), w.mention(a.p.Name)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.p.Name, b.p.Name)
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
