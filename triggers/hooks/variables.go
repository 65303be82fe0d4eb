package hooks

import (
	"maps"
	"strings"
)

// declare is export, local and readonly where the grammar takes them for commands.
func declare(w *walker, c invocation) (truth, flow) {
	for _, a := range c.args {
		text := a.text
		if !a.known {
			text = a.head
		}
		name, v, set := strings.Cut(text, "=")
		if !a.known && (!set || !assignable(name)) {
			w.forget()
			continue
		}
		switch c.name {
		case "local":
			w.declareLocal(name)
			w.assign(name, known(""))
		case "export":
			if !w.exported[name] {
				w.exported = maps.Clone(w.exported)
				w.exported[name] = true
			}
		}
		switch {
		case !a.known:
			w.assign(name, value{later: a.later})
		case set:
			w.assign(name, known(v))
		}
	}
	if !c.certain {
		w.forget()
	}
	return yes, next
}

// local is a variable that a function declared its own.
type local struct {
	name    string
	certain bool
}

func (w *walker) declareLocal(name string) {
	w.locals = append(w.locals, local{name, w.unsure == w.entered && len(w.returned)+len(w.left)+len(w.skipped) == 0})
}

// read is read: a line of what is known.
func read(w *walker, c invocation) (truth, flow) {
	names, ok := c.texts()
	raw := false
	for ok && len(names) > 0 && strings.HasPrefix(names[0], "-") {
		raw = raw || names[0] == "-r"
		if names[0] != "-r" {
			ok = false
		}
		names = names[1:]
	}
	if !ok {
		w.forget()
		return unknown, next
	}
	line, t := w.in.line()
	if w.unsure > 0 && w.in != nil {
		w.in.lost = true
	}
	if strings.Contains(line, `\`) && !raw {
		t = unknown
	}
	ifs, set := w.lookup("IFS")
	if ifs.known && !set {
		ifs.text = " \t\n"
	}
	for i, n := range names {
		v := value{}
		if t != unknown && ifs.known {
			var first string
			if first, line = nextField(line, ifs.text, i == len(names)-1); true {
				v = known(first)
			}
		}
		w.assign(n, v)
	}
	return t, next
}

// nextField takes a field as read does; the last one is all the rest.
func nextField(line, ifs string, last bool) (string, string) {
	var blanks string
	for _, b := range " \t" {
		if strings.ContainsRune(ifs, b) {
			blanks += string(b)
		}
	}
	line = strings.TrimLeft(line, blanks)
	if last || ifs == "" {
		return strings.TrimRight(line, blanks), ""
	}
	i := strings.IndexAny(line, ifs)
	if i < 0 {
		return line, ""
	}
	first, rest := line[:i], strings.TrimLeft(line[i:], blanks)
	if strings.IndexByte(" \t", line[i]) < 0 || rest != "" && strings.IndexByte(ifs, rest[0]) >= 0 && strings.IndexByte(" \t\n", rest[0]) < 0 {
		rest = rest[1:]
	}
	return first, rest
}

func unset(w *walker, c invocation) (truth, flow) {
	for _, a := range c.args {
		if !a.known {
			w.forget()
			continue
		}
		if _, ok := w.funcs[a.text]; ok && w.unsure > 0 {
			w.funcs[a.text] = nil
		} else {
			delete(w.funcs, a.text)
		}
		if delete(w.vars, a.text); w.dark {
			w.vars[a.text] = value{}
		}
	}
	return yes, next
}
