package hooks

import (
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// Bootstrapped returns the indexes of the packages that a bootstrapper extracts before any script runs, and configures before all
// others: those with Essential: yes and what they need.
func Bootstrapped(ps []*pkg.Package) map[int]bool {
	byName := map[string][]int{}
	var todo []int
	for i, p := range ps {
		byName[p.Name] = append(byName[p.Name], i)
		for _, v := range p.Relations().Provides {
			byName[v.Name] = append(byName[v.Name], i)
		}
		if e, ok := p.Native.(interface{ Essential() bool }); ok && e.Essential() {
			todo = append(todo, i)
		}
	}
	early := map[int]bool{}
	for len(todo) > 0 {
		i := todo[0]
		todo = todo[1:]
		if early[i] {
			continue
		}
		early[i] = true
		for _, c := range ps[i].Relations().Depends {
			if j := slices.IndexFunc(c.Any, func(l pkg.Literal) bool { return !l.Neg && len(byName[l.Name]) > 0 }); j >= 0 {
				todo = append(todo, byName[c.Any[j].Name]...)
			}
		}
	}
	return early
}
