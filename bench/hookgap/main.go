// Command hookgap holds a root of ours against one that the real hooks
// configured, made from the same packages: of all paths that hooks made,
// changed or removed, in how many are we the same?
//
//	hookgap [-v] [-deliberate doc/deliberate.md] LOCK MIRROR OURS ORACLE
//
// What is compared, and how, says bench/internal/configured. The exit status is 1 below 99 %, or where
// we have paths that the oracle lacks, or changed what hooks did not.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/bench/internal/configured"
	"github.com/detinstall/detinstall/pkg/tree"
)

func main() {
	verbose := flag.Bool("v", false, "list every path that is not the same")
	doc := flag.String("deliberate", "doc/deliberate.md", "the table of what is not counted")
	flag.Parse()
	if flag.NArg() != 4 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := run(flag.Arg(0), flag.Arg(1), flag.Arg(2), flag.Arg(3), *doc, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookgap:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(lockfile, mirror, ours, oracle, doc string, verbose bool) (bool, error) {
	skip, err := configured.Deliberate(doc)
	if err != nil {
		return false, err
	}
	shipped, err := configured.Payload(lockfile, mirror)
	if err != nil {
		return false, err
	}
	a, err := configured.ReadRoot(ours)
	if err != nil {
		return false, err
	}
	b, err := configured.ReadRoot(oracle)
	if err != nil {
		return false, err
	}
	r := configured.Compare(shipped, a, b, skip)
	missing := map[string]int{}
	for _, f := range r.Findings {
		if verbose {
			fmt.Printf("%-8s /%s\n  ours   %s\n  oracle %s\n", f.Kind, tree.Quote(f.Path), f.Ours, f.Oracle)
		}
		missing[group(f.Path)]++
	}
	for _, g := range byCount(missing) {
		fmt.Printf("%6d not the same below %s\n", missing[g], g)
	}
	fmt.Printf("%d paths that hooks made or changed: %d the same (%.2f %%), %d extra, %d deliberately not\n",
		r.Total, r.Same, 100*float64(r.Same)/float64(max(r.Total, 1)), r.Extra, r.Skipped)
	return r.Extra == 0 && 100*r.Same >= 99*r.Total, nil
}

// group names the place of a path in the summary: two levels.
func group(p string) string {
	f := strings.Split(p, "/")
	return "/" + strings.Join(f[:min(len(f), 3)], "/")
}

func byCount(m map[string]int) []string {
	var out []string
	for g := range m {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	return out
}
