package solve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// An apkName is anything that can be depended on.
type apkName struct {
	text   string
	loaded bool
	offers []apkOffer // in the order of the index
	// Discovered names whose packages depend on this one, and those whose install_if mentions it, in the order
	// of apk's table of names. A package counts under all names that it offers.
	needers, triggers []*apkName
	triggersLoaded    bool

	seen      bool   // discovered
	wanted    bool   // by the world
	order     uint32 // of discovery, in the two highest bits what goes before that
	depth     int    // old: of the dependencies below
	virtual   int    // old: 0 if only packages of that name offer it, 1 some, 2 none
	requirers int
	locked    bool
	chosen    apkOffer // once locked; none where p is nil

	queued     bool // in dirty
	staleNeeds bool // dependencies of the packages have to be looked at again
	staleIf    bool // so has their install_if
	place      apkPlace

	triggered   bool // a package's install_if holds
	idle        bool // no package's install_if can hold any more
	asked       bool // an install_if waits to hear that nothing of this name will be there
	options     bool // there is a choice, or only what a tag forbids
	pickable    bool // a package may be picked without being asked for by its own name
	needersDone bool // nobody can require it any more

	// Scratch of reconsider: of how many of the candidates so far it is a dependency, or is offered.
	inNeeds, inOffers int
	offeredVirtually  bool

	committed bool
	state     uint8 // of the error report
}

// apkPlace is the list in which a name waits.
type apkPlace uint8

const (
	nowhere apkPlace = iota
	resolveNow
	pickables
	unpickables
)

// An apkOffer is a package under one of the names that it answers to. An empty version is that of a virtual name.
type apkOffer struct {
	p       *apkPackage
	version string
}

// An apkPackage is a package and what the solver knows of it.
type apkPackage struct {
	p      *pkg.Package
	name   *apkName
	offers []apkProvide
	needs  []apkNeed // dependencies, then conflicts
	iif    []apkNeed
	prio   int

	seen       bool
	broken     bool // of another architecture, unreadable or excluded: never selectable
	selectable bool
	conflicts  int
	depth      int
	merged     bool // a candidate in the last look at its name
	used       bool // a candidate when common dependencies were passed on

	triggered, idle bool // its install_if holds; cannot hold any more

	from         uint64 // tags of the repositories that have it
	allowed      uint64 // tags from which it may come
	tagOK        bool
	tagPreferred bool

	failed    bool
	committed bool
	because   Reason
	state     uint8 // of the error report
}

type apkProvide struct {
	name    *apkName
	version string
}

// An apkNeed is a dependency, a conflict, or an entry of the world.
type apkNeed struct {
	name    *apkName
	neg     bool
	op      pkg.Op
	version string
	tag     string
	only    *apkPackage // a file given by hand
	clause  *pkg.Clause // nil: of the world
}

func (d *apkNeed) bare() bool { return !d.neg && d.op == pkg.Any && d.tag == "" && d.only == nil }

// String writes d as apk does.
func (d *apkNeed) String() string {
	var b strings.Builder
	if d.neg {
		b.WriteByte('!')
	}
	if d.name != nil {
		b.WriteString(d.name.text)
	}
	switch d.op {
	case pkg.Less:
		b.WriteByte('<')
	case pkg.More:
		b.WriteByte('>')
	default:
		b.WriteString(string(d.op))
	}
	b.WriteString(d.version)
	if d.tag != "" {
		b.WriteString("@" + d.tag)
	}
	return b.String()
}

func (s *apkSolver) name(text string) *apkName {
	n := s.names[text]
	if n == nil {
		n = &apkName{text: text}
		s.names[text] = n
	}
	return n
}

func (s *apkSolver) need(l pkg.Literal) apkNeed {
	return apkNeed{name: s.name(l.Name), neg: l.Neg, op: l.Op, version: l.Version, tag: l.Tag}
}

// offersOf returns what offers n, in the order of the index, files given by hand last.
func (s *apkSolver) offersOf(n *apkName) []apkOffer {
	if n.loaded {
		return n.offers
	}
	n.loaded = true
	named, providing := s.u.Named(n.text), s.u.Providing(n.text)
	all := make([]*pkg.Package, 0, len(named)+len(providing)+len(s.given))
	all = append(append(all, named...), providing...)
	if len(all) > 1 {
		slices.SortStableFunc(all, func(a, b *pkg.Package) int { return cmp.Compare(s.place(a), s.place(b)) })
	}
	all = append(all, s.given...)
	for i, p := range all {
		if !slices.Contains(all[:i], p) {
			s.offer(n, s.pack(p))
		}
	}
	return n.offers
}

// offer lists p among the offers of n, under its name and then as often as it provides it.
func (s *apkSolver) offer(n *apkName, p *apkPackage) {
	if p.name == n {
		n.offers = append(n.offers, apkOffer{p, p.p.Version})
	}
	for i := range p.offers {
		if p.offers[i].name == n {
			n.offers = append(n.offers, apkOffer{p, p.offers[i].version})
		}
	}
}

// pack returns the solver's record of p.
func (s *apkSolver) pack(p *pkg.Package) *apkPackage {
	if k := s.packages[p]; k != nil {
		return k
	}
	r := p.Relations()
	k := &apkPackage{p: p, name: s.name(p.Name), prio: r.ProviderPriority, from: s.tagsOf(p), allowed: 1}
	s.packages[p] = k
	k.broken = s.barred[p.Name] || p.Arch != s.r.Arch && p.Arch != "noarch" && p.Arch != ""
	k.needs = make([]apkNeed, 0, len(r.Depends)+len(r.Conflicts))
	for _, clauses := range [][]pkg.Clause{r.Depends, r.Conflicts} {
		for i := range clauses {
			c := &clauses[i]
			if len(c.Any) != 1 || c.Any[0].Tag != "" {
				k.broken = true
				continue
			}
			d := s.need(c.Any[0])
			d.clause = c
			k.needs = append(k.needs, d)
		}
	}
	k.offers = make([]apkProvide, len(r.Provides))
	for i, pr := range r.Provides {
		k.offers[i] = apkProvide{s.name(pr.Name), pr.Version}
	}
	k.iif = make([]apkNeed, len(r.InstallIf))
	for i, l := range r.InstallIf {
		k.iif[i] = s.need(l)
	}
	k.idle = len(k.iif) == 0
	k.selectable = !k.broken
	// A package without files may always be had.
	k.tagPreferred = p.Repo == nil || p.Installed == 0 || k.from&1 != 0
	k.tagOK = k.tagPreferred
	return k
}

// tagsOf returns the bits of the tags under which p is to be had.
func (s *apkSolver) tagsOf(p *pkg.Package) uint64 {
	var bits uint64
	if v, ok := s.u.(sharing); ok {
		for _, r := range v.Repos(p) {
			bits |= s.tagBit(r.Tag)
		}
	}
	switch {
	case bits != 0:
		return bits
	case p.Repo == nil:
		return 1
	}
	return s.tagBit(p.Repo.Tag)
}

// triggersOf returns the names whose install_if mentions n.
func (s *apkSolver) triggersOf(n *apkName) []*apkName {
	if n.triggersLoaded {
		return n.triggers
	}
	n.triggersLoaded = true
	var all []*pkg.Package
	if v, ok := s.u.(triggering); ok {
		all = v.InstalledIf(n.text)
	}
	for _, p := range all {
		k := s.pack(p)
		n.triggers = append(n.triggers, k.name)
		for i := range k.offers {
			n.triggers = append(n.triggers, k.offers[i].name)
		}
	}
	s.sortNames(n.triggers)
	n.triggers = slices.Compact(n.triggers)
	for _, p := range s.given { // read after the indexes
		if k := s.pack(p); slices.ContainsFunc(k.iif, func(d apkNeed) bool { return d.name == n }) {
			n.triggers = append(n.triggers, k.name)
		}
	}
	return n.triggers
}

// meets reports whether an offer satisfies d, a relation of owner (nil: of the world); none satisfies a conflict.
func (s *apkSolver) meets(owner *apkPackage, d *apkNeed, by apkOffer) bool {
	switch {
	case by.p == nil:
		return d.neg
	case d.neg && by.p == owner && !s.old: // a package does not conflict with what itself provides
		return true
	case d.only != nil:
		return by.p == d.only
	case d.op == pkg.Checksum:
		v, ok := by.p.p.Native.(identified)
		return ok && v.Identity() == d.version
	}
	return s.holds(d, by.version) != d.neg
}

// holds compares versions. An offer without one comes before all versions; to the old rules it is none.
func (s *apkSolver) holds(d *apkNeed, version string) bool {
	switch {
	case d.op == pkg.Any:
		return true
	case version == "":
		return !s.old && (d.op == pkg.Less || d.op == pkg.AtMost || d.op == pkg.FuzzyAtMost)
	case s.r.Match != nil:
		return s.r.Match(version, d.op, d.version)
	}
	return d.op.Holds(s.r.Compare(version, d.version))
}

// newer compares the versions of two offers of one name.
func (s *apkSolver) newer(a, b string) int {
	switch {
	case a == b || s.old && (a == "" || b == ""):
		return 0
	case a == "":
		return -1
	case b == "":
		return 1
	}
	return s.r.Compare(a, b)
}
