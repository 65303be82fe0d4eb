package hooks

import (
	"fmt"
	"regexp"
	"slices"
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

// ls prints names, as far as they are known.
func ls(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	o := parseOptions(args, "1 d|directory A a L")
	if !ok || o.bad != "" || len(o.rest) == 0 {
		w.unknownOutput()
		if ok = ok && len(o.rest) == 0; ok {
			return unknown, next
		}
	}
	t := yes
	for _, p := range o.rest {
		e, found := w.look(p, true)
		switch t = t.and(found); {
		case found == unknown:
			w.unknownOutput()
		case found == yes && (e.kind != directory || o.has("d")):
			w.print(p + "\n")
		case found == yes:
			names, ok := w.names(p)
			if !ok || len(o.rest) > 1 {
				w.unknownOutput()
			}
			for _, n := range names {
				if n[0] != '.' || o.has("A") {
					w.print(n + "\n")
				}
			}
		}
	}
	if !ok {
		t = unknown
	}
	return t, next
}

// seq prints numbers.
func seq(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	from, step, to := 1, 1, 0
	var ns []int
	for _, a := range args {
		n, err := strconv.Atoi(a)
		ok = ok && err == nil
		ns = append(ns, n)
	}
	switch len(ns) {
	case 1:
		to = ns[0]
	case 2:
		from, to = ns[0], ns[1]
	case 3:
		from, step, to = ns[0], ns[1], ns[2]
	default:
		ok = false
	}
	if !ok || step == 0 || (to-from)/step > 10000 {
		w.unknownOutput()
		return unknown, next
	}
	for n := from; step > 0 && n <= to || step < 0 && n >= to; n += step {
		w.print(strconv.Itoa(n) + "\n")
	}
	return yes, next
}

// expr reads expr(1) of two numbers, and of a text and a pattern.
func expr(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	if !ok || len(args) != 3 {
		w.unknownOutput()
		return unknown, next
	}
	if args[1] == ":" {
		re := posixRegexp("^"+args[2], false, false)
		if re == nil || strings.Contains(args[2], `\(`) {
			w.unknownOutput()
			return unknown, next
		}
		n := len(re.FindString(args[0]))
		w.print(strconv.Itoa(n) + "\n")
		return is(n > 0), next
	}
	a, err := strconv.Atoi(args[0])
	b, err2 := strconv.Atoi(args[2])
	n := map[string]int{"+": a + b, "-": a - b, "*": a * b}[args[1]]
	if err != nil || err2 != nil || !strings.Contains("+-*", args[1]) {
		w.unknownOutput()
		return unknown, next
	}
	w.print(strconv.Itoa(n) + "\n")
	return is(n != 0), next
}

// silent is a command that prints nothing on a fresh installation.
func silent(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, "there is nothing to print")
	return yes, next
}

// perl is perl(1), of which only the empty program is read.
func perl(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if ok && len(args) == 2 && args[0] == "-e" && args[1] == "" {
		w.noop(c.line, onlyReads)
		_, t := w.which("perl")
		return t, next
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
	if m == nil && ok && o.bad == "" && len(o.rest) > 0 && len(o.set) == 0 {
		return w.awkNothing(o.rest[0], o.rest[1:])
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

// awkIdle is a program of one rule, whatever it does, that ends with printing a variable which nothing else sets.
var awkIdle = regexp.MustCompile(`(?s)^\s*/([^/]*)/\s*\{[^{}]*\}\s*END\s*\{\s*print\s+[A-Za-z_]\w*\s*;?\s*\}\s*$`)

// awkNothing reads a program whose rule no line meets.
func (w *walker) awkNothing(program string, files []string) (truth, flow) {
	v, t := w.contents(files)
	m := awkIdle.FindStringSubmatch(program)
	var re *regexp.Regexp
	if m != nil {
		re = posixRegexp(m[1], true, false)
	}
	if re == nil || !v.known || slices.ContainsFunc(split(v.text), re.MatchString) {
		w.unknownOutput()
		return unknown, next
	}
	w.steps += len(v.text) / 8
	w.print("\n")
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
