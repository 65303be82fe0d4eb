package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
)

func (a *app) reposCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "repos",
		Short: "List the built-in repositories",
		RunE: func(*cobra.Command, []string) error {
			list := detinstall.Builtin()
			if a.opt.json {
				return json.NewEncoder(a.stdout).Encode(map[string]any{"repos": list})
			}
			for _, r := range list {
				fmt.Fprintf(a.stdout, "%s\t%s\t%s\n", r.Name, r.Format, r.Base)
			}
			return nil
		},
	}
}
