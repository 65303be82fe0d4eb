package solve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

func decimal(i int) string { return strconv.Itoa(i) }

// randomUniverse makes n packages with up to k relations each, dense enough for about half of
// the requests to be unsatisfiable.
func randomUniverse(r *rand.Rand, n, k int) *universe {
	name := func() string { return "p" + decimal(r.IntN(n)) }
	literal := func() string {
		switch r.IntN(6) {
		case 0:
			return "v" + decimal(r.IntN(3))
		case 1:
			return fmt.Sprintf("v%d (>= %d)", r.IntN(3), r.IntN(3))
		case 2:
			return fmt.Sprintf("%s (<< %d)", name(), 1+r.IntN(4))
		}
		return name()
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Package: p%d\nVersion: %d\n", i, 1+r.IntN(3))
		field := map[string][]string{}
		for range r.IntN(k + 1) {
			s := literal()
			for r.IntN(3) == 0 {
				s += " | " + literal()
			}
			f := []string{"Depends", "Depends", "Pre-Depends", "Recommends"}[r.IntN(4)]
			field[f] = append(field[f], s)
		}
		if r.IntN(3) == 0 {
			field["Conflicts"] = append(field["Conflicts"], literal())
		}
		if r.IntN(3) == 0 {
			field["Provides"] = append(field["Provides"], []string{"v0", "v1 (= 1)", "v2 (= 2)"}[r.IntN(3)])
		}
		for _, f := range []string{"Pre-Depends", "Depends", "Recommends", "Conflicts", "Provides"} {
			if len(field[f]) > 0 {
				fmt.Fprintf(&b, "%s: %s\n", f, strings.Join(field[f], ", "))
			}
		}
		b.WriteString("\n")
	}
	return readUniverse(b.String())
}

// TestRandom solves small random problems and compares with trying all subsets: what is picked satisfies
// every relation, and there is a solution if and only if one is found.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	solved, failed := 0, 0
	for range 1500 {
		u := randomUniverse(r, 9, 3)
		req := Request{Arch: "amd64", Compare: compareNumbers, Recommends: r.IntN(2) == 0}
		var wants []Want
		for _, name := range []string{"p0", "p1"}[:1+r.IntN(2)] {
			wants = append(wants, Want{Literal: pkg.Literal{Name: name}, Text: name})
		}
		req.Stages = [][]Want{wants}
		possible := satisfiable(u, wants)
		for _, name := range []string{"apt-classic", "apt"} {
			p, _ := Policies(name)
			sol, err := p.Solve(u, req)
			var unsat *UnsatError
			switch {
			case err == nil && possible:
				solved++
				checkSolution(t, u, wants, sol)
			case errors.As(err, &unsat) && !possible:
				failed++
				if unsat.Meet == "" || len(unsat.Chains[0]) == 0 || len(unsat.Chains[1]) == 0 {
					t.Fatalf("%s: poor explanation: %v", name, err)
				}
			default:
				t.Fatalf("%s: possible %v, got %v", name, possible, err)
			}
		}
	}
	if solved < 500 || failed < 500 {
		t.Errorf("%d solved, %d failed: the sample is one-sided", solved, failed)
	}
}

func satisfiable(u *universe, wants []Want) bool {
	for set := range 1 << len(u.names) {
		var ps []*pkg.Package
		for i, name := range u.names {
			if set&(1<<i) != 0 {
				ps = append(ps, u.named[name][0])
			}
		}
		if holdsAll(ps, wants) == "" {
			return true
		}
	}
	return false
}

// holdsAll returns what is wrong with ps.
func holdsAll(ps []*pkg.Package, wants []Want) string {
	meets := func(p *pkg.Package, l pkg.Literal) bool {
		if p.Name == l.Name && l.Op.Holds(compareNumbers(p.Version, l.Version)) {
			return true
		}
		return slices.ContainsFunc(p.Relations().Provides, func(pr pkg.Provide) bool {
			return pr.Name == l.Name && (l.Op == pkg.Any || pr.Version != "" && l.Op.Holds(compareNumbers(pr.Version, l.Version)))
		})
	}
	for _, w := range wants {
		if !slices.ContainsFunc(ps, func(p *pkg.Package) bool { return p.Name == w.Literal.Name }) {
			return w.Text + " is not picked"
		}
	}
	for _, p := range ps {
		for _, c := range p.Relations().Depends {
			if !slices.ContainsFunc(c.Any, func(l pkg.Literal) bool {
				return slices.ContainsFunc(ps, func(q *pkg.Package) bool { return meets(q, l) })
			}) {
				return p.Name + " lacks " + c.Text
			}
		}
		for _, c := range p.Relations().Conflicts {
			if slices.ContainsFunc(ps, func(q *pkg.Package) bool { return q != p && meets(q, c.Any[0]) }) {
				return p.Name + " conflicts with " + c.Text
			}
		}
	}
	return ""
}

func checkSolution(t *testing.T, u *universe, wants []Want, sol *Solution) {
	t.Helper()
	var ps []*pkg.Package
	for _, p := range sol.Picks {
		if p.Package != u.named[p.Package.Name][0] {
			t.Fatalf("%s is not the candidate", p.Package)
		}
		ps = append(ps, p.Package)
		chain := Why(sol, p.Package.Name)
		if len(chain) == 0 || !chain[0].Requested || chain[len(chain)-1].Package != p.Package {
			t.Fatalf("%s: no chain from a request: %v", p.Package, chain)
		}
	}
	if wrong := holdsAll(ps, wants); wrong != "" {
		t.Fatal(wrong)
	}
}

// TestRandomControl shows that checkSolution's judge can say no.
func TestRandomControl(t *testing.T) {
	u := readUniverse("Package: a\nDepends: b\n\nPackage: b\nConflicts: c\n\nPackage: c\n")
	a, b, c := u.named["a"][0], u.named["b"][0], u.named["c"][0]
	for _, ps := range [][]*pkg.Package{{a}, {a, b, c}, {b}} {
		if holdsAll(ps, []Want{{Literal: pkg.Literal{Name: "a"}}}) == "" {
			t.Errorf("%v is accepted", ps)
		}
	}
}
