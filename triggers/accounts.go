package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// accounts is base-passwd's master files, then shadowconfig(8).
func accounts() Trigger {
	return Trigger{
		Name: "accounts",
		Doc: "base-passwd copies its passwd.master and group.master to /etc, passwd's shadowconfig moves the passwords to shadow and gshadow. " +
			"The same, with the ids that the lock allocated; no backups (passwd-, group-).",
		For:   []string{"deb"},
		Reads: []string{masterDir + "/*", "usr/sbin/shadowconfig"},
		Owns:  []string{"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid", "etc/.pwd.lock"},
		Run:   makeAccounts,
	}
}

const masterDir = "usr/share/base-passwd"

func makeAccounts(in Input) ([]Change, error) {
	if !exists(in.FS, masterDir+"/passwd.master") || !exists(in.FS, masterDir+"/group.master") || exists(in.FS, "etc/passwd") || exists(in.FS, "etc/group") {
		return nil, nil
	}
	users, err := readAccounts(in.FS, masterDir+"/passwd.master", 7)
	if err != nil {
		return nil, err
	}
	groups, err := readAccounts(in.FS, masterDir+"/group.master", 4)
	if err != nil {
		return nil, err
	}
	ids := in.Lock.IDs
	if groups, err = groups.allocate(ids.Groups, func(g lock.ID) []string {
		return []string{g.Name, "*", number(g.ID), ""}
	}); err != nil {
		return nil, err
	}
	if users, err = users.allocate(ids.Users, func(u lock.ID) []string {
		return []string{u.Name, "*", number(u.ID), groups.id(u.Name, "65534"), "", "/nonexistent", "/usr/sbin/nologin"}
	}); err != nil {
		return nil, err
	}
	var out []Change
	if exists(in.FS, "usr/sbin/shadowconfig") {
		out = append(out, shadow("etc/shadow", users, number(uint32(in.Lock.Epoch/86400))+":0:99999:7:::"),
			shadow("etc/gshadow", groups, ":"), file("etc/.pwd.lock", 0o600, nil))
		for _, t := range []table{users, groups} {
			for _, fields := range t {
				fields[1] = "x"
			}
		}
	}
	for _, name := range []string{"etc/subuid", "etc/subgid"} {
		if in.scripted("postinst", "/"+name) && !exists(in.FS, name) {
			out = append(out, file(name, 0o644, nil))
		}
	}
	return append(out, file("etc/passwd", 0o644, users.bytes()), file("etc/group", 0o644, groups.bytes())), nil
}

// shadow returns the file that holds the passwords of t: NAME:PASSWORD:TAIL, for groups with their members.
func shadow(path string, t table, tail string) Change {
	var b strings.Builder
	for _, f := range t {
		b.WriteString(f[0] + ":" + f[1] + ":" + tail)
		if len(f) == 4 {
			b.WriteString(f[3])
		}
		b.WriteByte('\n')
	}
	c := file(path, 0o640, []byte(b.String()))
	c.Node.Group = tree.Owner{Name: "shadow"}
	return c
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

// allocate adds the accounts of ids that t does not have, sorted by name. An id that t gives
// to the same name otherwise, or to another, is an error.
func (t table) allocate(ids []lock.ID, line func(lock.ID) []string) (table, error) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b lock.ID) int { return strings.Compare(a.Name, b.Name) })
	for _, id := range ids {
		switch old := t.id(id.Name, ""); {
		case old == number(id.ID):
			continue
		case old != "":
			return nil, fmt.Errorf("account %s: the lock has id %d, the distribution %s", tree.Quote(id.Name), id.ID, old)
		}
		if i := slices.IndexFunc(t, func(f []string) bool { return f[2] == number(id.ID) }); i >= 0 {
			return nil, fmt.Errorf("account %s: id %d is that of %s", tree.Quote(id.Name), id.ID, tree.Quote(t[i][0]))
		}
		t = append(t, line(id))
	}
	return t, nil
}

func (t table) bytes() []byte {
	var b strings.Builder
	for _, f := range t {
		b.WriteString(strings.Join(f, ":") + "\n")
	}
	return []byte(b.String())
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
