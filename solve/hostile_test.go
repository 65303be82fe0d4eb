package solve

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

func request(names ...string) Request {
	var wants []Want
	for _, name := range names {
		wants = append(wants, Want{Literal: pkg.Literal{Name: name}, Text: name})
	}
	return Request{Arch: "amd64", Compare: compareNumbers, Stages: [][]Want{wants}}
}

// TestDeep solves a chain far deeper than the walk's recursion may go, and explains one that ends in nothing.
func TestDeep(t *testing.T) {
	const n = 20_000
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Package: p%d\nDepends: p%d\n\n", i, i+1)
	}
	for _, end := range []struct {
		stanza string
		ok     bool
	}{{fmt.Sprintf("Package: p%d\n", n), true}, {"", false}} {
		u := readUniverse(b.String() + end.stanza)
		for _, p := range []Policy{classic{}, apt{}} {
			sol, err := p.Solve(u, request("p0"))
			switch {
			case end.ok && (err != nil || len(sol.Picks) != n+1):
				t.Errorf("%T: %v", p, err)
			case !end.ok && (err == nil || len(err.Error()) > 10_000):
				t.Errorf("%T: want a short explanation, got %v", p, err)
			}
		}
	}
}

// TestPingPong gives the walk packages that un-mark each other again and again.
func TestPingPong(t *testing.T) {
	var b strings.Builder
	const n = 40
	b.WriteString("Package: p0\n\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "Package: p%d\nDepends: p%d | a, x%d | a, p%d | b\n\n", i, i-1, i, i-1)
		fmt.Fprintf(&b, "Package: x%d\nConflicts: p%d", i, i-1)
		for j := range i - 1 {
			fmt.Fprintf(&b, ", p%d", j)
		}
		b.WriteString("\n\n")
	}
	u := readUniverse(b.String() + "Package: a\n\nPackage: b\n")
	if sol, err := (classic{}).Solve(u, request(fmt.Sprintf("p%d", n))); err != nil {
		t.Error(err)
	} else if wrong := holdsAll(packages(sol), nil); wrong != "" {
		t.Error(wrong)
	}
}

func packages(sol *Solution) []*pkg.Package {
	var ps []*pkg.Package
	for _, p := range sol.Picks {
		ps = append(ps, p.Package)
	}
	return ps
}

// TestPigeons asks for n packages each in one of n-1 places: no solution, and no short proof. The search must end.
func TestPigeons(t *testing.T) {
	const n = 14
	var b strings.Builder
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("p%d", i)
		fmt.Fprintf(&b, "Package: p%d\nDepends: ", i)
		for h := range n - 1 {
			fmt.Fprintf(&b, "q%d-%d | ", i, h)
		}
		b.WriteString("none\n\n")
		for h := range n - 1 {
			fmt.Fprintf(&b, "Package: q%d-%d\nProvides: hole%d\nConflicts: hole%d\n\n", i, h, h, h)
		}
	}
	u := readUniverse(b.String())
	for _, p := range []Policy{classic{}, apt{}} {
		if _, err := p.Solve(u, request(names...)); !errors.Is(err, errLost) {
			t.Errorf("%T: %v", p, err)
		}
	}
}

// TestManyChoices bounds an explanation of which every reason has many reasons.
func TestManyChoices(t *testing.T) {
	var b strings.Builder
	const width, depth = 30, 6
	level := func(d int) string {
		var alts []string
		for i := range width {
			alts = append(alts, fmt.Sprintf("c%d-%d", d, i))
		}
		return strings.Join(alts, " | ")
	}
	fmt.Fprintf(&b, "Package: top\nDepends: %s\n\n", level(0))
	for d := range depth {
		for i := range width {
			fmt.Fprintf(&b, "Package: c%d-%d\nDepends: %s\n\n", d, i, level(d+1))
		}
	}
	for _, p := range []Policy{classic{}, apt{}} {
		_, err := p.Solve(readUniverse(b.String()), request("top"))
		var unsat *UnsatError
		if !errors.As(err, &unsat) || len(unsat.Chains[1]) > 2*mostTold {
			t.Errorf("%T: %v", p, err)
		}
	}
}
