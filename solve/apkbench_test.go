package solve_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano()+u.Stime.Nano())
}

func TestAPKTime(t *testing.T) {
	start := cpuTime()
	u := fullUniverse(t)
	t.Log("index", cpuTime()-start)
	for _, w := range strings.Split(os.Getenv("WORLDS"), ",") {
		start = cpuTime()
		sol, err := apkPolicy(t, os.Getenv("POLICY")).Solve(u, worldRequest(t, strings.Fields(w)...))
		n := 0
		if err == nil {
			n = len(sol.Picks)
		}
		t.Log(w, n, err, cpuTime()-start)
	}
}
