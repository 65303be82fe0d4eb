package triggers

import "github.com/detinstall/detinstall/triggers/hooks"

// because says of changes that duties are behind them, all of them behind each.
func because(ds []hooks.Duty, cs ...Change) []Change {
	by := sources(ds...)
	for i := range cs {
		cs[i].By = by
	}
	return cs
}

// sources returns the lines of scripts that duties come of.
func sources(ds ...hooks.Duty) []hooks.Source {
	var out []hooks.Source
	for _, d := range ds {
		out = append(out, d.Sources()...)
	}
	return once(out)
}

// by returns the lines of scripts that a change at path comes of.
func (j *job) by(c Change, path string) []hooks.Source {
	if c.By != nil {
		return once(c.By)
	}
	return sources(j.named[path]...)
}

// once drops what stands there before.
func once(list []hooks.Source) []hooks.Source {
	if len(list) < 2 {
		return list
	}
	seen := make(map[hooks.Source]bool, len(list))
	var out []hooks.Source
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
