package detinstall

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// plan is what the packages of one architecture hold, and what follows from it.
// Resolve records the conclusions in the lock, Build compares them with it.
type plan struct {
	arch     string
	packages []*pkg.Unpacked // in the order of installation, dependencies first
	locked   []lock.Package  // by the same index
	readings []hooks.Reading
	fired    []hooks.Fired
	merged   *unpack.Merged

	diversions []lock.Diversion
	pending    []lock.Script
}

// newPlan decodes the packages of a and reads their scripts.
func newPlan(ctx context.Context, lk *lock.File, a *lock.Arch, store *unpack.Store) (*plan, error) {
	format := store.Format(lk.Format)
	if format == nil {
		return nil, fmt.Errorf("lock: unknown format %q", lk.Format)
	}
	unpacked, err := store.Unpack(ctx, reposOf(lk), a.Packages)
	if err != nil {
		return nil, err
	}
	all := make([]*pkg.Package, len(unpacked))
	for i, u := range unpacked {
		all[i] = u.Package
	}
	p := &plan{arch: a.Name}
	req := solve.Request{Arch: a.Name, Compare: format.Compare}
	if m, ok := format.(matcher); ok {
		req.Match = m.Match
	}
	for _, i := range solve.InstallOrder(lk.Policy, all, func(i int) bool { return a.Packages[i].Requested }, req) {
		p.packages = append(p.packages, unpacked[i])
		p.locked = append(p.locked, a.Packages[i])
	}
	if err := p.read(lk, format); err != nil {
		return nil, err
	}
	p.conclude(lk)
	return p, nil
}

// read merges the payloads and reads the scripts, before the merge for what they divert, and after it for all the rest.
func (p *plan) read(lk *lock.File, format pkg.Format) error {
	set := lk.Settings
	w := p.world(lk)
	w.Compare = format.Compare
	for _, d := range hooks.Diversions(p.packages, w) {
		p.diversions = append(p.diversions, lock.Diversion{Path: d.Args[0], To: d.Args[1], Package: d.Args[2]})
	}
	var err error
	if p.merged, err = unpack.Merge(p.packages, unpack.Options{
		Compare: format.Compare, MergedUsr: set.MergedUsr, Diversions: p.diversions,
		Exclude: excludes(set), Include: includes(set), AllowDevices: set.AllowDevices,
	}); err != nil {
		return err
	}
	w.FS = p.merged.Tree.FS()
	rep := hooks.Read(p.packages, w)
	p.readings, p.fired = rep.Readings, rep.Fired
	return nil
}

// world is what scripts find, but for the payload.
func (p *plan) world(lk *lock.File) hooks.World {
	w := triggers.World(lk.Format)
	w.Arch, w.Answers = p.arch, map[string]string{}
	for _, a := range lk.Settings.Answers {
		w.Answers[a.Question] = a.Value
	}
	return w
}

// conclude derives what the lock records of scripts: a script that is read twice stands there once.
func (p *plan) conclude(lk *lock.File) {
	for _, r := range p.readings {
		if r.Verdict() != hooks.Pending {
			continue
		}
		s := lock.Script{Package: r.Package.Name, Phase: string(r.Script.Phase), SHA256: tree.Sum(r.Script.Body)}
		if !waived(lk.Waivers, s) && !slices.Contains(p.pending, s) {
			p.pending = append(p.pending, s)
		}
	}
}

func waived(ws []lock.Waiver, s lock.Script) bool {
	return slices.ContainsFunc(ws, func(w lock.Waiver) bool {
		return w.Package == s.Package && w.Phase == s.Phase && w.SHA256 == s.SHA256
	})
}

// record writes the conclusions into a.
func (p *plan) record(a *lock.Arch) {
	a.Diversions, a.Pending = p.diversions, p.pending
}

// agrees compares the conclusions with those that the lock recorded.
func (p *plan) agrees(lk *lock.File, a *lock.Arch) error {
	mine := lock.File{Arches: []lock.Arch{{Name: a.Name, Diversions: p.diversions, Pending: p.pending}}}
	theirs := lock.File{Arches: []lock.Arch{{Name: a.Name, Diversions: a.Diversions, Pending: a.Pending}}}
	if string(mine.Marshal()) != string(theirs.Marshal()) {
		return &StaleLockError{Tool: lk.Tool}
	}
	return p.numbered(lk)
}

// StaleLockError says that this detinstall reads the scripts of the locked packages differently from the one
// that wrote the lock.
type StaleLockError struct{ Tool string }

func (e *StaleLockError) Error() string {
	return fmt.Sprintf("lock of %s: the scripts of its packages are read differently by detinstall %s", e.Tool, Version)
}

// build merges, generates and seals.
func (p *plan) build(lk *lock.File) (*Result, error) {
	applied, err := triggers.Apply(p.merged.Tree, p.input(lk))
	if err != nil {
		return nil, err
	}
	ids, err := triggers.Accounts(p.merged.Tree.FS())
	if err != nil {
		return nil, err
	}
	ids.Unknown = lk.Settings.UnknownOwner
	sealed, err := p.merged.Tree.Seal(tree.Epoch(lk.Epoch), ids)
	if err != nil {
		return nil, err
	}
	return &Result{Arch: p.arch, Tree: sealed, Hooks: p.readings, Fired: p.fired, Applied: applied, Pending: p.pending, Notes: p.merged.Notes,
		Packages: p.locked, packages: p.packages}, nil
}

// input is what the triggers see.
func (p *plan) input(lk *lock.File) triggers.Input {
	in := triggers.Input{Format: lk.Format, Arch: p.arch, Lock: lk, Exclude: excludes(lk.Settings), Include: includes(lk.Settings)}
	for i, u := range p.packages {
		in.Packages = append(in.Packages, triggers.Installed{
			Unpacked: u, Files: p.merged.Files[i], Requested: p.locked[i].Requested,
			Pending: slices.ContainsFunc(p.pending, func(s lock.Script) bool { return s.Package == u.Package.Name }),
		})
	}
	for _, r := range p.readings {
		in.Duties = append(in.Duties, r.Duties...)
	}
	return in
}

// errNoArch says that a lock lacks what was asked for.
var errNoArch = errors.New("not in the lock")
