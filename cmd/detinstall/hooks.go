package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/report"
	"github.com/detinstall/detinstall/unpack"
)

func (a *app) hooksCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hooks (--lockfile F | --repo R --pkgs A,B | FILE... | --recipes)",
		Short: "Print what the packages' scripts want and who does it",
		Long: `Hooks reads the maintainer scripts as text. For each script it prints a verdict:
covered (everything it does is done by a generator, or needs no doing), deferred
(the rest belongs to the first boot), or pending, with the lines that could not be read.
Then come the dpkg triggers that would have run scripts once more, and the recipes that stood in
for what no reader can read. With -v duties and no-ops are printed too.

--report writes all of that as one page of HTML, a matrix of packages by duties in which every
number opens the script's lines beside the paths that came of them.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, files []string) error { return a.hooks(c, files) },
	}
	a.requestFlags(c)
	a.lockFlag(c, "read the packages of this lock")
	c.Flags().BoolVar(&a.opt.strict, "strict", false, "exit 6 while scripts are pending")
	c.Flags().StringVar(&a.opt.report, "report", "", "write the report as a page of HTML to this file")
	c.Flags().BoolVar(&a.opt.recipes, "recipes", false, "print the recipes of this program: package, phase, sha256 of the script, and why")
	return c
}

func (a *app) hooks(c *cobra.Command, files []string) error {
	if a.opt.recipes {
		return report.WriteRecipes(a.stdout)
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
		lk, err := a.hooksLock(c, files, store)
		if err != nil {
			return err
		}
		arch := firstOf(a.opt.spec.Arch)
		if arch == "" && len(lk.Arches) > 0 {
			arch = lk.Arches[0].Name
		}
		h, err := detinstall.Hooks(c.Context(), lk, arch, store, a.opt.report != "")
		if err != nil {
			return err
		}
		return a.printHooks(report.New(report.Input{Arch: h.Arch, Readings: h.Readings, Fired: h.Fired, Applied: h.Applied, Failed: h.Failed}))
	})
}

// hooksLock returns the lock to read: the one named, or that of a request.
func (a *app) hooksLock(c *cobra.Command, files []string, store *unpack.Store) (*lock.File, error) {
	if a.opt.lockfile != "" {
		return readLock(a.opt.lockfile)
	}
	spec, err := a.request(c)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !strings.Contains(f, "/") {
			f = "./" + f
		}
		spec.Pkgs = append(spec.Pkgs, f)
		spec.NoDeps = true
	}
	return detinstall.Resolve(context.WithoutCancel(c.Context()), spec, store)
}

func (a *app) printHooks(r *report.Report) error {
	if a.opt.report != "" {
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			return err
		}
		if err := replaceFile(a.opt.report, b.Bytes()); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	var err error
	if a.opt.json {
		err = json.NewEncoder(a.stdout).Encode(r)
	} else {
		err = r.WriteText(a.stdout, a.opt.verbose)
	}
	if err == nil && a.opt.strict && r.Summary.Pending > 0 {
		err = &pendingError{fmt.Sprintf("%d packages have pending scripts", r.Summary.Pending)}
	}
	return err
}
