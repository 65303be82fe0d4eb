package hooks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// count returns the lines that head and tail keep.
func count(o options, lines []string, tail bool) ([]string, bool) {
	n, text := 10, o.set["n"]
	if o.has("c") {
		return nil, false
	}
	from := strings.HasPrefix(text, "+")
	if text != "" {
		var err error
		if n, err = strconv.Atoi(strings.TrimPrefix(text, "+")); err != nil || n < 0 {
			return nil, false
		}
	}
	for i := 1; i <= 9; i++ {
		if o.has(strconv.Itoa(i)) {
			n = i
		}
	}
	switch {
	case tail && from:
		return lines[min(max(0, n-1), len(lines)):], true
	case tail:
		return lines[max(0, len(lines)-n):], true
	}
	return lines[:min(n, len(lines))], true
}

func head(o options, lines []string) ([]string, bool) { return count(o, lines, false) }
func tail(o options, lines []string) ([]string, bool) { return count(o, lines, true) }

// sorted is sort in the C locale.
func sorted(o options, lines []string) ([]string, bool) {
	lines = slices.Clone(lines)
	slices.Sort(lines)
	if o.has("r") {
		slices.Reverse(lines)
	}
	if o.has("u") {
		lines = slices.Compact(lines)
	}
	return lines, !o.has("k") && !o.has("n") && !o.has("V")
}

func uniq(o options, lines []string) ([]string, bool) {
	if !o.has("c") {
		return slices.Compact(slices.Clone(lines)), true
	}
	var out []string
	for i := 0; i < len(lines); {
		j := i
		for j < len(lines) && lines[j] == lines[i] {
			j++
		}
		out = append(out, fmt.Sprintf("%7d %s", j-i, lines[i]))
		i = j
	}
	return out, true
}

// cut keeps fields, or bytes.
func cut(o options, lines []string) ([]string, bool) {
	spec, sep := o.set["f"], o.set["d"]
	if o.has("c") || o.has("b") {
		spec = o.set["c"] + o.set["b"]
	} else if sep == "" {
		sep = "\t"
	}
	var out []string
	for _, l := range lines {
		var parts []string
		if o.has("f") {
			if !strings.Contains(l, sep) {
				if !o.has("s") {
					out = append(out, l)
				}
				continue
			}
			parts = strings.Split(l, sep)
		} else {
			parts = strings.Split(l, "")
		}
		var kept []string
		for r := range strings.SplitSeq(spec, ",") {
			from, to, ranged := strings.Cut(r, "-")
			a, err := strconv.Atoi(from)
			b, err2 := strconv.Atoi(to)
			switch {
			case !ranged:
				b, err2 = a, err
			case from == "":
				a, err = 1, nil
			}
			if ranged && to == "" {
				b, err2 = len(parts), nil
			}
			if err != nil || err2 != nil || a < 1 {
				return nil, false
			}
			for i := a; i <= min(b, len(parts)); i++ {
				kept = append(kept, parts[i-1])
			}
		}
		if o.has("f") {
			out = append(out, strings.Join(kept, sep))
		} else {
			out = append(out, strings.Join(kept, ""))
		}
	}
	return out, true
}

// tr translates and deletes bytes.
func tr(w *walker, c invocation) (truth, flow) {
	w.noop(c.line, onlyReads)
	args, ok := c.texts()
	v := w.in.all()
	o := parseOptions(args, "d|delete s|squeeze-repeats c C")
	if !v.known {
		w.printValue(v)
		return yes, next
	}
	if !ok || o.bad != "" || len(o.rest) == 0 || o.has("s") || o.has("c") || o.has("C") {
		w.unknownOutput()
		return yes, next
	}
	from, ok := trSet(o.rest[0])
	to := ""
	if len(o.rest) > 1 {
		var ok2 bool
		to, ok2 = trSet(o.rest[1])
		ok = ok && ok2 && to != ""
	}
	if !ok || to == "" && !o.has("d") {
		w.unknownOutput()
		return yes, next
	}
	var b strings.Builder
	for i := range len(v.text) {
		j := strings.IndexByte(from, v.text[i])
		switch {
		case j < 0:
			b.WriteByte(v.text[i])
		case !o.has("d"):
			b.WriteByte(to[min(j, len(to)-1)])
		}
	}
	w.print(b.String())
	return yes, next
}

// trSet expands a set of tr(1).
func trSet(s string) (string, bool) {
	s = strings.NewReplacer("[:upper:]", "A-Z", "[:lower:]", "a-z", "[:digit:]", "0-9", "[:space:]", " \t\n\r", `\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(s)
	if strings.Contains(s, "[:") || strings.Contains(s, "[=") || strings.Contains(s, `\`) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i+1] == '-' && s[i] <= s[i+2] {
			for c := int(s[i]); c <= int(s[i+2]); c++ {
				b.WriteByte(byte(c))
			}
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}
