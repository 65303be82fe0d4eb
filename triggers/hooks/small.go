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
	text := strings.NewReplacer("%a", strconv.FormatUint(uint64(e.mode), 8), "%U", user, "%G", group).Replace(o.set["c"])
	if strings.Contains(text, "%") {
		w.unknownOutput()
	} else {
		w.print(text + "\n")
	}
	return yes, next
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
