package hooks

import "strings"

// options are the options of a command, by their first name in the specification.
type options struct {
	set  map[string]string
	rest []string
	bad  string // an option that is not known
}

func (o options) has(name string) bool { _, ok := o.set[name]; return ok }

// parseOptions reads arguments as getopt_long(3) does. spec names the options, separated by blanks; the spellings of one are joined by "|",
// and one that takes a value ends in ":".
func parseOptions(args []string, spec string) options {
	o := options{set: map[string]string{}}
	find := func(name string) (first string, valued, ok bool) {
		for s := range strings.FieldsSeq(spec) {
			names, valued := strings.CutSuffix(s, ":")
			first, _, _ := strings.Cut(names, "|")
			for n := range strings.SplitSeq(names, "|") {
				if n == name {
					return first, valued, true
				}
			}
		}
		return "", false, false
	}
	long := func(name string) (first string, valued, ok bool) {
		if first, valued, ok = find(name); ok || len(name) < 3 {
			return first, valued, ok
		}
		n := 0
		for s := range strings.FieldsSeq(strings.ReplaceAll(spec, "|", " ")) {
			if full := strings.TrimSuffix(s, ":"); strings.HasPrefix(full, name) { // an abbreviation
				first, valued, ok = find(full)
				n++
			}
		}
		return first, valued, ok && n == 1
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			o.rest = append(o.rest, args[i+1:]...)
			return o
		case strings.HasPrefix(a, "--"):
			name, v, inline := strings.Cut(a[2:], "=")
			first, valued, ok := long(name)
			if !ok || inline && !valued {
				o.bad = a
				return o
			}
			if valued && !inline && i+1 < len(args) {
				i++
				v = args[i]
			}
			o.set[first] = v
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				first, valued, ok := find(a[j : j+1])
				if !ok {
					o.bad = a
					return o
				}
				v := ""
				if valued {
					if v = a[j+1:]; v == "" && i+1 < len(args) {
						i++
						v = args[i]
					}
					j = len(a)
				}
				o.set[first] = v
			}
		default:
			o.rest = append(o.rest, a)
		}
	}
	return o
}

// options returns c's options, or a leftover where an argument or an option is not known.
func (w *walker) options(c invocation, spec string) (options, bool) {
	args, ok := c.texts()
	if !ok {
		w.leftover(c.line, c.name+" with arguments that are not known")
		return options{}, false
	}
	o := parseOptions(args, spec)
	if o.bad != "" {
		w.leftover(c.line, c.name+" "+printable(o.bad))
		return o, false
	}
	return o, true
}
