package hooks

import (
	"path"
	"strings"
)

// destination returns where a file called source goes that is copied to p: into it, where it is a directory.
func (w *walker) destination(source, p string, plain bool) (string, truth) {
	if plain {
		return p, yes
	}
	e, t := w.look(p, true)
	if t == yes && e.kind == directory || strings.HasSuffix(p, "/") {
		return strings.TrimSuffix(p, "/") + "/" + path.Base(source), yes
	}
	if at, ok := w.locate(p, true); t == unknown && (!ok || !w.disk.owned.named(at)) {
		return p, unknown
	}
	return p, yes
}

// pairs splits the arguments of cp and its like into sources and the destination.
func (w *walker) pairs(c invocation, o options) (sources []string, to string, ok bool) {
	sources, to = o.rest, o.set["t"]
	if to == "" && len(sources) > 1 {
		sources, to = sources[:len(sources)-1], sources[len(sources)-1]
	}
	if to == "" || len(sources) == 0 {
		w.leftover(c.line, c.name+" with other arguments")
		return nil, "", false
	}
	if o.has("t") && !strings.HasSuffix(to, "/") {
		to += "/"
	}
	return sources, to, true
}

// cp reads cp(1).
func cp(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "a|archive p f|force r|R|recursive d|no-dereference P L|dereference n|no-clobber u|update T|no-target-directory t|target-directory: v|verbose preserve: l|link s|symbolic-link b|backup S|suffix: Z x|one-file-system H remove-destination reflink:")
	if !ok {
		return unknown, next
	}
	sources, to, ok := w.pairs(c, o)
	if !ok {
		return unknown, next
	}
	if o.has("l") || o.has("s") || o.has("b") || o.has("preserve") && o.set["preserve"] == "" {
		w.leftover(c.line, "cp with other options")
		return unknown, next
	}
	t := yes
	for _, s := range sources {
		at, sure := w.destination(s, to, o.has("T"))
		if sure != yes {
			w.leftover(c.line, "copies to a path that may be a directory")
			return unknown, next
		}
		t = t.and(w.copy(c, o, s, at))
	}
	return t, next
}

// copy copies one path.
func (w *walker) copy(c invocation, o options, from, to string) truth {
	keep := o.has("a") || o.has("p") || o.has("preserve")
	links := o.has("a") || o.has("d") || o.has("P") || o.has("r") && !o.has("L")
	e, t := w.look(from, !links)
	if t != yes {
		if t == unknown {
			w.leftover(c.line, "copies a file that may not be there")
		}
		return t
	}
	old, there := w.look(to, true)
	switch {
	case there == unknown && w.theirPath(to, c.line):
		return yes
	case there == unknown:
		w.leftover(c.line, "copies to a path that may be there")
		return unknown
	case there == yes && o.has("n") && e.kind != directory:
		return yes
	case there == yes && o.has("u") && e.kind != directory:
		w.leftover(c.line, "copies what is newer")
		return unknown
	case there == no && w.into(c.line, to) != yes:
		return w.parent(to)
	case e.kind == directory:
		return w.copyDir(c, o, e, from, to)
	case e.kind == link:
		return w.made(w.create(c.line, to, entry{kind: link, mode: 0o777, target: e.target, user: e.user, group: e.group}))
	case e.kind != file:
		w.leftover(c.line, "copies a special file")
		return unknown
	}
	v := e.content()
	if there == yes && !keep {
		if v.known && old.content() == v {
			return yes
		}
		return w.made(w.change(c.line, to, true, func(e *entry) { w.write(e, v) }))
	}
	n := entry{kind: file, mode: w.mask(uint32(e.mode & 0o777)), body: v}
	if keep {
		n.mode, n.user, n.group = e.mode, e.user, e.group
	}
	return w.made(w.create(c.line, to, n))
}

func (w *walker) made(ok bool) truth {
	if ok {
		return yes
	}
	return unknown
}

func (w *walker) copyDir(c invocation, o options, e *entry, from, to string) truth {
	if !o.has("r") && !o.has("a") {
		return no
	}
	if w.exists(to) == no {
		m := w.mask(uint32(e.mode & 0o777))
		n := entry{kind: directory, mode: m}
		if o.has("a") || o.has("p") {
			n.mode, n.user, n.group = e.mode, e.user, e.group
		}
		if !w.create(c.line, to, n) {
			return unknown
		}
	}
	names, ok := w.names(from)
	if !ok || w.steps > maxSteps || w.depth > maxDepth {
		w.leftover(c.line, "copies a directory that is not known")
		return unknown
	}
	t := yes
	w.depth++
	for _, n := range names {
		w.steps += 10
		t = t.and(w.copy(c, o, from+"/"+n, to+"/"+n))
	}
	w.depth--
	return t
}

// mv reads mv(1) for what earlier scripts made; what packages ship stays where it is, or is a leftover.
func mv(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "f|force n|no-clobber v|verbose T|no-target-directory t|target-directory: Z u|update i b|backup S|suffix:")
	if !ok {
		return unknown, next
	}
	sources, to, ok := w.pairs(c, o)
	if !ok {
		return unknown, next
	}
	t := yes
	for _, s := range sources {
		e, found := w.look(s, false)
		at, sure := w.destination(s, to, o.has("T"))
		switch {
		case found == no:
			t = no
			continue
		case found == unknown || sure != yes || o.has("b") || o.has("u"):
			w.leftover(c.line, "moves what may not be there")
			return unknown, next
		case o.has("n") && w.exists(at) == yes:
			continue
		case e.kind == directory:
			below, _ := w.disk.below(strings.TrimPrefix(s, "/"), 1)
			if len(below) > 0 {
				w.leftover(c.line, "moves a directory")
				return unknown, next
			}
		}
		n := *e
		n.body = e.content()
		if !w.create(c.line, at, n) || !w.remove(c.line, s) {
			t = unknown
		}
	}
	return t, next
}

// ln reads ln -s.
func ln(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "s|symbolic f|force n|no-dereference T|no-target-directory v|verbose r|relative t|target-directory: b")
	if !ok {
		return unknown, next
	}
	sources, to, ok := o.rest, "", true
	if len(o.rest) == 1 {
		to = path.Base(o.rest[0])
	} else if sources, to, ok = w.pairs(c, o); !ok {
		return unknown, next
	}
	if !o.has("s") || o.has("b") {
		w.leftover(c.line, "ln without -s")
		return unknown, next
	}
	t := yes
	for _, s := range sources {
		at, sure := w.destination(s, to, o.has("T") || o.has("n") && w.isLink(to))
		if sure != yes {
			w.leftover(c.line, "links in what may be a directory")
			return unknown, next
		}
		t = t.and(w.link(c, o, s, at))
	}
	return t, next
}

func (w *walker) isLink(p string) bool {
	e, t := w.look(p, false)
	return t == yes && e.kind == link
}

func (w *walker) link(c invocation, o options, target, at string) truth {
	if o.has("r") {
		abs, ok := w.abs(at)
		to, ok2 := w.abs(target)
		if !ok || !ok2 {
			w.leftover(c.line, "ln -r in a directory that is not known")
			return unknown
		}
		target = relative(path.Dir(path.Clean(abs)), path.Clean(to))
	}
	e, t := w.look(at, false)
	switch {
	case t == unknown:
		w.leftover(c.line, "links at a path that may be there")
		return unknown
	case t == yes && e.kind == link && e.target == target:
		return is(o.has("f"))
	case t == yes && (!o.has("f") || e.kind == directory):
		return no
	case t == no && w.into(c.line, at) != yes:
		return w.parent(at)
	}
	return w.made(w.create(c.line, at, entry{kind: link, mode: 0o777, target: target}))
}

// relative returns the way from the directory dir to p.
func relative(dir, p string) string {
	a, b := strings.Split(strings.Trim(dir, "/"), "/"), strings.Split(strings.Trim(p, "/"), "/")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if len(a) == 1 && a[0] == "" {
		a = nil
	}
	return strings.Repeat("../", len(a)) + strings.Join(b, "/")
}

// installs reads install(1).
func installs(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "d|directory m|mode: o|owner: g|group: D p|preserve-timestamps t|target-directory: T|no-target-directory v|verbose c C|compare s b S: Z")
	if !ok {
		return unknown, next
	}
	mode, ok := chmodTo(0, "0755", false)
	if m := o.set["m"]; m != "" {
		mode, ok = chmodTo(0, m, o.has("d"))
	}
	if !ok || o.has("s") || o.has("b") {
		w.leftover(c.line, "install with other options")
		return unknown, next
	}
	n := entry{mode: mode, user: o.set["o"], group: o.set["g"]}
	if o.has("d") {
		t := yes
		for _, p := range o.rest {
			t = t.and(w.installDir(c.line, p, n))
		}
		return t, next
	}
	sources, to, ok := w.pairs(c, o)
	if !ok {
		return unknown, next
	}
	t := yes
	for _, s := range sources {
		at, sure := w.destination(s, to, o.has("T"))
		v, found := w.readFile(known(s))
		if s == "/dev/null" {
			v, found = known(""), yes
		}
		if found == unknown || sure != yes || w.exists(at) == unknown {
			w.leftover(c.line, "install of a file that may not be there")
			return unknown, next
		}
		if o.has("D") {
			t = t.and(w.mkdir(c.line, path.Dir(at), "", true))
		}
		if found == no || w.parent(at) == no {
			return no, next
		}
		n.kind, n.body = file, v
		t = t.and(w.made(w.create(c.line, at, n)))
	}
	return t, next
}

func (w *walker) installDir(line int, p string, n entry) truth {
	p = strings.TrimRight(p, "/")
	if t := w.mkdir(line, p, "", true); t != yes {
		return t
	}
	e, _ := w.look(p, true)
	n.mode |= e.mode & 0o6000 // which its parent gave it
	if e.mode == n.mode && (n.user == "" || same(e.user, n.user)) && (n.group == "" || same(e.group, n.group)) {
		return yes
	}
	return w.made(w.change(line, p, true, func(e *entry) {
		e.mode, e.owned = n.mode, true
		if n.user != "" {
			e.user = n.user
		}
		if n.group != "" {
			e.group = n.group
		}
	}))
}
