package hooks

import (
	"regexp"
	"strconv"
	"strings"
)

// sedCommand is a command of sed(1): s, d, p, q, a, i or c with at most one range of addresses.
type sedCommand struct {
	from, to address
	ranged   bool
	not      bool
	inside   bool // of the range
	verb     byte
	re       *regexp.Regexp
	with     string
	all      bool
	print    bool
	nth      int
	text     string
}

// address is a line's number, the last one, or what it matches; or before the first line, from where a range may end on it.
type address struct {
	line   int
	before bool
	last   bool
	re     *regexp.Regexp
}

func (a address) none() bool { return a.line == 0 && !a.before && !a.last && a.re == nil }

func (a address) match(l string, n int, last bool) bool {
	switch {
	case a.re != nil:
		return a.re.MatchString(l)
	case a.last:
		return last
	}
	return a.line == n
}

// sed reads sed(1) with the commands above.
func sed(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if !ok {
		return w.sedUnknown(c)
	}
	in := false
	for i, a := range args {
		if in = in || strings.HasPrefix(a, "-i") || strings.HasPrefix(a, "--in-place"); strings.HasPrefix(a, "-i") && len(a) > 1 {
			if a != "-i" {
				args[i] = "-i"
				ok = ok && a != "-ie" // a backup
			}
		}
	}
	o := parseOptions(args, "n|quiet|silent e|expression: r|E|regexp-extended i|in-place s u f: z posix")
	scripts, rest := o.all["e"], o.rest
	if len(scripts) == 0 && len(rest) > 0 {
		scripts, rest = rest[:1], rest[1:]
	}
	cs, parsed := parseSed(strings.Join(scripts, "\n"), o.has("r"))
	if !ok || o.bad != "" || o.has("f") || o.has("z") || !parsed || len(scripts) == 0 {
		return w.unreadSed(c, in, rest)
	}
	if in {
		return w.sedFiles(c, cs, o.has("n"), rest)
	}
	v, t := w.contents(rest)
	w.noop(c.line, onlyReads)
	if !v.known {
		w.unknownOutput()
		return t.and(unknown), next
	}
	w.steps += len(v.text) / 8 * (1 + len(cs))
	out, _ := runSed(cs, v.text, o.has("n"))
	w.print(out)
	return t, next
}

func (w *walker) unreadSed(c invocation, in bool, rest []string) (truth, flow) {
	if in {
		for _, p := range rest {
			if w.exists(p) != no {
				w.leftover(c.line, "sed -i with a program that is not known")
				return unknown, next
			}
		}
	}
	w.in.all()
	w.unknownOutput()
	w.noop(c.line, onlyReads)
	return unknown, next
}

// sedFiles is sed -i.
func (w *walker) sedFiles(c invocation, cs []sedCommand, quiet bool, files []string) (truth, flow) {
	t := yes
	for _, p := range files {
		v, found := w.readFile(known(p))
		switch {
		case found == unknown && w.theirPath(p, c.line):
			continue
		case found == no:
			t = no
			continue
		case v.later != "":
			continue // it stays what is made later
		case found == unknown || !v.known:
			w.leftover(c.line, "sed -i of a file whose content is not known")
			return unknown, next
		}
		out, _ := runSed(cs, v.text, quiet)
		if out != v.text && !w.writeFile(known(p), known(out), false, c.line) {
			t = unknown
		}
	}
	return t, next
}

// runSed runs cs on text.
func runSed(cs []sedCommand, text string, quiet bool) (string, bool) {
	for i := range cs {
		cs[i].inside = cs[i].from.before
	}
	var b strings.Builder
	lines := split(text)
	for n, l := range lines {
		end := "\n"
		if n == len(lines)-1 && !strings.HasSuffix(text, "\n") {
			end = ""
		}
		var after string
		deleted, quit := false, false
	program:
		for i := range cs {
			c := &cs[i]
			if !c.selects(l, n+1, n == len(lines)-1) {
				continue
			}
			switch c.verb {
			case 'd', 'c':
				if c.verb == 'c' && (!c.ranged || !c.inside) {
					b.WriteString(c.text + "\n")
				}
				deleted = true
				break program
			case 'p':
				b.WriteString(l + end)
			case 'q':
				quit = true
				break program
			case 'i':
				b.WriteString(c.text + "\n")
			case 'a':
				after += c.text + "\n"
			case 's':
				out, ok := c.substitute(l)
				l = out
				if ok && c.print {
					b.WriteString(l + end)
				}
			}
		}
		if !deleted && !quiet {
			b.WriteString(l + end)
		}
		b.WriteString(after)
		if quit {
			break
		}
	}
	return b.String(), true
}

func (c *sedCommand) selects(l string, n int, last bool) bool {
	hit := c.from.none()
	switch {
	case hit:
	case !c.ranged:
		hit = c.from.match(l, n, last)
	case c.inside:
		hit = true
		c.inside = !c.to.match(l, n, last) && (c.to.line == 0 || n < c.to.line)
	case c.from.match(l, n, last):
		hit = true
		c.inside = c.to.re != nil || c.to.last && !last || c.to.line > n
	}
	return hit != c.not
}

// substitute is s///.
func (c *sedCommand) substitute(l string) (string, bool) {
	var b strings.Builder
	at, n := 0, 0
	for _, m := range c.re.FindAllStringSubmatchIndex(l, -1) {
		if n++; c.nth > 0 && n < c.nth {
			continue
		}
		b.WriteString(l[at:m[0]])
		for i := 0; i < len(c.with); i++ {
			ch := c.with[i]
			group := -1
			switch {
			case ch == '&':
				group = 0
			case ch == '\\' && i+1 < len(c.with):
				i++
				switch d := c.with[i]; {
				case d >= '0' && d <= '9':
					group = int(d - '0')
				case d == 'n':
					b.WriteByte('\n')
				case d == 't':
					b.WriteByte('\t')
				default:
					b.WriteByte(d)
				}
			default:
				b.WriteByte(ch)
			}
			if group >= 0 && 2*group+1 < len(m) && m[2*group] >= 0 {
				b.WriteString(l[m[2*group]:m[2*group+1]])
			}
		}
		at = m[1]
		if !c.all {
			break
		}
	}
	if n == 0 || c.nth > n {
		return l, false
	}
	return b.String() + l[at:], true
}

// parseSed reads a program.
func parseSed(text string, extended bool) ([]sedCommand, bool) {
	var out []sedCommand
	for len(out) < 200 {
		text = strings.TrimLeft(text, " \t\n;")
		if strings.HasPrefix(text, "#") {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		if text == "" {
			return out, true
		}
		c, rest, ok := parseSedCommand(text, extended)
		if !ok {
			return nil, false
		}
		out, text = append(out, c), rest
	}
	return nil, false
}

func parseSedCommand(text string, extended bool) (c sedCommand, rest string, ok bool) {
	if c.from, text, ok = parseAddress(text, extended); !ok {
		return c, "", false
	}
	if c.ranged = strings.HasPrefix(text, ","); c.ranged {
		if c.to, text, ok = parseAddress(text[1:], extended); !ok || c.to.none() || c.to.before {
			return c, "", false
		}
	}
	if c.from.before && c.to.re == nil {
		return c, "", false
	}
	text = strings.TrimLeft(text, " ")
	if c.not = strings.HasPrefix(text, "!"); c.not {
		text = strings.TrimLeft(text[1:], " ")
	}
	if text == "" {
		return c, "", false
	}
	c.verb, text = text[0], text[1:]
	switch c.verb {
	case 's':
		return parseSubstitute(c, text, extended)
	case 'd', 'p', 'q':
		text = strings.TrimLeft(text, " \t")
		return c, text, text == "" || strings.ContainsAny(text[:1], ";\n}#")
	case 'a', 'i', 'c':
		text = strings.TrimLeft(text, " \t")
		if after, found := strings.CutPrefix(text, "\\"); found {
			text = strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(after, " \t"), "\n"), " \t")
		}
		c.text, rest, _ = strings.Cut(text, "\n")
		return c, rest, !strings.Contains(c.text, `\`) && (!c.ranged || c.verb != 'c')
	}
	return c, "", false
}

func parseAddress(text string, extended bool) (a address, rest string, ok bool) {
	switch {
	case text == "":
		return a, text, true
	case text[0] == '$':
		a.last = true
		return a, text[1:], true
	case text[0] >= '0' && text[0] <= '9':
		i := 0
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		n, err := strconv.Atoi(text[:i])
		a.line, a.before = n, n == 0
		return a, text[i:], err == nil
	case text[0] == '/' || text[0] == '\\' && len(text) > 2:
		if text[0] == '\\' {
			text = text[1:]
		}
		re, rest, ok := delimited(text[1:], text[0])
		if !ok || re == "" {
			return a, "", false
		}
		fold := strings.HasPrefix(rest, "I")
		a.re = posixRegexp(re, extended, fold)
		return a, strings.TrimPrefix(rest, "I"), a.re != nil
	}
	return a, text, true
}

// delimited cuts text at the next sep that is neither escaped nor in brackets.
func delimited(text string, sep byte) (part, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == sep:
			i++
		case text[i] == '\\' && i+1 < len(text):
			b.WriteByte(text[i])
			i++
		case text[i] == sep:
			return b.String(), text[i+1:], true
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

func parseSubstitute(c sedCommand, text string, extended bool) (sedCommand, string, bool) {
	if text == "" {
		return c, "", false
	}
	sep := text[0]
	re, rest, ok := delimited(text[1:], sep)
	if !ok || re == "" {
		return c, "", false
	}
	if c.with, rest, ok = delimited(rest, sep); !ok || strings.Contains(c.with, `\U`) || strings.Contains(c.with, `\L`) {
		return c, "", false
	}
	fold := false
	i := 0
flags:
	for ; i < len(rest); i++ {
		switch f := rest[i]; {
		case f == 'g':
			c.all = true
		case f == 'p':
			c.print = true
		case f == 'i' || f == 'I':
			fold = true
		case f >= '1' && f <= '9':
			c.nth = int(f - '0')
		default:
			break flags
		}
	}
	rest = strings.TrimLeft(rest[i:], " \t")
	c.re = posixRegexp(re, extended, fold)
	return c, rest, c.re != nil && (rest == "" || strings.ContainsAny(rest[:1], ";\n}#"))
}
