package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/solve"
)

func (a *app) solveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "solve --repo R --pkgs A,B",
		Short: "Print what would be installed: NAME<TAB>VERSION<TAB>ARCH",
		Long:  "Solve fetches no package. The lines are byte-sorted.",
		RunE:  func(c *cobra.Command, _ []string) error { return a.solve(c) },
	}
	a.requestFlags(c)
	return c
}

func (a *app) solve(c *cobra.Command) error {
	sols, err := a.solutions(c)
	if err != nil {
		return err
	}
	if a.opt.json {
		return a.solveJSON(sols)
	}
	var lines []string
	for _, s := range sols.Arches {
		for _, p := range s.Solution.Picks {
			lines = append(lines, p.Package.Name+"\t"+p.Package.Version+"\t"+p.Package.Arch+"\n")
		}
	}
	slices.Sort(lines)
	w := bufio.NewWriter(a.stdout)
	for _, l := range slices.Compact(lines) {
		w.WriteString(l)
	}
	return w.Flush()
}

// solutions resolves the request of the command line without fetching packages.
func (a *app) solutions(c *cobra.Command) (*detinstall.Solutions, error) {
	spec, err := a.request(c)
	if err != nil {
		return nil, err
	}
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	store, err := a.store(client, nil)
	if err != nil {
		return nil, err
	}
	rollbackGuard(client, spec)
	return detinstall.Solve(c.Context(), spec, store)
}

type solvedJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	Repo    string `json:"repo"`
	Because string `json:"because"`
}

func (a *app) solveJSON(sols *detinstall.Solutions) error {
	out := struct {
		Packages []solvedJSON `json:"packages"`
	}{Packages: []solvedJSON{}}
	for _, s := range sols.Arches {
		for _, p := range s.Solution.Picks {
			j := solvedJSON{Name: p.Package.Name, Version: p.Package.Version, Arch: p.Package.Arch, Because: because(p)}
			if p.Package.Repo != nil {
				j.Repo = p.Package.Repo.ID
			}
			out.Packages = append(out.Packages, j)
		}
	}
	slices.SortStableFunc(out.Packages, func(x, y solvedJSON) int { return strings.Compare(x.Name, y.Name) })
	return json.NewEncoder(a.stdout).Encode(out)
}

// because says in one line why a package was picked.
func because(p solve.Pick) string {
	if p.Because.Parent == nil {
		if p.Because.Clause.Text == "" {
			return "base set"
		}
		return "requested: " + p.Because.Clause.Text
	}
	return fmt.Sprintf("%s needs %s", p.Because.Parent.Name, p.Because.Clause.Text)
}
