package detinstall

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/solve/lock"
)

// Why explains a package by its NAME or a path by /PATH: lines from the
// request down to it. The chain is a shortest one; between equals the first by
// name is taken.
func (r *Result) Why(lk *lock.File, what string) ([]string, error) {
	if !strings.HasPrefix(what, "/") {
		return r.whyPackage(what)
	}
	p := strings.TrimPrefix(path.Clean(what), "/")
	if p == "" {
		p = "."
	}
	n, ok := r.Tree.Lookup(p)
	if !ok {
		return nil, &SpecError{Reason: what + ": no such path in the root"}
	}
	name, found := strings.CutPrefix(n.From, lk.Format+":")
	if !found {
		return []string{what, "made by " + n.From}, nil
	}
	name, _, _ = strings.Cut(name, "=")
	chain, err := r.whyPackage(name)
	return append(chain, what), err
}

func (r *Result) whyPackage(name string) ([]string, error) {
	byName := map[string]*pkg.Package{}
	var roots []string
	for i, p := range r.packages {
		byName[p.Package.Name] = p.Package
		if r.Packages[i].Requested {
			roots = append(roots, p.Package.Name)
		}
	}
	if byName[name] == nil {
		return nil, &SpecError{Reason: name + ": not installed in this root"}
	}
	slices.Sort(roots)
	if chain := shortest(roots, name, byName); chain != nil {
		return append([]string{"request: " + firstWord(chain[0])}, chain...), nil
	}
	if chain := shortest(r.baseRoots(byName), name, byName); chain != nil {
		return append([]string{"base set"}, chain...), nil
	}
	return []string{"base set", name}, nil
}

// baseRoots are packages that nothing else in the root depends on, and all essential ones.
func (r *Result) baseRoots(byName map[string]*pkg.Package) []string {
	var roots []string
	for name, p := range byName {
		if e, ok := p.Native.(interface{ Essential() bool }); ok && e.Essential() {
			roots = append(roots, name)
		}
	}
	slices.Sort(roots)
	return roots
}

// shortest searches breadth-first from roots along dependencies and returns one
// line per package: "NAME" and for all but the first "NAME (because X needs CLAUSE)".
func shortest(roots []string, target string, byName map[string]*pkg.Package) []string {
	type step struct{ from, text string }
	came := map[string]step{}
	queue := slices.Clone(roots)
	for _, n := range roots {
		came[n] = step{}
	}
	providers := providersOf(byName)
	for len(queue) > 0 && came[target] == (step{}) && !slices.Contains(roots, target) {
		n := queue[0]
		queue = queue[1:]
		for _, c := range byName[n].Relations().Depends {
			for _, l := range c.Any {
				for _, to := range providers[l.Name] {
					if _, seen := came[to]; !seen {
						came[to] = step{n, c.Text}
						queue = append(queue, to)
					}
				}
			}
		}
	}
	if _, ok := came[target]; !ok {
		return nil
	}
	var chain []string
	for n := target; ; n = came[n].from {
		if came[n].from == "" {
			chain = append(chain, n)
			break
		}
		chain = append(chain, fmt.Sprintf("%s, since %s needs %s", n, came[n].from, came[n].text))
	}
	slices.Reverse(chain)
	return chain
}

// providersOf maps every name to the installed packages that have or provide it, sorted.
func providersOf(byName map[string]*pkg.Package) map[string][]string {
	m := map[string][]string{}
	for n, p := range byName {
		m[n] = append(m[n], n)
		for _, v := range p.Relations().Provides {
			if v.Name != n {
				m[v.Name] = append(m[v.Name], n)
			}
		}
	}
	for _, l := range m {
		slices.Sort(l)
	}
	return m
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, ",")
	return w
}
