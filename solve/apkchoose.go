package solve

import (
	"cmp"
	"container/heap"
	"slices"
)

// enqueue puts n where it waits for its decision. Again says that it may have to wait elsewhere than before.
func (s *apkSolver) enqueue(n *apkName, again bool) {
	switch {
	case n.locked:
		return
	case s.old:
		s.stackUp(n)
		return
	case n.place == resolveNow:
		return
	}
	certain := n.needersDone && n.requirers > 0 && n.pickable && !n.options
	if n.place == nowhere {
		if n.requirers == 0 && !n.triggered && !n.asked {
			return
		}
	} else if !certain && !again {
		return
	}
	switch {
	case certain:
		n.place = resolveNow
		s.now = append(s.now, n)
		return
	case n.pickable:
		n.place = pickables
	default:
		n.place = unpickables
	}
	heap.Push(&s.open, apkTurn{n, n.place})
}

// stackUp is enqueue by the old rules: a list without an order of its own.
func (s *apkSolver) stackUp(n *apkName) {
	wanted := n.requirers > 0 || n.triggered
	switch {
	case wanted && n.place == nowhere:
		n.place = unpickables
		s.stack = append(s.stack, n)
	case !wanted && n.place != nowhere:
		n.place = nowhere
		s.stack = slices.DeleteFunc(s.stack, func(m *apkName) bool { return m == n })
	}
}

// An apkTurn is a name in the queue, and the list it was put into. It is stale where the name has moved since.
type apkTurn struct {
	n     *apkName
	place apkPlace
}

// An apkQueue has what can be picked before what cannot, of these the highest number first.
type apkQueue []apkTurn

func (q apkQueue) Len() int      { return len(q) }
func (q apkQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q apkQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].place, q[j].place), cmp.Compare(q[j].n.order, q[i].n.order)) < 0
}
func (q *apkQueue) Push(x any) { *q = append(*q, x.(apkTurn)) }
func (q *apkQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// next takes the name to be settled now, nil if there is none.
func (s *apkSolver) next() *apkName {
	if s.old {
		return s.nextOld()
	}
	for len(s.now) > 0 {
		n := s.now[0]
		s.now = s.now[1:]
		if !n.locked {
			return n
		}
	}
	for s.open.Len() > 0 {
		t := heap.Pop(&s.open).(apkTurn)
		if !t.n.locked && t.n.place == t.place {
			return t.n
		}
	}
	return nil
}

// nextOld is next by the old rules: what is certain, else what comes before all others, of equals the
// one that came last.
func (s *apkSolver) nextOld() *apkName {
	var best *apkName
	kept := s.stack[:0]
	for _, n := range s.stack {
		if !n.locked {
			kept = append(kept, n)
		}
	}
	s.stack = kept
	for i := len(s.stack) - 1; i >= 0; i-- {
		n := s.stack[i]
		if n.needersDone && n.requirers > 0 && !n.options {
			return n
		}
		if best == nil || before(n, best) {
			best = n
		}
	}
	return best
}

// before is the old order of decisions: what the world wants, packages before names that others provide, what
// has the longest chain of dependencies below it, what is required.
func before(a, b *apkName) bool {
	c := first(a.wanted, b.wanted)
	if c == 0 {
		c = cmp.Compare(a.virtual, b.virtual)
	}
	if c == 0 {
		c = cmp.Compare(b.depth, a.depth)
	}
	if c == 0 {
		c = first(a.requirers > 0, b.requirers > 0)
	}
	return c < 0
}

// settle decides which package stands for n, or that none does.
func (s *apkSolver) settle(n *apkName) {
	best := s.best(n)
	k := best.p
	if k == nil {
		s.assign(n, apkOffer{})
		s.failed = s.failed || n.requirers > 0
		return
	}
	if !k.selectable || !k.tagOK {
		s.fail(k)
	}
	s.assign(k.name, apkOffer{k, k.p.Version})
	for i := range k.offers {
		s.assign(k.offers[i].name, apkOffer{k, k.offers[i].version})
	}
	for i := range k.needs {
		s.apply(k, &k.needs[i])
	}
}

// fail marks k as part of what cannot be.
func (s *apkSolver) fail(k *apkPackage) {
	if k != nil {
		k.failed = true
		s.failed = true
	}
}

// best returns the offer that is to stand for n.
func (s *apkSolver) best(n *apkName) apkOffer {
	var best apkOffer
	if n.requirers == 0 && !n.triggered {
		return best
	}
	for _, o := range s.offersOf(n) {
		k := o.p
		if n.requirers == 0 && (!k.triggered || !k.tagOK || !k.selectable && !s.old) {
			continue
		}
		if s.pickable(o) && (best.p == nil || s.prefer(o, best) > 0) {
			best = o
		}
	}
	return best
}

// prefer compares two offers of one name; of equals the first in the index stays.
func (s *apkSolver) prefer(a, b apkOffer) int {
	x, y := a.p, b.p
	c := first(y.selectable, x.selectable)
	if c == 0 {
		c = first(y.used, x.used)
	}
	if c == 0 {
		c = cmp.Compare(y.conflicts, x.conflicts)
	}
	if c == 0 {
		c = first(y.tagOK, x.tagOK)
	}
	if c == 0 {
		c = first(y.tagPreferred, x.tagPreferred)
	}
	if c == 0 {
		c = s.newer(a.version, b.version)
	}
	if c == 0 && x.name == y.name {
		c = s.r.Compare(x.p.Version, y.p.Version)
	}
	return cmp.Or(c, cmp.Compare(x.prio, y.prio))
}

// assign lets o stand for n for good.
func (s *apkSolver) assign(n *apkName, o apkOffer) {
	if n.locked {
		if o.version != "" || n.chosen.version != "" { // virtual names can be shared
			s.fail(o.p)
			s.fail(n.chosen.p)
		}
		return
	}
	n.locked, n.chosen, n.queued = true, o, false
	if o.p != nil && !s.old && n.requirers == 0 && o.p.triggered {
		for i := range o.p.iif {
			if d := &o.p.iif[i]; !d.name.locked {
				s.apply(o.p, d)
			}
		}
	}
	for _, other := range s.offersOf(n) {
		if other.p != o.p && (o.version != "" || other.version != "") {
			s.disqualify(other.p)
		}
	}
	s.touchNeeders(n)
	if o.p != nil {
		s.touchTriggeredBy(o.p)
	} else {
		s.touchTriggered(n)
	}
}
