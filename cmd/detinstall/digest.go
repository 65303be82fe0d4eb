package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce"
)

func (a *app) digestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "digest TREE",
		Short: "Print tree-sha256:HEX of a directory, tar or OCI layout",
		Long: `Digest is the sha256 of one canonical pax tar, which GNU tar reproduces:

  LC_ALL=C tar -b1 --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' \
    --pax-option=exthdr.name=%d/PaxHeaders.0/%f,delete=atime,delete=ctime -C ROOT -cf - . | sha256sum`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withTree(args[0], func(t *tree.Sealed) error {
				d, err := t.Digest()
				if err == nil {
					_, err = fmt.Fprintf(a.stdout, "tree-%s\n", d)
				}
				return err
			})
		},
	}
}

func (a *app) manifestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "manifest TREE",
		Short: "Print one line per path with every field",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withTree(args[0], func(t *tree.Sealed) error { return t.WriteManifest(a.stdout) })
		},
	}
}

// withTree opens a finished tree of any form and closes it after use.
func (a *app) withTree(name string, use func(*tree.Sealed) error) error {
	scratch, err := a.cacheDir()
	if err != nil {
		return err
	}
	t, closer, err := reproduce.Open(name, scratch)
	if err != nil {
		return err
	}
	defer closer.Close()
	return use(t)
}
