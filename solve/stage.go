package solve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// A chooser completes one transaction: it returns all that must be added to installed so that
// the requested nodes are in and every relation holds, in the order of decision.
type chooser func(w *world, installed, requested []*node) ([]*node, error)

// transactions runs one transaction per stage, each on top of what the earlier ones picked.
func transactions(u pkg.Universe, r *Request, byID bool, choose chooser) (*Solution, error) {
	sol := &Solution{}
	for _, wants := range r.Stages {
		w := newWorld(u, r, byID)
		for _, p := range sol.Picks {
			w.fix(p.Package)
		}
		wanted, err := w.resolve(wants)
		if err != nil {
			return nil, err
		}
		installed := make([]*node, len(sol.Picks))
		for i, p := range sol.Picks {
			installed[i] = w.candidate(p.Package.Name)
		}
		picked := nodesOf(wanted)
		if r.NoDeps {
			picked = slices.DeleteFunc(picked, func(n *node) bool { return slices.Contains(installed, n) })
		} else {
			if picked, err = choose(w, installed, picked); err != nil {
				return nil, err
			}
		}
		sol.Picks = append(sol.Picks, w.trace(installed, wanted, picked, r.NoDeps)...)
		for _, want := range wanted {
			if i := slices.IndexFunc(sol.Picks, func(p Pick) bool { return p.Package == want.n.p }); i >= 0 && want.text != "" {
				sol.Picks[i].Requested = true
			}
		}
	}
	return sol, nil
}

// A wanted is a request and the candidate that answers it.
type wanted struct {
	n    *node
	text string // the user's own words; empty for members of a base set
}

func nodesOf(ws []wanted) []*node {
	var out []*node
	seen := make(map[*node]bool, len(ws))
	for _, w := range ws {
		if !seen[w.n] {
			seen[w.n] = true
			out = append(out, w.n)
		}
	}
	return out
}

// resolve finds the candidate for each want, as apt-get does: the package of that name, else
// the only one that provides it.
func (w *world) resolve(wants []Want) ([]wanted, error) {
	wants = slices.DeleteFunc(slices.Clone(wants), func(want Want) bool { // a base set may be had without a member
		return want.Text == "" && want.Package == nil && w.excluded[want.Literal.Name]
	})
	picks := make([]*pkg.Package, len(wants))
	for i, want := range wants {
		if picks[i] = want.Package; picks[i] == nil {
			p, err := w.named(want)
			if err != nil {
				return nil, err
			}
			picks[i] = p
		}
		if p := picks[i]; p != nil {
			if old := w.fixed[p.Name]; old != nil && old != p && old.String() != p.String() {
				return nil, &UnsatError{
					Chains: [2][]string{{asked(p.Name, old.String())}, {asked(p.Name, want.words())}},
					Meet:   fmt.Sprintf("%s and %s are two versions of one package", old, p),
				}
			} else if old == nil {
				w.fix(p)
			}
		}
	}
	out := make([]wanted, len(wants))
	for i, want := range wants {
		name := want.Literal.Name
		if picks[i] != nil {
			name = picks[i].Name
		}
		n := w.candidate(name)
		if n == nil {
			var err error
			if n, err = w.provider(want); err != nil {
				return nil, err
			}
		}
		out[i] = wanted{n, want.Text}
	}
	return out, nil
}

// named returns the package called as want says in a version that it accepts, nil if no package is called so.
func (w *world) named(want Want) (*pkg.Package, error) {
	l := want.Literal
	if w.excluded[l.Name] {
		return nil, &UnsatError{
			Chains: [2][]string{{asked(l.Name, want.words())}, {l.Name + " is excluded by the request"}},
			Meet:   l.Name + " is both wanted and excluded",
		}
	}
	all := w.u.Named(l.Name)
	if p := w.fixed[l.Name]; p != nil {
		all = []*pkg.Package{p}
	}
	var versions []string
	for _, p := range all {
		if !w.accepts(l.Arch, p.Arch) {
			continue
		}
		if w.holds(l, p.Version) {
			return p, nil
		}
		versions = append(versions, p.Version)
	}
	switch {
	case len(versions) > 0:
		return nil, &UnsatError{
			Chains: [2][]string{{asked(l.Name, want.words())}, {available(l.Name, versions)}},
			Meet:   fmt.Sprintf("no available version satisfies %s", l),
		}
	case len(all) > 0:
		return nil, &UnknownError{Name: l.Name + ":" + l.Arch}
	}
	return nil, nil
}

func (w *world) accepts(qualifier, arch string) bool {
	switch qualifier {
	case "", "any", arch:
		return true
	case "native", w.arch:
		return arch == w.arch || arch == "all" || arch == "noarch"
	}
	return false
}

// provider returns the only candidate that provides what want asks for.
func (w *world) provider(want Want) (*node, error) {
	l := want.Literal
	switch all := w.match(l); len(all) {
	case 0:
		return nil, &UnknownError{Name: l.String(), Near: near(w.u, l.Name)}
	case 1:
		return all[0], nil
	default:
		names := make([]string, len(all))
		for i, n := range all {
			names[i] = n.p.Name
		}
		slices.Sort(names)
		return nil, &UnsatError{
			Chains: [2][]string{{asked(l.Name, want.words())}, {"no package is called " + l.Name + "; it is provided by " + list(names)}},
			Meet:   fmt.Sprintf("%d packages provide %s", len(names), l),
			Hint:   "name one of " + list(names),
		}
	}
}

// words returns what was asked for.
func (w Want) words() string {
	switch {
	case w.Text != "":
		return w.Text
	case w.Package != nil:
		return w.Package.String()
	}
	return w.Literal.String()
}

func asked(name, words string) string {
	if words == "" || words == name {
		return name + " was requested"
	}
	return name + " was requested (" + words + ")"
}

func available(name string, versions []string) string {
	if len(versions) == 1 {
		return name + " is available in version " + versions[0]
	}
	return name + " is available in versions " + list(versions)
}

// list joins names by commas and cuts long lists.
func list(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
