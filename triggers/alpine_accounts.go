package triggers

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// alpineAccounts is busybox's adduser and addgroup.
func alpineAccounts() Trigger {
	return Trigger{
		Name: "alpine-accounts",
		Doc: "Scripts of apk call busybox's addgroup and adduser, which append to the account files that alpine-baselayout ships. The same, " +
			"sorted by name, with the ids that the lock allocated and the day of the epoch in shadow; no backups (passwd-, group-, shadow-).",
		For:    []string{"apk"},
		Duties: []hooks.Kind{hooks.Group, hooks.Member, hooks.User},
		Reads:  []string{masterDir + "/*", "etc/passwd", "etc/group", "etc/shadow"},
		Owns:   []string{"etc/passwd", "etc/group", "etc/shadow"},
		Edits:  []string{"etc/passwd", "etc/group", "etc/shadow"},
		Run:    makeAlpineAccounts,
	}
}

func makeAlpineAccounts(in Input) ([]Change, error) {
	if len(in.Duties) == 0 {
		return nil, nil
	}
	r, err := readRoster(in.Duties, in.FS)
	if err != nil {
		return nil, err
	}
	if err := r.number(in.Lock.IDs); err != nil {
		return nil, err
	}
	users, groups := slices.Clone(r.passwd), slices.Clone(r.shadowed)
	var shadow strings.Builder
	for _, u := range r.users {
		gid := u.group
		if g := find(r.groups, u.group); g != nil {
			gid = number(g.id)
		} else {
			gid = r.shadowed.id(u.group, gid)
		}
		users = append(users, []string{u.name, "x", number(u.id), gid, u.comment, u.home, u.shell})
		fmt.Fprintf(&shadow, "%s:!:%d:0:99999:7:::\n", u.name, in.Lock.Epoch/86400)
	}
	for _, g := range r.groups {
		groups = append(groups, []string{g.name, "x", number(g.id), ""})
	}
	for i, g := range groups {
		g = slices.Clone(g)
		g[3] = r.membersOf(g[0], g[3])
		groups[i] = g
	}
	var out []Change
	for _, f := range []struct {
		path  string
		lines table
	}{{"etc/passwd", users}, {"etc/group", groups}} {
		var b strings.Builder
		for _, l := range f.lines {
			b.WriteString(strings.Join(l, ":") + "\n")
		}
		c, err := edited(in.FS, f.path, b.String())
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if old, err := fs.ReadFile(in.FS, "etc/shadow"); err == nil && shadow.Len() > 0 {
		c, err := edited(in.FS, "etc/shadow", string(old)+shadow.String())
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// edited returns the change that gives a shipped file another text; mode and owner stay.
func edited(fsys fs.FS, path, text string) (Change, error) {
	c := file(path, 0o644, []byte(text))
	info, err := fs.Stat(fsys, path)
	if err != nil {
		return c, nil // it is new
	}
	c.Op, c.Node.Mode = Replace, info.Mode()
	n, ok := info.Sys().(tree.Node)
	if !ok {
		return c, fmt.Errorf("/%s: no owner known", path)
	}
	c.Node.User, c.Node.Group, c.Node.Xattrs = n.User, n.Group, n.Xattrs
	return c, nil
}
