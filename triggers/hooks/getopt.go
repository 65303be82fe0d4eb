package hooks

import (
	"slices"
	"strings"
)

// getopt reads getopt(1) of util-linux: it prints the arguments in order, quoted for eval.
func getopt(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	own, args, cut := args, []string(nil), slices.Index(args, "--")
	if cut >= 0 {
		own, args = own[:cut], own[cut+1:]
	}
	o := parseOptions(own, "o|options: l|long|longoptions: n|name: q|quiet s|shell: u|unquoted a|alternative")
	if !ok || cut < 0 || o.bad != "" || !o.has("o") || o.has("s") || o.has("u") || o.has("a") || len(o.rest) > 0 ||
		strings.Contains(o.set["o"]+o.set["l"], "::") || strings.HasPrefix(o.set["o"], "-") {
		w.unknownOutput()
		return unknown, next
	}
	w.noop(c.line, onlyReads)
	text, ok := getoptText(args, o.set["o"], strings.FieldsFunc(o.set["l"], func(r rune) bool { return r == ',' || r == ' ' }), strings.HasPrefix(o.set["o"], "+"))
	if !ok {
		w.unknownOutput()
		return unknown, next
	}
	w.print(text + "\n")
	return yes, next
}

// getoptText puts options first, then "--" and the rest; it reports whether all are known ones.
func getoptText(args []string, short string, long []string, stop bool) (string, bool) {
	var out, rest []string
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case strings.HasPrefix(a, "--"):
			name, v, set := strings.Cut(a[2:], "=")
			switch valued := slices.Contains(long, name+":"); {
			case !valued && (set || !slices.Contains(long, name)), valued && !set && i+1 == len(args):
				return "", false
			case !valued:
				out = append(out, "--"+name)
				continue
			case !set:
				i++
				v = args[i]
			}
			out = append(out, "--"+name, quote(v))
		case len(a) > 1 && a[0] == '-':
			for j := 1; j < len(a); j++ {
				at := strings.IndexByte(short, a[j])
				if at < 0 || a[j] == ':' {
					return "", false
				}
				out = append(out, "-"+a[j:j+1])
				if at+1 == len(short) || short[at+1] != ':' {
					continue
				}
				v := a[j+1:]
				if v == "" {
					if i++; i == len(args) {
						return "", false
					}
					v = args[i]
				}
				out = append(out, quote(v))
				break
			}
		case stop:
			rest = append(rest, args[i:]...)
			i = len(args)
		default:
			rest = append(rest, a)
		}
	}
	out = append(out, "--")
	for _, r := range rest {
		out = append(out, quote(r))
	}
	return " " + strings.Join(out, " "), true
}
