package deb

import (
	"cmp"
	"hash/fnv"
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// nameBins is the number of chains of dpkg's hash table of packages (lib/dpkg/pkg-hash.c; found by trial on 1.21.22).
const nameBins = 65521

// ConfigureOrder returns the indexes of ps, which need one another's versions, in the order in which dpkg --configure --pending does them:
// that of its hash table of names, FNV-1a modulo 65521, again and again; each time those whose dependencies are configured. Where none is,
// a circle, the first goes.
//
// It is what a root that a bootstrapper makes depends on where the first script to ask decides. apt may call dpkg several times; that is not
// looked at.
func ConfigureOrder(ps []*pkg.Package) []int {
	queue := make([]int, len(ps))
	for i := range queue {
		queue[i] = i
	}
	bin := func(name string) uint32 {
		h := fnv.New32a()
		h.Write([]byte(name))
		return h.Sum32() % nameBins
	}
	slices.SortStableFunc(queue, func(a, b int) int {
		return cmp.Or(cmp.Compare(bin(ps[a].Name), bin(ps[b].Name)), cmp.Compare(ps[a].Name, ps[b].Name), cmp.Compare(ps[a].Arch, ps[b].Arch))
	})
	done, out := map[string]bool{}, make([]int, 0, len(ps))
	configure := func(i int) {
		out = append(out, i)
		done[ps[i].Name] = true
		for _, p := range ps[i].Relations().Provides {
			done[p.Name] = true
		}
	}
	for len(queue) > 0 {
		var later []int
		for _, i := range queue {
			if ready(ps[i], done) {
				configure(i)
			} else {
				later = append(later, i)
			}
		}
		if len(later) == len(queue) {
			configure(later[0])
			later = later[1:]
		}
		queue = later
	}
	return out
}

// ready reports whether what a package depends on is configured.
func ready(p *pkg.Package, done map[string]bool) bool {
	for _, c := range p.Relations().Depends {
		if !slices.ContainsFunc(c.Any, func(l pkg.Literal) bool { return l.Neg || done[l.Name] }) {
			return false
		}
	}
	return true
}
