// Command hookcover measures how many packages have scripts that the reader
// covers. Usage: hookcover [-v] [-only NAME] LIST DEB-DIRECTORY...
//
// LIST names packages, one a line. Each is read on a root of its own: the essential, required and important packages and
// what the package depends on, as far as the directories have them. All kinds of duties and all triggers count as there.
// It prints the figures, and the reasons of leftovers by the number of packages that have them.
package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

func main() {
	verbose := flag.Bool("v", false, "print every leftover")
	only := flag.String("only", "", "read just this package, and print all that its scripts say")
	flag.Parse()
	if flag.NArg() < 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Args()[1:], *verbose, *only); err != nil {
		fmt.Fprintln(os.Stderr, "hookcover:", err)
		os.Exit(1)
	}
}

func run(list string, dirs []string, verbose bool, only string) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	c := &corpus{files: map[string]string{}, read: map[string]*pkg.Unpacked{}, provides: map[string][]string{}}
	for _, dir := range dirs {
		if err := c.scan(dir); err != nil {
			return err
		}
	}
	t := &tally{reasons: map[string][]string{}, verbose: verbose}
	for _, name := range strings.Fields(string(text)) {
		if c.files[name] == "" || only != "" && name != only {
			continue
		}
		ps, err := c.root(name)
		if err != nil {
			return err
		}
		rep := hooks.Read(ps, hooks.World{Arch: "amd64", Compare: deb.Compare, Owns: triggers.World("deb").Owns})
		if only != "" {
			show(name, rep)
		}
		t.add(name, rep)
	}
	t.print()
	return nil
}

// corpus are the packages of some directories.
type corpus struct {
	files    map[string]string
	read     map[string]*pkg.Unpacked
	provides map[string][]string
	base     []string
}

func (c *corpus) scan(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".deb") {
			return err
		}
		name, _, _ := strings.Cut(filepath.Base(path), "_")
		if c.files[name] != "" {
			return nil
		}
		c.files[name] = path
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		a, err := deb.Format{}.Open(f, info.Size(), pkg.Limits{})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer a.Close()
		u := &pkg.Unpacked{Package: a.Package(), Control: a.Control(), Scripts: a.Scripts()}
		c.read[name] = u
		for _, p := range u.Package.Relations().Provides {
			c.provides[p.Name] = append(c.provides[p.Name], name)
		}
		if ctl := u.Package.Native.(*deb.Control); ctl.Essential() || ctl.Priority() <= 1 {
			c.base = append(c.base, name)
		}
		return nodes(u, a)
	})
}

// kept are the places of files whose bytes scripts may look at.
var kept = regexp.MustCompile(`^(etc|usr/share/[^/]*|usr/lib/(sysusers|tmpfiles)\.d|usr/s?bin|usr/lib/[^/]*)/`)

// nodes adds the payload to u; of files it keeps the bytes of the small ones.
func nodes(u *pkg.Unpacked, a pkg.Archive) error {
	for e, err := range a.Nodes() {
		if err != nil {
			return err
		}
		n := e.Node
		if e.Body != nil {
			n.Content = tree.Content{Size: e.Size}
			if e.Size <= 512<<10 && kept.MatchString(n.Path) && !strings.HasPrefix(n.Path, "usr/share/doc/") {
				b, err := io.ReadAll(e.Body)
				if err != nil {
					return err
				}
				if !bytes.HasPrefix(b, []byte("\x7fELF")) {
					n.Content = tree.Bytes(b)
				}
			}
		}
		u.Nodes = append(u.Nodes, n)
	}
	return nil
}

// root returns the packages of a root with the package name, in dependency order.
func (c *corpus) root(name string) ([]*pkg.Unpacked, error) {
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		u := c.read[name]
		if u == nil || seen[name] {
			return
		}
		seen[name] = true
		for _, clause := range u.Package.Relations().Depends {
			if target := c.choose(clause, seen); target != "" {
				add(target)
			}
		}
	}
	for _, n := range c.base {
		add(n)
	}
	add(name)
	var ps []*pkg.Package
	names := slices.Sorted(maps.Keys(seen))
	for _, n := range names {
		ps = append(ps, c.read[n].Package)
	}
	var out []*pkg.Unpacked
	for _, i := range solve.Order(ps, deb.Compare) {
		out = append(out, c.read[names[i]])
	}
	return out, nil
}

// choose returns the package that meets a dependency: one that is there, else the first.
func (c *corpus) choose(clause pkg.Clause, seen map[string]bool) string {
	var first string
	for _, l := range clause.Any {
		for _, n := range append([]string{l.Name}, c.provides[l.Name]...) {
			if seen[n] {
				return n
			}
			if first == "" && c.read[n] != nil {
				first = n
			}
		}
	}
	return first
}

// tally counts packages.
type tally struct {
	packages, scripted          int
	covered, deferred, leftover int
	reasons                     map[string][]string
	verbose                     bool
}

func (t *tally) add(name string, rep *hooks.Report) {
	t.packages++
	verdict, scripted := hooks.Covered, false
	for _, r := range rep.Readings {
		if r.Package.Name != name {
			continue
		}
		scripted = true
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
			reason := strings.TrimPrefix(n.Reason, "not read yet: ")
			if !slices.Contains(t.reasons[reason], name) {
				t.reasons[reason] = append(t.reasons[reason], name)
			}
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

func (t *tally) print() {
	percent := func(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }
	fmt.Printf("%d packages, %d with scripts: %d covered, %d deferred, %d with leftovers\n", t.packages, t.scripted, t.covered, t.deferred, t.leftover)
	fmt.Printf("covered or deferred: %.1f %% of all, %.1f %% of those with scripts\n",
		percent(t.covered+t.deferred, t.packages), percent(t.scripted-t.leftover, t.scripted))
	reasons := slices.SortedFunc(maps.Keys(t.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(t.reasons[b]), len(t.reasons[a])), strings.Compare(a, b))
	})
	for _, r := range reasons[:min(60, len(reasons))] {
		names := t.reasons[r]
		fmt.Printf("%4d %s: %s\n", len(names), r, strings.Join(names[:min(6, len(names))], " "))
	}
}

// show prints all that the scripts of a package say.
func show(name string, rep *hooks.Report) {
	for _, r := range rep.Readings {
		if r.Package.Name != name {
			continue
		}
		fmt.Printf("%s %v: %s\n", r.Script.Phase, r.Triggered, r.Verdict())
		for _, d := range r.Duties {
			fmt.Printf("  duty %d %s %q %q\n", d.Line, d.Kind, d.Args, d.Body[:min(len(d.Body), 60)])
		}
		for what, ns := range map[string][]hooks.Note{"left": r.Pending, "deferred": r.Deferred} {
			for _, n := range ns {
				fmt.Printf("  %s %d: %s (%s)\n", what, n.Line, n.Text, n.Reason)
			}
		}
	}
}
