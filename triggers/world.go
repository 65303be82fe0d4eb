package triggers

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// World is what the triggers for a format mean for the reading of scripts: the duties that are carried out, and the paths
// that are made without one.
func World(format string) hooks.World {
	unread := map[string]func(fs.FS) []string{}
	w := hooks.World{Kinds: slices.Clone(elsewhere), Triggers: []string{}}
	w.Unread = func(fsys fs.FS, trigger string) []string {
		if f := unread[trigger]; f != nil {
			return f(fsys)
		}
		return nil
	}
	for _, t := range All() {
		if len(t.For) > 0 && !slices.Contains(t.For, format) {
			continue
		}
		w.Kinds = append(w.Kinds, t.Duties...)
		w.Triggers = append(w.Triggers, t.Name)
		unread[t.Name] = t.Unread
		for _, o := range t.Owns {
			if len(t.Duties) == 0 || !strings.ContainsAny(o, "*?") { // else the duties say what is made
				w.Owns = append(w.Owns, o)
			}
		}
	}
	return w
}
