package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

func (a *app) hooksCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hooks (--lockfile F | --repo R --pkgs A,B | FILE...)",
		Short: "Print what the packages' scripts want and who does it",
		Long: `Hooks reads the maintainer scripts as text. For each script it prints a verdict:
covered (everything it does is done by a generator, or needs no doing), deferred
(the rest belongs to the first boot), or pending, with the lines that could not be read.
With -v duties and no-ops are printed too.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, files []string) error { return a.hooks(c, files) },
	}
	a.requestFlags(c)
	a.lockFlag(c, "read the packages of this lock")
	c.Flags().BoolVar(&a.opt.strict, "strict", false, "exit 6 while scripts are pending")
	return c
}

func (a *app) hooks(c *cobra.Command, files []string) error {
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
		readings, err := detinstall.Hooks(c.Context(), lk, arch, store)
		if err != nil {
			return err
		}
		return a.printHooks(hooksReport(lk.Arch(arch), readings))
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

// The types below are the JSON of the contract.

type hooksJSON struct {
	Summary  hooksSummary   `json:"summary"`
	Packages []hooksPackage `json:"packages"`
}

type hooksSummary struct {
	Packages    int `json:"packages"`
	WithScripts int `json:"with_scripts"`
	Covered     int `json:"covered"`
	Deferred    int `json:"deferred"`
	Pending     int `json:"pending"`
}

type hooksPackage struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Scripts []hooksScript `json:"scripts"`
}

type hooksScript struct {
	Phase       string      `json:"phase"`
	Interpreter string      `json:"interpreter"`
	SHA256      string      `json:"sha256"`
	Verdict     string      `json:"verdict"`
	Duties      []hooksDuty `json:"duties"`
	Noops       []hooksNote `json:"noops"`
	Deferred    []hooksNote `json:"deferred"`
	Pending     []hooksNote `json:"pending"`
}

type hooksDuty struct {
	Kind string   `json:"kind"`
	Args []string `json:"args"`
	Line int      `json:"line"`
}

type hooksNote struct {
	Line   int    `json:"line"`
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

// hooksReport counts a package by its worst script; packages are in the order of the lock.
func hooksReport(a *lock.Arch, readings []hooks.Reading) hooksJSON {
	byName := map[string][]hooksScript{}
	worst := map[string]hooks.Verdict{}
	for i := range readings {
		r := &readings[i]
		v := r.Verdict()
		byName[r.Package.Name] = append(byName[r.Package.Name], hooksScript{
			Phase: string(r.Script.Phase), Interpreter: r.Script.Interpreter, SHA256: tree.Sum(r.Script.Body).Hex(), Verdict: string(v),
			Duties: dutiesJSON(r.Duties), Noops: notesJSON(r.Noops), Deferred: notesJSON(r.Deferred), Pending: notesJSON(r.Pending),
		})
		if w := worst[r.Package.Name]; w == "" || w == hooks.Covered || v == hooks.Pending {
			worst[r.Package.Name] = v
		}
	}
	out := hooksJSON{Packages: []hooksPackage{}}
	for _, p := range a.Packages {
		out.Summary.Packages++
		scripts := byName[p.Name]
		if len(scripts) == 0 {
			out.Summary.Covered++
			continue
		}
		out.Summary.WithScripts++
		switch worst[p.Name] {
		case hooks.Pending:
			out.Summary.Pending++
		case hooks.Deferred:
			out.Summary.Deferred++
		default:
			out.Summary.Covered++
		}
		out.Packages = append(out.Packages, hooksPackage{p.Name, p.Version, scripts})
	}
	return out
}

func dutiesJSON(ds []hooks.Duty) []hooksDuty {
	out := []hooksDuty{}
	for _, d := range ds {
		out = append(out, hooksDuty{string(d.Kind), d.Args, d.Line})
	}
	return out
}

func notesJSON(ns []hooks.Note) []hooksNote {
	out := []hooksNote{}
	for _, n := range ns {
		out = append(out, hooksNote(n))
	}
	return out
}

func (a *app) printHooks(r hooksJSON) error {
	var err error
	if a.opt.json {
		err = json.NewEncoder(a.stdout).Encode(r)
	} else {
		err = a.printHooksText(r)
	}
	if err == nil && a.opt.strict && r.Summary.Pending > 0 {
		err = &pendingError{fmt.Sprintf("%d packages have pending scripts", r.Summary.Pending)}
	}
	return err
}

func (a *app) printHooksText(r hooksJSON) error {
	w := bufio.NewWriter(a.stdout)
	for _, p := range r.Packages {
		for _, s := range p.Scripts {
			fmt.Fprintf(w, "%s %s %s: %s\n", p.Name, p.Version, s.Phase, s.Verdict)
			if a.opt.verbose {
				for _, d := range s.Duties {
					fmt.Fprintf(w, "  %4d  duty      %s %s\n", d.Line, d.Kind, strings.Join(d.Args, " "))
				}
				printNotes(w, "no-op", s.Noops)
			}
			printNotes(w, "deferred", s.Deferred)
			printNotes(w, "pending", s.Pending)
		}
	}
	s := r.Summary
	fmt.Fprintf(w, "%d packages, %d with scripts: %d covered, %d deferred to first boot, %d pending\n",
		s.Packages, s.WithScripts, s.Covered, s.Deferred, s.Pending)
	return w.Flush()
}

func printNotes(w *bufio.Writer, what string, notes []hooksNote) {
	for _, n := range notes {
		fmt.Fprintf(w, "  %4d  %-9s %s  (%s)\n", n.Line, what, strings.TrimSpace(n.Text), n.Reason)
	}
}
