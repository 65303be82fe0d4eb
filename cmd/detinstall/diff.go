package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce"
)

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two trees: directory, tar, OCI layout or manifest, in any mix",
		Long:  "Diff exits 0 where the trees are identical and 3 where they differ.",
		Args:  cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.withTree(args[0], func(x *tree.Sealed) error {
				return a.withTree(args[1], func(y *tree.Sealed) error { return a.diff(x, y) })
			})
		},
	}
}

type differenceJSON struct {
	Path  string `json:"path"`
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

func (a *app) diff(x, y *tree.Sealed) error {
	ds := reproduce.Diff(x, y)
	if a.opt.json {
		out := struct {
			Identical   bool             `json:"identical"`
			Differences []differenceJSON `json:"differences"`
		}{len(ds) == 0, []differenceJSON{}}
		for _, d := range ds {
			out.Differences = append(out.Differences, differenceJSON{tree.Quote(d.Path), string(d.Field), d.A, d.B})
		}
		if err := json.NewEncoder(a.stdout).Encode(out); err != nil {
			return err
		}
	} else {
		for _, d := range ds {
			fmt.Fprintf(a.stdout, "%s\t%s\t%s\t%s\n", tree.Quote(d.Path), d.Field, d.A, d.B)
		}
	}
	if len(ds) > 0 {
		return &noError{fmt.Sprintf("%d differences", len(ds))}
	}
	return nil
}
