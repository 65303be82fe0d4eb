package solve

// An apkRound is what one look at a name finds.
type apkRound struct {
	first     *apkPackage // the first candidate
	options   int         // candidates, when something requires the name
	forbidden int         // of these, those from a tag that nobody asked for
	triggered bool
	idle      bool
	pickable  bool
}

// reconsider looks at n again: which packages are still candidates, whether an install_if holds, and what
// all candidates have in common, which is then certain without a decision.
func (s *apkSolver) reconsider(n *apkName) {
	needs, iif := n.staleNeeds, n.staleIf
	n.staleNeeds, n.staleIf = false, false
	r := apkRound{idle: true}
	for _, o := range s.offersOf(n) {
		o.p.merged = false
		if s.candidate(o.p, needs) {
			s.consider(n, o, iif, &r)
		}
	}
	n.options = r.options > 1 || r.forbidden > 0
	n.triggered, n.idle = r.triggered, r.idle
	changed := n.pickable != r.pickable
	n.pickable = r.pickable
	if s.old {
		s.enqueue(n, false)
	}
	if r.first != nil {
		for _, o := range n.offers {
			o.p.used = o.p.merged
		}
		s.passOn(n, &r)
		s.passOnOffers(n, &r)
	}
	n.needersDone = true
	for _, m := range n.needers {
		if !m.locked {
			n.needersDone = false
			break
		}
	}
	if !s.old {
		s.enqueue(n, changed)
	}
}

// candidate reports whether k is selectable, after a look at its dependencies where they may have changed.
func (s *apkSolver) candidate(k *apkPackage, stale bool) bool {
	if !stale || !k.selectable {
		return k.selectable
	}
	for i := range k.needs {
		if !s.satisfiable(k, &k.needs[i]) {
			s.disqualify(k)
			return false
		}
	}
	return true
}

// consider takes a candidate into account.
func (s *apkSolver) consider(n *apkName, o apkOffer, iif bool, r *apkRound) {
	k := o.p
	if iif {
		s.trigger(k)
	}
	r.triggered = r.triggered || k.triggered
	r.idle = r.idle && k.idle
	r.pickable = r.pickable || k.triggered
	if n.requirers == 0 {
		return
	}
	k.merged = true
	if r.first == nil {
		r.first = k
	}
	for i := range k.needs {
		if d := &k.needs[i]; !d.neg && d.name.inNeeds == r.options {
			d.name.inNeeds++
		}
	}
	count := func(m *apkName, version string) {
		if m.inOffers == r.options {
			m.inOffers++
			m.offeredVirtually = m.offeredVirtually || version == ""
		}
	}
	count(k.name, o.version)
	for i := range k.offers {
		count(k.offers[i].name, k.offers[i].version)
	}
	if !k.tagOK {
		r.forbidden++
	}
	r.options++
	r.pickable = r.pickable || s.pickable(o)
}

// pickable reports whether o may be picked without being asked for by its own name: not so a package that offers a
// name without a version and without a priority.
func (s *apkSolver) pickable(o apkOffer) bool {
	return o.version != "" || o.p.prio != 0 || o.p.name.requirers > 0
}

// trigger finds out whether k's install_if holds, once all that it mentions is settled.
func (s *apkSolver) trigger(k *apkPackage) {
	if !k.triggered && !k.idle {
		k.triggered = s.triggersNow(k)
	}
	if k.triggered {
		for i := range k.iif {
			s.inherit(k, k.iif[i].name.chosen.p)
		}
	}
}

func (s *apkSolver) triggersNow(k *apkPackage) bool {
	for i := range k.iif {
		d := &k.iif[i]
		if !d.name.locked {
			if d.neg && !s.old {
				d.name.asked = true
				s.enqueue(d.name, false)
			}
			return false
		}
		if !s.meets(k, d, d.name.chosen) {
			k.idle = true
			return false
		}
	}
	return true
}

// complete reports whether a count reached all candidates, and resets it.
func complete(count *int, options int) bool {
	ok := *count == options
	*count = 0
	return ok
}

// passOn applies the dependencies of the only candidate, or requires the names on which all depend.
func (s *apkSolver) passOn(n *apkName, r *apkRound) {
	for i := range r.first.needs {
		d := &r.first.needs[i]
		switch {
		case !complete(&d.name.inNeeds, r.options):
		case r.options == 1:
			s.apply(r.first, d)
		case d.name.requirers == 0:
			d.name.requirers++
			s.require(d.name)
			for _, o := range s.offersOf(d.name) {
				s.inherit(o.p, r.first)
			}
		}
	}
}

// passOnOffers rules out the packages that cannot stand beside any candidate for n: where all of them offer another
// name, others that offer that name must offer n too.
func (s *apkSolver) passOnOffers(n *apkName, r *apkRound) {
	if m := r.first.name; complete(&m.inOffers, r.options) {
		s.excludeWithout(m, n, m.offeredVirtually)
	}
	for i := range r.first.offers {
		if m := r.first.offers[i].name; complete(&m.inOffers, r.options) {
			s.excludeWithout(m, n, m.offeredVirtually)
		}
	}
	r.first.name.offeredVirtually = false
	for i := range r.first.offers {
		r.first.offers[i].name.offeredVirtually = false
	}
}

// excludeWithout disqualifies what offers n but not must; what offers n virtually can stand beside others if
// virtual says so.
func (s *apkSolver) excludeWithout(n, must *apkName, virtual bool) {
	if n == must {
		return
	}
	for _, o := range s.offersOf(n) {
		if o.p.name == must || !o.p.selectable || virtual && o.version == "" {
			continue
		}
		keep := false
		for i := range o.p.offers {
			if pr := &o.p.offers[i]; pr.name == must || virtual && pr.version == "" {
				keep = true
				break
			}
		}
		if !keep {
			s.disqualify(o.p)
		}
	}
}
