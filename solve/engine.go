package solve

import "slices"

// The engine decides variables: in, out, or not yet. A policy gives it the clauses of a variable, which hold
// once it is in, in the order in which the policy wants them considered. Whatever is forced is done
// first, in the order in which it became so; only when nothing is forced the oldest open clause is
// decided, for the first of its alternatives that is left. A contradiction undoes the last decision
// and rules that choice out. Weak clauses are considered when no other is open, and may fail.
//
// Every assignment keeps its reason, so a contradiction can be explained down to the requests.
type engine struct {
	clausesOf func(v int) []*clause // called once per variable, when it comes in sight

	vars   []variable
	trail  []int // assigned, in order
	done   int   // of trail: propagated
	levels []level
	facts  []*clause // strong clauses without alternatives: their owners are out for good
	strong queue
	frail  queue
	steps  int
	limit  int // of steps
}

// maxSteps bounds the search, in visits of clauses: the largest real requests need some 100,000.
const maxSteps = 20_000_000

// A clause holds if, owner being in, one of any is in, or, for a ban, none of them is.
type clause struct {
	owner int
	any   []int // in order of preference
	ban   bool
	weak  bool
	group *group
}

type value int8

const (
	undecided value = iota
	in
	out
)

type variable struct {
	value value
	seen  bool // its clauses are known
	// reason is why it has its value.
	reason  reason
	clauses []*clause
	within  []*clause // the clauses that name it
}

// A reason is a clause that left no other value; for a request it is empty. A choice that led
// into a contradiction is out because of that.
type reason struct {
	clause *clause
	failed *conflict
}

// A conflict is a variable that must be in and must be out, or a clause of which nothing is left.
type conflict struct {
	v       int
	in, out reason
	empty   *clause
}

type level struct {
	trail         int
	choice        int
	strong, frail queue
}

// A queue is a list of clauses read from its head; what was read stays, so that it can be read again after an
// undo. What was added later may then be overwritten: levels are undone last in, first out.
type queue struct {
	all  []*clause
	head int
}

// require makes v in or out for good, before solve.
func (e *engine) require(v int, val value) *conflict { return e.assign(v, val, reason{}) }

func (e *engine) at(v int) *variable {
	for v >= len(e.vars) {
		e.vars = append(e.vars, variable{})
	}
	return &e.vars[v]
}

func (e *engine) assign(v int, val value, why reason) *conflict {
	x := e.at(v)
	switch x.value {
	case val:
		return nil
	case undecided:
		x.value, x.reason = val, why
		e.trail = append(e.trail, v)
		return nil
	}
	if val == in {
		return &conflict{v: v, in: why, out: x.reason}
	}
	return &conflict{v: v, in: x.reason, out: why}
}

// solve returns nil when every clause of what is in holds, else the contradiction that remains when
// every choice has been tried, and whether the search was given up before.
func (e *engine) solve() (left *conflict, gaveUp bool) {
	for {
		bad := e.propagate()
		for bad != nil {
			if e.steps > e.limit {
				return bad, true
			}
			if len(e.levels) == 0 {
				return bad, false
			}
			bad = e.undo(bad)
			if bad == nil {
				bad = e.propagate()
			}
		}
		if e.steps > e.limit {
			return nil, true
		}
		c := e.next()
		if c == nil {
			return nil, false
		}
		e.decide(c)
	}
}

// next returns the oldest open clause.
func (e *engine) next() *clause {
	for _, q := range []*queue{&e.strong, &e.frail} {
		for q.head < len(q.all) {
			c := q.all[q.head]
			q.head++
			if holds, left := e.look(c); !holds && left > 0 {
				return c
			}
		}
	}
	return nil
}

func (e *engine) decide(c *clause) {
	i := slices.IndexFunc(c.any, func(v int) bool { return e.at(v).value != out })
	l := level{trail: len(e.trail), choice: c.any[i], strong: e.strong, frail: e.frail}
	// The clause is open again once the choice is undone.
	if c.weak {
		l.frail.head--
	} else {
		l.strong.head--
	}
	e.levels = append(e.levels, l)
	e.assign(c.any[i], in, reason{clause: c})
}

// undo takes the last decision back and rules its choice out.
func (e *engine) undo(bad *conflict) *conflict {
	l := e.levels[len(e.levels)-1]
	e.levels = e.levels[:len(e.levels)-1]
	for _, v := range e.trail[l.trail:] {
		e.vars[v].value, e.vars[v].reason = undecided, reason{}
	}
	e.trail = e.trail[:l.trail]
	e.done = l.trail
	e.strong, e.frail = l.strong, l.frail
	for _, c := range e.facts {
		e.rule(c)
	}
	return e.assign(l.choice, out, reason{failed: bad})
}

// rule has the owner of a fact out, unless it has been decided; if it is in, entered finds the contradiction.
func (e *engine) rule(c *clause) {
	if e.at(c.owner).value == undecided {
		e.assign(c.owner, out, reason{clause: c})
	}
}

// propagate draws all conclusions from what is assigned.
func (e *engine) propagate() *conflict {
	for e.done < len(e.trail) {
		v := e.trail[e.done]
		e.done++
		var bad *conflict
		if e.vars[v].value == in {
			bad = e.entered(v)
		} else {
			bad = e.left(v)
		}
		if bad != nil {
			return bad
		}
	}
	return nil
}

// entered draws the conclusions from v being in: its clauses must hold, and nothing that bans it can be in.
func (e *engine) entered(v int) *conflict {
	e.discover(v)
	for _, c := range e.vars[v].clauses {
		if bad := e.activate(c); bad != nil {
			return bad
		}
	}
	for _, c := range e.vars[v].within {
		if c.ban {
			e.steps++
			if bad := e.assign(c.owner, out, reason{clause: c}); bad != nil {
				return bad
			}
		}
	}
	return nil
}

func (e *engine) activate(c *clause) *conflict {
	e.steps++
	if c.ban {
		for _, v := range c.any {
			if bad := e.assign(v, out, reason{clause: c}); bad != nil {
				return bad
			}
		}
		return nil
	}
	holds, left := e.look(c)
	switch {
	case holds:
		return nil
	case c.weak:
		e.frail.all = append(e.frail.all, c)
		return nil
	case left > 1:
		e.strong.all = append(e.strong.all, c)
		return nil
	}
	return e.unit(c, left)
}

// unit concludes from a clause of an owner that is in of which at most one alternative is left.
func (e *engine) unit(c *clause, left int) *conflict {
	if left == 0 {
		return &conflict{v: c.owner, empty: c}
	}
	i := slices.IndexFunc(c.any, func(v int) bool { return e.at(v).value != out })
	return e.assign(c.any[i], in, reason{clause: c})
}

// left draws the conclusions from v being out.
func (e *engine) left(v int) *conflict {
	for _, c := range e.vars[v].within {
		if c.ban || c.weak {
			continue
		}
		e.steps++
		holds, n := e.look(c)
		if holds || n > 1 {
			continue
		}
		var bad *conflict
		switch owner := e.at(c.owner).value; {
		case owner == in:
			bad = e.unit(c, n)
		case owner == undecided && n == 0:
			bad = e.assign(c.owner, out, reason{clause: c})
		}
		if bad != nil {
			return bad
		}
	}
	return nil
}

// look reports whether an alternative of c is in, and how many are not out.
func (e *engine) look(c *clause) (holds bool, left int) {
	for _, v := range c.any {
		switch e.at(v).value {
		case in:
			return true, 1
		case undecided:
			left++
		}
	}
	return false, left
}

// discover learns the clauses of v and of everything that they might bring in.
func (e *engine) discover(v int) {
	todo := []int{v}
	for len(todo) > 0 {
		v, todo = todo[0], todo[1:]
		if e.at(v).seen {
			continue
		}
		e.vars[v].seen = true
		clauses := e.clausesOf(v)
		e.vars[v].clauses = clauses
		for _, c := range clauses {
			if !c.ban && !c.weak && len(c.any) == 0 {
				e.facts = append(e.facts, c)
				e.rule(c)
			}
			for _, x := range c.any {
				e.at(x).within = append(e.at(x).within, c)
				if !c.ban && !e.vars[x].seen && e.vars[x].value != out {
					todo = append(todo, x)
				}
			}
		}
	}
}
