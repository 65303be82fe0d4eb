package solve

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
)

func ordered(ps []*pkg.Package) string {
	var names []string
	for _, i := range Order(ps, compareNumbers) {
		names = append(names, ps[i].Name)
	}
	return strings.Join(names, " ")
}

func allOf(u *universe) []*pkg.Package {
	var ps []*pkg.Package
	for _, name := range u.names {
		ps = append(ps, u.named[name]...)
	}
	return ps
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ doc, packages, want string }{
		{"by name where nothing else says", "Package: c\n\nPackage: a\n\nPackage: b\n", "a b c"},
		{"dependencies first", "Package: a\nDepends: z\n\nPackage: m\n\nPackage: z\n", "m z a"},
		{"the lowest that may come next", "Package: a\nDepends: z\n\nPackage: z\n\nPackage: zz\n", "z a zz"},
		{"a circle, at the lowest name", "Package: a\nDepends: b\n\nPackage: b\nDepends: c\n\nPackage: c\nDepends: a\n", "a c b"},
		{"Pre-Depends hold inside a circle", "Package: a\nPre-Depends: b\n\nPackage: b\nDepends: c\n\nPackage: c\nDepends: a\n", "b a c"},
		{"a circle stands together", "Package: a\nDepends: x\n\nPackage: b\n\nPackage: x\nDepends: a\n", "a x b"},
		{"what a circle needs comes before it", "Package: a\nDepends: b\n\nPackage: b\nDepends: a, z\n\nPackage: z\n", "z a b"},
		{"through provides", "Package: a\nDepends: v\n\nPackage: z\nProvides: v\n", "z a"},
		{"a versioned relation is not met by an unversioned provide", "Package: a\nDepends: v (>= 1)\n\nPackage: z\nProvides: v\n", "a z"},
		{"only the first alternative that is there", "Package: a\nDepends: gone | y | z\n\nPackage: y\n\nPackage: z\nDepends: a\n", "y a z"},
		{"a package that satisfies its own relation waits for nobody", "Package: a\nDepends: v\nProvides: v\n\nPackage: b\nProvides: v\n", "a b"},
	} {
		if got := ordered(allOf(readUniverse(c.packages))); got != c.want {
			t.Errorf("%s: %s, want %s", c.doc, got, c.want)
		}
	}
}

// TestOrderShuffled shows that the order of the input does not matter, and that dependencies that are in no
// circle are always kept.
func TestOrderShuffled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		ps := allOf(randomUniverse(r, 12, 2))
		want := ordered(ps)
		for range 5 {
			r.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
			if diff := cmp.Diff(want, ordered(ps)); diff != "" {
				t.Fatalf("another order of the input (-want +got):\n%s", diff)
			}
		}
		checkOrder(t, ps)
	}
}

func checkOrder(t *testing.T, ps []*pkg.Package) {
	t.Helper()
	o := newOrderer(ps, compareNumbers)
	place := make([]int, len(ps))
	for i, p := range Order(ps, compareNumbers) {
		place[slices.Index(o.rank, p)] = i
	}
	reach := func(from, to int) bool {
		seen := make([]bool, len(ps))
		for todo := []int{from}; len(todo) > 0; {
			v := todo[0]
			todo = todo[1:]
			if v == to {
				return true
			}
			if !seen[v] {
				seen[v] = true
				todo = append(todo, o.needs[v]...)
			}
		}
		return false
	}
	for r, needs := range o.needs {
		for _, d := range needs {
			if place[d] > place[r] && !reach(d, r) {
				t.Fatalf("%s stands before %s, which it needs", ps[o.rank[r]], ps[o.rank[d]])
			}
		}
	}
}

func TestOrderLong(t *testing.T) {
	var ps []*pkg.Package
	const n = 50_000
	for i := range n {
		p := &pkg.Package{Name: "p" + strings.Repeat("x", i%3) + string(rune('a'+i%26)), Version: "1"}
		p.Name += decimal(i)
		ps = append(ps, p)
	}
	for i, p := range ps {
		next := ps[(i+1)%n].Name
		p.Parse = func() *pkg.Relations {
			return &pkg.Relations{Depends: []pkg.Clause{{Any: []pkg.Literal{{Name: next}}}}}
		}
	}
	got := Order(ps, compareNumbers) // one circle: no recursion, no quadratic time
	slices.Sort(got)
	if len(slices.Compact(got)) != n {
		t.Errorf("%d packages, want %d", len(got), n)
	}
}
