package solve

import (
	"errors"

	"github.com/detinstall/detinstall/pkg"
)

// errLost is returned for requests that no real repository leads to.
var errLost = errors.New("solving: gave up, too many combinations")

// apt is the policy "apt": propagation, then decisions in the order in which clauses opened.
type apt struct{}

func (apt) Solve(u pkg.Universe, r Request) (*Solution, error) {
	return transactions(u, &r, false, propagating)
}

// classic is the policy "apt-classic". Where its walk ends with something broken apt hands over to its
// problem resolver, which removes packages by score; here the propagating engine takes over, with
// the same order of preference, and explains if there is no solution at all.
type classic struct{}

func (classic) Solve(u pkg.Universe, r Request) (*Solution, error) {
	return transactions(u, &r, true, func(w *world, installed, requested []*node) ([]*node, error) {
		if marked, ok := classicWalk(w, installed, requested); ok {
			return marked, nil
		}
		return propagating(w, installed, requested)
	})
}

// propagating is the chooser of the engine.
func propagating(w *world, installed, requested []*node) ([]*node, error) {
	e := &engine{limit: maxSteps}
	e.clausesOf = func(v int) []*clause { return w.clauses(v) }
	var bad *conflict
	for _, ns := range [][]*node{installed, requested} {
		for _, n := range ns {
			if bad == nil {
				bad = e.require(n.id, in)
			}
		}
	}
	if bad == nil {
		var gaveUp bool
		if bad, gaveUp = e.solve(); gaveUp {
			return nil, errLost
		}
	}
	if bad != nil {
		return nil, explain(w, e, bad, installed)
	}
	var picked []*node
	for _, v := range e.trail {
		if e.vars[v].value == in && !contains(installed, v) {
			picked = append(picked, w.nodes[v])
		}
	}
	return picked, nil
}

// clauses translates the relations of the node with id v.
func (w *world) clauses(v int) []*clause {
	n := w.nodes[v]
	w.link(n)
	out := make([]*clause, 0, len(n.needs)+len(n.bans))
	for i := range n.bans {
		out = append(out, newClause(v, &n.bans[i], true))
	}
	for i := range n.needs {
		out = append(out, newClause(v, &n.needs[i], false))
	}
	return out
}

func newClause(owner int, g *group, ban bool) *clause {
	c := &clause{owner: owner, ban: ban, weak: g.weak, group: g}
	for _, alt := range g.alts {
		for _, n := range alt {
			c.any = append(c.any, n.id)
		}
	}
	return c
}

func contains(ns []*node, id int) bool {
	for _, n := range ns {
		if n.id == id {
			return true
		}
	}
	return false
}
