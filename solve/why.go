package solve

import "slices"

// Why returns the chain from a request down to the package called name: each pick is the reason for the
// next, the last is name itself. It is nil if nothing called name was picked.
func Why(sol *Solution, name string) []Pick {
	byName := make(map[string]*Pick, len(sol.Picks))
	for i := range sol.Picks {
		byName[sol.Picks[i].Package.Name] = &sol.Picks[i]
	}
	var chain []Pick
	for p := byName[name]; p != nil && len(chain) < len(sol.Picks); {
		chain = append(chain, *p)
		if p.Because.Parent == nil {
			break
		}
		p = byName[p.Because.Parent.Name]
	}
	slices.Reverse(chain)
	return chain
}
