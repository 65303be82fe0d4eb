package hooks

import (
	"slices"
	"strings"
)

// What the first boot makes is no part of a root, and what it makes a part of is not either: values that come of secrets carry the
// reason, through variables, pipes and files, to a deferred item where another value that is not known would come to a leftover.

// laterOf returns what makes on the first boot all that is not known of values, or "".
func laterOf(vs ...value) string {
	later := ""
	for _, v := range vs {
		switch {
		case !v.known && v.later == "":
			return ""
		case !v.known:
			later = v.later
		}
	}
	return later
}

// notKnown returns what can be said of a text that arguments which are not known are a part of.
func (c invocation) notKnown() value {
	if !c.certain {
		return value{}
	}
	return value{later: laterOf(c.args...)}
}

// sedUnknown is sed with arguments that are not known.
func (w *walker) sedUnknown(c invocation) (truth, flow) {
	later := c.notKnown().later
	if !slices.ContainsFunc(c.args, func(v value) bool { return strings.HasPrefix(v.text, "-i") || strings.HasPrefix(v.text, "--in-place") }) {
		w.noop(c.line, onlyReads)
		w.printValue(value{later: later})
		return unknown, next
	}
	if last := c.args[len(c.args)-1]; later != "" && last.known && w.exists(last.text) == yes {
		w.deferred(c.line, later)
		return w.made(w.writeFile(last, value{later: later}, false, c.line)), next
	}
	w.leftover(c.line, "sed -i with a program that is not known")
	return unknown, next
}

// makesSecret is openssl and its like: the files that it names are made later, as what it prints.
func makesSecret(w *walker, c invocation) (truth, flow) {
	w.deferred(c.line, secret)
	w.printValue(value{later: secret})
	args, ok := c.texts()
	if !ok || len(args) == 0 {
		return unknown, next
	}
	t := yes
	for i, a := range args {
		if i+1 < len(args) && slices.Contains([]string{"-out", "-keyout"}, a) {
			t = t.and(w.made(w.writeFile(known(args[i+1]), value{later: secret}, false, c.line)))
		}
	}
	if slices.Contains([]string{"rand", "req", "genrsa", "genpkey", "dhparam", "ecparam", "passwd", "x509", "ca"}, args[0]) {
		return t, next
	}
	return unknown, next
}

// dd reads dd(1) of random bytes.
func dd(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	in, out := "", ""
	for _, a := range args {
		switch name, v, _ := strings.Cut(a, "="); name {
		case "if":
			in = v
		case "of":
			out = v
		}
	}
	v := w.in.all()
	if in != "" {
		v, _ = w.readFile(known(in))
	}
	if !ok || v.later == "" {
		if out != "" || !ok {
			w.leftover(c.line, "dd")
		}
		w.unknownOutput()
		return unknown, next
	}
	w.deferred(c.line, v.later)
	if out != "" {
		return w.made(w.writeFile(known(out), v, false, c.line)), next
	}
	w.printValue(v)
	return yes, next
}

// updateInetd is update-inetd(8): where there is no inetd.conf there is nothing to take out of it.
func updateInetd(w *walker, c invocation) (truth, flow) {
	takes := slices.ContainsFunc(c.args, func(v value) bool { return v == known("--disable") || v == known("--enable") || v == known("--remove") })
	if takes && w.exists("/etc/inetd.conf") == no {
		w.noop(c.line, "there is no inetd.conf")
		return yes, next
	}
	w.leftover(c.line, c.name)
	return unknown, next
}

// linuxVersion is linux-version(1) of linux-base: which kernels are installed.
func linuxVersion(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	names, certain := w.names("/boot")
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "vmlinu") })
	w.noop(c.line, onlyReads)
	switch {
	case !ok || len(args) != 1 || !certain && w.exists("/boot") != no || len(names) > 1:
	case args[0] == "list" && len(names) == 0:
		return yes, next
	case args[0] == "list":
		_, version, _ := strings.Cut(names[0], "-")
		w.print(version + "\n")
		return yes, next
	case args[0] == "sort" && len(names) <= 1:
		w.printValue(w.in.all())
		return yes, next
	}
	w.unknownOutput()
	return unknown, next
}
