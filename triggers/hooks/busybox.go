package hooks

import (
	"cmp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// readAPK reads the scripts of apk in the order of an installation: before and after the files of each package, then all
// triggers.
func (s *state) readAPK() {
	for i := range s.packages {
		s.phase(i, ".pre-install", nil)
		s.phase(i, ".post-install", nil)
	}
	for i := range s.packages {
		s.phase(i, ".trigger", nil)
	}
}

// isAPK reports whether scripts of a phase are apk's.
func isAPK(phase pkg.Phase) bool { return strings.HasPrefix(string(phase), ".") }

// busyboxUser reads adduser and addgroup of busybox:
//
//	addgroup [-g GID] [-S] [USER] GROUP
//	adduser [-h DIR] [-g GECOS] [-s SHELL] [-G GRP] [-S] [-D] [-H] [-u UID] [-k SKEL] USER [GROUP]
func busyboxUser(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	spec := "g: S"
	if c.name == "adduser" {
		spec = "h: g: s: G: S D H u: k:"
	}
	o := parseOptions(args, spec)
	if !ok || o.bad != "" || len(o.rest) == 0 || len(o.rest) > 2 {
		w.leftover(c.line, c.name+" with arguments that are not known "+printable(o.bad))
		return unknown, next
	}
	name := o.rest[0]
	switch {
	case len(o.rest) == 2:
		return w.member(c.line, name, o.rest[1]), next
	case c.name == "addgroup":
		if find(w.accounts.groups, name) != nil {
			w.noop(c.line, "the group is there")
			return no, next
		}
		return w.made(w.addGroup(c.line, account{name: name, id: o.set["g"], system: o.has("S")})), next
	case find(w.accounts.users, name) != nil:
		w.noop(c.line, "the user is there")
		return no, next
	}
	return w.busyboxUser(c.line, name, o), next
}

func (w *walker) busyboxUser(line int, name string, o options) truth {
	u := account{name: name, id: o.set["u"], group: o.set["G"], home: cmp.Or(o.set["h"], "/home/"+name),
		shell: cmp.Or(o.set["s"], "/bin/sh"), comment: cmp.Or(o.set["g"], "Linux User,,,"), system: o.has("S")}
	if o.has("S") && o.set["s"] == "" {
		u.shell = "/bin/false"
	}
	if u.group == "" {
		u.group = name
		if o.has("S") {
			u.group = "nogroup"
		} else if find(w.accounts.groups, name) == nil && !w.addGroup(line, account{name: name, id: u.id}) {
			return unknown
		}
	}
	if find(w.accounts.groups, u.group) == nil {
		w.leftover(line, "a user of a group that is not known")
		return no
	}
	if !w.addUser(line, u) {
		return unknown
	}
	if o.set["G"] != "" {
		if t := w.member(line, name, u.group); t != yes {
			return t
		}
	}
	if o.has("H") {
		return yes
	}
	return w.busyboxHome(line, u)
}

// busyboxHome makes the home directory. Files come after the script that makes their owner, and apk leaves
// the mode and owner of a directory that is there: so what adduser makes of a home directory counts, and not what the same package, or
// one after it, ships.
func (w *walker) busyboxHome(line int, u account) truth {
	if s := w.disk.shipped[merged(strings.TrimPrefix(u.home, "/"))]; s != nil && s.node.Mode.IsDir() {
		at := w.installed[w.reading.Package.Name]
		if slices.ContainsFunc(s.by, func(p int32) bool { return int(p) < at }) {
			return yes
		}
		return w.made(w.change(line, u.home, false, func(e *entry) {
			e.mode, e.user, e.group, e.owned = modeOf(0o2755), u.name, u.group, true
		}))
	}
	return w.makeHome(line, u, 0o2755)
}
