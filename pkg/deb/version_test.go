package deb

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

func TestCompareTable(t *testing.T) {
	data, err := os.ReadFile("testdata/version.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, line := range strings.Split(string(data), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if len(f) != 3 {
			t.Fatalf("testdata/version.txt:%d: want A OP B, have %q", i+1, line)
		}
		want := map[string]int{"<": -1, "=": 0}[f[1]]
		if got := Compare(f[0], f[2]); got != want {
			t.Errorf("line %d: Compare(%q, %q) = %d, want %d", i+1, f[0], f[2], got, want)
		}
		if got := Compare(f[2], f[0]); got != -want {
			t.Errorf("line %d: Compare(%q, %q) = %d, want %d", i+1, f[2], f[0], got, -want)
		}
		n++
	}
	if n < 40 {
		t.Errorf("only %d lines", n)
	}
}

func TestCompareDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Compare("1:2.3.4~rc1-5+b1", "1:2.3.4~rc1-5+b2") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// randomVersion makes a valid version, often near to base so that comparisons go deep.
func randomVersion(r *rand.Rand, base string) string {
	const chars = "0123456789001122~~++..abzAZ"
	if base != "" && r.IntN(3) > 0 {
		first := strings.IndexByte(base, ':') + 2 // an epoch takes digits only
		i := first + r.IntN(len(base)-first+1)
		return base[:i] + string(chars[r.IntN(len(chars))]) + base[i:]
	}
	run := func(n int) string {
		b := []byte{'0' + byte(r.IntN(10))}
		for range r.IntN(n) {
			b = append(b, chars[r.IntN(len(chars))])
		}
		return string(b)
	}
	v := run(8)
	if r.IntN(2) == 0 {
		v += "-" + run(5)
	}
	if r.IntN(4) == 0 {
		v = fmt.Sprint(r.IntN(12)) + ":" + v
	}
	return v
}

func TestCompareAgreesWithDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("SKIPPED: no dpkg on this machine to compare versions with")
	}
	pairs := 1500
	if testing.Short() {
		pairs = 100
	}
	r := rand.New(rand.NewPCG(1, 2))
	type job struct{ a, b string }
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for j := range jobs {
				got := map[int]string{-1: "lt", 0: "eq", 1: "gt"}[Compare(j.a, j.b)]
				if err := exec.Command(dpkg, "--compare-versions", j.a, got, j.b).Run(); err != nil {
					t.Errorf("dpkg does not say %q %s %q: %v", j.a, got, j.b, err)
				}
			}
		})
	}
	base := ""
	for i := range pairs {
		if i%8 == 0 {
			base = randomVersion(r, "")
		}
		jobs <- job{base, randomVersion(r, base)}
	}
	close(jobs)
	wg.Wait()
	// Negative control: dpkg tells apart what we would say wrongly.
	if exec.Command(dpkg, "--compare-versions", "1", "gt", "2").Run() == nil {
		t.Error("dpkg says yes to everything")
	}
}

func FuzzCompareOrder(f *testing.F) {
	f.Add("1.0-1", "1:1.0~rc1-1", "1.0+b1")
	f.Add("", "~", "0")
	f.Add(":", "-", "a:b-c-d")
	f.Add("\xff", "1.\x00", "é")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, ba, bc, ac := Compare(a, b), Compare(b, a), Compare(b, c), Compare(a, c)
		if Compare(a, a) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if ab != -ba {
			t.Errorf("Compare(%q, %q) = %d, the other way round %d", a, b, ab, ba)
		}
		if ab <= 0 && bc <= 0 && ac > 0 {
			t.Errorf("%q <= %q <= %q, but the first is greater than the last", a, b, c)
		}
		if ab == 0 && ac != bc {
			t.Errorf("%q = %q, but they compare to %q as %d and %d", a, b, c, ac, bc)
		}
	})
}
