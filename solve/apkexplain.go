package solve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// How a name, or a package, is there in what was chosen.
const (
	apkPresent   uint8 = 1 << iota // required, and offered by something that counts
	apkTriggered                   // by an install_if
	apkVirtual                     // only by what may not stand for it
	apkMissing                     // told already
)

const mostProblems = 8

// An apkProblem is a chosen package that does not fit to the others, or a name for which nothing was chosen.
type apkProblem struct {
	k    *apkPackage
	name *apkName

	clashes []apkClash // packages that offer the same name
	breaks  []apkRef   // relations that k does not meet
	needs   []apkRef   // relations that k meets, or that ask for name
}

// An apkRef is a relation of a chosen package, or of the world where k is nil.
type apkRef struct {
	k *apkPackage
	d *apkNeed
}

type apkClash struct {
	k    *apkPackage
	name *apkName
}

// String returns the package's name and version.
func (k *apkPackage) String() string { return k.name.text + " " + k.p.Version }

// explain says what is wrong with what was chosen: it names the same packages as apk does.
func (s *apkSolver) explain() error {
	for i := range s.world {
		s.spread(&s.world[i])
	}
	var all []*apkProblem
	missing := func(ds []apkNeed) {
		for i := range ds {
			if n := ds[i].name; !ds[i].neg && n.state&(apkPresent|apkTriggered|apkMissing) == 0 {
				n.state |= apkMissing
				all = append(all, s.absent(n))
			}
		}
	}
	missing(s.world)
	for _, k := range s.done {
		if p := s.misfit(k); p != nil && !told(all, p) {
			all = append(all, p)
		}
		missing(k.needs)
	}
	var errs []error
	for _, p := range all[:min(len(all), mostProblems)] {
		errs = append(errs, s.problem(p))
	}
	switch len(errs) {
	case 0:
		return &UnsatError{Meet: "the packages that apk's rules choose do not fit together, for no single cause"}
	case 1:
		return errs[0]
	}
	return errors.Join(errs...)
}

// told reports whether p only says the other way round what an earlier problem says.
func told(all []*apkProblem, p *apkProblem) bool {
	if p.k.broken || !p.k.tagOK || len(p.breaks) > 0 || len(p.clashes) == 0 {
		return false
	}
	return !slices.ContainsFunc(p.clashes, func(c apkClash) bool {
		return !slices.ContainsFunc(all, func(q *apkProblem) bool {
			return q.k != nil && q.k == c.k && slices.ContainsFunc(q.clashes, func(d apkClash) bool { return d.k == p.k })
		})
	})
}

// spread marks what d leads to among the chosen packages.
func (s *apkSolver) spread(d *apkNeed) {
	if !d.neg {
		s.mark(d.name, apkPresent)
	}
}

func (s *apkSolver) mark(n *apkName, how uint8) {
	for _, o := range s.offersOf(n) {
		k := o.p
		state := how
		if k.prio == 0 && !k.concrete(n) {
			state = apkVirtual
		}
		if !k.committed || k.state&state != 0 {
			continue
		}
		k.state |= state
		k.name.state |= state
		for i := range k.offers {
			if pr := &k.offers[i]; state == apkTriggered && pr.version == "" {
				pr.name.state |= apkVirtual
			} else {
				pr.name.state |= state
			}
		}
		for i := range k.needs {
			s.spread(&k.needs[i])
		}
		if state != apkVirtual {
			s.markTriggered(k.name)
			for i := range k.offers {
				s.markTriggered(k.offers[i].name)
			}
		}
	}
}

// concrete reports whether k is called n or provides it in a version.
func (k *apkPackage) concrete(n *apkName) bool {
	return k.name == n || slices.ContainsFunc(k.offers, func(o apkProvide) bool { return o.name == n && o.version != "" })
}

func (s *apkSolver) markTriggered(n *apkName) {
	for _, t := range s.triggersOf(n) {
		for _, o := range s.offersOf(t) {
			if !o.p.committed || len(o.p.iif) == 0 || slices.ContainsFunc(o.p.iif, func(d apkNeed) bool {
				return d.neg == (d.name.state&(apkPresent|apkTriggered) != 0)
			}) {
				continue
			}
			s.mark(o.p.name, apkTriggered)
			for i := range o.p.offers {
				s.mark(o.p.offers[i].name, apkTriggered)
			}
		}
	}
}

// absent collects who asks for n.
func (s *apkSolver) absent(n *apkName) *apkProblem {
	p := &apkProblem{name: n}
	s.refs(func(r apkRef) {
		if r.d.name == n && !r.d.neg {
			p.needs = append(p.needs, r)
		}
	})
	return p
}

// refs calls do with every relation of the world and of the chosen packages.
func (s *apkSolver) refs(do func(apkRef)) {
	for i := range s.world {
		do(apkRef{nil, &s.world[i]})
	}
	for _, k := range s.done {
		for i := range k.needs {
			do(apkRef{k, &k.needs[i]})
		}
	}
}

// misfit says what is wrong with k, nil if nothing is.
func (s *apkSolver) misfit(k *apkPackage) *apkProblem {
	p := &apkProblem{k: k}
	for _, o := range s.offersOf(k.name) {
		if o.p != k && o.p.committed {
			p.clashes = append(p.clashes, apkClash{o.p, k.name})
		}
	}
	for i := range k.offers {
		own := true
		for _, o := range s.offersOf(k.offers[i].name) {
			switch pr := &k.offers[i]; {
			case !o.p.committed || pr.version == "" && o.version == "":
			case own && o.p == k && o.version == pr.version:
				own = false
			default:
				p.clashes = append(p.clashes, apkClash{o.p, pr.name})
			}
		}
	}
	s.refs(func(r apkRef) {
		switch met, relevant := s.judge(r, k); {
		case relevant && met:
			p.needs = append(p.needs, r)
		case relevant:
			p.breaks = append(p.breaks, r)
		}
	})
	if len(p.clashes) == 0 && len(p.breaks) == 0 && !k.broken && k.tagOK {
		return nil
	}
	return p
}

// judge reports whether a relation concerns k, and whether k meets it.
func (s *apkSolver) judge(r apkRef, k *apkPackage) (met, relevant bool) {
	if r.d.name == k.name {
		return s.meets(r.k, r.d, apkOffer{k, k.p.Version}), true
	}
	for i := range k.offers {
		if k.offers[i].name == r.d.name {
			return s.meets(r.k, r.d, apkOffer{k, k.offers[i].version}), true
		}
	}
	return false, false
}

// problem puts p into words.
func (s *apkSolver) problem(p *apkProblem) error {
	if p.k == nil {
		return s.absence(p)
	}
	e := &UnsatError{}
	for _, r := range p.needs {
		s.tell(&e.Chains[0], r)
	}
	if len(p.needs) == 0 {
		e.Chains[0] = s.path(p.k)
	}
	for _, c := range p.clashes {
		words := c.k.String() + " is called or provides " + c.name.text
		if c.k == p.k {
			words = c.k.String() + " provides " + c.name.text + " more than once"
		}
		e.Chains[1] = append(append(e.Chains[1], s.path(c.k)...), words)
		e.Meet = fmt.Sprintf("%s and %s exclude each other, since both are called or provide %s", p.k, c.k, c.name.text)
	}
	for _, r := range p.breaks {
		s.tell(&e.Chains[1], r)
		e.Meet = fmt.Sprintf("%s does not fit to %s", p.k, s.words(r))
	}
	if len(p.clashes) > 0 && p.clashes[0].k == p.k {
		e.Meet = fmt.Sprintf("%s excludes itself, since it provides %s more than once", p.k, p.clashes[0].name.text)
	}
	s.unfit(p.k, e)
	for i := range e.Chains {
		e.Chains[i] = once(e.Chains[i])
	}
	return e
}

// unfit adds what is wrong with k by itself.
func (s *apkSolver) unfit(k *apkPackage, e *UnsatError) {
	switch {
	case s.barred[k.p.Name]:
		e.Meet = k.String() + " is needed but excluded"
		e.Chains[1] = append(e.Chains[1], k.p.Name+" is excluded by the request")
	case k.broken && len(k.needs) < len(k.p.Relations().Depends)+len(k.p.Relations().Conflicts):
		e.Meet = k.String() + " cannot be installed"
		e.Chains[1] = append(e.Chains[1], k.String()+" has a dependency that apk does not understand")
	case k.broken:
		e.Meet = k.String() + " cannot be installed"
		e.Chains[1] = append(e.Chains[1], k.String()+" is for the architecture "+k.p.Arch)
	case !k.tagOK:
		var tags []string
		for tag, bit := range s.tagBits {
			if k.from&bit != 0 && tag != "" {
				tags = append(tags, "@"+tag)
			}
		}
		slices.Sort(tags)
		e.Meet = k.String() + " is needed but comes only from repositories tagged " + list(tags)
		e.Chains[1] = append(e.Chains[1], k.String()+" is in repositories tagged "+list(tags))
		e.Hint = "ask for " + k.p.Name + tags[0]
	}
}

// absence says that nothing may stand for a name.
func (s *apkSolver) absence(p *apkProblem) error {
	n := p.name
	offers := s.offersOf(n)
	if len(offers) == 0 && !slices.ContainsFunc(p.needs, func(r apkRef) bool { return r.k != nil }) {
		return &UnknownError{Name: n.text, Near: near(s.u, n.text)}
	}
	e := &UnsatError{}
	for _, r := range p.needs {
		s.tell(&e.Chains[0], r)
	}
	e.Chains[0] = once(e.Chains[0])
	if len(offers) == 0 {
		e.Chains[1] = []string{"no package is called or provides " + n.text}
		e.Meet = n.text + " is needed, but no package is called or provides it"
		if like := near(s.u, n.text); len(like) > 0 {
			e.Hint = "similar names: " + strings.Join(like, ", ")
		}
		return e
	}
	by := s.providers(n)
	e.Chains[1] = []string{n.text + " is provided by " + list(by) + ", without a version and without a priority"}
	e.Meet = n.text + " is virtual, and no package stands for it by itself"
	e.Hint = "name one of " + list(by)
	return e
}

// providers returns who offers n: by name, or, where only some versions do, with those.
func (s *apkSolver) providers(n *apkName) (by []string) {
	count := make(map[*apkName]int)
	for _, o := range n.offers {
		count[o.p.name]++
	}
	for _, o := range n.offers {
		words := o.p.name.text
		if count[o.p.name] != len(s.offersOf(o.p.name)) {
			words = o.p.String()
		}
		if !slices.Contains(by, words) {
			by = append(by, words)
		}
	}
	return by
}

// tell adds the steps from the request down to a relation.
func (s *apkSolver) tell(chain *[]string, r apkRef) {
	if r.k != nil {
		*chain = append(*chain, s.path(r.k)...)
	}
	*chain = append(*chain, s.words(r))
}

// words writes one relation.
func (s *apkSolver) words(r apkRef) string {
	d := *r.d
	switch {
	case r.k == nil && d.neg:
		return d.String() + " was requested"
	case r.k == nil:
		return asked(d.name.text, s.texts[d.name])
	case d.neg:
		d.neg = false
		return r.k.String() + " conflicts with " + d.String()
	}
	return r.k.String() + " Depends " + d.String()
}

// path returns the steps from the request down to k.
func (s *apkSolver) path(k *apkPackage) []string {
	var up []string
	why := k.because
	for steps := 0; why.Parent != nil && steps < mostSteps; steps++ {
		parent := s.pack(why.Parent)
		if text, triggered := strings.CutPrefix(why.Clause.Text, "install_if "); triggered {
			up = append(up, k.String()+" is installed if there is "+text)
		} else {
			up = append(up, parent.String()+" Depends "+why.Clause.Text)
		}
		k, why = parent, parent.because
	}
	for i := range s.world {
		if d := &s.world[i]; d.name.chosen.p == k && !d.neg && s.texts[d.name] == why.Clause.Text {
			up = append(up, asked(d.name.text, s.texts[d.name]))
			break
		}
	}
	slices.Reverse(up)
	return up
}
