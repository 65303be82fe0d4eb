package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			if a.opt.json {
				return json.NewEncoder(a.stdout).Encode(map[string]string{"version": detinstall.Version, "go": runtime.Version()})
			}
			_, err := fmt.Fprintf(a.stdout, "detinstall %s\n", detinstall.Version)
			return err
		},
	}
}
