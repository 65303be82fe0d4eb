package hooks

import "strings"

// What ispell and aspell compile of their dictionaries is left to them.
const (
	aspellTables = "aspell's tables in /usr/lib/aspell and /var/lib/aspell: aspell-autobuildhash compiles them"
	ispellTables = "ispell's tables in /usr/lib/ispell and /var/lib/ispell: ispell-autobuildhash compiles them"
)

// dictionaryTables reads update-dictcommon-aspell and update-default-ispell(8), which list the dictionaries and compile them.
func dictionaryTables(w *walker, c invocation) (truth, flow) {
	if !w.world.has("dictionaries") {
		w.leftover(c.line, "no generator yet: dictionaries")
		return unknown, next
	}
	class, tables := "ispell", ispellTables
	if strings.HasSuffix(c.name, "aspell") {
		class, tables = "aspell", aspellTables
	}
	w.served(c.line, "dictionaries")
	if w.filled("/var/lib/dictionaries-common/"+class) != no {
		w.deferred(c.line, tables)
	}
	w.unknownOutput()
	return yes, next
}

// filled reports whether a directory has something in it.
func (w *walker) filled(dir string) truth {
	if w.exists(dir) == no {
		return no
	}
	names, ok := w.names(dir)
	if !ok {
		return unknown
	}
	return is(len(names) > 0)
}
