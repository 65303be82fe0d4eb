package report

import (
	"slices"

	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// path is a path with what became of it.
type path struct {
	Path, Did, Trigger string
	order              int
}

// paths are the paths that changes came to, by the line of a script and the trigger.
type paths struct {
	by    map[origin][]path
	doers map[hooks.Kind][]string // the triggers that do duties of a kind
	none  bool
}

type origin struct {
	hooks.Source
	trigger string
}

// did says in a word what an operation did.
var did = map[triggers.Op]string{triggers.Put: "new", triggers.Meta: "mode, owner", triggers.Replace: "replaced"}

func pathsOf(applied []triggers.Applied) paths {
	p := paths{by: map[origin][]path{}, doers: map[hooks.Kind][]string{}, none: len(applied) == 0}
	for i, a := range applied {
		for _, s := range a.By {
			o := origin{s, a.Trigger}
			p.by[o] = append(p.by[o], path{clean("/" + a.Path), did[a.Op], a.Trigger, i})
		}
	}
	for _, t := range triggers.All() {
		for _, k := range t.Duties {
			p.doers[k] = append(p.doers[k], t.Name)
		}
	}
	return p
}

// of returns the paths that came of duties of one kind on one line, in the order in which they were made. Where nothing was
// made, they are those that the duties name.
func (p paths) of(ds []hooks.Duty) []path {
	var out []path
	if p.none {
		for _, d := range ds {
			for _, name := range d.Owns() {
				out = append(out, path{Path: clean(name)})
			}
		}
		return out
	}
	d := ds[0]
	for _, t := range p.doers[d.Kind] {
		out = append(out, p.by[origin{hooks.Source{Package: d.Package, Phase: d.Phase, Line: d.Line}, t}]...)
	}
	slices.SortStableFunc(out, func(a, b path) int { return a.order - b.order })
	return out
}
