package hooks

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// accounts are the users and groups that are known so far.
type accounts struct {
	users  []*account
	groups []*account
	seeded bool // from base-passwd's tables
}

// account is a user or a group.
type account struct {
	name, id                    string
	group, home, shell, comment string
	system                      bool
	members                     []string
	by                          Source
	reading                     *Reading // nil: the distribution's
	other                       bool     // systemd-sysusers makes it
}

func newAccounts(d *disk) *accounts {
	a := &accounts{}
	for _, name := range []string{"passwd", "group"} {
		e := d.base("usr/share/base-passwd/" + name + ".master")
		if e.shipped == nil {
			e = d.base("etc/" + name) // which Alpine ships
		}
		if e.shipped == nil {
			continue
		}
		for l := range strings.Lines(e.shipped().text) {
			f := strings.Split(strings.TrimSuffix(l, "\n"), ":")
			switch {
			case name == "passwd" && len(f) == 7:
				a.seeded = true
				a.users = append(a.users, &account{name: f[0], id: f[2], group: f[3], comment: f[4], home: f[5], shell: f[6]})
			case name == "group" && len(f) == 4:
				a.groups = append(a.groups, &account{name: f[0], id: f[2]})
			}
		}
	}
	return a
}

func find(list []*account, name string) *account {
	i := slices.IndexFunc(list, func(a *account) bool { return a.name == name || a.id != "" && a.id == name })
	if i < 0 {
		return nil
	}
	return list[i]
}

// groupOf returns the name of a user's group, or "".
func (a *accounts) groupOf(user string) string {
	u := find(a.users, user)
	if u == nil {
		return ""
	}
	if g := find(a.groups, u.group); g != nil {
		return g.name
	}
	return u.group
}

// groupsOf returns the groups that a user is a member of.
func (a *accounts) groupsOf(user string) []string {
	var out []string
	for _, g := range a.groups {
		if slices.Contains(g.members, user) {
			out = append(out, g.name)
		}
	}
	return out
}

// subset reports whether b has all of a.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// getent says what is in the account files; other databases are not known.
func getent(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	if ok && len(args) == 1 && (args[0] == "passwd" || args[0] == "group") {
		list := w.accounts.users
		if args[0] == "group" {
			list = w.accounts.groups
		}
		for _, a := range list {
			w.print(w.accounts.line(a, args[0]))
		}
		return yes, next
	}
	if !ok || len(args) != 2 || args[0] != "passwd" && args[0] != "group" {
		w.unknownOutput()
		return unknown, next
	}
	list := w.accounts.users
	if args[0] == "group" {
		list = w.accounts.groups
	}
	a := find(list, args[1])
	if a == nil {
		w.code = known("2")
		return no, next
	}
	w.print(w.accounts.line(a, args[0]))
	return yes, next
}

// line returns the line of an account. For an id that is still to be allocated it has a word that reaches no duty.
func (a *accounts) line(x *account, database string) string {
	if database == "group" {
		return x.name + ":x:" + idOf(a.groups, x.name, "gid.") + ":" + strings.Join(x.members, ",") + "\n"
	}
	return strings.Join([]string{x.name, "x", idOf(a.users, x.name, "uid."), idOf(a.groups, a.groupOf(x.name), "gid."), x.comment, x.home, x.shell}, ":") + "\n"
}

// id is id(1) and groups(1).
func id(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	o := parseOptions(args, "u|user g|group G|groups n|name r|real")
	if !ok || o.bad != "" {
		w.unknownOutput()
		return unknown, next
	}
	if len(o.rest) == 0 {
		if o.has("n") {
			w.print("root\n")
		} else {
			w.print("0\n")
		}
		return yes, next
	}
	u := find(w.accounts.users, o.rest[0])
	if u == nil {
		return is(!w.accounts.seeded).and(unknown), next
	}
	switch {
	case o.has("u") && o.has("n"):
		w.print(u.name + "\n")
	case o.has("u") && u.id != "":
		w.print(u.id + "\n")
	case o.has("g") && o.has("n"):
		w.print(w.accounts.groupOf(u.name) + "\n")
	case o.has("G") && o.has("n") || c.name == "groups":
		names := []string{w.accounts.groupOf(u.name)}
		for _, g := range w.accounts.groups {
			if slices.Contains(g.members, u.name) {
				names = append(names, g.name)
			}
		}
		w.print(strings.Join(names, " ") + "\n")
	default:
		w.unknownOutput()
	}
	return yes, next
}

// addUser makes a user. A group with the user's name comes from addGroup.
func (w *walker) addUser(line int, u account) bool {
	if !w.sure() {
		w.leftover(line, "a user under a condition that is not known")
		return false
	}
	u.by, u.reading = w.source(line), w.reading
	w.accounts.users = append(w.accounts.users, &u)
	return true
}

func (w *walker) addGroup(line int, g account) bool {
	if !w.sure() {
		w.leftover(line, "a group under a condition that is not known")
		return false
	}
	g.by, g.reading = w.source(line), w.reading
	w.accounts.groups = append(w.accounts.groups, &g)
	return true
}

func (w *walker) source(line int) Source {
	return Source{w.reading.Package.Name, w.reading.Script.Phase, line}
}

// member puts a user into a group.
func (w *walker) member(line int, user, grp string) truth {
	u, g := find(w.accounts.users, user), find(w.accounts.groups, grp)
	if g == nil || u == nil {
		return no
	}
	if slices.Contains(g.members, user) {
		return yes
	}
	if !w.sure() {
		w.leftover(line, "a member under a condition that is not known")
		return unknown
	}
	g.members = append(g.members, user)
	w.duty(Duty{Kind: Member, Line: line, Args: []string{user, grp}})
	return yes
}

// makeHome makes a home directory, unless it is there.
func (w *walker) makeHome(line int, u account, mode uint32) truth {
	home := u.home
	if _, t := w.look(home, true); t != no || home == "" || home == "/nonexistent" {
		return yes
	}
	if t := w.mkdir(line, path.Dir(home), "", true); t != yes {
		return t
	}
	g := w.accounts.groupOf(u.name)
	if g == "" {
		g = u.group
	}
	return w.made(w.create(line, home, entry{kind: directory, mode: modeOf(mode), user: u.name, group: g}))
}

// foldAccounts adds the duties that make the users and groups of scripts.
func (s *state) foldAccounts() {
	kindOf := map[bool]string{true: "system", false: "user"}
	for _, g := range s.accounts.groups {
		if g.reading != nil && !g.other {
			s.final(g.reading, Duty{Kind: Group, Line: g.by.Line, Args: []string{g.name, g.id, kindOf[g.system]}})
		}
	}
	for _, u := range s.accounts.users {
		if u.reading != nil && !u.other {
			s.final(u.reading, Duty{Kind: User, Line: u.by.Line,
				Args: []string{u.name, u.id, u.group, u.home, u.shell, u.comment, kindOf[u.system], ""}})
		}
	}
}

// sysusers reads systemd-sysusers(8): the trigger makes the accounts, later scripts find them.
func sysusers(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "cat-config tldr root: replace: dry-run inline no-pager")
	if !ok {
		return unknown, next
	}
	if o.has("cat-config") || o.has("inline") || o.has("dry-run") || o.has("replace") {
		w.leftover(c.line, "systemd-sysusers with other options")
		return unknown, next
	}
	files := o.rest
	if len(files) == 0 {
		files, ok = w.names("/usr/lib/sysusers.d")
	}
	for _, f := range files {
		v, t := w.readFile(known("/usr/lib/sysusers.d/" + path.Base(f)))
		if strings.HasPrefix(f, "/") {
			v, t = w.readFile(known(f))
		}
		ok = ok && v.known && t == yes
		w.sysusersFile(c.line, v.text)
	}
	if !ok {
		w.leftover(c.line, "systemd-sysusers of a file that is not known")
		return unknown, next
	}
	w.duty(Duty{Kind: Sysusers, Line: c.line, Args: o.rest})
	return yes, next
}

// sysusersFile adds the accounts of a file (sysusers.d(5)).
func (w *walker) sysusersFile(line int, text string) {
	for l := range strings.Lines(text) {
		f := quotedFields(l)
		if len(f) < 2 || !w.sure() {
			continue
		}
		for len(f) < 6 {
			f = append(f, "-")
		}
		at := func(i int, none string) string {
			if f[i] == "-" || f[i] == "" {
				return none
			}
			return f[i]
		}
		name, src := f[1], w.source(line)
		uid, gid, both := strings.Cut(at(2, ""), ":")
		switch strings.TrimRight(f[0], "!") {
		case "u":
			grp := name
			if both {
				grp = gid
			} else if find(w.accounts.groups, name) == nil {
				w.accounts.groups = append(w.accounts.groups, &account{name: name, id: number(uid), system: true, by: src, reading: w.reading, other: true})
			}
			if find(w.accounts.users, name) == nil {
				w.accounts.users = append(w.accounts.users, &account{name: name, id: number(uid), group: grp, comment: at(3, ""),
					home: at(4, "/"), shell: at(5, "/usr/sbin/nologin"), system: true, by: src, reading: w.reading, other: true})
			}
		case "g":
			if find(w.accounts.groups, name) == nil {
				w.accounts.groups = append(w.accounts.groups, &account{name: name, id: number(uid), system: true, by: src, reading: w.reading, other: true})
			}
		case "m":
			if g := find(w.accounts.groups, f[2]); g != nil {
				g.members = append(g.members, name)
			}
		}
	}
}

// number returns an id as it is, and "" for one that is to be found.
func number(id string) string {
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		return ""
	}
	return id
}

// quotedFields splits a line of sysusers.d at blanks outside of quotes.
func quotedFields(l string) []string {
	var out []string
	var b strings.Builder
	quote, started := byte(0), false
	for i := range len(l) {
		switch c := l[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, started = c, true
		case quote == 0 && c == '#' && !started && len(out) == 0:
			return nil
		case quote == 0 && strings.IndexByte(" \t\n", c) >= 0:
			if started {
				out = append(out, b.String())
				b.Reset()
			}
			started = false
		default:
			started = true
			b.WriteByte(c)
		}
	}
	if started {
		out = append(out, b.String())
	}
	return out
}
