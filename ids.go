package detinstall

import (
	"path"
	"slices"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// allocate gives lk the ids of all accounts that the packages of all its architectures demand; those
// that lk has, by request or from the lock before, are kept where they can be, and dropped where nobody demands them.
func allocate(lk *lock.File, plans []*plan) error {
	ids, err := allocation(lk, plans)
	lk.IDs = ids
	return err
}

// numbered reports as a *StaleLockError that lk lacks an id that the packages demand.
func (p *plan) numbered(lk *lock.File) error {
	ids, err := allocation(lk, []*plan{p})
	if err != nil {
		return err
	}
	for _, s := range [][2][]lock.ID{{ids.Users, lk.IDs.Users}, {ids.Groups, lk.IDs.Groups}} {
		for _, id := range s[0] {
			if !slices.Contains(s[1], id) {
				return &StaleLockError{Tool: lk.Tool}
			}
		}
	}
	return nil
}

func allocation(lk *lock.File, plans []*plan) (lock.IDs, error) {
	if lk.Format != "deb" && lk.Format != "apk" {
		return lk.IDs, nil
	}
	files := tree.New()
	var duties []hooks.Duty
	for _, p := range plans {
		for _, u := range p.packages {
			for _, n := range u.Nodes {
				if _, taken := files.Get(n.Path); !taken && accountSource(n.Path) {
					if err := files.Put(n); err != nil {
						return lock.IDs{}, err
					}
				}
			}
		}
		for _, r := range p.readings {
			duties = append(duties, r.Duties...)
		}
	}
	return triggers.Allocate(duties, files.FS(), lk.IDs)
}

// accountSource reports whether the file at p says what accounts there are.
func accountSource(p string) bool {
	if p == "etc/passwd" || p == "etc/group" {
		return true
	}
	return slices.Contains([]string{"usr/share/base-passwd", "etc/sysusers.d", "usr/local/lib/sysusers.d", "usr/lib/sysusers.d"}, path.Dir(p))
}
