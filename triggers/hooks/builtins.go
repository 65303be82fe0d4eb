package hooks

import (
	"slices"
	"strconv"
	"strings"
)

// exit is exit and return: an unknown status counts as success.
func exit(w *walker, c invocation) (truth, flow) {
	fl := exited
	if c.name == "return" {
		fl = returned
	}
	code := w.last
	if len(c.args) > 0 {
		code = c.args[0]
	} else if fl == exited && !code.known {
		code = known("0")
	}
	w.code = code
	t := status(code)
	if fl == exited && t == no {
		if w.sub > 0 {
			return no, exited
		}
		return w.fails(c.line, "ends with an error")
	}
	w.noop(c.line, "ends here")
	return t, fl
}

func breaks(_ *walker, c invocation) (truth, flow) {
	if c.name == "continue" {
		return yes, continued
	}
	return yes, broken
}

// set is set: -e counts, and it may change the positional parameters.
func set(w *walker, c invocation) (truth, flow) {
	texts, ok := c.texts()
	for i := 0; ok && i < len(texts); i++ {
		a := texts[i]
		switch {
		case a == "--" || a == "" || a[0] != '-' && a[0] != '+':
			if a == "--" {
				i++
			}
			w.args, w.argsKnown = knownAll(texts[i:]), true
			i = len(texts)
		case strings.HasSuffix(a, "o"):
			i++
			if i < len(texts) && texts[i] == "errexit" {
				w.errexit = a[0] == '-'
			}
			fallthrough
		default:
			if strings.Contains(a, "e") {
				w.errexit = a[0] == '-'
			}
		}
	}
	if !ok {
		w.args, w.argsKnown = nil, false
	}
	w.noop(c.line, "changes the shell")
	return yes, next
}

func shift(w *walker, c invocation) (truth, flow) {
	n := 1
	if len(c.args) == 1 && c.args[0].known {
		n, _ = strconv.Atoi(c.args[0].text)
	}
	if !w.argsKnown || len(c.args) > 1 || len(c.args) == 1 && (n < 0 || c.args[0].text != strconv.Itoa(n)) {
		w.args, w.argsKnown = nil, false
		return unknown, next
	}
	if n > len(w.args) {
		return no, next
	}
	w.args = w.args[n:]
	return yes, next
}

// source is ".": the debconf module, or a file of the shell's that we know.
func source(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if !ok || len(args) == 0 {
		return unreadShell(w, c)
	}
	if args[0] == "/usr/share/debconf/confmodule" {
		w.startDebconf(c.line)
		return yes, next
	}
	v, t := w.readFile(known(args[0]))
	if t == no {
		return w.fails(c.line, ". of a file that is not there")
	}
	if !v.known || len(v.text) > maxScript || w.depth > maxDepth/2 {
		return unreadShell(w, c)
	}
	return w.include(v.text, c.line)
}

// include walks text as a part of the script.
func (w *walker) include(text string, line int) (truth, flow) {
	at := w.at
	w.at = line
	w.depth++
	t, fl := w.called(func() (truth, flow) {
		fl := w.script([]byte(text), w.bash)
		return status(w.code), fl
	})
	w.depth--
	w.at = at
	return t, fl
}

func eval(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if text := strings.Join(args, " "); ok && len(text) < maxArgument && w.depth < maxDepth/2 {
		at := w.at
		w.at = c.line
		w.depth++
		fl := w.script([]byte(text), w.bash)
		w.depth--
		w.at = at
		return status(w.code), fl
	}
	return unreadShell(w, c)
}

// unreadShell are commands of the shell that may do anything to the script's variables.
func unreadShell(w *walker, c invocation) (truth, flow) {
	w.leftover(c.line, c.name)
	w.forget()
	return unknown, next
}

// execute is exec and its like, that run their arguments.
func execute(w *walker, c invocation) (truth, flow) {
	args := c.args
	switch c.name {
	case "exec":
		if len(args) == 0 {
			return yes, next
		}
		t, fl := w.invoke(args, c.certain, c.line)
		if fl == next {
			w.code = known("0")
			fl = exited
		}
		return t, fl
	case "env":
		for len(args) > 0 && args[0].known && (strings.Contains(args[0].text, "=") || args[0].text == "-i") {
			args = args[1:]
		}
	case "su":
		return asUser(w, c)
	case "nice", "ionice", "setsid", "nohup", "timeout", "sudo", "setpriv", "runuser":
		i := slices.Index(args, known("--"))
		if args = args[i+1:]; i >= 0 {
			break
		}
		for len(args) > 0 && args[0].known && strings.HasPrefix(args[0].text, "-") {
			if args = args[1:]; slices.Contains([]string{"-u", "-g", "-n", "-c", "-G", "--reuid", "--regid", "--user", "--group"}, c.args[len(c.args)-len(args)-1].text) {
				args = args[min(1, len(args)):]
			}
		}
	}
	if len(args) == 0 {
		return yes, next
	}
	if c.name == "builtin" {
		return w.invoke(args, c.certain, c.line)
	}
	if !args[0].known {
		return unreadShell(w, c)
	}
	return w.external(invocation{args[0].text, args[1:], c.certain, c.line})
}

// asUser is su -c. What it makes would be the user's, so that only what changes nothing is read.
func asUser(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "c|command: s|shell: l|login m p g: G:")
	if !ok {
		return unknown, next
	}
	before := len(w.disk.nodes)
	if len(o.rest) > 0 {
		defer func(u string) { w.user = u }(w.user)
		w.user = o.rest[0]
	}
	t, fl := w.process(c, []byte(o.set["c"]), nil, nil, false)
	if len(w.disk.nodes) != before {
		w.leftover(c.line, "su that changes files")
	}
	return t, fl
}

// shells are sh, dash and bash, of which sh -c is read.
func shells(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if !ok || len(args) == 0 {
		return unreadShell(w, c)
	}
	var options []string
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		if strings.Contains(args[0], "c") {
			return w.process(c, []byte(args[1]), options, args[min(3, len(args)):], c.name == "bash")
		}
		options, args = append(options, args[0]), args[1:]
	}
	if i, ok := w.command1(base(args[0])); ok && w.table[i].run == nil {
		return w.external(invocation{args[0], c.args[len(options)+1:], c.certain, c.line})
	}
	v, t := w.readFile(known(args[0]))
	if t != yes || !v.known || len(v.text) > maxScript || w.depth > maxDepth/2 {
		return unreadShell(w, c)
	}
	return w.process(c, []byte(v.text), options, args[1:], c.name == "bash")
}

// lookup is command, type and which: they say where a command is.
func lookup(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if c.name == "command" {
		if len(c.args) > 0 && (!c.args[0].known || c.args[0].text != "-v" && c.args[0].text != "-V") {
			return execute(w, c)
		}
		args = slices.Delete(args, 0, min(1, len(args)))
	}
	w.noop(c.line, onlyReads)
	if !ok || len(args) == 0 {
		w.unknownOutput()
		return unknown, next
	}
	t := yes
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		_, isFunc := w.funcs[a]
		if isFunc && c.name != "which" || slices.Contains(shellWords, a) {
			w.print(a + "\n")
			continue
		}
		at, found := a, w.exists(a)
		if !strings.Contains(a, "/") {
			at, found = w.which(a)
		}
		switch found {
		case yes:
			w.print(at + "\n")
		case unknown:
			w.unknownOutput()
		}
		t = t.and(found)
	}
	return t, next
}

// shellWords are commands that the shell has itself.
var shellWords = []string{".", ":", "[", "cd", "command", "echo", "eval", "exec", "exit", "export", "false", "printf", "pwd", "read", "set", "test", "true", "umask", "unset", "wait"}

func changeDir(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	args = slices.DeleteFunc(args, func(s string) bool { return s == "--" || s == "-P" || s == "-L" })
	if !ok || len(args) != 1 {
		w.dir = value{}
		return unknown, next
	}
	e, t := w.look(args[0], true)
	if t == yes && e.kind != directory {
		t = no
	}
	if t != no {
		at, _ := w.locate(args[0], true)
		w.dir = value{text: "/" + strings.TrimPrefix(at, "."), known: t == yes}
		w.vars["PWD"] = w.dir
	}
	return t, next
}

func umask(w *walker, c invocation) (truth, flow) {
	if len(c.args) == 0 {
		w.print("0" + strconv.FormatUint(uint64(w.umask), 8) + "\n")
		return yes, next
	}
	n, err := strconv.ParseUint(c.args[0].text, 8, 12)
	if err != nil || !c.args[0].known {
		w.leftover(c.line, "umask")
		return yes, next
	}
	w.umask = uint32(n)
	w.noop(c.line, "changes the shell")
	return yes, next
}
