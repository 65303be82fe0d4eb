package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
)

func (a *app) whyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "why NAME | /PATH",
		Short: "Print the chain from the request to a package, or from a path to its cause",
		Args:  cobra.ExactArgs(1),
		RunE:  func(c *cobra.Command, args []string) error { return a.why(c, args[0]) },
	}
	a.lockFlag(c, "the lock (default "+defaultLock+")")
	c.Flags().StringSliceVar(&a.opt.spec.Arch, "arch", nil, "architecture, where the lock has several")
	return c
}

func (a *app) why(c *cobra.Command, what string) error {
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
		return a.printWhy(res, lk, what)
	})
}

func (a *app) printWhy(res *detinstall.Result, lk *lock.File, what string) error {
	lines, err := res.Why(lk, what)
	if err != nil {
		return err
	}
	for i, l := range lines {
		fmt.Fprintf(a.stdout, "%*s%s\n", 2*i, "", l)
	}
	return nil
}

func firstOf(l []string) string {
	if len(l) == 0 {
		return ""
	}
	return l[0]
}
