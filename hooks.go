package detinstall

import (
	"context"

	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// Hooks reads the scripts of one architecture of lk ("" where the lock has only
// one) and says what each comes to, in dependency order. It makes no root.
func Hooks(ctx context.Context, lk *lock.File, arch string, store *unpack.Store) ([]hooks.Reading, error) {
	a, err := pickArch(lk, arch)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(ctx, lk, a, store)
	if err != nil {
		return nil, err
	}
	return p.readings, nil
}
