package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// accounts is base-passwd's master files, then shadowconfig(8), then what adduser(8), useradd(8) and systemd-sysusers(8) add.
func accounts() Trigger {
	return Trigger{
		Name: "accounts",
		Doc: "base-passwd copies its passwd.master and group.master to /etc, passwd's shadowconfig moves the passwords to shadow and gshadow; " +
			"adduser, useradd and systemd-sysusers add accounts. The same, sorted by name, with the ids that the lock allocated; no backups (passwd-, group-).",
		For:    []string{"deb"},
		Reads:  []string{masterDir + "/*", "usr/sbin/shadowconfig", "etc/sysusers.d/*", "usr/local/lib/sysusers.d/*", "usr/lib/sysusers.d/*"},
		Duties: []hooks.Kind{hooks.Group, hooks.Member, hooks.Sysusers, hooks.User},
		Owns:   []string{"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid", "etc/.pwd.lock"},
		Run:    makeAccounts,
	}
}

const masterDir = "usr/share/base-passwd"

func makeAccounts(in Input) ([]Change, error) {
	if exists(in.FS, "etc/passwd") || exists(in.FS, "etc/group") {
		return nil, nil
	}
	r, err := readRoster(in.Duties, in.FS)
	if err != nil || len(r.passwd)+len(r.shadowed)+len(r.users)+len(r.groups) == 0 {
		return nil, err
	}
	if err := r.number(in.Lock.IDs); err != nil {
		return nil, err
	}
	day := number(uint32(in.Lock.Epoch / 86400))
	users, groups := r.lines(day)
	var out []Change
	if exists(in.FS, "usr/sbin/shadowconfig") {
		out = append(out, shadowFile("etc/shadow", users), shadowFile("etc/gshadow", groups), file("etc/.pwd.lock", 0o600, nil))
		for _, l := range slices.Concat(users, groups) {
			l.fields[1] = "x"
		}
	}
	sub := r.subordinate()
	for _, name := range []string{"etc/subuid", "etc/subgid"} {
		if (len(sub) > 0 || in.scripted("postinst", "/"+name)) && !exists(in.FS, name) {
			out = append(out, file(name, 0o644, sub))
		}
	}
	out = append(out, file("etc/passwd", 0o644, accountFile(users)), file("etc/group", 0o644, accountFile(groups)))
	return because(in.Duties, out...), nil
}

// accountLine is a line of passwd(5) or group(5), and what follows the password in shadow(5) or gshadow(5).
type accountLine struct {
	fields []string
	tail   string
}

// lines returns the users and groups: base-passwd's in its order, then the others by name.
func (r *roster) lines(day string) (users, groups []accountLine) {
	for _, f := range r.passwd {
		users = append(users, accountLine{f, day + ":0:99999:7:::"})
	}
	for _, u := range r.users {
		password, tail := "!", day+"::::::"
		switch {
		case u.declared && u.expired:
			password, tail = "!*", day+":::::1:"
		case u.declared:
			password = "!*"
		case !u.system:
			tail = day + ":0:99999:7:::"
		}
		gid := u.group
		if g := find(r.groups, u.group); g != nil {
			gid = number(g.id)
		} else {
			gid = r.shadowed.id(u.group, gid)
		}
		users = append(users, accountLine{[]string{u.name, password, number(u.id), gid, u.comment, u.home, u.shell}, tail})
	}
	for _, f := range r.shadowed {
		groups = append(groups, accountLine{f, ":"})
	}
	for _, g := range r.groups {
		password := "!"
		if g.declared {
			password = "!*"
		}
		groups = append(groups, accountLine{[]string{g.name, password, number(g.id), ""}, ":"})
	}
	for _, l := range groups {
		l.fields[3] = r.membersOf(l.fields[0], l.fields[3])
	}
	return users, groups
}

// membersOf adds to the members that a group has those that were demanded, by name.
func (r *roster) membersOf(group, members string) string {
	var list []string
	if members != "" {
		list = strings.Split(members, ",")
	}
	for _, m := range r.members {
		if m[1] == group && !slices.Contains(list, m[0]) {
			list = append(list, m[0])
		}
	}
	return strings.Join(list, ",")
}

// subordinate returns the ranges that useradd(8) gives to users that are not the system's: 65536 each from 100000 on.
func (r *roster) subordinate() []byte {
	var b []byte
	next := 100000
	for _, u := range r.users {
		if !u.system {
			b = fmt.Appendf(b, "%s:%d:65536\n", u.name, next)
			next += 65536
		}
	}
	return b
}

// shadowFile returns the file that holds the passwords: NAME:PASSWORD:TAIL, for groups with their members.
func shadowFile(path string, lines []accountLine) Change {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.fields[0] + ":" + l.fields[1] + ":" + l.tail)
		if len(l.fields) == 4 {
			b.WriteString(l.fields[3])
		}
		b.WriteByte('\n')
	}
	c := file(path, 0o640, []byte(b.String()))
	c.Node.Group = tree.Owner{Name: "shadow"}
	return c
}

func accountFile(lines []accountLine) []byte {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.Join(l.fields, ":") + "\n")
	}
	return []byte(b.String())
}

func number(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// table is an account file, a line per account: passwd(5) has seven fields, group(5) four, and in both
// the first is the name, the second the password and the third the id.
type table [][]string

func readAccounts(fsys fs.FS, path string, fields int) (table, error) {
	b, err := fs.ReadFile(fsys, path)
	if err != nil {
		return nil, err
	}
	var t table
	n := 0
	for l := range strings.Lines(string(b)) {
		n++
		l = strings.TrimSuffix(l, "\n")
		if l == "" {
			continue
		}
		f := strings.Split(l, ":")
		if len(f) != fields || f[0] == "" || strings.Contains(l, "\x00") {
			return nil, fmt.Errorf("/%s: line %d: want %d fields", path, n, fields)
		}
		if _, err := strconv.ParseUint(f[2], 10, 32); err != nil {
			return nil, fmt.Errorf("/%s: line %d: id %q is no number", path, n, f[2])
		}
		t = append(t, f)
	}
	return t, nil
}

// id returns the id of name, or none.
func (t table) id(name, none string) string {
	for _, f := range t {
		if f[0] == name {
			return f[2]
		}
	}
	return none
}

// taken returns the names of t by id; of two names with one id the first.
func (t table) taken() map[uint32]string {
	m := map[uint32]string{}
	for _, f := range t {
		n, _ := strconv.ParseUint(f[2], 10, 32) // readAccounts checked it
		if _, ok := m[uint32(n)]; !ok {
			m[uint32(n)] = f[0]
		}
	}
	return m
}

// Accounts reads etc/passwd and etc/group of a root. One that has none gives no ids; of two
// lines with one name the first counts.
func Accounts(fsys fs.FS) (tree.IDs, error) {
	users, err := accountIDs(fsys, "etc/passwd", 7)
	if err != nil {
		return tree.IDs{}, err
	}
	groups, err := accountIDs(fsys, "etc/group", 4)
	return tree.IDs{Users: users, Groups: groups}, err
}

func accountIDs(fsys fs.FS, path string, fields int) (map[string]uint32, error) {
	t, err := readAccounts(fsys, path, fields)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ids := map[string]uint32{}
	for _, f := range t {
		if _, ok := ids[f[0]]; !ok {
			n, _ := strconv.ParseUint(f[2], 10, 32) // readAccounts checked it
			ids[f[0]] = uint32(n)
		}
	}
	return ids, nil
}
