package solve

// discover finds the names that matter to n: of dependencies, and of packages that something here may trigger. The
// order in which it leaves names behind is that in which they are decided later.
func (s *apkSolver) discover(n *apkName) {
	if n.seen {
		return
	}
	n.seen, n.idle = true, true
	s.seen = append(s.seen, n)
	foreign := 0
	for _, o := range s.offersOf(n) {
		k := o.p
		if !k.seen {
			k.seen = true
			for i := range k.needs {
				s.discover(k.needs[i].name)
				k.depth = max(k.depth, k.needs[i].name.depth+1)
			}
		}
		n.idle = n.idle && k.idle
		n.depth = max(n.depth, k.depth)
		if k.name != n {
			foreign++
		}
	}
	switch foreign {
	case 0:
	case len(n.offers):
		n.virtual = 2
	default:
		n.virtual = 1
	}
	if s.old {
		s.discoverTriggered(n)
		return
	}
	for _, t := range s.triggersOf(n) {
		s.discover(t)
	}
	s.discoverTriggered(n)
	s.number(n, foreign)
	for _, o := range n.offers {
		for i := range o.p.iif {
			s.discover(o.p.iif[i].name)
		}
	}
}

// discoverTriggered goes on to what the packages that offer n may trigger.
func (s *apkSolver) discoverTriggered(n *apkName) {
	for _, o := range n.offers {
		for _, t := range s.triggersOf(o.p.name) {
			s.discover(t)
		}
		for i := range o.p.offers {
			m := o.p.offers[i].name
			if !s.old {
				s.discover(m)
			} else if !m.seen {
				for _, t := range s.triggersOf(m) {
					s.discover(t)
				}
			}
		}
	}
}

// number gives n its turn: the higher, the earlier. What the world wants comes last, and packages come before names
// that others provide.
func (s *apkSolver) number(n *apkName, foreign int) {
	s.order++
	n.order = s.order
	if !n.wanted {
		n.order |= 1 << 31
	}
	if foreign != len(n.offers) {
		n.order |= 1 << 30
	}
}

// link lists for every discovered name who depends on it.
func (s *apkSolver) link() {
	s.sortNames(s.seen)
	for _, n := range s.seen {
		for _, o := range n.offers {
			for i := range o.p.needs {
				m := o.p.needs[i].name
				if k := len(m.needers); k == 0 || m.needers[k-1] != n {
					m.needers = append(m.needers, n)
				}
			}
		}
	}
}

// touch has n reconsidered, where that can matter.
func (s *apkSolver) touch(n *apkName) {
	if !n.queued && !n.locked && (n.requirers > 0 || n.staleIf) {
		n.queued = true
		s.dirty = append(s.dirty, n)
	}
}

// reconsiderNext takes the name that has waited longest; it reports whether there was one.
func (s *apkSolver) reconsiderNext() bool {
	if len(s.dirty) == 0 {
		return false
	}
	n := s.dirty[0]
	s.dirty = s.dirty[1:]
	if n.queued { // else it was settled meanwhile
		n.queued = false
		s.reconsider(n)
	}
	return true
}

// touchNeeders has those looked at again who depend on n.
func (s *apkSolver) touchNeeders(n *apkName) {
	for _, m := range n.needers {
		m.staleNeeds = true
		s.touch(m)
	}
}

// touchTriggered has the packages looked at again whose install_if mentions n.
func (s *apkSolver) touchTriggered(n *apkName) {
	for _, m := range s.triggersOf(n) {
		if m.seen && !m.idle {
			m.staleIf = true
			s.touch(m)
		}
	}
}

func (s *apkSolver) touchTriggeredBy(k *apkPackage) {
	s.touchTriggered(k.name)
	for i := range k.offers {
		s.touchTriggered(k.offers[i].name)
	}
}

// disqualify takes k out of the running; it may still be chosen where there is nothing better, and is an error then.
func (s *apkSolver) disqualify(k *apkPackage) {
	k.selectable = false
	s.touchNeeders(k.name)
	for i := range k.offers {
		s.touchNeeders(k.offers[i].name)
	}
	s.touchTriggeredBy(k)
}

// apply makes d, a relation of owner (nil: the world), count.
func (s *apkSolver) apply(owner *apkPackage, d *apkNeed) {
	n := d.name
	if !d.neg {
		n.requirers++
		if n.requirers == 1 {
			s.require(n)
		}
	}
	for _, o := range s.offersOf(n) {
		if s.meets(owner, d, o) {
			s.inherit(o.p, owner)
			continue
		}
		o.p.conflicts++
		if o.p.selectable {
			s.disqualify(o.p)
		}
	}
}

// require queues n, which something requires for the first time.
func (s *apkSolver) require(n *apkName) {
	s.enqueue(n, false)
	s.touchTriggered(n)
	s.touch(n)
}

// inherit passes on the tags from which packages may come: those of the package that asks for k, or, where by is nil,
// those that the world asks for, which are also preferred.
func (s *apkSolver) inherit(k, by *apkPackage) {
	if by != nil {
		k.allowed |= by.allowed
	} else {
		k.allowed |= s.tags
		k.tagPreferred = k.from&s.tags != 0
	}
	k.tagOK = k.tagOK || k.from&k.allowed != 0
}

// satisfiable reports whether d can still be met.
func (s *apkSolver) satisfiable(owner *apkPackage, d *apkNeed) bool {
	n := d.name
	if n.locked {
		return s.meets(owner, d, n.chosen)
	}
	if n.requirers == 0 && d.neg {
		return true
	}
	for _, o := range s.offersOf(n) {
		if o.p.selectable && s.meets(owner, d, o) {
			return true
		}
	}
	return false
}
