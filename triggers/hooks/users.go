package hooks

import (
	"io/fs"
	"slices"
	"strings"
)

func modeOf(m uint32) fs.FileMode { return fs.FileMode(m) }

// adduser reads adduser(8) and addgroup(8) with the settings that Debian's adduser.conf has.
func adduser(w *walker, c invocation) (truth, flow) {
	if isAPK(w.reading.Script.Phase) {
		return busyboxUser(w, c)
	}
	args, ok := c.texts()
	for i, a := range args { // long options with one dash, and the old spellings, are adduser's own
		if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && len(a) > 2 {
			args[i] = "-" + a
		}
	}
	o := parseOptions(args, "system q|quiet group ingroup|gid-name: home: no-create-home disabled-login disabled-password gecos|comment: shell: uid: gid: force-badname|allow-badname|allow-bad-names|allow-all-names force firstuid: lastuid: firstgid: lastgid: add_extra_groups|add-extra-groups debug c|conf: verbose stdoutmsglevel: stderrmsglevel: logmsglevel: encrypt-home")
	if !ok || o.bad != "" || len(o.rest) == 0 {
		w.leftover(c.line, c.name+" with arguments that are not known "+printable(o.bad))
		return unknown, next
	}
	name := o.rest[0]
	switch {
	case len(o.rest) == 2 && c.name == "adduser" && !o.has("system"):
		t := w.member(c.line, name, o.rest[1])
		return t, next
	case c.name == "addgroup" || o.has("group") && !o.has("system"):
		return w.adduserGroup(c, o, name), next
	}
	if u := find(w.accounts.users, name); u != nil {
		w.noop(c.line, "the user is there")
		return is(o.has("system")), next
	}
	u := account{name: name, id: o.set["uid"], home: o.set["home"], shell: o.set["shell"], comment: o.set["gecos"], system: o.has("system")}
	mode := uint32(0o755)
	if u.system {
		setDefault(&u.home, "/nonexistent")
		setDefault(&u.shell, "/usr/sbin/nologin")
		u.group = "nogroup"
	} else {
		mode = 0o700
		setDefault(&u.home, "/home/"+name)
		setDefault(&u.shell, "/bin/bash")
		u.group = name
	}
	switch {
	case o.has("ingroup"):
		u.group = o.set["ingroup"]
	case o.has("gid"):
		u.group = o.set["gid"]
	case o.has("group") || !u.system:
		u.group = name
		if find(w.accounts.groups, name) == nil && !w.addGroup(c.line, account{name: name, id: u.id, system: u.system}) {
			return unknown, next
		}
	}
	if !w.addUser(c.line, u) {
		return unknown, next
	}
	if !o.has("no-create-home") {
		return w.makeHome(c.line, u, mode), next
	}
	return yes, next
}

func setDefault(s *string, v string) {
	if *s == "" {
		*s = v
	}
}

func (w *walker) adduserGroup(c invocation, o options, name string) truth {
	if find(w.accounts.groups, name) != nil {
		w.noop(c.line, "the group is there")
		return is(o.has("system"))
	}
	return w.made(w.addGroup(c.line, account{name: name, id: o.set["gid"], system: o.has("system")}))
}

// useradd reads useradd(8) with the settings that Debian's login.defs has.
func useradd(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "r|system c|comment: d|home-dir|home: g|gid: G|groups: k|skel: K|key: l|no-log-init m|create-home M|no-create-home N|no-user-group o|non-unique p|password: s|shell: u|uid: U|user-group e|expiredate: f|inactive: b|base-dir: R|root: F")
	if !ok || len(o.rest) != 1 {
		if ok {
			w.leftover(c.line, "useradd with other arguments")
		}
		return unknown, next
	}
	name := o.rest[0]
	if find(w.accounts.users, name) != nil {
		w.code = known("9")
		return no, next
	}
	u := account{name: name, id: o.set["u"], group: o.set["g"], home: o.set["d"], shell: o.set["s"], comment: o.set["c"], system: o.has("r")}
	setDefault(&u.home, "/home/"+name)
	setDefault(&u.shell, "/bin/sh")
	switch {
	case u.group != "":
	case o.has("N"):
		u.group = "100"
	case find(w.accounts.groups, name) != nil:
		w.code = known("9")
		return no, next
	default:
		u.group = name
		if !w.addGroup(c.line, account{name: name, id: u.id, system: u.system}) {
			return unknown, next
		}
	}
	if !w.addUser(c.line, u) {
		return unknown, next
	}
	t := yes
	if o.has("m") {
		t = w.makeHome(c.line, u, 0o700)
	}
	if g := o.set["G"]; g != "" {
		for grp := range strings.SplitSeq(g, ",") {
			t = t.and(w.member(c.line, name, grp))
		}
	}
	return t, next
}

func groupadd(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "r|system g|gid: f|force o|non-unique K|key: p|password: R|root: U|users:")
	if !ok || len(o.rest) != 1 || o.has("U") {
		if ok {
			w.leftover(c.line, "groupadd with other arguments")
		}
		return unknown, next
	}
	if find(w.accounts.groups, o.rest[0]) != nil {
		w.code = known("9")
		return is(o.has("f")), next
	}
	return w.made(w.addGroup(c.line, account{name: o.rest[0], id: o.set["g"], system: o.has("r")})), next
}

// usermod reads usermod(8) and chfn(1): of an account that scripts made the duty says what it is in the end.
func usermod(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "a|append G|groups: c|comment: d|home: s|shell: g|gid: L|lock U|unlock e|expiredate: m|move-home p|password: f|full-name:")
	if !ok || len(o.rest) != 1 {
		if ok {
			w.leftover(c.line, c.name+" with other arguments")
		}
		return unknown, next
	}
	u := find(w.accounts.users, o.rest[0])
	if u == nil {
		return no, next
	}
	t := yes
	if o.has("G") {
		if others := w.accounts.groupsOf(u.name); !o.has("a") && !subset(others, strings.Split(o.set["G"], ",")) {
			w.leftover(c.line, "usermod -G without -a")
			return unknown, next
		}
		for grp := range strings.SplitSeq(o.set["G"], ",") {
			t = t.and(w.member(c.line, u.name, grp))
		}
	}
	changed := false
	for name, p := range map[string]*string{"c": &u.comment, "f": &u.comment, "d": &u.home, "s": &u.shell, "g": &u.group} {
		if v, set := o.set[name]; set && *p != v {
			changed = true
			if u.reading != nil && !u.other && w.sure() {
				*p = v
				changed = false
			}
		}
	}
	switch {
	case changed || o.has("m") || o.has("U") || o.has("p") || o.has("e"):
		w.leftover(c.line, c.name+" of an account that is not a script's")
		return unknown, next
	case o.has("L"):
		w.noop(c.line, "the account has no password")
	}
	return t, next
}

// password is passwd and chage, of which only locking is read.
func password(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if ok && (slices.Contains(args, "-l") || slices.Contains(args, "--lock")) {
		w.noop(c.line, "the account has no password")
		return yes, next
	}
	w.leftover(c.line, c.name)
	return unknown, next
}

// gpasswd is gpasswd -a.
func gpasswd(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "a|add:")
	if !ok || !o.has("a") || len(o.rest) != 1 {
		w.leftover(c.line, "gpasswd")
		return unknown, next
	}
	return w.member(c.line, o.set["a"], o.rest[0]), next
}

// delUser is deluser and its like: no account of a fresh installation is there to go.
func delUser(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	args = slices.DeleteFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") })
	if ok && len(args) == 2 && c.name == "deluser" && w.accounts.seeded && !slices.Contains(w.accounts.groupsOf(args[0]), args[1]) {
		w.noop(c.line, "the user is no member")
		w.code = known("6")
		return no, next
	}
	if ok && len(args) > 0 && find(w.accounts.users, args[0]) == nil && find(w.accounts.groups, args[0]) == nil && w.accounts.seeded {
		w.noop(c.line, "there is no such account")
		w.code = known("2")
		return no, next
	}
	w.leftover(c.line, c.name)
	return unknown, next
}
