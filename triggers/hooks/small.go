package hooks

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

func whoami(w *walker, c invocation) (truth, flow) {
	w.print("root\n")
	w.noop(c.line, onlyReads)
	return yes, next
}

// addShell is add-shell(8).
func addShell(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if !ok || len(args) == 0 {
		w.leftover(c.line, "add-shell with arguments that are not known")
		return unknown, next
	}
	for _, p := range args {
		w.duty(Duty{Kind: Shell, Line: c.line, Args: []string{p}})
	}
	return yes, next
}

// setcap is setcap(8).
func setcap(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	for len(args) > 0 && args[0] == "-q" {
		args = args[1:]
	}
	if ok && len(args) == 2 && args[0] == "-r" {
		w.noop(c.line, "nothing has capabilities yet")
		return unknown, next
	}
	if !ok || len(args) != 2 || strings.HasPrefix(args[0], "-") {
		w.leftover(c.line, "setcap with other arguments")
		return unknown, next
	}
	switch w.exists(args[1]) {
	case no:
		return no, next
	case unknown:
		w.leftover(c.line, "setcap of a path that may not be there")
		return unknown, next
	}
	w.duty(Duty{Kind: Capability, Line: c.line, Args: []string{w.real(args[1]), args[0]}})
	return yes, next
}

// stat prints a file's mode and owner (stat(1) -c).
func stat(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	o := parseOptions(args, "c|format: L|dereference printf: t f")
	w.noop(c.line, onlyReads)
	if !ok || o.bad != "" || !o.has("c") || len(o.rest) != 1 {
		w.unknownOutput()
		return unknown, next
	}
	e, t := w.look(o.rest[0], o.has("L"))
	if t != yes {
		w.unknownOutput()
		return t, next
	}
	user, group := e.user, e.group
	setDefault(&user, "root")
	setDefault(&group, "root")
	uid, gid := idOf(w.accounts.users, user, "uid."), idOf(w.accounts.groups, group, "gid.")
	text := strings.NewReplacer("%u", uid, "%g", gid, "%a", strconv.FormatUint(uint64(e.mode), 8), "%U", user, "%G", group).Replace(o.set["c"])
	if strings.Contains(text, "%") {
		w.unknownOutput()
	} else {
		w.print(text + "\n")
	}
	return yes, next
}

// idOf returns an account's number, or a word for it that chown knows again.
func idOf(list []*account, name, kind string) string {
	if a := find(list, name); a != nil && a.id != "" {
		return a.id
	}
	return mktempPrefix + kind + name
}

// nameOf returns the name of an account whose number or name is given.
func nameOf(list []*account, id, kind string) string {
	if name, ok := strings.CutPrefix(id, mktempPrefix+kind); ok {
		return name
	}
	if a := find(list, id); a != nil {
		return a.name
	}
	return id
}

// silent is a command that prints nothing on a fresh installation.
func silent(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, "there is nothing to print")
	return yes, next
}

// perl is perl(1), of which only the empty program is read.
func perl(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if at, t := w.which("perl"); ok && t == yes && len(args) == 2 && args[0] == "-e" && args[1] == "" {
		w.noop(c.line, at+" is there")
		return yes, next
	}
	w.leftover(c.line, "perl")
	return unknown, next
}

// python is Python, which scripts call to compile.
func python(w *walker, c invocation) (truth, flow) {
	for _, a := range c.args {
		if strings.Contains(a.text, "py_compile") || strings.Contains(a.text, "compileall") {
			w.deferred(c.line, byteCode)
			return yes, next
		}
	}
	w.leftover(c.line, c.name)
	return unknown, next
}

// find is find(1) with -name, -type and -print.
func findFiles(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	var roots []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		roots, args = append(roots, args[0]), args[1:]
	}
	want, kinds := "", ""
	depth := [2]int{0, 1000}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-print":
		case i+1 == len(args):
			ok = false
		case a == "-name":
			i++
			want = args[i]
		case a == "-type":
			i++
			kinds = args[i]
		case a == "-mindepth" || a == "-maxdepth":
			i++
			n, err := strconv.Atoi(args[i])
			ok = ok && err == nil
			depth[map[bool]int{true: 1}[a == "-maxdepth"]] = n
		default:
			ok = false
		}
	}
	if !ok || len(roots) == 0 || !strings.Contains(" f d l ", " "+kinds+" ") && kinds != "" {
		w.findEffects(c)
		w.unknownOutput()
		return unknown, next
	}
	t := yes
	for _, r := range roots {
		t = t.and(w.find1(r, want, kinds, depth))
	}
	return t, next
}

// findEffects makes a leftover of a find that changes something.
func (w *walker) findEffects(c invocation) {
	for _, a := range c.args {
		if !a.known || a.text == "-delete" || strings.HasPrefix(a.text, "-exec") || strings.HasPrefix(a.text, "-ok") || strings.HasPrefix(a.text, "-fprint") {
			if len(c.args) > 0 && c.args[0].known && w.exists(c.args[0].text) == no {
				return
			}
			w.leftover(c.line, "find with other arguments")
			return
		}
	}
}

// find1 prints what find finds below r, in the order of names.
func (w *walker) find1(r, want, kinds string, depth [2]int) truth {
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
	prefix := at + "/"
	if at == "." {
		prefix = ""
	}
	for _, p := range append([]string{""}, below...) {
		rel := strings.TrimPrefix(p, prefix)
		level := strings.Count(rel, "/") + 1
		e := &entry{kind: directory}
		if p == "" {
			level = 0
		} else {
			e, _ = w.look("/"+p, false)
		}
		name := p[strings.LastIndexByte(p, '/')+1:]
		m, known := matchPattern(want, name)
		switch {
		case !known:
			w.unknownOutput()
		case level < depth[0] || level > depth[1] || want != "" && !m,
			kinds != "" && kinds != map[kind]string{file: "f", directory: "d", link: "l"}[e.kind]:
		case p == "":
			w.print(r + "\n")
		default:
			w.print(strings.TrimSuffix(r, "/") + "/" + rel + "\n")
		}
	}
	return yes
}

// awkProgram is what awk reads here: a condition on a line, and fields to print.
var awkProgram = regexp.MustCompile(`^\s*(?:/((?:[^/\\]|\\.)*)/|NR\s*==\s*(\d+)|\$(\d+)\s*==\s*"([^"\\]*)")?\s*(?:\{\s*print(?:\s+\$(\d+|NF))?\s*;?\s*(exit)?\s*;?\s*\})?\s*$`)

// awk reads awk(1) with one simple rule.
func awk(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	o := parseOptions(args, "F: v:")
	var m []string
	if ok && o.bad == "" && len(o.rest) > 0 && !o.has("v") && len(o.set["F"]) <= 1 {
		m = awkProgram.FindStringSubmatch(o.rest[0])
	}
	if m == nil || strings.TrimSpace(o.rest[0]) == "" {
		w.in.all()
		w.unknownOutput()
		return unknown, next
	}
	v, t := w.contents(o.rest[1:])
	var re *regexp.Regexp
	if m[1] != "" {
		re = posixRegexp(m[1], true, false)
	}
	if !v.known || m[1] != "" && re == nil {
		w.unknownOutput()
		return unknown, next
	}
	w.steps += len(v.text) / 8
	for n, l := range split(v.text) {
		fields := strings.Fields(l)
		if sep := o.set["F"]; sep != "" && sep != " " {
			fields = strings.Split(l, sep)
		}
		switch {
		case re != nil && !re.MatchString(l),
			m[2] != "" && m[2] != fmt.Sprint(n+1),
			m[3] != "" && awkField(l, fields, m[3]) != m[4]:
			continue
		}
		w.print(awkField(l, fields, m[5]) + "\n")
		if m[6] != "" {
			break
		}
	}
	return t, next
}

func awkField(l string, fields []string, n string) string {
	i, err := strconv.Atoi(n)
	switch {
	case n == "NF":
		i = len(fields)
	case err != nil:
		i = 0
	}
	switch {
	case i == 0:
		return l
	case i <= len(fields):
		return fields[i-1]
	}
	return ""
}
