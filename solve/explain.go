package solve

import (
	"fmt"
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// An explainer puts the engine's reasons into words.
type explainer struct {
	w         *world
	e         *engine
	installed []*node
	hint      string
	told      int // reasons explained: what every one of many choices lacks is not told to the end
}

// Bounds of an explanation: reasons, and steps of one chain.
const (
	mostTold  = 64
	mostSteps = 24
)

// explain turns a contradiction into two chains that meet in it.
func explain(w *world, e *engine, bad *conflict, installed []*node) *UnsatError {
	x := &explainer{w: w, e: e, installed: installed}
	chains, meet := x.conflict(bad, 0)
	for i := range chains {
		chains[i] = once(chains[i])
	}
	return &UnsatError{Chains: chains, Meet: meet, Hint: x.hint}
}

// once drops the repetitions that come from choices with a common cause.
func once(lines []string) []string {
	seen := make(map[string]bool, len(lines))
	return slices.DeleteFunc(lines, func(l string) bool {
		again := seen[l]
		seen[l] = true
		return again
	})
}

func (x *explainer) name(v int) string { return x.w.nodes[v].p.Name }

// conflict explains bad. Depth bounds how far a failed choice is explained by another.
func (x *explainer) conflict(bad *conflict, depth int) (chains [2][]string, meet string) {
	c := bad.empty
	if c == nil {
		chains[0] = x.because(bad.v, bad.in)
		if c = bad.out.clause; c == nil || c.ban {
			chains[1], meet = x.out(bad.v, bad.out, depth)
			return chains, meet
		}
	} else {
		chains[0] = x.in(c.owner)
	}
	// What is needed lacks something: go down as long as there is only one way.
	for chains[0] = append(chains[0], x.clause(c)); len(c.any) == 1; chains[0] = append(chains[0], x.clause(c)) {
		next := x.e.at(c.any[0]).reason.clause
		if next == nil || next.ban || next.owner != c.any[0] || len(chains[0]) > mostSteps {
			break
		}
		c = next
	}
	chains[1], meet = x.empty(c, depth)
	return chains, meet
}

// because is the chain from the request down to the clause that needs v.
func (x *explainer) because(v int, why reason) []string {
	var up []string
	for steps := 0; why.clause != nil && steps < len(x.e.trail); steps++ {
		c := why.clause
		line := x.clause(c)
		if len(c.any) > 1 {
			line += ", of which " + x.name(v) + " was taken"
		}
		up = append(up, line)
		v = c.owner
		why = x.e.at(v).reason
	}
	up = append(up, x.root(v))
	slices.Reverse(up)
	if n := len(up) - mostSteps; n > 0 {
		up = slices.Replace(up, mostSteps/2, mostSteps/2+n, fmt.Sprintf("and %d steps further", n))
	}
	return up
}

func (x *explainer) in(v int) []string { return x.because(v, x.e.at(v).reason) }

func (x *explainer) root(v int) string {
	if contains(x.installed, v) {
		return x.name(v) + " was picked by an earlier stage"
	}
	return x.name(v) + " was requested"
}

// clause words one relation with its owner.
func (x *explainer) clause(c *clause) string {
	verb := "Depends"
	switch {
	case c.ban:
		verb = "conflicts with"
	case c.weak:
		verb = "Recommends"
	case c.group.pre:
		verb = "Pre-Depends"
	}
	return fmt.Sprintf("%s %s %s", x.name(c.owner), verb, c.group.clause.Text)
}

// out explains why v cannot be in, and states the contradiction with its being needed.
func (x *explainer) out(v int, why reason, depth int) (chain []string, meet string) {
	c := why.clause
	x.told++
	switch {
	case why.failed != nil && depth < 8:
		chains, meet := x.conflict(why.failed, depth+1)
		return append([]string{x.name(v) + " was tried:"}, append(chains[0], chains[1]...)...), meet
	case c == nil:
		return []string{x.name(v) + " cannot be picked"}, x.name(v) + " is needed but cannot be picked"
	case c.ban && c.owner != v:
		return append(x.in(c.owner), x.clause(c)), fmt.Sprintf("%s and %s exclude each other", x.name(c.owner), x.name(v))
	case c.ban:
		hit := v
		for _, o := range c.any {
			if x.e.at(o).value == in {
				hit = o
				break
			}
		}
		return append(x.in(hit), x.clause(c)), fmt.Sprintf("%s and %s exclude each other", x.name(v), x.name(hit))
	default:
		chain, meet := x.empty(c, depth)
		return append([]string{x.clause(c)}, chain...), meet
	}
}

// empty explains why nothing satisfies c.
func (x *explainer) empty(c *clause, depth int) (chain []string, meet string) {
	if len(c.any) == 0 {
		for _, l := range c.group.clause.Any {
			chain = append(chain, x.missing(l))
		}
		return chain, fmt.Sprintf("%s, but no candidate satisfies it", x.clause(c))
	}
	for _, v := range c.any {
		if depth > 8 || x.told > mostTold {
			break
		}
		if state := x.e.at(v); state.value == out {
			steps, m := x.out(v, state.reason, depth+1)
			chain = append(chain, steps...)
			if meet == "" {
				meet = m
			}
		}
	}
	if len(c.any) > 1 || meet == "" {
		meet = fmt.Sprintf("%s, but none of the choices can be picked", x.clause(c))
	}
	return chain, meet
}

// missing says why no candidate satisfies l.
func (x *explainer) missing(l pkg.Literal) string {
	if x.w.excluded[l.Name] {
		return l.Name + " is excluded by the request"
	}
	var have, by []string
	for _, p := range x.w.u.Named(l.Name) {
		have = append(have, p.Version)
	}
	current := false // a candidate provides it
	for _, p := range x.w.u.Providing(l.Name) {
		if !slices.Contains(by, p.Name) {
			by = append(by, p.Name)
		}
		n := x.w.candidate(p.Name)
		current = current || n != nil && n.p == p
	}
	switch {
	case len(have) > 0:
		return available(l.Name, have) + x.refused(l, have)
	case len(by) == 0:
		return "no package is called or provides " + l.Name
	case !slices.ContainsFunc(by, func(name string) bool { return !x.w.excluded[name] }):
		return l.Name + " is provided only by " + list(by) + ", excluded by the request"
	}
	if !current {
		return l.Name + " is provided only by versions that are no candidates, of " + list(by)
	}
	if l.Arch == "any" {
		return l.Name + " is provided only by " + list(by) + ", not by a package that is Multi-Arch: allowed"
	}
	return l.Name + " is provided only by " + list(by) + ", in no such version"
}

// refused says what is wrong with the versions that there are.
func (x *explainer) refused(l pkg.Literal, have []string) string {
	n := x.w.candidate(l.Name)
	switch {
	case l.Arch == "any" && n != nil && !n.allowed && x.w.holds(l, n.p.Version):
		return ", which is not Multi-Arch: allowed"
	case l.Arch != "" && l.Arch != "any" && l.Arch != "native" && l.Arch != x.w.arch:
		return " for " + x.w.arch + " only"
	case n == nil || len(have) < 2:
		return ""
	}
	if i := slices.IndexFunc(have, func(v string) bool { return x.w.holds(l, v) }); i >= 0 && x.hint == "" {
		x.hint = "to choose another version than the candidate, request " + l.Name + "=" + have[i]
	}
	return ", of which " + n.p.Version + " is the candidate"
}
