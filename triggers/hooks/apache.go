package hooks

import (
	"slices"
	"strings"
)

// apacheDirs are what a2enmod and its like enable: the kind, and the ending of its files.
var apacheDirs = map[string][2]string{"a2enmod": {"mods", ".load"}, "a2enconf": {"conf", ".conf"}, "a2ensite": {"sites", ".conf"}}

// apacheEnable is a2enmod(8), a2enconf(8) and a2ensite(8): links, and with -m the state that says that a package did it.
func apacheEnable(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "m|maintmode q|quiet f|force p|purge")
	if !ok {
		return unknown, next
	}
	t := yes
	for _, name := range o.rest {
		t = t.and(w.enableApache(c, o, name, 0))
	}
	return t, next
}

func (w *walker) enableApache(c invocation, o options, name string, depth int) truth {
	d := apacheDirs[c.name]
	kind, ending := d[0], d[1]
	name = strings.TrimSuffix(name, ending)
	available, enabled := "/etc/apache2/"+kind+"-available/", "/etc/apache2/"+kind+"-enabled/"
	v, t := w.readFile(known(available + name + ending))
	if t != yes || !v.known || depth > 10 {
		if t != no {
			w.leftover(c.line, c.name+" of a file that is not known")
		}
		return t
	}
	for l := range strings.Lines(v.text) {
		words, ok := strings.CutPrefix(l, "# Depends:")
		for _, dep := range strings.Fields(words) {
			if ok && kind == "mods" {
				t = t.and(w.enableApache(c, o, dep, depth+1))
			}
		}
		words, ok = strings.CutPrefix(l, "# Conflicts:")
		if ok && slices.ContainsFunc(strings.Fields(words), func(x string) bool { return w.exists(enabled+x+ending) != no }) {
			return no
		}
	}
	files := []string{name + ending}
	if kind == "mods" && w.exists(available+name+".conf") == yes {
		files = append(files, name+".conf")
	}
	for _, f := range files {
		if w.isLink(enabled + f) {
			continue
		}
		if !w.create(c.line, enabled+f, entry{kind: link, mode: 0o777, target: "../" + kind + "-available/" + f}) {
			return unknown
		}
	}
	state := "/var/lib/apache2/" + map[string]string{"mods": "module", "conf": "conf", "sites": "site"}[kind]
	by := map[bool]string{true: "enabled_by_maint", false: "enabled_by_admin"}[o.has("m")]
	w.mkdir(c.line, state+"/"+by, "", true)
	return t.and(w.made(w.writeFile(known(state+"/"+by+"/"+name), known(""), false, c.line)))
}
