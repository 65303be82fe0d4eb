package detinstall

import (
	"context"
	"fmt"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// Result is a finished root of one architecture, not yet written anywhere.
type Result struct {
	Arch    string // in the ecosystem's spelling
	Tree    *tree.Sealed
	Hooks   []hooks.Reading    // every script and what it comes to, in dependency order
	Fired   []hooks.Fired      // whose scripts dpkg triggers would run again
	Applied []triggers.Applied // what took the scripts' place, in the order in which it was done
	Pending []lock.Script      // scripts with leftovers that no waiver covers
	Notes   []string           // worth telling, not wrong

	Packages []lock.Package // in dependency order

	packages []*pkg.Unpacked // by the same index
}

// Build makes the root of one architecture of lk ("" where the lock has only
// one). It needs no keys, and no network where the store's getter has
// everything that lk names. It reads neither clock nor environment: the same lock gives the same tree.
//
// Errors: *pkg.TrustError for bytes that are not what the lock names,
// *tree.ConflictError, *tree.RefusedError, *tree.UnknownOwnerError,
// *StaleLockError.
func Build(ctx context.Context, lk *lock.File, arch string, store *unpack.Store) (*Result, error) {
	a, err := pickArch(lk, arch)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(ctx, lk, a, store)
	if err != nil {
		return nil, err
	}
	if err := p.agrees(lk, a); err != nil {
		return nil, err
	}
	return p.build(lk)
}

func pickArch(lk *lock.File, arch string) (*lock.Arch, error) {
	if arch == "" && len(lk.Arches) == 1 {
		return &lk.Arches[0], nil
	}
	name := arch
	if a, ok := pkg.ParseArch(arch); ok {
		name = a.In(lk.Format)
	}
	if a := lk.Arch(name); a != nil {
		return a, nil
	}
	var have []string
	for _, a := range lk.Arches {
		have = append(have, a.Name)
	}
	if arch == "" {
		return nil, &SpecError{Reason: "the lock has several architectures", Hint: "choose with --arch: " + strings.Join(have, ", ")}
	}
	return nil, &SpecError{Reason: fmt.Sprintf("architecture %q: %v", arch, errNoArch), Hint: "it has " + strings.Join(have, ", ")}
}

// reposOf returns the repositories of a lock by ID, with what fetching needs. Nothing of them is trusted:
// every file comes with its digest.
func reposOf(lk *lock.File) map[string]*pkg.Repo {
	m := map[string]*pkg.Repo{}
	for _, s := range lk.Sources {
		m[s.ID] = &pkg.Repo{ID: s.ID, Format: lk.Format, Base: s.Base, Snapshot: s.Snapshot, Date: s.Date,
			Suite: s.Suite, Components: s.Components}
	}
	return m
}

// Refs returns what lk names for the architecture a, by digest, in the order of its packages.
func Refs(lk *lock.File, a *lock.Arch) []pkg.Ref {
	repos := reposOf(lk)
	refs := make([]pkg.Ref, len(a.Packages))
	for i, p := range a.Packages {
		refs[i] = pkg.Ref{Repo: repos[p.From], Path: p.Path, Size: p.Size, SHA256: p.SHA256}
	}
	return refs
}
