package hooks

import "strings"

// phpInvoke is php_invoke of php-maintscript-helper, which enables a module of PHP for one interpreter (SAPI), or all.
func phpInvoke(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	switch {
	case !ok || len(args) < 4:
		w.leftover(c.line, "php_invoke with arguments that are not known")
		return unknown, next
	case args[0] != "enmod":
		w.noop(c.line, "nothing was enabled before")
	default:
		for _, module := range args[3:] {
			w.duty(Duty{Kind: PHPModule, Line: c.line, Args: []string{args[1], args[2], module}})
		}
	}
	return yes, next
}

// phpQuery is phpquery(8), of which -M lists the modules that a version has.
func phpQuery(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	o := parseOptions(args, "d q v: s: m: M S V")
	w.noop(c.line, onlyReads)
	if !ok || o.bad != "" || !o.has("M") || !o.has("v") {
		w.unknownOutput()
		return unknown, next
	}
	names, ok := w.names("/etc/php/" + o.set["v"] + "/mods-available")
	if !ok {
		w.unknownOutput()
		return unknown, next
	}
	for _, n := range names {
		if module, ini := strings.CutSuffix(n, ".ini"); ini {
			w.print(module + "\n")
		}
	}
	return yes, next
}
