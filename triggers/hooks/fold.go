package hooks

import (
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
	old := s.disk.base(p)
	last := e.by[len(e.by)-1]
	left := func(why string) {
		e.reading.note(&e.reading.Pending, last.Line, "not read yet: "+why)
	}
	d := Duty{Line: last.Line, By: e.by[:len(e.by)-1]}
	mode, user, group := fmt.Sprintf("%04o", uint32(e.mode)), e.user, e.group
	for _, o := range []*string{&user, &group} {
		if *o == "" {
			*o = "root"
		}
	}
	if old.kind == absent && s.disk.owned.named(p) {
		e.reading.note(&e.reading.Noops, last.Line, "a trigger makes /"+printable(p))
		return
	}
	switch {
	case e.kind == murky:
		return // there is a leftover
	case e.kind == absent:
		if old.kind != absent {
			left("removes a path that a package ships: /" + printable(p))
		}
		return
	case old.kind != absent && old.kind != e.kind && (old.kind != directory || e.kind != link):
		left("replaces a path that a package ships: /" + printable(p))
		return
	case old.kind != absent && e.kind == link && old.kind == link:
		if old.target != e.target {
			left("changes a link that a package ships: /" + printable(p))
		}
		return
	case old.kind == file && e.written && e.content() != old.content():
		left("changes a file that a package ships: /" + printable(p))
		return
	case old.kind == e.kind:
		if old.mode == e.mode && same(old.user, user) && same(old.group, group) {
			return
		}
		d.Kind, d.Args = Meta, []string{"/" + p, unless(old.mode == e.mode, mode), unless(same(old.user, user), user), unless(same(old.group, group), group)}
	case e.kind == directory:
		d.Kind, d.Args = Directory, []string{"/" + p, mode, user, group}
	case e.kind == link:
		d.Kind, d.Args = Link, []string{"/" + p, e.target}
	case e.kind == file:
		v := e.content()
		if !v.known && strings.HasPrefix(p, "var/log/") {
			e.reading.note(&e.reading.Deferred, last.Line, "a log: /"+printable(p))
			return
		}
		if !v.known || temporary(v.text) {
			left("what is in /" + printable(p))
			return
		}
		d.Kind, d.Args, d.Body = File, []string{"/" + p, mode, user, group}, []byte(v.text)
	default:
		left("a special file: /" + printable(p))
		return
	}
	s.final(e.reading, d)
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
