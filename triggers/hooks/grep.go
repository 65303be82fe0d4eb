package hooks

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// grep reads grep(1), egrep and fgrep.
func grep(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, onlyReads)
	if slices.Contains(c.args, known("-q")) {
		defer func(out *sink) { w.outs = out }(w.outs)
		w.outs = nil // it prints nothing, whatever it finds
	}
	args, ok := c.texts()
	o := parseOptions(args, "q|quiet|silent s|no-messages i|ignore-case v|invert-match F|fixed-strings E|extended-regexp G x|line-regexp w|word-regexp c|count o|only-matching h|no-filename H n e|regexp: l r R m|max-count: a P z L color: A: B: C:")
	rest := o.rest
	if p, set := o.set["e"]; set {
		rest = append([]string{p}, rest...)
	}
	for _, bad := range []string{"r", "R", "P", "z", "L", "A", "B", "C", "n", "H"} {
		ok = ok && !o.has(bad)
	}
	if !ok || o.bad != "" || len(rest) == 0 || len(rest) > 2 && !o.has("h") && !o.has("q") && !o.has("l") {
		w.in.all()
		w.unknownOutput()
		return unknown, next
	}
	v, t := w.contents(rest[1:])
	if t == no && len(rest) == 2 {
		w.code = known("2")
		return no, next
	}
	re := grepRegexp(o, c.name, rest[0])
	if !v.known || re == nil {
		w.unknownOutput()
		return unknown, next
	}
	w.steps += len(v.text) * (1 + len(rest[0])/8) / 16
	found := 0
	for _, l := range split(v.text) {
		if re.MatchString(l) == o.has("v") {
			continue
		}
		found++
		switch {
		case o.has("q") || o.has("c") || o.has("l"):
		case o.has("o"):
			for _, m := range re.FindAllString(l, -1) {
				w.print(m + "\n")
			}
		default:
			w.print(l + "\n")
		}
		if o.has("m") && o.set["m"] == strconv.Itoa(found) {
			break
		}
	}
	if o.has("l") {
		w.unknownOutput()
	}
	if o.has("c") {
		w.print(strconv.Itoa(found) + "\n")
	}
	return is(found > 0), next
}

// grepRegexp returns what grep looks for, or nil.
func grepRegexp(o options, name, pattern string) *regexp.Regexp {
	var parts []string
	for p := range strings.SplitSeq(pattern, "\n") {
		if o.has("F") || name == "fgrep" {
			p = regexp.QuoteMeta(p)
		} else if re := posixRegexp(p, o.has("E") || name == "egrep", false); re != nil {
			p = "(?:" + re.String() + ")"
		} else {
			return nil
		}
		switch {
		case o.has("x"):
			p = `\A(?:` + p + `)\z`
		case o.has("w"):
			p = `(?:\A|\W)(?:` + p + `)(?:\W|\z)`
		}
		parts = append(parts, p)
	}
	flags := ""
	if o.has("i") {
		flags = "(?i)"
	}
	re, err := regexp.Compile(flags + strings.Join(parts, "|"))
	if err != nil || o.has("o") && o.has("w") {
		return nil
	}
	re.Longest()
	return re
}
