package solve

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// Order returns the indexes of ps so that dependencies come before their dependents. Packages that
// depend on each other in a circle stand together; inside, a package whose needs are met goes first,
// then the lowest name of which all Pre-Depends are, then the lowest name. Otherwise too the lowest name that may
// come next does; equal names are ordered by version and architecture. The order of ps itself does not matter.
func Order(ps []*pkg.Package, compare func(a, b string) int) []int {
	o := newOrderer(ps, compare)
	out := make([]int, 0, len(ps))
	for _, circle := range o.circles() {
		for _, r := range o.untie(circle) {
			out = append(out, o.rank[r])
		}
	}
	return out
}

// An orderer works on ranks: positions in the list sorted by name.
type orderer struct {
	rank   []int   // index in ps
	needs  [][]int // Depends and Pre-Depends, ascending
	pre    [][]int // Pre-Depends, ascending
	circle []int   // the number of the circle that a rank belongs to
}

func newOrderer(ps []*pkg.Package, compare func(a, b string) int) *orderer {
	o := &orderer{
		rank: make([]int, len(ps)), circle: make([]int, len(ps)),
		needs: make([][]int, len(ps)), pre: make([][]int, len(ps)),
	}
	for i := range o.rank {
		o.rank[i] = i
	}
	slices.SortStableFunc(o.rank, func(a, b int) int {
		p, q := ps[a], ps[b]
		return cmp.Or(cmp.Compare(p.Name, q.Name), compare(p.Version, q.Version),
			cmp.Compare(p.Version, q.Version), cmp.Compare(p.Arch, q.Arch))
	})
	f := finder{ps: ps, rank: o.rank, compare: compare, named: make(map[string][]int), offers: make(map[string][]int)}
	f.index()
	for r, i := range o.rank {
		rel := ps[i].Relations()
		for k, c := range rel.Depends {
			to := f.targets(c, r)
			if k < rel.PreDepends {
				o.pre[r] = append(o.pre[r], to...)
			}
			o.needs[r] = append(o.needs[r], to...)
		}
		o.pre[r], o.needs[r] = set(o.pre[r]), set(o.needs[r])
	}
	return o
}

func set(s []int) []int {
	slices.Sort(s)
	return slices.Compact(s)
}

// A finder finds ranks by name.
type finder struct {
	ps      []*pkg.Package
	rank    []int
	compare func(a, b string) int
	named   map[string][]int
	offers  map[string][]int
}

func (f *finder) index() {
	for r, i := range f.rank {
		f.named[f.ps[i].Name] = append(f.named[f.ps[i].Name], r)
		for _, pr := range f.ps[i].Relations().Provides {
			if l := f.offers[pr.Name]; len(l) == 0 || l[len(l)-1] != r {
				f.offers[pr.Name] = append(l, r)
			}
		}
	}
}

// targets returns what satisfies c's first alternative that is present: the package of that name, else all
// that provide it. Nothing, if the owner itself satisfies c.
func (f *finder) targets(c pkg.Clause, owner int) []int {
	var out []int
	for _, l := range c.Any {
		found := f.find(l)
		if slices.Contains(found, owner) {
			return nil
		}
		if out == nil {
			out = found
		}
	}
	return out
}

func (f *finder) find(l pkg.Literal) []int {
	holds := func(v string) bool { return l.Op == pkg.Any || v != "" && l.Op.Holds(f.compare(v, l.Version)) }
	var out []int
	for _, r := range f.named[l.Name] {
		if holds(f.ps[f.rank[r]].Version) {
			out = append(out, r)
		}
	}
	if out != nil {
		return out
	}
	for _, r := range f.offers[l.Name] {
		if slices.ContainsFunc(f.ps[f.rank[r]].Relations().Provides, func(p pkg.Provide) bool {
			return p.Name == l.Name && holds(p.Version)
		}) {
			out = append(out, r)
		}
	}
	return out
}

// circles returns the strongly connected components, each ascending: dependencies first, and among
// those that may come next the one with the lowest rank.
func (o *orderer) circles() [][]int {
	comps := o.components()
	open := make([]int, len(comps)) // circles that must come before
	back := make([][]int, len(comps))
	for c, ranks := range comps {
		var to []int
		for _, r := range ranks {
			for _, d := range o.needs[r] {
				if o.circle[d] != c {
					to = append(to, o.circle[d])
				}
			}
		}
		to = set(to)
		open[c] = len(to)
		for _, d := range to {
			back[d] = append(back[d], c)
		}
	}
	var ready ranks
	for c, n := range open {
		if n == 0 {
			heap.Push(&ready, comps[c][0])
		}
	}
	var out [][]int
	for len(ready) > 0 {
		c := o.circle[heap.Pop(&ready).(int)]
		out = append(out, comps[c])
		for _, d := range back[c] {
			if open[d]--; open[d] == 0 {
				heap.Push(&ready, comps[d][0])
			}
		}
	}
	return out
}

// components implements Tarjan's algorithm without recursion.
func (o *orderer) components() (comps [][]int) {
	n := len(o.needs)
	num, low, next := make([]int, n), make([]int, n), make([]int, n)
	onStack := make([]bool, n)
	var stack, path []int
	count := 0
	for root := range n {
		if num[root] == 0 {
			path = append(path, root)
		}
		for len(path) > 0 {
			v := path[len(path)-1]
			if num[v] == 0 {
				count++
				num[v], low[v] = count, count
				stack, onStack[v] = append(stack, v), true
			}
			if next[v] < len(o.needs[v]) {
				d := o.needs[v][next[v]]
				next[v]++
				if num[d] == 0 {
					path = append(path, d)
				} else if onStack[d] {
					low[v] = min(low[v], num[d])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				low[path[len(path)-1]] = min(low[path[len(path)-1]], low[v])
			}
			if low[v] == num[v] {
				cut := len(stack) - 1
				for stack[cut] != v {
					cut--
				}
				comp := slices.Clone(stack[cut:])
				stack = stack[:cut]
				for _, r := range comp {
					onStack[r], o.circle[r] = false, len(comps)
				}
				slices.Sort(comp)
				comps = append(comps, comp)
			}
		}
	}
	return comps
}

// untie orders one circle.
func (o *orderer) untie(circle []int) []int {
	if len(circle) == 1 {
		return circle
	}
	u := newUntier(o, circle)
	out := make([]int, 0, len(circle))
	for len(out) < len(circle) {
		r := u.next()
		out = append(out, r)
		u.release(r)
	}
	return out
}

// An untier counts what the members of a circle still wait for inside it.
type untier struct {
	lowest       []int // not yet placed, ascending
	placed       map[int]bool
	needs, pre   map[int]int
	needBy, pres map[int][]int
	free, almost ranks // all needs met; all Pre-Depends met
}

func newUntier(o *orderer, circle []int) *untier {
	u := &untier{
		lowest: circle, placed: make(map[int]bool),
		needs: make(map[int]int), pre: make(map[int]int),
		needBy: make(map[int][]int), pres: make(map[int][]int),
	}
	inside := func(d int) bool { return o.circle[d] == o.circle[circle[0]] }
	for _, r := range circle {
		for _, d := range o.needs[r] {
			if inside(d) {
				u.needs[r]++
				u.needBy[d] = append(u.needBy[d], r)
			}
		}
		for _, d := range o.pre[r] {
			if inside(d) {
				u.pre[r]++
				u.pres[d] = append(u.pres[d], r)
			}
		}
		if u.pre[r] == 0 {
			heap.Push(&u.almost, r)
		}
	}
	return u
}

func (u *untier) next() int {
	for _, h := range []*ranks{&u.free, &u.almost} {
		for len(*h) > 0 {
			if r := heap.Pop(h).(int); !u.placed[r] {
				return r
			}
		}
	}
	for u.placed[u.lowest[0]] {
		u.lowest = u.lowest[1:]
	}
	return u.lowest[0]
}

func (u *untier) release(r int) {
	u.placed[r] = true
	for _, d := range u.needBy[r] {
		if u.needs[d]--; u.needs[d] == 0 {
			heap.Push(&u.free, d)
		}
	}
	for _, d := range u.pres[r] {
		if u.pre[d]--; u.pre[d] == 0 {
			heap.Push(&u.almost, d)
		}
	}
}

// ranks is a heap.
type ranks []int

func (h ranks) Len() int           { return len(h) }
func (h ranks) Less(i, j int) bool { return h[i] < h[j] }
func (h ranks) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ranks) Push(x any)        { *h = append(*h, x.(int)) }
func (h *ranks) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
