package solve

import "slices"

// Bounds of a walk. Beyond them nothing can be installed: of the recursion, as in apt, and of the
// relations looked at, which large real requests need some 50,000 times.
const (
	deepest   = 3000
	mostWalks = 5_000_000
)

// A walk is one transaction of apt's classic solver: requests are marked, then each is installed depth
// first, in the order of its relation fields, with the first alternative that can be had.
// A failed alternative is discarded for good; there is no other way back.
type walk struct {
	w     *world
	state []mark // by node
	order []*node
	walks int
}

// A mark is what the walk thinks of a package.
type mark struct {
	in        bool // to be installed, or installed by an earlier stage
	installed bool // by an earlier stage
	discarded bool // no longer a candidate
	keep      bool // protected: the state stays as it is
}

// classicWalk installs the requested nodes on top of those installed and reports whether every relation
// holds afterwards. Marked is in the order of first marking and may hold packages that nothing needs any more.
func classicWalk(w *world, installed, requested []*node) (marked []*node, ok bool) {
	k := &walk{w: w}
	for _, n := range installed {
		m := k.at(n)
		m.in, m.installed = true, true
	}
	for _, n := range requested {
		k.at(n).keep = true
		k.set(n)
	}
	for _, n := range requested {
		k.install(n, 0, true)
	}
	for _, n := range k.order {
		if k.at(n).in && !k.at(n).installed {
			marked = append(marked, n)
		}
	}
	broken := slices.ContainsFunc(marked, k.broken) || slices.ContainsFunc(installed, k.broken)
	return marked, !broken
}

func (k *walk) at(n *node) *mark {
	for n.id >= len(k.state) {
		k.state = append(k.state, make([]mark, len(k.w.nodes)-len(k.state))...)
	}
	return &k.state[n.id]
}

func (k *walk) set(n *node) {
	if m := k.at(n); !m.in {
		m.in = true
		k.order = append(k.order, n)
	}
}

// discard gives n up for good.
func (k *walk) discard(n *node) {
	if m := k.at(n); !m.installed {
		m.in, m.discarded = false, true
	}
}

// satisfied reports whether a marked package meets g.
func (k *walk) satisfied(g *group) bool {
	for _, alt := range g.alts {
		for _, n := range alt {
			if k.at(n).in {
				return true
			}
		}
	}
	return false
}

// broken reports whether n is marked and a relation of it does not hold.
func (k *walk) broken(n *node) bool {
	if !k.at(n).in {
		return false
	}
	k.w.link(n)
	for i := range n.needs {
		if !n.needs[i].weak && !k.satisfied(&n.needs[i]) {
			return true
		}
	}
	for i := range n.bans {
		if k.satisfied(&n.bans[i]) {
			return true
		}
	}
	return false
}

// possible reports whether n's needs can be met at all, by what was a candidate when the walk began.
func (k *walk) possible(n *node) bool {
	for i := range n.needs {
		if !n.needs[i].weak && !slices.ContainsFunc(n.needs[i].alts, func(alt []*node) bool { return len(alt) > 0 }) {
			return false
		}
	}
	return true
}

// install marks n and walks its relations. What the user asked for is marked even where something
// fails below it; anything else is discarded then.
func (k *walk) install(n *node, depth int, asked bool) bool {
	m := k.at(n)
	k.walks += len(n.needs) + len(n.bans) + 1
	if depth > deepest || k.walks > mostWalks || !asked && !m.in && m.keep || m.discarded {
		return false
	}
	if !m.keep && m.in && !k.broken(n) {
		return true
	}
	k.w.link(n)
	if !k.possible(n) {
		if !m.keep {
			k.discard(n)
		}
		return false
	}
	pinned := m.keep
	lenient := pinned || asked
	needs, bans := k.open(n, pinned)
	ok := k.clear(bans, pinned, lenient)
	if !ok && !lenient {
		return false
	}
	k.set(n)
	k.at(n).keep = true
	if !k.needs(needs, depth, pinned, lenient) {
		ok = false
		if !lenient {
			k.discard(n)
		}
	}
	k.at(n).keep = pinned
	return ok
}

// open collects the relations that ask for something: those not yet satisfied, and all of them where
// n is pinned, since its needs are then pinned and its conflicts ruled out.
func (k *walk) open(n *node, pinned bool) (needs, bans []*group) {
	for i := range n.needs {
		if g := &n.needs[i]; pinned || !k.satisfied(g) {
			needs = append(needs, g)
		}
	}
	for i := range n.bans {
		if g := &n.bans[i]; pinned || k.satisfied(g) {
			bans = append(bans, g)
		}
	}
	return needs, bans
}

// clear un-marks what bans hit and, for a pinned owner, rules it out for good.
func (k *walk) clear(bans []*group, pinned, lenient bool) bool {
	ok := true
	for _, g := range bans {
		for _, alt := range g.alts {
			for _, n := range alt {
				m := k.at(n)
				switch {
				case m.discarded:
				case m.installed || m.in && m.keep:
					ok = false
					if !lenient {
						return false
					}
				case pinned:
					m.in, m.discarded, m.keep = false, true, true
				default:
					m.in = false
				}
			}
		}
	}
	return ok
}

// needs walks the groups of one package.
func (k *walk) needs(groups []*group, depth int, pinned, lenient bool) bool {
	ok := true
	for _, g := range groups {
		met := k.satisfied(g)
		switch {
		case met && (!pinned || g.weak):
		case met:
			if sols := k.solutions(g, false); len(sols) == 1 && !k.at(sols[0]).keep {
				k.at(sols[0]).keep = true
				ok = k.install(sols[0], depth+1, false) && ok
			}
		case !k.choose(g, depth, pinned) && !g.weak:
			ok = false
			if !lenient {
				return false
			}
		}
	}
	return ok
}

// choose installs the first alternative of g that can be had. An only solution of a pinned package is
// as certain as its owner.
func (k *walk) choose(g *group, depth int, pinned bool) bool {
	sols := k.solutions(g, true)
	for _, n := range sols {
		m := k.at(n)
		if m.discarded {
			continue
		}
		if pinned && !g.weak && len(sols) == 1 {
			if depth+1 > deepest || !m.in && m.keep {
				continue
			}
			k.set(n)
			k.at(n).keep = true
		}
		if k.install(n, depth+1, false) {
			return true
		}
	}
	return false
}

// solutions returns what may satisfy g: alternatives as written, within each protected packages first.
func (k *walk) solutions(g *group, ordered bool) []*node {
	var out []*node
	for _, alt := range g.alts {
		for _, kept := range []bool{true, false} {
			for _, n := range alt {
				m := k.at(n)
				if m.keep != kept || m.discarded || m.keep && !m.in {
					continue
				}
				if seen := slices.Index(out, n); seen >= 0 && (!ordered || seen == len(out)-1) {
					continue
				}
				out = append(out, n)
			}
		}
	}
	return out
}
