package detinstall

import (
	"context"

	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// Hooked is what the scripts of one architecture come to.
type Hooked struct {
	Arch     *lock.Arch
	Readings []hooks.Reading // in dependency order
	Fired    []hooks.Fired
	// Applied are the changes that take the scripts' place; Failed says why there are none.
	Applied []triggers.Applied
	Failed  error
}

// Hooks reads the scripts of one architecture of lk ("" where the lock has only
// one) and says what each comes to. With apply the triggers are run too, in memory, so that every path
// can be laid beside the lines of scripts that it comes of; that they cannot be, as with a package without what it depends on, is
// no error. It makes no root.
func Hooks(ctx context.Context, lk *lock.File, arch string, store *unpack.Store, apply bool) (*Hooked, error) {
	a, err := pickArch(lk, arch)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(ctx, lk, a, store)
	if err != nil {
		return nil, err
	}
	h := &Hooked{Arch: a, Readings: p.readings, Fired: p.fired}
	if apply {
		h.Applied, h.Failed = triggers.Apply(p.merged.Tree, p.input(lk))
	}
	return h, nil
}
