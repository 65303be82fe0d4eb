package solve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// apk is the policy "apk": the rules of apk-tools' solver, which propagates, decides and never goes back,
// with the order in which it would install. Old are those of the releases before 2.14.7. Those from
// there to 2.14.10 have a new order of names, but not all else that is new in apk-tools 3.
//
// What apk calls a name is anything that can be depended on: the name of a package, so:libz.so.1, cmd:sh, /bin/sh.
// All stages are one transaction, as the world of apk is one list with one entry per name.
type apk struct{ old bool }

// What an index in apk's format knows beside [pkg.Universe]; without it ties are decided by name.
type (
	// placer knows the order of packages: in its index, indexes in the order of the repositories.
	placer interface{ Place(p *pkg.Package) int }
	// triggering knows the packages whose InstallIf mentions a name.
	triggering interface {
		InstalledIf(name string) []*pkg.Package
	}
	// sharing knows all repositories that have a package, not only the first.
	sharing interface {
		Repos(p *pkg.Package) []*pkg.Repo
	}
)

// identified is the native record of a package that can be asked for by a checksum.
type identified interface{ Identity() string }

// Solve implements [Policy]. The picks are in the order of installation.
func (a apk) Solve(u pkg.Universe, r Request) (*Solution, error) {
	s := newAPKSolver(u, &r, a.old)
	if err := s.readWorld(); err != nil {
		return nil, err
	}
	if r.NoDeps {
		return s.bare()
	}
	for i := range s.world {
		s.discover(s.world[i].name)
	}
	s.link()
	for i := range s.world {
		s.tags = s.tagBit(s.world[i].tag)
		s.apply(nil, &s.world[i])
	}
	s.tags = 0
	for {
		for s.reconsiderNext() {
		}
		n := s.next()
		if n == nil {
			break
		}
		s.settle(n)
	}
	s.commit()
	if s.failed {
		return nil, s.explain()
	}
	return &Solution{Picks: s.picks}, nil
}

// An apkSolver is one run. Names and packages are made when first asked for.
type apkSolver struct {
	u       pkg.Universe
	r       *Request
	old     bool
	world   []apkNeed // sorted by name
	texts   map[*apkName]string
	barred  map[string]bool // excluded names of packages
	given   []*pkg.Package
	place   func(*pkg.Package) int
	mention func(string) int

	names    map[string]*apkName
	packages map[*pkg.Package]*apkPackage
	seen     []*apkName // in the order of discovery
	tagBits  map[string]uint64
	tags     uint64 // that the entry of the world being applied asks for

	dirty []*apkName // to be reconsidered, first in first out
	now   []*apkName // to be settled at once: nothing can change them any more
	open  apkQueue   // to be settled when nothing else is left to do
	stack []*apkName // the same for the old rules, last in last

	order  uint32 // the last number of a discovered name
	failed bool
	picks  []Pick
	done   []*apkPackage // by pick
}

func newAPKSolver(u pkg.Universe, r *Request, old bool) *apkSolver {
	s := &apkSolver{
		u: u, r: r, old: old,
		texts:    make(map[*apkName]string),
		barred:   make(map[string]bool),
		names:    make(map[string]*apkName),
		packages: make(map[*pkg.Package]*apkPackage),
		tagBits:  map[string]uint64{"": 1},
		place:    func(*pkg.Package) int { return 0 },
	}
	if v, ok := u.(placer); ok {
		s.place = v.Place
	}
	if v, ok := u.(mentioner); ok {
		s.mention = v.FirstMention
	}
	for _, name := range r.Exclude {
		s.barred[name] = true
	}
	return s
}

// tagBit returns the bit of a repository tag; "" is that of the repositories without one.
func (s *apkSolver) tagBit(tag string) uint64 {
	b, ok := s.tagBits[tag]
	if !ok {
		b = 1 << min(len(s.tagBits), 63)
		s.tagBits[tag] = b
	}
	return b
}

// readWorld turns what is wanted into the world.
func (s *apkSolver) readWorld() error {
	var tags map[string]bool // nil: unknown
	for _, v := range s.u.Verified() {
		if v.Repo != nil && tags == nil {
			tags = map[string]bool{"": true}
		}
		if v.Repo != nil {
			tags[v.Repo.Tag] = true
		}
	}
	for _, stage := range s.r.Stages {
		for _, want := range stage {
			if err := s.want(want, tags); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(s.world, func(a, b apkNeed) int {
		x, y := a.name.text, b.name.text
		return cmp.Or(strings.Compare(lower(x), lower(y)), strings.Compare(x, y))
	})
	return nil
}

// lower folds ASCII letters, as the order of the world does.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, s)
}

func (s *apkSolver) want(want Want, tags map[string]bool) error {
	l := want.Literal
	if want.Package != nil {
		l = pkg.Literal{Name: want.Package.Name}
		if !slices.Contains(s.u.Named(l.Name), want.Package) {
			s.given = append(s.given, want.Package)
		}
	}
	switch {
	case s.barred[l.Name] && want.Text == "" && want.Package == nil:
		return nil // a base set may be had without a member
	case s.barred[l.Name] && !l.Neg:
		return &UnsatError{
			Chains: [2][]string{{asked(l.Name, want.words())}, {l.Name + " is excluded by the request"}},
			Meet:   l.Name + " is both wanted and excluded",
		}
	case tags != nil && !tags[l.Tag]:
		return &UnsatError{
			Chains: [2][]string{{asked(l.Name, want.words())}, {"no repository is tagged @" + l.Tag}},
			Meet:   fmt.Sprintf("%s is wanted from repositories tagged @%s, of which there are none", l.Name, l.Tag),
			Hint:   "give a repository the tag, or ask for " + l.Name,
		}
	}
	d := s.need(l)
	d.name.wanted = true
	if want.Package != nil {
		d.only = s.pack(want.Package)
	}
	i := slices.IndexFunc(s.world, func(o apkNeed) bool { return o.name == d.name })
	if i < 0 {
		s.world = append(s.world, d)
		s.texts[d.name] = want.Text
		return nil
	}
	switch old := &s.world[i]; {
	case *old == d || d.bare():
	case old.bare():
		*old = d
	default:
		return &UnsatError{
			Chains: [2][]string{{asked(l.Name, s.texts[d.name])}, {asked(l.Name, want.words())}},
			Meet:   fmt.Sprintf("%s and %s: a world has one entry for %s", old, &d, l.Name),
			Hint:   "write one entry for " + l.Name + " that holds both",
		}
	}
	if s.texts[d.name] == "" {
		s.texts[d.name] = want.Text
	}
	return nil
}

// bare picks what is wanted and nothing else.
func (s *apkSolver) bare() (*Solution, error) {
	for i := range s.world {
		d := &s.world[i]
		s.tags = s.tagBit(d.tag)
		s.apply(nil, d)
		if best := s.best(d.name); !d.neg && (best.p == nil || !best.p.selectable || !best.p.tagOK) {
			return nil, &UnknownError{Name: d.String(), Near: near(s.u, d.name.text)}
		} else if !d.neg && !best.p.committed {
			s.record(best.p, Reason{Clause: pkg.Clause{Text: s.texts[d.name]}})
		}
	}
	return &Solution{Picks: s.picks}, nil
}
