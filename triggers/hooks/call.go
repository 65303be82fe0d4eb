package hooks

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// invocation is a command with its arguments.
type invocation struct {
	name    string
	args    []value
	certain bool // that there are that many
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

// call walks a simple command: assignments, a function of the script, or a command of the table.
func (w *walker) call(c *syntax.CallExpr, line int) (truth, flow) {
	w.substituted = yes
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			w.assignment(a, false)
		}
		return w.substituted, next
	}
	args, certain := w.fields(c.Args)
	if len(args) == 0 {
		if certain {
			return w.substituted, next
		}
		return unknown, next
	}
	if len(c.Assigns) == 0 {
		return w.invoke(args, certain, line)
	}
	old := maps.Clone(w.vars)
	w.steps += len(old)
	for _, a := range c.Assigns {
		w.assignment(a, false)
	}
	t, fl := w.invoke(args, certain, line)
	for _, a := range c.Assigns {
		if v, ok := old[a.Name.Value]; ok {
			w.vars[a.Name.Value] = v
		} else {
			delete(w.vars, a.Name.Value)
		}
	}
	return t, fl
}

// invoke runs a command by name.
func (w *walker) invoke(args []value, certain bool, line int) (truth, flow) {
	name := args[0]
	if !name.known {
		w.leftover(line, "a command whose name is not known")
		return unknown, next
	}
	if body, ok := w.function1(name.text); ok {
		return w.function(body, args[1:], certain, line)
	}
	return w.external(invocation{name: name.text, args: args[1:], certain: certain, line: line})
}

// external runs a command of the table, or a script that a package ships.
func (w *walker) external(c invocation) (truth, flow) {
	name := c.name
	if strings.HasPrefix(name, "/") {
		name = path.Base(name)
	}
	if pythons.MatchString(name) {
		name = "python3"
	}
	i, ok := w.command1(name)
	if ok && strings.HasPrefix(c.name, "/") && w.table[i].run != nil && name != "python3" {
		ok = slices.Contains(binDirs, path.Dir(c.name))
	}
	if !ok {
		return w.shippedScript(c)
	}
	cmd := w.table[i]
	c.name = name
	switch {
	case cmd.run != nil:
		return cmd.run(w, c)
	case cmd.trigger != "" && !w.world.has(cmd.trigger):
		w.leftover(c.line, "no generator yet: "+cmd.trigger)
		return unknown, next
	case cmd.trigger != "":
		w.served(c.line, cmd.trigger)
		if w.outs != nil {
			w.outs.trigger = cmd.trigger
		}
	case cmd.later != "":
		w.deferred(c.line, cmd.later)
		w.printValue(value{later: cmd.later})
		return cmd.status, next
	default:
		w.noop(c.line, cmd.noop)
	}
	w.printValue(value{later: w.in.laterOf()})
	return cmd.status, next
}

// command1 finds a command in the table.
func (w *walker) command1(name string) (int, bool) {
	return slices.BinarySearchFunc(w.table, name, func(c command, name string) int { return strings.Compare(c.name, name) })
}

// pythons are the names of Python.
var pythons = regexp.MustCompile(`^python3(\.\d+)?$`)

var binDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib/dpkg", "/lib/systemd", "/usr/lib/systemd", "/usr/lib/emacsen-common"}

// shippedScript walks a shell script that a package ships, as a process of its own.
func (w *walker) shippedScript(c invocation) (truth, flow) {
	at, t := c.name, no
	if !strings.Contains(at, "/") {
		at, t = w.which(c.name)
	} else {
		t = w.exists(at)
	}
	switch {
	case t == no:
		w.code = known("127")
		if w.tolerate == 0 {
			w.leftover(c.line, printable(c.name))
			return unknown, next
		}
		w.noop(c.line, "no package has "+printable(c.name))
		return no, next
	case t == yes && len(w.reading.Pending) < 100 && w.depth < maxDepth/2:
		v, _ := w.readFile(known(at))
		first, _, _ := strings.Cut(v.text, "\n")
		f := strings.Fields(strings.TrimPrefix(first, "#!"))
		args, ok := c.texts()
		if !v.known || !strings.HasPrefix(first, "#!") || len(f) == 0 || !ok || len(v.text) > maxScript {
			break
		}
		bash, isShell := shell(f[0])
		if !isShell {
			break
		}
		return w.process(c, []byte(v.text), f[1:], args, bash)
	}
	w.leftover(c.line, printable(c.name))
	return unknown, next
}

// process walks another script with the exported variables.
func (w *walker) process(c invocation, body []byte, options, args []string, bash bool) (truth, flow) {
	t := w.isolated(func() (truth, flow) {
		fresh := newWalker(w.state, w.index, w.reading.Script, nil)
		for k, v := range w.vars {
			if _, ok := fresh.vars[k]; ok || w.exported[k] {
				fresh.vars[k] = v
			}
		}
		w.vars, w.funcs, w.locals, w.args, w.argsKnown = fresh.vars, fresh.funcs, nil, knownAll(args), true
		w.errexit = slices.Contains(options, "-e")
		if w.returns || w.breaks {
			w.unsure++ // it may not be called at all
		}
		w.at, w.returns, w.breaks, w.returned, w.left, w.skipped = c.line, false, false, nil, nil, nil
		tolerate := w.tolerate
		w.tolerate = 0
		w.depth++
		fl := w.script(body, bash)
		w.tolerate = tolerate
		switch {
		case fl == failed:
			return no, next
		case fl == next || fl == exited:
			return status(w.code), next
		}
		return unknown, next
	})
	return t, next
}

// status is what a code in $? says.
func status(code value) truth {
	switch {
	case !code.known:
		return unknown
	case code.text == "0":
		return yes
	}
	return no
}

func (w *walker) assignment(a *syntax.Assign, local bool) {
	if a.Name == nil {
		w.word(a.Value)
		return
	}
	name := a.Name.Value
	v := value{}
	switch {
	case a.Naked:
		if !local {
			return
		}
		v = known("")
	case a.Index != nil || a.Array != nil:
		w.nested(a)
	case a.Append:
		old, _ := w.lookup(name)
		v = old.plus(w.word(a.Value))
	default:
		v = w.word(a.Value)
	}
	if local {
		w.declareLocal(name)
	}
	w.assign(name, v)
}

// function1 finds a function of the script; nil is one that may not be. PHP's php_invoke is a command of the table.
func (w *walker) function1(name string) (*syntax.Stmt, bool) {
	body, ok := w.funcs[name]
	return body, ok && name != "php_invoke"
}

// function calls a function of the script.
func (w *walker) function(body *syntax.Stmt, args []value, certain bool, line int) (truth, flow) {
	if body == nil {
		w.leftover(line, "a function that was declared under a condition that is not known")
		return unknown, next
	}
	vars, locals, entered := maps.Clone(w.vars), w.locals, w.entered
	w.steps += len(vars)
	oldArgs, oldKnown, breaks := w.args, w.argsKnown, w.breaks
	w.locals, w.entered = nil, w.unsure
	if w.args, w.argsKnown = args, certain; !certain {
		w.args = nil
	}
	at := w.at
	if w.foreign[body] {
		w.at = line
	}
	t, fl := w.called(func() (truth, flow) { return w.stmt(body) })
	w.at = at
	w.args, w.argsKnown, w.breaks = oldArgs, oldKnown, breaks
	for _, l := range w.locals {
		v, set := vars[l.name]
		switch {
		case !l.certain:
			w.vars[l.name] = value{}
		case set:
			w.vars[l.name] = v
		default:
			delete(w.vars, l.name)
		}
	}
	w.locals, w.entered = locals, entered
	return t, fl
}

// which finds a command as the shell does.
func (w *walker) which(name string) (string, truth) {
	if name == "" || len(name) > 255 {
		return "", no
	}
	p, _ := w.lookup("PATH")
	if !p.known {
		return "", unknown
	}
	for dir := range strings.SplitSeq(p.text, ":") {
		at := dir + "/" + name
		if t := w.exists(at); t == yes || t == unknown {
			return at, t
		}
	}
	return "", no
}
