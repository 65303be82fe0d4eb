package hooks

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call walks a simple command: assignments, a function of the script, or a command of the table.
func (w *walker) call(c *syntax.CallExpr, line int) (truth, flow) {
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			w.assignment(a, false)
		}
		return yes, next
	}
	for _, a := range c.Assigns {
		if a.Value != nil {
			w.word(a.Value)
		}
		if a.Array != nil {
			w.nested(a.Array)
		}
	}
	args, certain := w.fields(c.Args)
	if len(args) == 0 {
		return unknown, next
	}
	name := args[0]
	if !name.known {
		w.leftover(line, w.text(line), "a command whose name is not known")
		return unknown, next
	}
	if body, ok := w.funcs[name.text]; ok {
		return w.function(body, args[1:], certain, line)
	}
	cmd := invocation{name: name.text, args: args[1:], certain: certain, line: line, env: len(c.Assigns) > 0}
	i, ok := slices.BinarySearchFunc(commands, cmd.name, func(c command, name string) int { return strings.Compare(c.name, name) })
	if !ok {
		w.leftover(line, w.text(line), printable(cmd.name))
		return unknown, next
	}
	if why := commands[i].noop; why != "" {
		w.noop(line, why)
		return commands[i].status, next
	}
	return commands[i].run(w, cmd)
}

// invocation is a command with its arguments.
type invocation struct {
	name    string
	args    []value
	certain bool // that there are that many
	env     bool // variables are set for it
	line    int
}

// texts returns the arguments, if all are known.
func (c invocation) texts() ([]string, bool) {
	var out []string
	for _, a := range c.args {
		if !a.known {
			return nil, false
		}
		out = append(out, a.text)
	}
	return out, c.certain
}

func (w *walker) assignment(a *syntax.Assign, local bool) {
	if a.Name == nil {
		w.word(a.Value)
		return
	}
	v := value{}
	switch {
	case a.Naked:
		if !local {
			return
		}
	case a.Append || a.Index != nil || a.Array != nil:
		w.nested(a)
	default:
		v = w.word(a.Value)
	}
	if local {
		w.locals = append(w.locals, a.Name.Value)
	}
	w.assign(a.Name.Value, v)
}

// function calls a function of the script.
func (w *walker) function(body *syntax.Stmt, args []value, certain bool, line int) (truth, flow) {
	if body == nil {
		w.leftover(line, w.text(line), "a function that was declared under a condition that is not known")
		return unknown, next
	}
	vars, locals := map[string]value{}, w.locals
	for k, v := range w.vars {
		vars[k] = v
	}
	w.steps += len(vars)
	oldArgs, oldKnown := w.args, w.argsKnown
	w.args, w.locals = nil, nil
	w.args, w.argsKnown = invocation{args: args, certain: certain}.texts()
	t, fl := w.stmt(body)
	w.args, w.argsKnown = oldArgs, oldKnown
	for _, name := range w.locals {
		if v, ok := vars[name]; ok {
			w.vars[name] = v
		} else {
			delete(w.vars, name)
		}
	}
	w.locals = locals
	if fl == returned {
		fl = next
	}
	return t, fl
}

// exit is exit and return: an unknown status counts as success.
func exit(w *walker, c invocation) (truth, flow) {
	fl := exited
	if c.name == "return" {
		fl = returned
	}
	t := yes
	if len(c.args) > 0 {
		n, err := strconv.Atoi(c.args[0].text)
		switch {
		case !c.args[0].known || err != nil:
			t = unknown
		case n != 0:
			t = no
		}
	}
	if fl == exited && t == no {
		fl = failed
	}
	w.noop(c.line, "ends here")
	return t, fl
}

func breaks(*walker, invocation) (truth, flow) { return yes, looped }

// set is set: options mean nothing to us, but it may change the positional parameters.
func set(w *walker, c invocation) (truth, flow) {
	texts, ok := c.texts()
	i := slices.IndexFunc(texts, func(s string) bool { return s == "--" || !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "+") })
	switch {
	case !ok || i >= 0 && i > 0 && texts[i] != "--":
		if ok && texts[0] == "-o" || ok && texts[0] == "+o" || ok && strings.HasSuffix(texts[0], "o") {
			break // set -o pipefail, set -eo pipefail
		}
		w.args, w.argsKnown = nil, false
	case i >= 0 && w.unsure > 0:
		w.args, w.argsKnown = nil, false
	case i >= 0 && texts[i] == "--":
		w.args, w.argsKnown = texts[i+1:], true
	case i >= 0:
		w.args, w.argsKnown = texts[i:], true
	}
	w.noop(c.line, "changes the shell")
	return yes, next
}

func shift(w *walker, c invocation) (truth, flow) {
	n := 1
	if len(c.args) == 1 && c.args[0].known {
		n, _ = strconv.Atoi(c.args[0].text)
	}
	if w.unsure > 0 || !w.argsKnown || len(c.args) > 1 || len(c.args) == 1 && n <= 0 || n > len(w.args) {
		w.args, w.argsKnown = nil, false
		return unknown, next
	}
	w.args = w.args[n:]
	return yes, next
}

// declare is export, local and readonly.
func declare(w *walker, c invocation) (truth, flow) {
	for _, a := range c.args {
		if !a.known {
			w.forget()
			continue
		}
		name, v, set := strings.Cut(a.text, "=")
		if c.name == "local" {
			w.locals = append(w.locals, name)
			w.assign(name, value{})
		}
		if set {
			w.assign(name, known(v))
		}
	}
	if !c.certain {
		w.forget()
	}
	return yes, next
}

// reads is read and unset, after which variables hold something else.
func reads(w *walker, c invocation) (truth, flow) {
	for _, a := range c.args {
		if !a.known {
			w.forget()
		}
		delete(w.vars, a.text)
	}
	if c.name == "unset" {
		for _, a := range c.args {
			delete(w.funcs, a.text)
		}
		return yes, next
	}
	return unknown, next
}

// unreadShell are commands of the shell that may do anything to the script's variables.
func unreadShell(w *walker, c invocation) (truth, flow) {
	w.leftover(c.line, w.text(c.line), c.name)
	w.forget()
	return unknown, next
}

// lookup is command: only command -v is read.
func lookup(w *walker, c invocation) (truth, flow) {
	if len(c.args) > 0 && (c.args[0] == known("-v") || c.args[0] == known("-V")) {
		w.noop(c.line, "only reads")
		return unknown, next
	}
	return unreadShell(w, c)
}

// systemctl without a running system does nothing but for units' links.
func systemctl(w *walker, c invocation) (truth, flow) {
	for _, a := range c.args {
		switch {
		case !a.known:
		case strings.HasPrefix(a.text, "-"):
			continue
		case slices.Contains([]string{"daemon-reload", "daemon-reexec", "is-active", "reload", "restart", "start", "stop", "try-restart", "reload-or-restart"}, a.text):
			w.noop(c.line, "nothing runs")
			return unknown, next
		}
		break
	}
	w.leftover(c.line, w.text(c.line), "systemctl")
	return unknown, next
}

// dpkgItself is dpkg: comparisons with the version that was installed before, of which there is none, and queries.
func dpkgItself(w *walker, c invocation) (truth, flow) {
	texts, ok := c.texts()
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "--" })
	if !ok || len(texts) == 0 {
		w.leftover(c.line, w.text(c.line), "dpkg")
		return unknown, next
	}
	switch texts[0] {
	case "--compare-versions":
		w.noop(c.line, "there is no older version")
		if len(texts) == 4 && texts[1] == "" && texts[3] != "" {
			return olderThanAll(texts[2]), next
		}
		return unknown, next
	case "-l", "-L", "-s", "-S", "--list", "--listfiles", "--print-architecture", "--print-foreign-architectures", "--search", "--status":
		w.noop(c.line, onlyReads)
		return unknown, next
	}
	w.leftover(c.line, w.text(c.line), "dpkg "+printable(texts[0]))
	return unknown, next
}

// olderThanAll is dpkg's comparison of no version with some version, dpkg(1).
func olderThanAll(op string) truth {
	switch op {
	case "lt", "le", "ne", "gt-nl", "ge-nl":
		return yes
	case "gt", "ge", "eq", "lt-nl", "le-nl":
		return no
	}
	return unknown
}
