package hooks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// passing are the trees of which nothing stays in a root.
var passing = []string{"dev", "proc", "run", "sys", "tmp"}

// fold turns the accounts and what the scripts left on the disk into duties, a path each.
func (s *state) fold() {
	s.foldAccounts()
	s.foldUcf()
	s.foldDebconf()
	paths := slices.SortedFunc(maps.Keys(s.disk.nodes), tree.Compare)
	for _, p := range paths {
		e := s.disk.nodes[p]
		first, _, _ := strings.Cut(p, "/")
		if !e.changed || e.other != "" || e.reading == nil || len(e.by) == 0 || slices.Contains(passing, first) {
			continue
		}
		s.foldPath(p, e)
	}
}

// foldPath adds the duty of one path.
func (s *state) foldPath(p string, e *entry) {
	old, last := s.disk.base(p), e.by[len(e.by)-1]
	shown := "/" + printable(p)
	switch {
	case old.kind == absent && s.disk.owned.named(p):
		e.reading.note(&e.reading.Noops, last.Line, "a trigger makes "+shown)
		return
	case e.kind == murky || e.kind == absent && old.kind == absent:
		return // there is a leftover, or nothing
	case e.kind == file && old.kind == absent && strings.HasPrefix(p, "var/log/") && !e.content().known:
		e.reading.note(&e.reading.Deferred, last.Line, "a log: "+shown)
		return
	case e.kind == file && old.kind == absent && !e.content().known && e.content().later != "":
		e.reading.note(&e.reading.Deferred, last.Line, shown+": "+e.content().later)
		return
	}
	why := clobbered(e, old)
	var d Duty
	if why == "" {
		d, why = dutyOf(p, e, old)
	}
	switch {
	case why != "":
		e.reading.note(&e.reading.Pending, last.Line, "not read yet: "+why+" "+shown)
	case d.Kind != "":
		d.Line, d.By = last.Line, e.by[:len(e.by)-1]
		s.final(e.reading, d)
	}
}

// clobbered says what is done to a path that a package ships, old, and must not be; else it is empty.
func clobbered(e, old *entry) string {
	switch {
	case old.kind == absent:
		return ""
	case e.kind == absent:
		return "removes a path that a package ships:"
	case old.kind != e.kind && (old.kind != directory || e.kind != link):
		return "replaces a path that a package ships:"
	case e.kind == link && old.kind == link && old.target != e.target:
		return "changes a link that a package ships:"
	}
	return ""
}

// dutyOf returns the duty that makes e of what packages have there, if there is one to do, or why none can.
func dutyOf(p string, e, old *entry) (d Duty, why string) {
	mode, user, group := fmt.Sprintf("%04o", uint32(e.mode)), cmp.Or(e.user, "root"), cmp.Or(e.group, "root")
	switch {
	case old.kind == e.kind && e.kind == link:
	case old.kind == file && e.kind == file && e.written && e.content() != old.content():
		return written(Edit, p, e, mode, user, group)
	case old.kind == e.kind:
		if old.mode != e.mode || !same(old.user, user) || !same(old.group, group) {
			d.Kind, d.Args = Meta, []string{"/" + p, unless(old.mode == e.mode, mode), unless(same(old.user, user), user), unless(same(old.group, group), group)}
		}
	case e.kind == directory:
		d.Kind, d.Args = Directory, []string{"/" + p, mode, user, group}
	case e.kind == link:
		d.Kind, d.Args = Link, []string{"/" + p, e.target}
	case e.kind == file:
		return written(File, p, e, mode, user, group)
	default:
		return d, "a special file:"
	}
	return d, ""
}

// written returns the duty of a file whose bytes scripts wrote.
func written(k Kind, p string, e *entry, mode, user, group string) (d Duty, why string) {
	v := e.content()
	if !v.known || temporary(v.text) {
		return d, "what is in"
	}
	return Duty{Kind: k, Args: []string{"/" + p, mode, user, group}, Body: []byte(v.text)}, ""
}

func unless(empty bool, s string) string {
	if empty {
		return ""
	}
	return s
}

// final adds a duty that is the sum of what scripts did.
func (s *state) final(r *Reading, d Duty) {
	d.Package, d.Phase = r.Package.Name, r.Script.Phase
	switch {
	case !s.world.does(d.Kind):
		r.note(&r.Pending, d.Line, "not read yet: no generator yet: "+string(d.Kind))
	case temporary(d.Args...) || slices.ContainsFunc(d.Owns(), func(p string) bool { return !absolute(p) }):
		r.note(&r.Pending, d.Line, "not read yet: a path that is not known")
	default:
		r.Duties = append(r.Duties, d)
	}
}
