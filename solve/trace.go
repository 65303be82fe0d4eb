package solve

import "github.com/detinstall/detinstall/pkg"

// trace turns picked nodes into picks with a reason each, and leaves out those that nothing needs or
// suggests: alternatives that were tried and given up may have left dependencies behind.
// The reason is the last step of a shortest chain from a request, dependencies before recommendations.
func (w *world) trace(installed []*node, wants []wanted, picked []*node, all bool) []Pick {
	t := tracer{w: w, in: make(map[*node]bool), why: make(map[*node]Reason)}
	for _, n := range picked {
		t.in[n] = true
	}
	for _, want := range wants {
		t.reach(want.n, Reason{Clause: pkg.Clause{Text: want.text}})
	}
	for _, n := range picked {
		if n.essential || n.protected {
			t.reach(n, Reason{Clause: pkg.Clause{Text: "essential"}})
		}
	}
	// Installed packages may have been left without some of what they recommend, but lack nothing else.
	t.follow(func(r *pkg.Relations) []pkg.Clause { return r.Depends })
	t.follow(func(r *pkg.Relations) []pkg.Clause { return r.Recommends })
	t.follow(func(r *pkg.Relations) []pkg.Clause { return r.Suggests })
	out := make([]Pick, 0, len(picked))
	for _, n := range picked {
		if why, ok := t.why[n]; ok || all {
			out = append(out, Pick{Package: n.p, Because: why})
		}
	}
	return out
}

type tracer struct {
	w     *world
	in    map[*node]bool
	why   map[*node]Reason
	queue []*node // reached, in order
}

func (t *tracer) reach(n *node, why Reason) {
	if _, ok := t.why[n]; ok || !t.in[n] {
		return
	}
	t.why[n] = why
	t.queue = append(t.queue, n)
}

// follow reaches what the reached packages name in one of their fields, and what those depend on.
func (t *tracer) follow(field func(*pkg.Relations) []pkg.Clause) {
	if len(t.queue) == len(t.in) {
		return
	}
	for i := 0; i < len(t.queue); i++ {
		n := t.queue[i]
		r := n.p.Relations()
		t.relations(n, r.Depends)
		t.relations(n, field(r))
	}
}

func (t *tracer) relations(n *node, clauses []pkg.Clause) {
	for _, c := range clauses {
		for _, l := range c.Any {
			for _, m := range t.w.match(l) {
				t.reach(m, Reason{Parent: n.p, Clause: c})
			}
		}
	}
}
