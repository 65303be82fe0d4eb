package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/pkg"
)

func (a *app) vendorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "vendor --lockfile F DIR",
		Short: "Put everything that the lock names into DIR, for offline use",
		Long: `Vendor fetches every package of the lock, for all its architectures, into DIR,
which then serves as a cache:

  detinstall build --lockfile F --cache DIR --offline -o root/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.vendor(c, args[0]) },
	}
	a.lockFlag(c, "the lock (default "+defaultLock+")")
	c.Flags().StringArrayVar(&a.opt.mirrors, "mirror", nil, "URL or NAME=URL: tried before the lock's sources")
	return c
}

func (a *app) vendor(c *cobra.Command, dir string) error {
	lk, err := readLock(a.lockName())
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	var refs []pkg.Ref
	for i := range lk.Arches {
		refs = append(refs, detinstall.Refs(lk, &lk.Arches[i])...)
	}
	if err := client.Export(c.Context(), dir, refs); err != nil {
		return err
	}
	a.note(fmt.Sprintf("%d packages in %s", len(refs), dir))
	return nil
}
