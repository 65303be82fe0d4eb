package solve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/solve"
)

func TestAPKTime(t *testing.T) {
	start := time.Now()
	u := fullUniverse(t)
	t.Log("index", time.Since(start))
	for _, name := range []string{"apk"} {
		policy, _ := solve.Policies(name)
		for _, w := range []string{"alpine-base", "alpine-base", "gnome"} {
			start = time.Now()
			sol, err := policy.Solve(u, worldRequest(t, strings.Fields(w)...))
			n := 0
			if err == nil {
				n = len(sol.Picks)
			}
			t.Log(name, w, n, err, time.Since(start))
		}
	}
}
