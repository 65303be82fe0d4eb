package hooks

import (
	"slices"
	"strings"
)

// xFonts reads update-fonts-alias, update-fonts-dir and update-fonts-scale(8) of directories below /usr/share/fonts/X11.
func xFonts(w *walker, c invocation) (truth, flow) {
	what := strings.TrimPrefix(c.name, "update-fonts-")
	o, ok := w.options(c, "7|x11r7-layout i|include: x|exclude:")
	if _, there := w.which(c.name); !ok || there == no {
		return is(!ok), next
	}
	if o.has("x") {
		w.leftover(c.line, c.name+" that leaves a file out")
		return unknown, next
	}
	for _, d := range o.rest {
		dir := d
		if !strings.HasPrefix(dir, "/") {
			dir = "/usr/share/fonts/X11/" + d
		}
		switch w.exists(dir) {
		case no:
			w.noop(c.line, "there is no such directory")
			continue
		case unknown:
			w.leftover(c.line, "a directory of fonts that may be there")
			continue
		}
		if names, certain := w.names(dir); what == "dir" && (!certain || slices.ContainsFunc(names, otherFont)) {
			w.leftover(c.line, "fonts that are no portable compiled ones")
			continue
		}
		w.duty(Duty{Kind: XFonts, Line: c.line, Args: []string{what, dir}})
	}
	return yes, next
}

// otherFont reports whether a file is a bitmap font whose name is not read.
func otherFont(name string) bool {
	return slices.ContainsFunc([]string{".bdf", ".bdf.gz", ".snf", ".snf.gz", ".otb", ".pcf.Z", ".pcf.bz2", ".fon", ".dfont"}, func(s string) bool { return strings.HasSuffix(name, s) })
}
