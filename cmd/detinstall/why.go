package main

import (
	"bufio"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/unpack"
)

func (a *app) whyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "why (NAME | /PATH)...",
		Short: "Print the chain from the request to a package, or from a path to its cause",
		Long: `Why prints the chain from the request to a package. For a path it prints the chain to the
package that ships it, or what made it in the scripts' place, and from which lines of which scripts; so too for
paths whose mode, owner or content was changed.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.why(c, args) },
	}
	a.lockFlag(c, "the lock (default "+defaultLock+")")
	c.Flags().StringArrayVar(&a.opt.mirrors, "mirror", nil, "URL or NAME=URL: looked at before the lock's sources")
	c.Flags().StringSliceVar(&a.opt.spec.Arch, "arch", nil, "architecture, where the lock has several")
	return c
}

func (a *app) why(c *cobra.Command, what []string) error {
	lk, err := readLock(a.lockName())
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	return a.withScratch(client, func(bodies unpack.Bodies) error {
		store, err := a.store(client, bodies)
		if err != nil {
			return err
		}
		res, err := detinstall.Build(c.Context(), lk, firstOf(a.opt.spec.Arch), store)
		if err != nil {
			return err
		}
		return a.printWhy(detinstall.Explain(res), what)
	})
}

func (a *app) printWhy(e *detinstall.Explainer, what []string) error {
	w := bufio.NewWriter(a.stdout)
	for _, name := range what {
		c, err := e.Why(name)
		if err != nil {
			return err
		}
		for i, l := range c.Chain {
			fmt.Fprintf(w, "%*s%s\n", 2*i, "", l)
		}
		if c.Path != "" {
			fmt.Fprintf(w, "%*s%s\n", 2*len(c.Chain), "", c.Path)
		}
		if c.Below != "" {
			fmt.Fprintf(w, "%*sa directory for %s\n", 2*len(c.Chain)+2, "", c.Below)
		}
		for _, p := range c.Changes {
			printChange(w, 2*len(c.Chain)+2, p)
		}
	}
	return w.Flush()
}

// did says what a change did to its path.
var did = map[triggers.Op]string{triggers.Put: "made", triggers.Meta: "given mode and owner", triggers.Replace: "replaced"}

func printChange(w *bufio.Writer, indent int, p detinstall.PathChange) {
	fmt.Fprintf(w, "%*s%s by trigger:%s", indent, "", did[p.Op], p.Trigger)
	if len(p.Lines) == 0 {
		fmt.Fprintf(w, ": %s\n", p.Doc)
		return
	}
	fmt.Fprintln(w, ", for")
	for _, l := range p.Lines {
		fmt.Fprintf(w, "%*s%s %s", indent+2, "", l.Package, l.Phase)
		if l.Line > 0 {
			fmt.Fprintf(w, " line %d", l.Line)
		}
		fmt.Fprintf(w, ": %s\n", l.Text)
	}
}

func firstOf(l []string) string {
	if len(l) == 0 {
		return ""
	}
	return l[0]
}
