package hooks

import "strings"

// postgresDictionaries is pg_updatedicts, which makes a directory, and in it a copy of each dictionary in UTF-8.
func postgresDictionaries(w *walker, c invocation) (truth, flow) {
	for _, dir := range []string{"/usr/share/hunspell", "/usr/share/myspell/dicts"} {
		if w.exists(dir) == no {
			continue
		}
		names, ok := w.names(dir)
		for _, n := range names {
			if e, _ := w.look(dir+"/"+n, false); strings.HasSuffix(n, ".aff") && e.kind != link {
				ok = false
			}
		}
		if !ok {
			w.leftover(c.line, c.name+" of dictionaries in "+dir)
			return unknown, next
		}
	}
	return w.mkdir(c.line, "/var/cache/postgresql/dicts", "", true), next
}
