package hooks

import "strings"

// options are the options of a command, by their first name in the specification.
type options struct {
	set  map[string]string
	all  map[string][]string // every value, in order
	rest []string
	bad  string // an option that is not known
}

func (o options) has(name string) bool { _, ok := o.set[name]; return ok }

// optionSpec names options, separated by blanks; the spellings of one are joined by "|", and one that takes a value ends in ":".
type optionSpec string

// find looks for an option by one of its spellings and returns the first of them.
func (s optionSpec) find(name string) (first string, valued, ok bool) {
	for o := range strings.FieldsSeq(string(s)) {
		names, valued := strings.CutSuffix(o, ":")
		first, _, _ := strings.Cut(names, "|")
		for n := range strings.SplitSeq(names, "|") {
			if n == name {
				return first, valued, true
			}
		}
	}
	return "", false, false
}

// abbreviated is find for long options, which may be cut as long as they are clear.
func (s optionSpec) abbreviated(name string) (first string, valued, ok bool) {
	if first, valued, ok = s.find(name); ok || len(name) < 3 {
		return first, valued, ok
	}
	n := 0
	for o := range strings.FieldsSeq(strings.ReplaceAll(string(s), "|", " ")) {
		if full := strings.TrimSuffix(o, ":"); strings.HasPrefix(full, name) {
			first, valued, ok = s.find(full)
			n++
		}
	}
	return first, valued, ok && n == 1
}

// parseOptions reads arguments as getopt_long(3) does.
func parseOptions(args []string, spec string) options {
	o := options{set: map[string]string{}, all: map[string][]string{}}
	for len(args) > 0 && o.bad == "" {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			o.rest = append(o.rest, args...)
			return o
		case strings.HasPrefix(a, "--"):
			args = o.long(a, args, optionSpec(spec))
		case len(a) > 1 && a[0] == '-':
			args = o.short(a, args, optionSpec(spec))
		default:
			o.rest = append(o.rest, a)
		}
	}
	return o
}

// long takes in --NAME or --NAME=VALUE and returns what is left of the arguments after it.
func (o *options) long(a string, args []string, spec optionSpec) []string {
	name, v, inline := strings.Cut(a[2:], "=")
	first, valued, ok := spec.abbreviated(name)
	if !ok || inline && !valued {
		o.bad = a
		return args
	}
	if valued && !inline && len(args) > 0 {
		v, args = args[0], args[1:]
	}
	o.add(first, v)
	return args
}

func (o *options) add(name, v string) {
	o.set[name] = v
	o.all[name] = append(o.all[name], v)
}

// short takes in letters after one dash, of which the last may have its value joined.
func (o *options) short(a string, args []string, spec optionSpec) []string {
	for j := 1; j < len(a); j++ {
		first, valued, ok := spec.find(a[j : j+1])
		if !ok {
			o.bad = a
			return args
		}
		v := ""
		if valued {
			if v = a[j+1:]; v == "" && len(args) > 0 {
				v, args = args[0], args[1:]
			}
			j = len(a)
		}
		o.add(first, v)
	}
	return args
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
