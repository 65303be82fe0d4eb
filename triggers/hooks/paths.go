package hooks

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// mktempPrefix begins the names that mktemp gives here. They reach no duty.
const mktempPrefix = "/tmp/mktemp.XXXXXXXXXX."

// temporary reports whether a text has a name that mktemp gave.
func temporary(texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, mktempPrefix) })
}

// abs returns a clean absolute path.
func (w *walker) abs(p string) (string, bool) {
	if !strings.HasPrefix(p, "/") {
		if !w.dir.known {
			return "", false
		}
		p = w.dir.text + "/" + p
	}
	return p, !strings.Contains(p, "\x00")
}

// locate returns the real path that p means, without a leading slash.
func (w *walker) locate(p string, follow bool) (string, bool) {
	if p = strings.TrimSuffix(p, "/."); p == "" {
		p = "/"
	}
	p, ok := w.abs(p)
	if !ok || len(p) > 4096 {
		return "", false
	}
	w.steps++
	return w.disk.resolve(p, follow || strings.HasSuffix(p, "/"))
}

// always are directories that are there while scripts run, whoever makes them.
var always = []string{".", "dev", "proc", "run", "sys", "tmp"}

// devices are what /dev has in the environment of an installation, as bootstrappers make it; those of a machine are not there.
var devices = []string{"dev/console", "dev/fd", "dev/full", "dev/null", "dev/ptmx", "dev/pts", "dev/random", "dev/shm", "dev/stderr", "dev/stdin", "dev/stdout",
	"dev/tty", "dev/urandom", "dev/zero"}

// look returns what the script finds at p, and whether anything.
func (w *walker) look(p string, follow bool) (*entry, truth) {
	at, ok := w.locate(p, follow)
	if !ok {
		return &entry{kind: murky}, unknown
	}
	if e, ok := w.disk.nodes[at]; ok {
		switch e.kind {
		case murky:
			return e, unknown
		case absent:
			return e, no
		}
		return e, yes
	}
	e := w.disk.base(at)
	if e.kind != absent {
		return e, w.unpacked(at)
	}
	first, _, _ := strings.Cut(at, "/")
	switch first {
	case at:
		if slices.Contains(always, at) {
			return &entry{kind: directory, mode: 0o755}, yes
		}
	case "proc", "sys":
		return e, unknown
	case "dev":
		if slices.Contains(devices, at) {
			return &entry{kind: special, mode: 0o666}, yes
		}
		return e, no
	}
	if w.reading.Script.Phase != "preinst" && w.reading.Recipe == "" && w.disk.mayMake(at) {
		return e, unknown
	}
	return e, no
}

// unpacked reports whether a shipped path is there by now: when the preinst of a package runs, those before it are unpacked, and
// those that a bootstrapper extracts.
func (w *walker) unpacked(at string) truth {
	s := w.disk.shipped[at]
	if w.reading.Script.Phase != "preinst" || s == nil || slices.Contains(always, at) {
		return yes
	}
	for _, i := range s.by {
		if int(i) < w.index || w.early[int(i)] {
			return yes
		}
	}
	return no
}

func (w *walker) exists(p string) truth {
	_, t := w.look(p, true)
	return t
}

// names returns the names below the directory p.
func (w *walker) names(p string) ([]string, bool) {
	at, ok := w.locate(p+"/.", true)
	if !ok {
		return nil, false
	}
	var out []string
	for _, n := range w.disk.names(at) {
		switch w.exists("/" + path.Join(at, n)) {
		case yes:
			out = append(out, n)
		case unknown:
			return nil, false
		}
	}
	return out, true
}

// readFile returns the content of a file.
func (w *walker) readFile(p value) (value, truth) {
	if !p.known {
		return value{}, unknown
	}
	switch p.text {
	case "/dev/null":
		return known(""), yes
	case "/dev/random", "/dev/urandom":
		return value{later: secret}, yes
	}
	e, t := w.look(p.text, true)
	if t != yes {
		return value{}, t
	}
	if e.kind != file {
		return value{}, unknown
	}
	return e.content(), yes
}

func (e *entry) content() value {
	if !e.written && e.shipped != nil {
		return e.shipped()
	}
	return e.body
}

// change makes f's change of the entry at p, which must be certain; else it is a leftover. It reports
// whether it was made.
func (w *walker) change(line int, p string, follow bool, f func(e *entry)) bool {
	at, ok := w.locate(p, follow)
	if !ok || at == "." {
		w.leftover(line, "changes a path that is not known")
		return false
	}
	e, t := w.look("/"+at, false)
	if w.theirs(at, line) {
		return true
	}
	if e.other != "" && w.reading.Recipe == "" && e.reading != w.reading {
		w.leftover(line, "changes what a trigger makes: /"+printable(at))
		return false
	}
	n := *e
	n.by = slices.Clone(n.by)
	if !w.sure() || t == unknown {
		w.leftover(line, "changes a file under a condition that is not known")
		n = entry{kind: murky, by: n.by, changed: true, reading: w.reading}
		w.disk.nodes[at] = &n
		return false
	}
	f(&n)
	w.steps += 10
	if n.kind != absent && tree.CheckPath(at) != nil {
		w.leftover(line, "a path that no file can have")
		return false
	}
	src := Source{w.reading.Package.Name, w.reading.Script.Phase, line}
	if !slices.Contains(n.by, src) && len(n.by) < 1000 {
		n.by = append(n.by, src)
	}
	n.changed, n.reading = true, w.reading
	if w.reading.Recipe != "" {
		n.other = w.reading.Recipe
	} else {
		n.other = ""
	}
	w.disk.nodes[at] = &n
	return true
}

// theirs reports whether a trigger makes the path at by itself, so that what scripts do there first is no duty.
func (w *walker) theirs(at string, line int) bool {
	_, ours := w.disk.nodes[at]
	if ours || w.reading.Recipe != "" || !w.disk.owned.named(at) || w.disk.base(at).kind != absent {
		return false
	}
	w.noop(line, "a trigger makes /"+printable(at))
	return true
}

// onlyTriggers reports whether what may be at p can only be a trigger's work.
func (w *walker) onlyTriggers(p string) bool {
	at, ok := w.locate(p, false)
	_, ours := w.disk.nodes[at]
	return ok && !ours && w.disk.base(at).kind == absent && w.disk.mayMake(at)
}

// theirPath is theirs for a path as the script spells it.
func (w *walker) theirPath(p string, line int) bool {
	at, ok := w.locate(p, true)
	return ok && w.theirs(at, line)
}

// create puts e in the place of what is at p, which packages need not ship.
func (w *walker) create(line int, p string, n entry) bool {
	w.inherit(p, &n)
	return w.change(line, p, false, func(e *entry) {
		n.by = e.by
		n.written, n.owned = true, true
		*e = n
	})
}

// inherit gives what is made in a directory that is set-group-ID its group, and a directory that bit too.
func (w *walker) inherit(p string, n *entry) {
	up, t := w.look(path.Dir(strings.TrimRight(p, "/")), true)
	if t != yes || up.kind != directory || up.mode&0o2000 == 0 {
		return
	}
	if n.group == "" {
		n.group = up.group
	}
	if n.kind == directory {
		n.mode |= 0o2000
	}
}

// writeFile is what a redirection does.
func (w *walker) writeFile(p, v value, add bool, line int) bool {
	if !p.known || p.text == "" {
		w.leftover(line, "writes a file whose name is not known")
		return false
	}
	if w.theirPath(p.text, line) {
		return true
	}
	old, t := w.look(p.text, true)
	if t == yes && old.kind == directory {
		return false
	}
	if up, t := w.look(path.Dir(strings.TrimSuffix(p.text, "/")), true); t == no || t == yes && up.kind != directory {
		return t == unknown // the shell fails
	}
	if add && t == yes {
		v = old.content().plus(v)
	}
	if t == yes && old.content() == v && v.known {
		return true
	}
	return w.change(line, p.text, true, func(e *entry) {
		fresh := e.kind == absent
		if w.write(e, v); fresh {
			w.inherit(p.text, e)
		}
	})
}

// write gives e a body, as a new file where there is none.
func (w *walker) write(e *entry, v value) {
	if e.kind == absent {
		e.kind, e.owned = file, true
		e.mode, e.user, e.group = w.mask(0o666), "", ""
	}
	e.body, e.written = v, true
}

// mask applies the umask.
func (w *walker) mask(mode uint32) fs.FileMode { return fs.FileMode(mode &^ w.umask) }

// remove takes away what is at p. What packages ship stays, as a leftover, when all is folded.
func (w *walker) remove(line int, p string) bool {
	if _, t := w.look(p, false); t == no {
		return true
	}
	return w.change(line, p, false, func(e *entry) {
		*e = entry{by: e.by}
	})
}
