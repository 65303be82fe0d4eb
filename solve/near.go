package solve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

const mostNear = 5

// near returns at most five names that somebody who wrote name may have meant: best first, by the number of
// edits, then names that begin with it, ties by name.
func near(u pkg.Universe, name string) []string {
	type hit struct {
		name string
		d    int
	}
	limit := min(2, len(name)/3)
	var hits []hit
	var row []int
	for other := range u.Names() {
		d := limit + 1
		if diff := len(other) - len(name); diff <= limit && diff >= -limit {
			d, row = distance(name, other, limit, row)
		}
		if d > limit && (len(name) < 3 || !strings.HasPrefix(other, name)) {
			continue
		}
		hits = append(hits, hit{other, d})
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, h := range hits[:min(len(hits), mostNear)] {
		out = append(out, h.name)
	}
	return out
}

// distance returns the number of edits (insert, delete, replace a byte, swap two neighbours) between
// a and b, or limit+1 if there are more. Row is scratch space, returned for the next call.
func distance(a, b string, limit int, row []int) (int, []int) {
	n := len(b) + 1
	if cap(row) < 3*n {
		row = make([]int, 3*n)
	}
	before, last, cur := row[:n], row[n:2*n], row[2*n:3*n]
	for j := range last {
		last[j] = j
	}
	prev := 0
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		best := i
		for j := 1; j < n; j++ {
			d := min(last[j]+1, cur[j-1]+1)
			if a[i-1] == b[j-1] {
				d = min(d, last[j-1])
			} else {
				d = min(d, last[j-1]+1)
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			cur[j] = d
			best = min(best, d)
		}
		if best > limit && prev >= limit { // a swap looks two rows back
			return limit + 1, row
		}
		prev = best
		before, last, cur = last, cur, before
	}
	return min(last[len(b)], limit+1), row
}
