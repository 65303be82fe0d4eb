package hooks

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// ucfFile is what ucf and ucfr know of a path.
type ucfFile struct {
	owner, md5, body string
	mode             fs.FileMode // of what was offered, octal
	threeWay         bool
	nth              int // in the order in which paths were registered last
	line             int
	reading          *Reading
}

// registerUcf changes what is known of a path.
func (w *walker) registerUcf(line int, p string, f func(*ucfFile)) {
	if !w.sure() {
		w.leftover(line, "ucf under a condition that is not known")
		return
	}
	p = w.real(p)
	if w.ucf[p] == nil {
		w.ucf[p] = &ucfFile{}
	}
	f(w.ucf[p])
	w.registered++
	w.ucf[p].nth = w.registered
	w.ucf[p].line, w.ucf[p].reading = line, w.reading
}

// foldUcf adds a duty for each path, in the order in which they were registered.
func (s *state) foldUcf() {
	for _, p := range slices.SortedFunc(maps.Keys(s.ucf), func(a, b string) int { return s.ucf[a].nth - s.ucf[b].nth }) {
		f := s.ucf[p]
		d := Duty{Kind: Ucf, Line: f.line, Args: []string{p, f.owner, f.md5, unless(!f.threeWay, "three-way")}, Body: []byte(f.body)}
		if f.md5 != "" {
			d.Args = append(d.Args, fmt.Sprintf("%04o", uint32(f.mode)))
		}
		s.final(f.reading, d)
	}
}

// ucf copies a file to where nothing is, and keeps its digest.
func ucf(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "three-way debconf-ok debconf-template: d|debug: n|no-action s|src-dir: p|purge v|verbose state-dir: Z h|help sum-file: sum-dir:")
	if !ok {
		return unknown, next
	}
	if o.has("p") {
		w.noop(c.line, "there is nothing to purge")
		return yes, next
	}
	if len(o.rest) != 2 {
		w.leftover(c.line, "ucf with other arguments")
		return unknown, next
	}
	from, to := o.rest[0], o.rest[1]
	e, t := w.look(from, true)
	_, there := w.look(to, true)
	v, _ := w.readFile(known(from))
	if t != yes || there == unknown || !v.known {
		w.leftover(c.line, "ucf of a file that is not known")
		return unknown, next
	}
	w.registerUcf(c.line, to, func(f *ucfFile) {
		f.md5, f.body, f.mode, f.threeWay = md5Of(v.text), v.text, e.mode, o.has("three-way")
	})
	if there == yes {
		old, _ := w.readFile(known(to))
		if old != v {
			w.leftover(c.line, "ucf where another file is")
		}
		return yes, next
	}
	if w.parent(to) != yes {
		w.mkdir(c.line, strings.TrimSuffix(to, "/"+base(to)), "", true)
	}
	return w.made(w.create(c.line, to, entry{kind: file, mode: e.mode, user: e.user, group: e.group, body: v})), next
}

// ucfr says which package a file of ucf's belongs to.
func ucfr(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "force d|debug: n|no-action p|purge v|verbose state-dir: h|help")
	if !ok {
		return unknown, next
	}
	if o.has("p") || len(o.rest) != 2 {
		w.noop(c.line, "there is nothing to purge")
		return yes, next
	}
	w.registerUcf(c.line, o.rest[1], func(f *ucfFile) { f.owner = o.rest[0] })
	return yes, next
}

// real returns the path that p means.
func (w *walker) real(p string) string {
	at, ok := w.locate(p, true)
	if !ok || !absolute("/"+at) {
		return p
	}
	return "/" + at
}
