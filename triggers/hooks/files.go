package hooks

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// parent reports whether the directory that p is in is there.
func (w *walker) parent(p string) truth {
	e, t := w.look(path.Dir(strings.TrimRight(p, "/")), true)
	if t == yes && e.kind != directory {
		return no
	}
	return t
}

// into is parent for a path that is about to be made: a directory that a trigger makes by its name counts as there, and one
// that may be there is a leftover.
func (w *walker) into(line int, p string) truth {
	t := w.parent(p)
	if at, ok := w.locate(path.Dir(strings.TrimRight(p, "/")), true); t == unknown && ok && w.disk.owned.named(at) {
		return yes
	}
	if t == unknown {
		w.leftover(line, "makes a path in a directory that may be there")
	}
	return t
}

// makeDir makes one directory. It reports whether it is there then.
func (w *walker) makeDir(line int, p string, mode fs.FileMode) bool {
	return w.create(line, strings.TrimRight(p, "/"), entry{kind: directory, mode: mode})
}

// mkdir reads mkdir(1).
func mkdir(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "p|parents m|mode: v|verbose Z")
	if !ok {
		return unknown, next
	}
	t := yes
	for _, p := range o.rest {
		t = t.and(w.mkdir(c.line, p, o.set["m"], o.has("p")))
	}
	return t, next
}

func (w *walker) mkdir(line int, p, mode string, parents bool) truth {
	e, t := w.look(p, true)
	if t == yes {
		return is(parents && e.kind == directory)
	}
	if t == unknown && w.theirPath(p, line) {
		return yes
	}
	if parents && path.Dir(p) != p {
		if t := w.mkdir(line, path.Dir(p), "", true); t != yes {
			return t
		}
	} else if up := w.into(line, p); up != yes {
		return up
	}
	m := w.mask(0o777)
	if mode != "" {
		var ok bool
		if m, ok = chmodTo(m, mode, true); !ok {
			w.leftover(line, "mode "+printable(mode))
			return unknown
		}
	}
	if !w.makeDir(line, p, m) {
		return unknown
	}
	return yes
}

// chmodTo applies a mode as chmod(1) spells it.
func chmodTo(old fs.FileMode, spec string, dir bool) (fs.FileMode, bool) {
	if n, err := strconv.ParseUint(spec, 8, 13); err == nil && n <= 0o7777 {
		if dir && len(spec) < 5 {
			return fs.FileMode(n) | old&0o6000, true
		}
		return fs.FileMode(n), true
	}
	for clause := range strings.SplitSeq(spec, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 {
			return 0, false
		}
		who := clause[:i]
		if who == "" || strings.Contains(who, "a") {
			who = "ugo"
		}
		var bits, mask fs.FileMode
		for _, p := range clause[i+1:] {
			for _, u := range who {
				shift, ok := map[rune]int{'u': 6, 'g': 3, 'o': 0}[u]
				if !ok {
					return 0, false
				}
				mask |= 7 << shift
				switch p {
				case 'r':
					bits |= 4 << shift
				case 'w':
					bits |= 2 << shift
				case 'x', 'X':
					if p == 'x' || dir || old&0o111 != 0 {
						bits |= 1 << shift
					}
				case 's':
					bits |= map[rune]fs.FileMode{'u': 0o4000, 'g': 0o2000}[u]
				case 't':
					bits |= 0o1000
				default:
					return 0, false
				}
			}
		}
		if clause[i+1:] == "" {
			for _, u := range who {
				mask |= 7 << map[rune]int{'u': 6, 'g': 3, 'o': 0}[u]
			}
		}
		switch clause[i] {
		case '+':
			old |= bits
		case '-':
			old &^= bits
		default:
			old = old&^mask | bits
		}
	}
	return old, true
}

// each calls f for the paths, with -R for all below them too.
func (w *walker) each(c invocation, paths []string, deep bool, f func(p string) truth) truth {
	t := yes
	for _, p := range paths {
		e, found := w.look(p, true)
		if found == unknown && w.theirPath(p, c.line) {
			continue
		}
		if found != yes {
			if found == unknown {
				w.leftover(c.line, c.name+" of a path that may not be there")
			}
			t = t.and(found)
			continue
		}
		t = t.and(f(p))
		if !deep || e.kind != directory {
			continue
		}
		at, _ := w.locate(p, true)
		below, ok := w.disk.below(at, 5000)
		if !ok {
			w.leftover(c.line, c.name+" -R of too much")
			return unknown
		}
		w.steps += 10 * len(below)
		for _, q := range below {
			if e, found := w.look("/"+q, false); found == yes && e.kind != link {
				t = t.and(f("/" + q))
			}
		}
	}
	return t
}

func chmod(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	var spec string
	deep := false
	var paths []string
	for _, a := range args {
		switch {
		case a == "-R" || a == "--recursive":
			deep = true
		case a == "-f" || a == "-v" || a == "-c" || a == "--" || a == "--quiet" || a == "--silent" || a == "--changes":
		case strings.HasPrefix(a, "--"):
			ok = false
		case spec == "":
			spec = a
		default:
			paths = append(paths, a)
		}
	}
	if !ok || spec == "" {
		w.leftover(c.line, "chmod with arguments that are not known")
		return unknown, next
	}
	return w.each(c, paths, deep, func(p string) truth { return w.chmod(c.line, p, spec) }), next
}

func (w *walker) chmod(line int, p, spec string) truth {
	e, _ := w.look(p, true)
	m, ok := chmodTo(e.mode, spec, e.kind == directory)
	if !ok {
		w.leftover(line, "mode "+printable(spec))
		return unknown
	}
	if m == e.mode {
		return yes
	}
	if !w.change(line, p, true, func(e *entry) { e.mode, e.owned = m, true }) {
		return unknown
	}
	return yes
}

func chown(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "R|recursive h|no-dereference f|silent|quiet v|verbose c|changes from: L P")
	if !ok {
		return unknown, next
	}
	if len(o.rest) < 2 || o.has("from") {
		w.leftover(c.line, c.name+" with other arguments")
		return unknown, next
	}
	spec := o.rest[0]
	if !strings.Contains(spec, ":") && !temporary(spec) {
		spec = strings.Replace(spec, ".", ":", 1)
	}
	user, grp, both := strings.Cut(spec, ":")
	if c.name == "chgrp" {
		user, grp, both = "", o.rest[0], true
	}
	if both && grp == "" {
		grp = w.accounts.groupOf(user)
	}
	if both && grp == "" {
		w.leftover(c.line, "chown to a login group that is not known")
		return unknown, next
	}
	follow := !o.has("h")
	return w.each(c, o.rest[1:], o.has("R"), func(p string) truth { return w.chown(c.line, p, user, grp, follow) }), next
}

// chown gives p other owners; an empty name stays. Like chown(2) it takes setuid and setgid from files.
func (w *walker) chown(line int, p, user, grp string, follow bool) truth {
	if user != "" {
		user = nameOf(w.accounts.users, user, "uid.")
	}
	if grp != "" {
		grp = nameOf(w.accounts.groups, grp, "gid.")
	}
	if user == "0" {
		user = "root"
	}
	if grp == "0" {
		grp = "root"
	}
	e, _ := w.look(p, follow)
	mode := e.mode
	if e.kind == file {
		mode &^= 0o6000
	}
	if (user == "" || same(e.user, user)) && (grp == "" || same(e.group, grp)) && mode == e.mode {
		return yes
	}
	if !w.change(line, p, follow, func(e *entry) {
		if user != "" {
			e.user = user
		}
		if grp != "" {
			e.group = grp
		}
		e.owned, e.mode = true, mode
	}) {
		return unknown
	}
	return yes
}

// same reports whether an entry's owner is name.
func same(owner, name string) bool { return owner == name || owner == "" && name == "root" }

func rm(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "f|force r|R|recursive v|verbose d|dir i I one-file-system ignore-fail-on-non-empty p|parents")
	if !ok {
		return unknown, next
	}
	t := yes
	for _, p := range o.rest {
		e, found := w.look(p, false)
		switch {
		case found == no:
			t = t.and(is(o.has("f")))
			continue
		case found == unknown && w.theirPath(p, c.line):
			continue
		case found == unknown && o.has("f") && w.onlyTriggers(p):
			w.noop(c.line, "if it is there, a trigger makes it, and anew")
			continue
		case found == unknown:
			w.leftover(c.line, "removes a path that may be there")
			t = unknown
			continue
		}
		at, _ := w.locate(p, false)
		var below []string
		if e.kind == directory {
			below, ok = w.disk.below(at, 5000)
			switch {
			case !ok:
				w.leftover(c.line, "removes too much")
				return unknown, next
			case c.name == "rmdir" && len(below) > 0:
				t = no
				continue
			case c.name == "rm" && !o.has("r") && !o.has("d"):
				t = no
				continue
			}
		}
		for i := len(below) - 1; i >= 0; i-- {
			w.remove(c.line, "/"+below[i])
		}
		if !w.remove(c.line, p) {
			t = t.and(unknown)
		}
	}
	return t, next
}

func touch(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "a c|no-create m r|reference: d|date: t: h")
	if !ok {
		return unknown, next
	}
	t := yes
	for _, p := range o.rest {
		switch _, found := w.look(p, true); {
		case found == yes || o.has("c"):
		case w.parent(p) == no:
			t = no
		default:
			if !w.writeFile(known(p), known(""), false, c.line) {
				t = unknown
			}
		}
	}
	return t, next
}

func readlink(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "f|canonicalize e|canonicalize-existing m|canonicalize-missing n|no-newline q s|no-symlinks z v")
	if !ok {
		return unknown, next
	}
	end := "\n"
	if o.has("n") {
		end = ""
	}
	t := yes
	for _, p := range o.rest {
		follow := o.has("f") || o.has("e") || o.has("m") || c.name == "realpath"
		if o.has("s") && o.has("m") {
			at, ok := w.abs(p)
			w.printValue(value{text: path.Clean(at) + end, known: ok})
			continue
		}
		if follow {
			at, ok := w.locate(p, true)
			if !ok || w.parent("/"+at) != yes || o.has("e") && w.exists(p) != yes {
				w.unknownOutput()
				return unknown, next
			}
			w.print("/" + strings.TrimPrefix(at, ".") + end)
			continue
		}
		e, found := w.look(p, false)
		switch {
		case found == unknown:
			w.unknownOutput()
		case found == yes && e.kind == link:
			w.print(e.target + end)
		default:
			found = no
		}
		t = t.and(found)
	}
	return t, next
}
