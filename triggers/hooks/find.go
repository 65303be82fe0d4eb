package hooks

import (
	"slices"
	"strconv"
	"strings"
)

// search is what find(1) looks for, and what it does with it.
type search struct {
	name, kind string
	depth      [2]int
	empty      bool
	remove     bool
	end        string // of a name that is printed
	owner      []owner
	exec       []value
}

// owner is a condition on who owns a file.
type owner struct {
	name  string
	group bool
	not   bool
}

// findFiles reads find(1) with -name, -type, -empty, -print, -delete and -exec.
func findFiles(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	var roots []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "!" && args[0] != "(" {
		roots, args = append(roots, args[0]), args[1:]
	}
	s, parsed := parseFind(args)
	if !ok || !parsed || len(roots) == 0 {
		return w.unreadFind(c, roots), next
	}
	w.noop(c.line, onlyReads)
	t := yes
	for _, r := range roots {
		t = t.and(w.find1(c, r, s))
	}
	return t, next
}

func parseFind(args []string) (s search, ok bool) {
	s.depth[1], s.end = 1000, "\n"
	not := false
	for i := 0; i < len(args); i++ {
		if not = i > 0 && (args[i-1] == "!" || args[i-1] == "-not"); not && !strings.HasPrefix(args[i], "-user") && args[i] != "-uid" && args[i] != "-gid" && args[i] != "-group" {
			return s, false
		}
		switch a := args[i]; a {
		case "!", "-not", "-print":
			continue
		case "-print0":
			s.end = "\x00"
			continue
		case "-empty":
			s.empty = true
			continue
		case "-delete":
			s.remove = true
			continue
		case "-exec":
			end := slices.IndexFunc(args[i:], func(x string) bool { return x == ";" || x == "+" })
			if end < 2 {
				return s, false
			}
			for _, x := range args[i+1 : i+end] {
				s.exec = append(s.exec, known(x))
			}
			i += end
			continue
		}
		if i+1 == len(args) {
			return s, false
		}
		i++
		switch v := args[i]; args[i-1] {
		case "-name":
			s.name = v
		case "-type":
			if s.kind = v; !strings.Contains(" f d l ", " "+v+" ") {
				return s, false
			}
		case "-user", "-uid", "-group", "-gid":
			s.owner = append(s.owner, owner{v, args[i-1] == "-group" || args[i-1] == "-gid", not})
		case "-mindepth", "-maxdepth":
			n, err := strconv.Atoi(v)
			if err != nil {
				return s, false
			}
			s.depth[map[bool]int{true: 1}[args[i-1] == "-maxdepth"]] = n
		default:
			return s, false
		}
	}
	return s, true
}

// unreadFind makes a leftover of a find that changes something.
func (w *walker) unreadFind(c invocation, roots []string) truth {
	t := unknown
	if roots == nil {
		for i := 0; i < len(c.args) && c.args[i].known && !strings.HasPrefix(c.args[i].text, "-") && c.args[i].text != "!" && c.args[i].text != "("; i++ {
			roots = append(roots, c.args[i].text)
		}
	}
	for _, r := range roots {
		if t = w.exists(r); t != no {
			break
		}
	}
	if t == no && c.certain {
		w.noop(c.line, "there is nothing to look through")
		return no
	}
	w.unknownOutput()
	for _, a := range c.args {
		if t != no && (!a.known || a.text == "-delete" || strings.HasPrefix(a.text, "-exec") || strings.HasPrefix(a.text, "-ok") || strings.HasPrefix(a.text, "-fprint")) {
			w.leftover(c.line, "find with other arguments")
			return unknown
		}
	}
	w.noop(c.line, onlyReads)
	return unknown
}

// find1 does what find does with all below r, in the order of names.
func (w *walker) find1(c invocation, r string, s search) truth {
	at, ok := w.locate(r+"/.", true)
	if t := w.exists(r); t != yes || !ok {
		if t != no {
			w.unknownOutput()
		}
		return t
	}
	below, ok := w.disk.below(at, 20000)
	if !ok {
		w.unknownOutput()
		return unknown
	}
	w.steps += len(below)
	found := append([]string{""}, below...)
	if s.remove {
		slices.Reverse(found) // depth first
	}
	for _, p := range found {
		if rel := strings.TrimPrefix(strings.TrimPrefix(p, at), "/"); w.finds(s, p, rel, at) {
			switch path := strings.TrimSuffix(r+"/"+rel, "/"); {
			case s.remove:
				w.remove(c.line, path)
			case s.exec != nil:
				args := slices.Clone(s.exec)
				for i := range args {
					args[i] = known(strings.ReplaceAll(args[i].text, "{}", path))
				}
				w.external(invocation{args[0].text, args[1:], true, c.line})
			default:
				w.print(path + s.end)
			}
		}
	}
	return yes
}

// owns reports whether e belongs as the conditions say.
func (w *walker) owns(e *entry, conditions []owner) bool {
	for _, o := range conditions {
		has, want := e.user, nameOf(w.accounts.users, o.name, "uid.")
		if o.group {
			has, want = e.group, nameOf(w.accounts.groups, o.name, "gid.")
		}
		if (same(has, want) || same(has, "root") && want == "0") == o.not {
			return false
		}
	}
	return true
}

// finds reports whether the path p, which is called rel below the start at, is what s looks for.
func (w *walker) finds(s search, p, rel, at string) bool {
	level := strings.Count(rel, "/") + 1
	if p == "" {
		level, p = 0, at
	}
	e, _ := w.look("/"+p, false)
	m, ok := matchPattern(s.name, p[strings.LastIndexByte(p, '/')+1:])
	switch {
	case !ok:
		w.unknownOutput()
		return false
	case level < s.depth[0] || level > s.depth[1] || s.name != "" && !m,
		s.kind != "" && s.kind != map[kind]string{file: "f", directory: "d", link: "l"}[e.kind]:
		return false
	case !w.owns(e, s.owner):
		return false
	case s.empty && e.kind == directory:
		return len(w.disk.names(p)) == 0
	case s.empty:
		return e.kind == file && e.content() == known("")
	}
	return true
}
