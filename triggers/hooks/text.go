package hooks

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"
)

// contents returns what a filter reads: the files, or its input.
func (w *walker) contents(files []string) (value, truth) {
	if len(files) == 0 {
		return w.in.all(), yes
	}
	v, t := known(""), yes
	for _, f := range files {
		switch {
		case f == "-":
			v = join(v, w.in.all())
		default:
			c, found := w.readFile(known(f))
			if found != no {
				v = join(v, c)
			}
			t = t.and(found)
		}
	}
	return v, t
}

// join is plus for contents.
func join(a, b value) value {
	if !a.known || !b.known {
		return value{later: laterOf(a, b)}
	}
	if len(a.text)+len(b.text) > maxContent {
		return value{}
	}
	return known(a.text + b.text)
}

// filter is a command that turns text into text by its lines.
func filter(spec string, f func(o options, lines []string) ([]string, bool)) func(*walker, invocation) (truth, flow) {
	return func(w *walker, c invocation) (truth, flow) {
		args, ok := c.texts()
		o := parseOptions(args, spec)
		w.noop(c.line, onlyReads)
		if !ok || o.bad != "" {
			w.in.all()
			w.unknownOutput()
			return unknown, next
		}
		v, t := w.contents(o.rest)
		if !v.known {
			w.printValue(v)
			return t.and(unknown.or(is(w.outs == nil))), next
		}
		w.steps += len(v.text) / 16
		lines, ok := f(o, split(v.text))
		if !ok {
			w.unknownOutput()
			return unknown, next
		}
		for _, l := range lines {
			w.print(l + "\n")
		}
		return t, next
	}
}

// split returns the lines of text.
func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func cat(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if !ok || slices.ContainsFunc(args, func(s string) bool { return len(s) > 1 && s[0] == '-' }) {
		w.unknownOutput()
		return unknown, next
	}
	v, t := w.contents(args)
	w.printValue(v)
	w.noop(c.line, onlyReads)
	return t, next
}

func tee(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "a|append i p")
	if !ok {
		return unknown, next
	}
	v := w.in.all()
	t := yes
	for _, f := range o.rest {
		if !w.writeFile(known(f), v, o.has("a"), c.line) {
			t = unknown
		}
	}
	w.printValue(v)
	return t, next
}

func echo(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, onlyPrints)
	args, ok := c.texts()
	end := "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, end = args[1:], ""
	}
	text := strings.Join(args, " ")
	if !ok || strings.Contains(text, `\`) || len(args) > 0 && args[0] == "-e" {
		w.printValue(c.notKnown())
	} else {
		w.print(text + end)
	}
	return yes, next
}

// printf reads the conversions %s and %d and the simple escapes.
func printf(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, onlyPrints)
	args, ok := c.texts()
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if !ok || len(args) == 0 {
		w.printValue(c.notKnown())
		return yes, next
	}
	format, args := args[0], args[1:]
	if !strings.Contains(format, "%") {
		args = nil
	}
	for first := true; first || len(args) > 0; first = false {
		text, rest, ok := format1(format, args)
		if !ok || len(rest) == len(args) && len(args) > 0 {
			w.unknownOutput()
			return yes, next
		}
		w.print(text)
		args = rest
	}
	return yes, next
}

// format1 goes through format once.
func format1(format string, args []string) (string, []string, bool) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if i+1 == len(format) || format[i] != '%' && format[i] != '\\' {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch format[i-1 : i+1] {
		case "%%":
			b.WriteByte('%')
		case "%s", "%d", "%b":
			if len(args) > 0 {
				if strings.Contains(args[0], `\`) && format[i] == 'b' {
					return "", nil, false
				}
				b.WriteString(args[0])
				args = args[1:]
			} else if format[i] == 'd' {
				b.WriteByte('0')
			}
		case `\n`:
			b.WriteByte('\n')
		case `\t`:
			b.WriteByte('\t')
		case `\\`:
			b.WriteByte('\\')
		case `\"`, `\'`:
			b.WriteByte(format[i])
		default:
			return "", nil, false
		}
	}
	return b.String(), args, true
}

func basename(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	args = slices.DeleteFunc(args, func(s string) bool { return s == "--" })
	w.noop(c.line, onlyReads)
	switch {
	case !ok || len(args) == 0 || len(args) > 2 || strings.HasPrefix(args[0], "-"):
		w.unknownOutput()
	case c.name == "dirname":
		p := strings.TrimRight(args[0], "/")
		d := path.Dir(p)
		if i := strings.LastIndexByte(p, '/'); i > 0 {
			d = strings.TrimRight(p[:i], "/")
		}
		w.print(d + "\n")
	default:
		b := path.Base(args[0])
		if len(args) == 2 && b != args[1] {
			b = strings.TrimSuffix(b, args[1])
		}
		w.print(b + "\n")
	}
	return yes, next
}

// wc counts lines, words or bytes of its input.
func wc(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	v := w.in.all()
	if !ok || !v.known || len(args) != 1 {
		w.unknownOutput()
		return unknown, next
	}
	switch args[0] {
	case "-l":
		w.print(strconv.Itoa(strings.Count(v.text, "\n")) + "\n")
	case "-w":
		w.print(strconv.Itoa(len(strings.Fields(v.text))) + "\n")
	case "-c":
		w.print(strconv.Itoa(len(v.text)) + "\n")
	default:
		w.unknownOutput()
	}
	return yes, next
}

// digest is md5sum and sha256sum.
func digest(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	if !ok || slices.ContainsFunc(args, func(s string) bool { return strings.HasPrefix(s, "-") }) {
		w.unknownOutput()
		return unknown, next
	}
	if len(args) == 0 {
		args = []string{"-"}
	}
	t := yes
	for _, a := range args {
		v, found := w.contents([]string{a})
		t = t.and(found)
		if !v.known {
			w.unknownOutput()
			continue
		}
		sum := md5.Sum([]byte(v.text))
		text := hex.EncodeToString(sum[:])
		if c.name == "sha256sum" {
			sum := sha256.Sum256([]byte(v.text))
			text = hex.EncodeToString(sum[:])
		}
		if found == yes {
			w.print(text + "  " + a + "\n")
		}
	}
	return t, next
}

// cmp is cmp and diff: whether two files are the same.
func compareFiles(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, onlyReads)
	w.unknownOutput()
	args, ok := c.texts()
	args = slices.DeleteFunc(args, func(s string) bool { return len(s) > 1 && s[0] == '-' })
	if !ok || len(args) != 2 {
		return unknown, next
	}
	a, t := w.contents(args[:1])
	b, t2 := w.contents(args[1:])
	switch {
	case t == no || t2 == no:
		return no, next
	case !a.known || !b.known || t != yes || t2 != yes:
		return unknown, next
	}
	return is(a.text == b.text), next
}

// temp is mktemp and tempfile.
func temp(w *walker, c invocation) (truth, flow) {
	args, _ := c.texts()
	w.temps++
	p := mktempPrefix + strconv.Itoa(w.temps)
	w.noop(c.line, "a temporary name")
	if slices.Contains(args, "-u") {
		w.unknownOutput()
		return yes, next
	}
	n := entry{kind: file, mode: 0o600, body: known("")}
	if slices.Contains(args, "-d") {
		n = entry{kind: directory, mode: 0o700}
	}
	if w.sure() {
		w.create(c.line, p, n)
	}
	w.print(p + "\n")
	return yes, next
}
