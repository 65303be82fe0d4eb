// Command hooktruth holds a root of ours against one into which apt-get
// installed the same packages with their hooks, and says for each sampled
// package whether the reader claimed more than was done.
//
//	hooktruth -steps DIR -hooks hooks.json LOCK MIRROR OURS ORACLE
//
// DIR has a file for each sampled package with the paths that changed while it
// was installed, and 00-dependencies for what was installed before. A finding
// belongs to the packages in whose steps its path changed; where there is none,
// to those one of whose duties names it, sampled or not; what nobody changed is the base's, and what else only we have is everybody's. A finding that a package's own
// deferred items or leftovers name is not counted. Printed are "ok NAME" or
// "CLAIMED NAME" and what was found.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/bench/internal/configured"
	"github.com/detinstall/detinstall/pkg/tree"
)

func main() {
	steps := flag.String("steps", "", "the directory of what each installation changed")
	report := flag.String("hooks", "", "what detinstall hooks --json says of the lock")
	doc := flag.String("deliberate", "doc/deliberate.md", "the table of what is not counted")
	flag.Parse()
	if flag.NArg() != 4 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*steps, *report, *doc, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "hooktruth:", err)
		os.Exit(1)
	}
}

func run(steps, report, doc string, args []string) error {
	findings, err := compare(doc, args)
	if err != nil {
		return err
	}
	samples, err := readSteps(steps)
	if err != nil {
		return err
	}
	said, err := readHooks(report)
	if err != nil {
		return err
	}
	by := map[string][]configured.Finding{}
	for _, f := range findings {
		for _, name := range blame(f, samples, said) {
			by[name] = append(by[name], f)
		}
	}
	for _, s := range samples {
		var counted []configured.Finding
		for _, f := range by[s.name] {
			if !said[s.name].names(f.Path) {
				counted = append(counted, f)
			}
		}
		tell(s.name, counted)
	}
	return nil
}

func tell(name string, fs []configured.Finding) {
	switch {
	case name == dependencies && len(fs) == 0:
		return
	case name == dependencies:
		fmt.Println("of packages that the sample depends on, which may have leftovers:")
	case len(fs) == 0:
		fmt.Println("ok", name)
	default:
		fmt.Println("CLAIMED", name)
	}
	for _, f := range fs {
		fmt.Printf("  %-8s /%s\n    ours   %s\n    oracle %s\n", f.Kind, tree.Quote(f.Path), f.Ours, f.Oracle)
	}
}

// unordered are what dpkg writes in the order of installation, in which the sample comes last here.
var unordered = []string{"var/lib/dpkg/diversions", "var/lib/dpkg/statoverride", "var/lib/dpkg/triggers/File"}

func compare(doc string, args []string) ([]configured.Finding, error) {
	skip, err := configured.Deliberate(doc)
	if err != nil {
		return nil, err
	}
	shipped, err := configured.Payload(args[0], args[1])
	if err != nil {
		return nil, err
	}
	ours, err := configured.ReadRoot(args[2], unordered...)
	if err != nil {
		return nil, err
	}
	oracle, err := configured.ReadRoot(args[3], unordered...)
	if err != nil {
		return nil, err
	}
	return configured.Compare(shipped, ours, oracle, skip).Findings, nil
}

// dependencies is the step before the sampled packages'.
const dependencies = "00-dependencies"

// step is what one installation changed.
type step struct {
	name  string
	paths map[string]bool
}

// readSteps reads the steps, by name.
func readSteps(dir string) ([]step, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []step
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		s := step{e.Name(), map[string]bool{}}
		for l := range strings.Lines(string(b)) {
			s.paths[strings.TrimSuffix(l, "\n")] = true
		}
		out = append(out, s)
	}
	return out, nil
}

// blame returns the names of the steps that a finding belongs to.
func blame(f configured.Finding, steps []step, said map[string]*words) []string {
	var last, named, all []string
	for _, s := range steps {
		if s.paths[f.Path] && s.name != dependencies {
			last = append(last, s.name)
		}
		if said[s.name].does(f.Path) {
			named = append(named, s.name)
		}
		if s.name != dependencies {
			all = append(all, s.name)
		}
	}
	switch {
	case len(last) > 0:
		return last
	case len(named) > 0:
		return named
	case slices.ContainsFunc(steps, func(s step) bool { return s.name == dependencies && s.paths[f.Path] }):
		return []string{dependencies}
	case slices.ContainsFunc(slices.Collect(maps.Values(said)), func(w *words) bool { return w.does(f.Path) }): // by a script of another package
		return []string{dependencies}
	case f.Kind == configured.Differs || f.Kind == configured.Kept: // as the base was: nothing of the sample
		return []string{dependencies}
	}
	return all
}
