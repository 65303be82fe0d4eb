package triggers

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// The ranges of ids, as adduser.conf(5) and login.defs(5) of Debian give them.
const (
	firstSystem, lastSystem = 100, 999
	firstUser, lastUser     = 1000, 59999
)

// Allocate returns the ids that the accounts of duties get, sorted by name; those that a duty, a sysusers.d(5) file
// or base-passwd numbers are not among them. files has the masters of base-passwd and the sysusers.d files, at
// their places. For several architectures duties and files are those of all, so that they share one table.
//
// The rule: base-passwd's ids count first, then ids that a duty demands (an id that is taken is
// an error, as it is for adduser), then those that sysusers.d prefers and are free, then those of kept. Every other name gets,
// in the order of names, the lowest number of its range, 100 to 999 for system accounts and 1000 to 59999 for others,
// that is neither a uid nor a gid yet, one number for a user and the group of its name. So neither the order of
// the packages nor that of the duties counts, and Allocate(duties, files, Allocate(duties, files, kept)) is what it was. The
// pools that sysusers.d's r lines name are not used.
func Allocate(duties []hooks.Duty, files fs.FS, kept lock.IDs) (lock.IDs, error) {
	r, err := readRoster(duties, files)
	if err != nil {
		return lock.IDs{}, err
	}
	if err := r.number(kept); err != nil {
		return lock.IDs{}, err
	}
	return lock.IDs{Users: allocated(r.users), Groups: allocated(r.groups)}, nil
}

func allocated(as []*account) []lock.ID {
	var ids []lock.ID
	for _, a := range as {
		if a.free {
			ids = append(ids, lock.ID{Name: a.name, ID: a.id})
		}
	}
	return ids
}

// account is a user or group that somebody demands and base-passwd does not have.
type account struct {
	name     string
	want     string // the number demanded, empty for any
	declared bool   // by sysusers.d(5)
	system   bool
	id       uint32
	numbered bool
	free     bool // allocated: nobody demands this very number

	// Of users.
	group   string // name or number of the primary group
	home    string
	shell   string
	comment string
	expired bool // u!
}

// roster is all that the accounts of a root come from.
type roster struct {
	passwd, shadowed table // base-passwd's users and groups
	users, groups    []*account
	members          [][2]string // user, group; sorted
	joins            [][2]string // those of sysusers.d
}

// readRoster reads the masters, the duties and the sysusers.d files that they name.
func readRoster(duties []hooks.Duty, files fs.FS) (*roster, error) {
	r := &roster{}
	var err error
	if r.passwd, err = readMaster(files, "passwd.master", 7); err != nil {
		return nil, err
	}
	if r.shadowed, err = readMaster(files, "group.master", 4); err != nil {
		return nil, err
	}
	var lines []hooks.Duty
	for _, d := range duties {
		switch d.Kind {
		case hooks.Group:
			r.addGroup(&account{name: arg(d, 0), want: arg(d, 1), system: arg(d, 2) != "user"})
		case hooks.User:
			r.addUser(userOf(d))
		case hooks.Member:
			r.members = append(r.members, [2]string{arg(d, 0), arg(d, 1)})
		case hooks.Sysusers:
			lines = append(lines, d)
		}
	}
	if len(lines) > 0 {
		if err := r.readSysusers(files, lines); err != nil {
			return nil, err
		}
	}
	byName := func(a, b *account) int { return cmp.Compare(a.name, b.name) }
	slices.SortFunc(r.users, byName)
	slices.SortFunc(r.groups, byName)
	slices.SortFunc(r.members, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	r.members = slices.Compact(r.members)
	return r, r.check()
}

// readMaster reads a table of base-passwd, or the one that a package ships in its final place; neither need be there.
func readMaster(files fs.FS, name string, fields int) (table, error) {
	name = masterDir + "/" + name
	if !exists(files, name) {
		name = "etc/" + strings.TrimSuffix(path.Base(name), ".master") // where Alpine ships them
	}
	if !exists(files, name) {
		return nil, nil
	}
	return readAccounts(files, name, fields)
}

// userOf gives a User duty the defaults of adduser(8) and useradd(8).
func userOf(d hooks.Duty) *account {
	u := &account{name: arg(d, 0), want: arg(d, 1), group: arg(d, 2), home: arg(d, 3), shell: arg(d, 4), comment: arg(d, 5), system: arg(d, 6) != "user"}
	if u.system {
		u.group = cmp.Or(u.group, "nogroup")
		u.home = cmp.Or(u.home, "/nonexistent")
		u.shell = cmp.Or(u.shell, "/usr/sbin/nologin")
	} else {
		u.group = cmp.Or(u.group, u.name)
		u.home = cmp.Or(u.home, "/home/"+u.name)
		u.shell = cmp.Or(u.shell, "/bin/bash")
	}
	return u
}

// addUser adds u, and the group of its name where that is its primary one. The first demand for a name counts: the tools leave
// an account that is there as it is.
func (r *roster) addUser(u *account) {
	if u.group == u.name {
		r.addGroup(&account{name: u.name, want: u.want, system: u.system, declared: u.declared})
	}
	if r.passwd.id(u.name, "") == "" && find(r.users, u.name) == nil {
		r.users = append(r.users, u)
	}
}

func (r *roster) addGroup(g *account) {
	if r.shadowed.id(g.name, "") == "" && find(r.groups, g.name) == nil {
		r.groups = append(r.groups, g)
	}
}

func find(as []*account, name string) *account {
	if i := slices.IndexFunc(as, func(a *account) bool { return a.name == name }); i >= 0 {
		return as[i]
	}
	return nil
}

// check refuses what would break the account files, members and primary groups that nobody makes.
func (r *roster) check() error {
	for _, as := range [][]*account{r.users, r.groups} {
		for _, a := range as {
			if a.name == "" || strings.ContainsAny(a.name, ",/ ") || strings.ContainsAny(a.name+a.group+a.home+a.shell+a.comment, ":\n\x00") {
				return fmt.Errorf("account %s: a field that no account file can hold", tree.Quote(a.name))
			}
		}
	}
	for _, u := range r.users {
		if _, err := strconv.ParseUint(u.group, 10, 32); err != nil && !r.has(u.group) {
			return fmt.Errorf("user %s: no group %s", tree.Quote(u.name), tree.Quote(u.group))
		}
	}
	for _, m := range r.members {
		if r.passwd.id(m[0], "") == "" && find(r.users, m[0]) == nil || !r.has(m[1]) {
			return fmt.Errorf("user %s shall be in group %s: no such user or group", tree.Quote(m[0]), tree.Quote(m[1]))
		}
	}
	return nil
}

func (r *roster) has(group string) bool {
	return r.shadowed.id(group, "") != "" || find(r.groups, group) != nil
}

// number gives every account its id.
func (r *roster) number(kept lock.IDs) error {
	uids, gids := r.passwd.taken(), r.shadowed.taken()
	for _, declared := range []bool{false, true} {
		for _, s := range []struct {
			as    []*account
			taken map[uint32]string
		}{{r.groups, gids}, {r.users, uids}} {
			if err := fix(s.as, s.taken, declared); err != nil {
				return err
			}
		}
	}
	keep(r.users, uids, kept.Users)
	keep(r.groups, gids, kept.Groups)
	var names []string
	for _, a := range slices.Concat(r.users, r.groups) {
		names = append(names, a.name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := pair(find(r.users, name), find(r.groups, name), uids, gids); err != nil {
			return err
		}
	}
	return nil
}

func (a *account) set(id uint32, taken map[uint32]string) {
	a.id, a.numbered = id, true
	taken[id] = a.name
}

// fix numbers the accounts that demand a number. One of sysusers.d's that is taken is allocated instead.
func fix(as []*account, taken map[uint32]string, declared bool) error {
	for _, a := range as {
		if a.want == "" || a.declared != declared {
			continue
		}
		id, err := strconv.ParseUint(a.want, 10, 32)
		if err != nil {
			return fmt.Errorf("account %s: id %q is no number", tree.Quote(a.name), a.want)
		}
		switch other, ok := taken[uint32(id)]; {
		case !ok:
			a.set(uint32(id), taken)
		case !declared:
			return fmt.Errorf("account %s: id %d is that of %s", tree.Quote(a.name), id, tree.Quote(other))
		}
	}
	return nil
}

// keep numbers accounts as before.
func keep(as []*account, taken map[uint32]string, ids []lock.ID) {
	for _, id := range ids {
		a := find(as, id.Name)
		if _, ok := taken[id.ID]; ok || a == nil || a.numbered {
			continue
		}
		a.set(id.ID, taken)
		a.free = true
	}
}

// pair numbers a user and the group of its name, either of which may be nil.
func pair(u, g *account, uids, gids map[uint32]string) error {
	var todo, done *account
	for _, a := range []*account{g, u} {
		switch {
		case a == nil:
		case a.numbered:
			done = a
		default:
			todo = a
		}
	}
	if todo == nil {
		return nil
	}
	first, last := uint32(firstSystem), uint32(lastSystem)
	if !todo.system {
		first, last = firstUser, lastUser
	}
	id := first
	for ; id <= last; id++ {
		if uids[id] == "" && gids[id] == "" {
			break
		}
	}
	if done != nil && done.id >= firstSystem && (todo == u && uids[done.id] == "" || todo == g && gids[done.id] == "") {
		id = done.id
	}
	if id > last {
		return fmt.Errorf("account %s: no id is left from %d to %d", tree.Quote(todo.name), first, last)
	}
	if u != nil && !u.numbered {
		u.set(id, uids)
		u.free = true
	}
	if g != nil && !g.numbered {
		g.set(id, gids)
		g.free = true
	}
	return nil
}
