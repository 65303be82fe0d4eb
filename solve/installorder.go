package solve

import (
	"iter"
	"maps"
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// InstallOrder returns the indexes of ps, a solution of the policy of that name, in the order in which its package manager installs them: apk
// goes depth first from the world's entries, which are those that requested names; for others it is [Order]. Of r count Arch, Compare and Match.
// What apk does for a package that was not picked (see TestInstallOrder) cannot be told from ps, and does not count.
func InstallOrder(policy string, ps []*pkg.Package, requested func(i int) bool, r Request) []int {
	a, ok := map[string]apk{"apk": {}, "apk-classic": {old: true}}[policy]
	if !ok {
		return Order(ps, r.Compare)
	}
	r.Stages = [][]Want{nil}
	index := map[*pkg.Package]int{}
	u := closed{named: map[string][]*pkg.Package{}, offers: map[string][]*pkg.Package{}, triggers: map[string][]*pkg.Package{}}
	for i, p := range ps {
		index[p] = i
		u.add(p)
		if requested(i) {
			r.Stages[0] = append(r.Stages[0], Want{Literal: pkg.Literal{Name: p.Name}, Text: p.Name})
		}
	}
	s, err := a.Solve(u, r)
	if err != nil || len(s.Picks) != len(ps) {
		return Order(ps, r.Compare) // what was installed without its dependencies is no solution
	}
	out := make([]int, len(ps))
	for i, p := range s.Picks {
		out[i] = index[p.Package]
	}
	return out
}

// closed is the universe of the packages that were picked.
type closed struct {
	named, offers, triggers map[string][]*pkg.Package
}

func (u closed) add(p *pkg.Package) {
	u.named[p.Name] = append(u.named[p.Name], p)
	r := p.Relations()
	for _, o := range r.Provides {
		if !slices.Contains(u.offers[o.Name], p) {
			u.offers[o.Name] = append(u.offers[o.Name], p)
		}
	}
	for _, l := range r.InstallIf {
		if !slices.Contains(u.triggers[l.Name], p) {
			u.triggers[l.Name] = append(u.triggers[l.Name], p)
		}
	}
}

func (u closed) Named(name string) []*pkg.Package       { return u.named[name] }
func (u closed) Providing(name string) []*pkg.Package   { return u.offers[name] }
func (u closed) InstalledIf(name string) []*pkg.Package { return u.triggers[name] }
func (u closed) Names() iter.Seq[string]                { return slices.Values(slices.Sorted(maps.Keys(u.named))) }
func (u closed) Base(string) ([]string, error)          { return nil, nil }
func (u closed) Verified() []pkg.Verified               { return nil }
