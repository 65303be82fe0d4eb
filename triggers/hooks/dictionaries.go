package hooks

import "strings"

// dictionaries are dictionaries-common's commands. Its trigger does what they do for Hunspell; those of ispell and aspell need their own
// programs to build hashes, and word lists a default that is asked for.
func dictionaries(w *walker, c invocation) (truth, flow) {
	for _, class := range []string{"aspell", "ispell", "wordlist"} {
		dir := "/var/lib/dictionaries-common/" + class
		if w.exists(dir) == no {
			continue
		}
		if names, ok := w.names(dir); !ok || len(names) > 0 {
			w.leftover(c.line, c.name+": what is registered in "+dir)
			return unknown, next
		}
	}
	if !w.world.has("dictionaries") {
		w.leftover(c.line, "no generator yet: dictionaries")
		return unknown, next
	}
	w.served(c.line, "dictionaries")
	return yes, next
}

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
