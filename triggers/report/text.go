package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// WriteText writes r for a terminal: a line per script, then what is deferred and left over, and what dpkg triggers would have run; with verbose also
// duties and no-ops.
func (r *Report) WriteText(to io.Writer, verbose bool) error {
	w := bufio.NewWriter(to)
	for _, p := range r.Packages {
		for _, s := range p.Scripts {
			writeScript(w, p, s, verbose)
		}
	}
	for _, f := range r.Triggers {
		who := "its postinst is read again"
		if f.Generator != "" {
			who = "trigger " + f.Generator + " does it"
		}
		fmt.Fprintf(w, "dpkg trigger %s: %s\n", printed(f.Names), f.Package+": "+who)
	}
	for _, c := range r.Recipes {
		fmt.Fprintf(w, "recipe %s %s %s: %s\n", c.Package, c.Phase, c.SHA256, c.Why)
	}
	s := r.Summary
	fmt.Fprintf(w, "%d packages, %d with scripts: %d covered, %d deferred to first boot, %d pending\n",
		s.Packages, s.WithScripts, s.Covered, s.Deferred, s.Pending)
	return w.Flush()
}

func writeScript(w *bufio.Writer, p Package, s Script, verbose bool) {
	fmt.Fprintf(w, "%s %s %s: %s", p.Name, p.Version, hooks.Printable(s.title()), s.Verdict)
	if s.Recipe != "" {
		fmt.Fprint(w, ", by a recipe")
	}
	fmt.Fprintln(w)
	if verbose {
		for _, d := range s.Duties {
			fmt.Fprintf(w, "  %4d  duty      %s %s\n", d.Line, d.Kind, printed(d.Args))
		}
		writeNotes(w, "no-op", s.Noops)
	}
	writeNotes(w, "deferred", s.Deferred)
	writeNotes(w, "pending", s.Pending)
}

func writeNotes(w *bufio.Writer, what string, notes []Note) {
	for _, n := range notes {
		fmt.Fprintf(w, "  %4d  %-9s %s  (%s)\n", n.Line, what, strings.TrimSpace(n.Text), n.Reason)
	}
}

// WriteRecipes writes all recipes that the program has, a line each.
func WriteRecipes(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, c := range hooks.Recipes() {
		fmt.Fprintf(w, "%s %s %s: %s\n", c.Package, c.Phase, c.SHA256, c.Why)
	}
	return w.Flush()
}

// printed joins words for a terminal.
func printed(words []string) string {
	return hooks.Printable(strings.Join(words, " "))
}
