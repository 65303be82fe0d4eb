package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
	"github.com/detinstall/detinstall/unpack/fetch"
)

// defaultLock is found by itself.
const defaultLock = "detinstall.lock.yaml"

func (a *app) installCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "install --repo R --pkgs A,B -o OUT",
		Short: "Resolve and build a root (the default command)",
		Long: `Install resolves the request, or takes the lock that fits it, and builds the
root. Stdout is the one line tree-sha256:HEX.`,
		Example: "  detinstall --repo debian@trixie --pkgs erlang-base,elixir -o root/",
		RunE:    func(c *cobra.Command, _ []string) error { return a.install(c) },
	}
	a.requestFlags(c)
	a.outputFlags(c)
	a.lockFlag(c, "lock to use, or to write where it does not exist or does not fit (default: use "+defaultLock+" if it fits)")
	c.Flags().BoolVar(&a.opt.locked, "locked", false, "fail with code 3 where the lock does not fit the request")
	return c
}

func (a *app) buildCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "build --lockfile F -o OUT",
		Short:   "Build a root from a lock",
		Long:    "Build needs no keys, reads no index and no environment, and works offline when the cache is full.",
		Example: "  detinstall build --lockfile detinstall.lock.yaml -o root.tar.zst",
		RunE:    func(c *cobra.Command, _ []string) error { return a.build(c) },
	}
	a.lockFlag(c, "the lock (default "+defaultLock+")")
	a.outputFlags(c)
	f := c.Flags()
	f.StringSliceVar(&a.opt.spec.Arch, "arch", nil, "architectures of the lock to build")
	f.StringArrayVar(&a.opt.mirrors, "mirror", nil, "URL or NAME=URL: tried before the lock's sources")
	f.Int64Var(&a.opt.epoch, "epoch", -1, "must be the lock's")
	return c
}

func (a *app) install(c *cobra.Command) error {
	spec, err := a.request(c)
	if err != nil {
		return err
	}
	if len(spec.Arch) > 1 && !strings.HasPrefix(a.opt.output, "oci:") {
		return usage("several architectures need -o oci:DIR")
	}
	return a.emit(func(client *fetch.Client, store *unpack.Store) ([]*detinstall.Result, error) {
		lk, err := a.fittingLock(spec)
		if err != nil {
			return nil, err
		}
		if lk != nil {
			return a.buildAll(c.Context(), lk, spec.Arch, store)
		}
		rollbackGuard(client, spec)
		lk, results, err := detinstall.Install(c.Context(), spec, store)
		if err != nil {
			return nil, err
		}
		a.warnUnsigned(lk)
		if a.opt.lockfile != "" || spec.Ambient.Previous != nil {
			if err := writeLock(a.lockName(), lk); err != nil {
				return nil, err
			}
		}
		return results, remember(client, lk.Sources)
	}, c.Context())
}

func (a *app) build(c *cobra.Command) error {
	lk, err := readLock(a.lockName())
	if err != nil {
		return err
	}
	if c.Flags().Changed("epoch") && a.opt.epoch != lk.Epoch {
		return usage(fmt.Sprintf("--epoch %d: the lock says %d, and build takes no other", a.opt.epoch, lk.Epoch))
	}
	return a.emit(func(_ *fetch.Client, store *unpack.Store) ([]*detinstall.Result, error) {
		return a.buildAll(c.Context(), lk, a.opt.spec.Arch, store)
	}, c.Context())
}

func (a *app) buildAll(ctx context.Context, lk *lock.File, arches []string, store *unpack.Store) ([]*detinstall.Result, error) {
	if len(arches) == 0 && !strings.HasPrefix(a.opt.output, "oci:") {
		arches = []string{""} // the only one, or an error that names them
	}
	if len(arches) == 0 {
		for _, l := range lk.Arches {
			arches = append(arches, l.Name)
		}
	}
	var out []*detinstall.Result
	for _, arch := range arches {
		r, err := detinstall.Build(ctx, lk, arch, store)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// emit stages the output, lets produce make the roots, and publishes them.
func (a *app) emit(produce func(*fetch.Client, *unpack.Store) ([]*detinstall.Result, error), ctx context.Context) (err error) {
	target, err := a.target()
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	if target.Kind == emit.KindStdout {
		if err := os.MkdirAll(client.Cache().Path(), 0o755); err != nil {
			return err
		}
	}
	stage, err := emit.Begin(a.opt.output, emit.StageOptions{Replace: a.opt.replace, Scratch: client.Cache().Path()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Abort()) }()
	store, err := a.store(client, stage)
	if err != nil {
		return err
	}
	results, err := produce(client, store)
	if err != nil {
		return err
	}
	if err := a.reportHooks(results); err != nil {
		return err
	}
	images := make([]emit.Image, len(results))
	for i, r := range results {
		arch, _ := pkg.ParseArch(r.Arch)
		images[i] = emit.Image{Tree: r.Tree, Arch: arch.Go, Variant: arch.Variant}
	}
	res, err := emit.Write(ctx, stage, images, emit.Options{Stdout: a.stdout,
		Dir: emit.DirOptions{KeepSetuid: a.opt.keepSetuid}, Cpio: emit.CpioOptions{Lossy: a.opt.lossy}})
	if err != nil {
		return a.heal(store, results, err)
	}
	a.reportApplied(res.Applied)
	if target.Kind != emit.KindStdout {
		for _, d := range res.Digests {
			fmt.Fprintf(a.stdout, "tree-%s\n", d)
		}
	}
	return nil
}

// heal forgets what of the unpacked store is damaged, which shows only when a root is written: the next run decodes it again.
func (a *app) heal(store *unpack.Store, results []*detinstall.Result, cause error) error {
	if !a.opt.unpackedStore {
		return cause
	}
	for _, r := range results {
		names, err := store.Heal(r.Packages)
		if err != nil {
			return errors.Join(cause, err)
		}
		if len(names) > 0 {
			a.note("unpacked store: damaged and forgotten: " + strings.Join(names, ", ") + "; run again")
		}
	}
	return cause
}

// reportApplied says once what the host did not allow on disk.
func (a *app) reportApplied(r *emit.Applied) {
	if r == nil || len(r.Skipped) == 0 {
		return
	}
	var parts []string
	for _, s := range r.Skipped {
		parts = append(parts, fmt.Sprintf("%s of %d paths", s.Kind, s.Count))
	}
	text := "not applied on disk for lack of privilege: " + strings.Join(parts, ", ")
	if r.Manifest != "" {
		text += "; " + r.Manifest + " has everything"
	}
	a.note(text)
	if r.ManifestErr != nil {
		a.note("manifest: " + r.ManifestErr.Error())
	}
}

// target reads -o.
func (a *app) target() (emit.Target, error) {
	if a.opt.output == "" {
		return emit.Target{}, usage("no output: give -o DIR/, x.tar, oci:DIR, ... or -")
	}
	t, err := emit.Parse(a.opt.output)
	if err != nil {
		return t, err
	}
	if f, ok := a.stdout.(*os.File); ok && t.Kind == emit.KindStdout && isTerminal(f) {
		return t, usage("-o -: stdout is a terminal")
	}
	return t, nil
}

// reportHooks says what no trigger accounts for; under --strict that is an error.
func (a *app) reportHooks(results []*detinstall.Result) error {
	seen := map[lock.Script]bool{}
	var all []lock.Script
	for _, r := range results {
		for _, n := range r.Notes {
			if a.opt.verbose {
				a.note(n)
			}
		}
		for _, s := range r.Pending {
			if !seen[s] {
				seen[s] = true
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	var names []string
	for _, s := range all {
		names = append(names, fmt.Sprintf("%s: %s is not wholly accounted for (sha256 %s)", s.Package, s.Phase, s.SHA256.Hex()))
	}
	if a.opt.strict {
		text := fmt.Sprintf("%d scripts pending:", len(all))
		for i, s := range all {
			text += "\n  " + names[i] + leftovers(results, s)
		}
		return &pendingError{text}
	}
	if a.opt.verbose {
		for _, n := range names {
			a.note("pending: " + n)
		}
	}
	a.note(fmt.Sprintf("%d scripts are not wholly accounted for; -v lists them, --strict refuses them", len(all)))
	return nil
}

// leftovers returns what could not be read of a script, a line each.
func leftovers(results []*detinstall.Result, s lock.Script) string {
	var lines []string
	for _, r := range results {
		for _, h := range r.Hooks {
			if h.Package.Name != s.Package || string(h.Script.Phase) != s.Phase || tree.Sum(h.Script.Body) != s.SHA256 {
				continue
			}
			for _, n := range h.Pending {
				if l := fmt.Sprintf("\n    %d: %s (%s)", n.Line, n.Text, n.Reason); !slices.Contains(lines, l) {
					lines = append(lines, l)
				}
			}
		}
	}
	return strings.Join(lines, "")
}

// fittingLock returns the lock that install uses, or nil where it must resolve.
func (a *app) fittingLock(spec *detinstall.Spec) (*lock.File, error) {
	name := a.lockName()
	lk, err := readLock(name)
	if errors.Is(err, fs.ErrNotExist) {
		if a.opt.locked {
			return nil, &noError{fmt.Sprintf("--locked: there is no lock %s", name)}
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	request, err := spec.Request()
	if err != nil {
		return nil, err
	}
	if request == lk.Request {
		return lk, nil
	}
	if a.opt.locked {
		return nil, &noError{fmt.Sprintf("--locked: %s was made for another request", name)}
	}
	a.note(name + " was made for another request: resolving anew")
	spec.Ambient.Previous = lk
	return nil, nil
}

func (a *app) lockName() string {
	if a.opt.lockfile != "" {
		return a.opt.lockfile
	}
	return defaultLock
}

func (a *app) warnUnsigned(lk *lock.File) {
	for _, s := range lk.Sources {
		if s.Unsigned {
			a.note("WARNING: " + s.ID + " is not signed by any trusted key; the lock says so")
		}
	}
}

func isTerminal(f *os.File) bool {
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0 && fi.Name() != "null"
}
