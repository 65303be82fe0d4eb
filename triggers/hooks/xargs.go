package hooks

import (
	"slices"
	"strings"
)

// xargs reads xargs(1): the command is run once with all that is read.
func xargs(w *walker, c invocation) (truth, flow) {
	args, sep := c.args, ""
	skip := false
	for len(args) > 0 && args[0].known && strings.HasPrefix(args[0].text, "-") {
		switch a := args[0].text; {
		case a == "-0" || a == "--null":
			sep = "\x00"
		case a == "-r" || a == "--no-run-if-empty":
			skip = true
		case a == "-0r" || a == "-r0":
			sep, skip = "\x00", true
		case a == "-n1" || a == "-n" && len(args) > 1:
			if a == "-n" {
				args = args[1:]
			}
		default:
			w.leftover(c.line, "xargs with other options")
			return unknown, next
		}
		args = args[1:]
	}
	v := w.in.all()
	if len(args) == 0 {
		args = []value{known("echo")}
	}
	if !v.known || !args[0].known || strings.ContainsAny(v.text, "'\"\\") && sep == "" {
		if i, ok := w.command1(args[0].text); ok && (w.table[i].noop != "" || slices.Contains([]string{"echo", "grep", "cat", "ls", "basename", "dirname", "printf", "stat", "md5sum"}, args[0].text)) {
			w.noop(c.line, onlyReads)
			w.unknownOutput()
			return unknown, next
		}
		w.leftover(c.line, "xargs of what is not known")
		return unknown, next
	}
	fields := strings.Fields(v.text)
	if sep != "" {
		fields = split(strings.ReplaceAll(v.text, sep, "\n"))
	}
	if len(fields) == 0 && skip {
		w.noop(c.line, "there is nothing to run it on")
		return yes, next
	}
	args = slices.Clone(args)
	for _, f := range fields {
		args = append(args, known(f))
	}
	return w.external(invocation{args[0].text, args[1:], c.certain, c.line})
}
