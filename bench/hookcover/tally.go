package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// tally counts packages.
type tally struct {
	packages, scripted          int
	covered, deferred, leftover int
	reasons                     map[string][]string // packages by reason
	alone                       map[string]int      // packages that have no other reason
	recipes                     map[string]bool     // scripts that a recipe accounts for, by package and phase
	verbose                     bool
	only                        string
}

func newTally() *tally {
	t := &tally{recipes: map[string]bool{}}
	t.reset()
	return t
}

func (t *tally) reset() {
	*t = tally{reasons: map[string][]string{}, alone: map[string]int{}, recipes: t.recipes, verbose: t.verbose, only: t.only}
}

func (t *tally) add(name string, rep *hooks.Report) {
	if t.only != "" {
		show(name, rep)
	}
	t.packages++
	verdict, scripted := hooks.Covered, false
	reasons := map[string]bool{}
	for _, r := range rep.Readings {
		if r.Package.Name != name {
			continue
		}
		scripted = true
		if r.Recipe != "" {
			t.recipes[name+" "+string(r.Script.Phase)] = true
		}
		switch v := r.Verdict(); {
		case v == hooks.Pending:
			verdict = v
		case v == hooks.Deferred && verdict == hooks.Covered:
			verdict = v
		}
		for _, n := range r.Pending {
			if t.verbose {
				fmt.Printf("%s %s %d: %s (%s)\n", name, r.Script.Phase, n.Line, n.Text, n.Reason)
			}
			reasons[strings.TrimPrefix(n.Reason, "not read yet: ")] = true
		}
	}
	for r := range reasons {
		t.reasons[r] = append(t.reasons[r], name)
		if len(reasons) == 1 {
			t.alone[r]++
		}
	}
	if scripted {
		t.scripted++
	}
	switch verdict {
	case hooks.Covered:
		t.covered++
	case hooks.Deferred:
		t.deferred++
	default:
		t.leftover++
	}
}

// print prints the figures of a corpus, and why the rest is not covered: packages with the reason, and of them those with no other.
func (t *tally) print(corpus string) {
	percent := func(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }
	fmt.Printf("%s: %.1f %% covered or deferred (%.1f %% of those with scripts): %d packages, %d with scripts; %d covered, %d deferred, %d with leftovers\n",
		corpus, percent(t.covered+t.deferred, t.packages), percent(t.scripted-t.leftover, t.scripted), t.packages, t.scripted, t.covered, t.deferred, t.leftover)
	reasons := slices.SortedFunc(maps.Keys(t.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(t.reasons[b]), len(t.reasons[a])), cmp.Compare(t.alone[b], t.alone[a]), strings.Compare(a, b))
	})
	for _, r := range reasons[:min(60, len(reasons))] {
		names := t.reasons[r]
		fmt.Printf("%4d, alone %2d: %s: %s\n", len(names), t.alone[r], r, strings.Join(names[:min(6, len(names))], " "))
	}
}

// show prints all that the scripts of a package say.
func show(name string, rep *hooks.Report) {
	for _, r := range rep.Readings {
		if r.Package.Name != name {
			continue
		}
		fmt.Printf("%s %v: %s %s\n", r.Script.Phase, r.Triggered, r.Verdict(), r.Recipe)
		for _, d := range r.Duties {
			fmt.Printf("  duty %d %s %q %q\n", d.Line, d.Kind, d.Args, d.Body[:min(len(d.Body), 60)])
		}
		for _, n := range r.Pending {
			fmt.Printf("  left %d: %s (%s)\n", n.Line, n.Text, n.Reason)
		}
		for _, n := range r.Deferred {
			fmt.Printf("  deferred %d: %s (%s)\n", n.Line, n.Text, n.Reason)
		}
	}
}
