package solve_test

import (
	"strings"
	"testing"

	"github.com/detinstall/detinstall/solve"
)

// BenchmarkAPK reads the whole index of Alpine 3.19 and solves one world.
func BenchmarkAPK(b *testing.B) {
	policy, err := solve.Policies("apk-classic")
	if err != nil {
		b.Fatal(err)
	}
	for _, world := range []string{"alpine-base", "alpine-base gnome"} {
		b.Run(strings.ReplaceAll(world, " ", "+"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sol, err := policy.Solve(fullUniverse(b), worldRequest(b, strings.Fields(world)...))
				if err != nil || len(sol.Picks) < 20 {
					b.Fatalf("%d packages, %v", len(sol.Picks), err)
				}
			}
		})
	}
}
