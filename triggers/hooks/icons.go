package hooks

import "strings"

// iconCache reads gtk-update-icon-cache(1) of one theme.
func iconCache(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "f|force t|ignore-theme-index i|index-only include-image-data q|quiet v|validate c|source:")
	if !ok {
		return unknown, next
	}
	if len(o.rest) != 1 || o.has("include-image-data") || o.has("v") || o.has("c") {
		w.leftover(c.line, c.name+" with other options")
		return unknown, next
	}
	if _, there := w.which(c.name); there == no {
		w.noop(c.line, "there is no "+c.name)
		return no, next
	}
	theme := strings.TrimRight(o.rest[0], "/")
	found := yes
	if !o.has("t") {
		found = w.exists(theme + "/index.theme")
	}
	switch {
	case found == no:
		return no, next
	case found == unknown:
		w.leftover(c.line, "a cache of a theme that may not be there")
		return unknown, next
	}
	w.duty(Duty{Kind: IconCache, Line: c.line, Args: []string{theme}})
	w.madeBy("icon-cache", theme+"/icon-theme.cache")
	return yes, next
}

// madeBy notes a file that a trigger will make, for the scripts that follow.
func (w *walker) madeBy(trigger, p string) {
	if at, ok := w.locate(p, false); ok && w.sure() && w.exists(p) != yes {
		w.disk.nodes[at] = &entry{kind: file, mode: 0o644, written: true, changed: true, other: "trigger " + trigger + " makes it", reading: w.reading}
	}
}
