package solve

import (
	"cmp"
	"slices"
)

// apk walks its table of names where it lists who depends on a name and whose install_if mentions it, and so
// the order of that table shows in the order of installation. It has 20,000 chains, chosen by MurmurHash3 of the name;
// the name that was put in last heads its chain.
const (
	apkChains = 20000
	apkSeed   = 5381
)

// sortNames puts names in the order of apk's table. Of one chain the name that the indexes mention last goes first.
func (s *apkSolver) sortNames(names []*apkName) {
	if len(names) < 2 {
		return
	}
	type keyed struct {
		chain uint32
		n     *apkName
	}
	keys := make([]keyed, len(names))
	for i, n := range names {
		keys[i] = keyed{murmur3(n.text, apkSeed) % apkChains, n}
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		if c := cmp.Compare(a.chain, b.chain); c != 0 || a.n == b.n {
			return c
		}
		if s.mention != nil {
			if c := cmp.Compare(s.mention(b.n.text), s.mention(a.n.text)); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.n.text, b.n.text)
	})
	for i := range keys {
		names[i] = keys[i].n
	}
}

// murmur3 is MurmurHash3_x86_32 by Austin Appleby, who placed it in the public domain.
func murmur3(s string, seed uint32) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	mix := func(k uint32) uint32 {
		k *= c1
		return (k<<15 | k>>17) * c2
	}
	h := seed
	i := 0
	for ; i+4 <= len(s); i += 4 {
		h ^= mix(uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24)
		h = (h<<13|h>>19)*5 + 0xe6546b64
	}
	var k uint32
	for j := len(s) - 1; j >= i; j-- {
		k = k<<8 | uint32(s[j])
	}
	h ^= mix(k)
	h ^= uint32(len(s))
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}
