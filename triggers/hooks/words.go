package hooks

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is a string that is known or not.
type value struct {
	text  string
	known bool
	later string // of what is not known: a secret or the like, that this makes on the first boot
	head  string // of an argument that is not known: what it begins with
}

func known(s string) value { return value{text: s, known: true} }

func (v value) plus(o value) value {
	if !v.known || !o.known {
		return value{later: laterOf(v, o)}
	}
	if len(v.text)+len(o.text) > maxArgument {
		return value{}
	}
	return known(v.text + o.text)
}

// piece is what a part of a word expands to.
type piece struct {
	value
	quoted bool // no pattern of file names
	split  bool // into fields
	next   bool // another field begins before it, as between the fields of "$@"
}

// word expands one word as the shell does where it does not split fields.
func (w *walker) word(word *syntax.Word) value {
	v := known("")
	for _, p := range w.pieces(word) {
		if p.next {
			v = v.plus(known(" "))
		}
		v = v.plus(p.value)
	}
	return v
}

// pieces expands the parts of word in order.
func (w *walker) pieces(word *syntax.Word) []piece {
	if word == nil {
		return nil
	}
	var out []piece
	w.steps += len(word.Parts)
	for i, part := range word.Parts {
		if l, ok := part.(*syntax.Lit); ok && i == 0 && strings.HasPrefix(l.Value, "~") {
			out = append(out, w.tilde(l.Value)...)
			continue
		}
		if l, ok := part.(*syntax.Lit); ok && w.bash && strings.Contains(l.Value, "{") && strings.ContainsAny(l.Value, ",.") {
			out = append(out, piece{split: true}) // a list in braces
			continue
		}
		out = append(out, w.part(part, false)...)
	}
	return out
}

// tilde expands text that begins with somebody's home.
func (w *walker) tilde(text string) []piece {
	name, rest, deep := strings.Cut(text[1:], "/")
	u := find(w.accounts.users, name)
	if name == "" || u == nil || u.home == "" {
		return []piece{{quoted: true}}
	}
	if deep {
		rest = "/" + rest
	}
	return append([]piece{{value: known(u.home), quoted: true}}, literal(rest, false)...)
}

// part expands a part of a word.
func (w *walker) part(p syntax.WordPart, quoted bool) []piece {
	one := func(v value) []piece { return []piece{{value: v, quoted: quoted, split: !quoted}} }
	switch p := p.(type) {
	case *syntax.Lit:
		return literal(p.Value, quoted)
	case *syntax.SglQuoted:
		if p.Dollar && strings.Contains(p.Value, `\`) {
			return []piece{{value: dollarQuoted(p.Value), quoted: true}}
		}
		return []piece{{value: known(p.Value), quoted: true}}
	case *syntax.DblQuoted:
		out := []piece{{value: known(""), quoted: true}}
		if all := len(p.Parts) == 1 && isAll(p.Parts[0]); all {
			out = nil
		}
		w.steps += len(p.Parts)
		for _, q := range p.Parts {
			out = append(out, w.part(q, true)...)
		}
		return out
	case *syntax.ParamExp:
		if isAll(p) {
			return w.all(quoted)
		}
		if e := p.Exp; e != nil && p.Param != nil && !quoted && e.Op == syntax.AlternateUnsetOrNull && e.Word != nil {
			if v, set := w.lookup(p.Param.Value); v.known && set && v.text != "" {
				return w.pieces(e.Word) // ${1:+"$@"}
			}
		}
		return one(w.parameter(p))
	case *syntax.CmdSubst:
		return one(w.substitute(p.Stmts))
	case *syntax.ArithmExp:
		return one(w.arithmetic(p.X))
	}
	w.nested(p)
	return one(value{})
}

// dollarQuoted is $'...' with the simple escapes.
func dollarQuoted(s string) value {
	r := strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\'`, "'", `\"`, `"`)
	if out := r.Replace(s); !strings.Contains(out, `\`) {
		return known(out)
	}
	return value{}
}

// literal removes backslashes, which within double quotes escape only a few bytes.
func literal(s string, quoted bool) []piece {
	if !strings.Contains(s, `\`) {
		return []piece{{value: known(s), quoted: quoted}}
	}
	var out []piece
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, piece{value: known(b.String()), quoted: quoted})
			b.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) || quoted && strings.IndexByte("$`\"\\\n", s[i+1]) < 0 {
			b.WriteByte(s[i])
			continue
		}
		if i++; s[i] == '\n' {
			continue
		}
		flush()
		out = append(out, piece{value: known(s[i : i+1]), quoted: true})
	}
	flush()
	return out
}

// isAll reports whether p is $@ or $*.
func isAll(p syntax.WordPart) bool {
	e, ok := p.(*syntax.ParamExp)
	return ok && e.Param != nil && e.Exp == nil && !e.Length && !e.Excl && e.Slice == nil && e.Repl == nil &&
		e.Index == nil && (e.Param.Value == "@" || e.Param.Value == "*")
}

// all expands $@.
func (w *walker) all(quoted bool) []piece {
	if !w.argsKnown {
		return []piece{{split: true}}
	}
	var out []piece
	for i, a := range w.args {
		out = append(out, piece{value: a, quoted: quoted, split: !quoted, next: i > 0})
	}
	return out
}

// positional returns the positional parameters.
func (w *walker) positional() ([]value, bool) {
	return slices.Clone(w.args), w.argsKnown
}

func knownAll(texts []string) []value {
	out := make([]value, len(texts))
	for i, t := range texts {
		out[i] = known(t)
	}
	return out
}

// joinedArgs is "$*".
func (w *walker) joinedArgs() value {
	texts, ok := invocation{args: w.args, certain: w.argsKnown}.texts()
	return value{text: strings.Join(texts, " "), known: ok}
}

// field is a field in the making: its text, the same as a pattern, and whether there is one.
type field struct {
	text, pattern strings.Builder
	bad, started  bool
	head          string // before the first bad part
	later         string // of what is bad, where all of it is that
}

func (f *field) add(s string, quoted bool) {
	f.started = true
	f.text.WriteString(s)
	if quoted {
		s = escapePattern(s)
	}
	f.pattern.WriteString(s)
}

// fields expands words into arguments. It reports whether their number is certain.
func (w *walker) fields(words []*syntax.Word) ([]value, bool) {
	var out []value
	certain := true
	for _, word := range words {
		f := &field{}
		flush := func() {
			if f.started {
				vs, ok := w.expandNames(f)
				out = append(out, vs...)
				certain = certain && ok
			}
			f = &field{}
		}
		for _, p := range w.pieces(word) {
			if p.next {
				flush()
			}
			switch {
			case !p.known:
				if f.bad {
					p.later = laterOf(p.value, value{later: f.later})
				} else {
					f.head = f.text.String()
				}
				f.bad, f.started, f.later = true, true, p.later
				certain = certain && !p.split
			case !p.split:
				if p.text != "" || p.quoted {
					f.add(p.text, p.quoted)
				}
			default:
				certain = w.split(p.text, func(s string, quoted bool) { f.add(s, quoted) }, flush) && certain
			}
		}
		flush()
	}
	return out, certain
}

// split splits what an expansion gave at the bytes of IFS.
func (w *walker) split(text string, add func(string, bool), flush func()) bool {
	if text == "" {
		return true
	}
	ifs, set := w.lookup("IFS")
	if !ifs.known {
		add(text, true)
		return false
	}
	if !set {
		ifs.text = " \t\n"
	}
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && strings.IndexByte(ifs.text, text[i]) < 0 {
			continue
		}
		blank := i < len(text) && strings.IndexByte(" \t\n", text[i]) >= 0
		if i > start || i < len(text) && !blank {
			add(text[start:i], false)
		}
		if i < len(text) {
			flush()
		}
		start = i + 1
	}
	return true
}

// expandNames replaces a pattern by the names of files that match, if there are any.
func (w *walker) expandNames(f *field) ([]value, bool) {
	switch {
	case f.bad || f.text.Len() > maxArgument:
		return []value{{later: f.later, head: f.head}}, true
	case !hasWildcards(f.pattern.String()):
		return []value{known(f.text.String())}, true
	}
	names, ok := w.glob(f.pattern.String())
	if !ok {
		return []value{{}}, false
	}
	if len(names) == 0 {
		return []value{known(f.text.String())}, true
	}
	var out []value
	for _, n := range names {
		out = append(out, known(n))
	}
	return out, true
}

// glob returns the paths that match pattern, sorted, and whether that is certain.
func (w *walker) glob(pattern string) ([]string, bool) {
	if !w.dir.known {
		return nil, false
	}
	paths := []string{""}
	if strings.HasPrefix(pattern, "/") {
		paths = []string{"/"}
	}
	for part := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var found []string
		for _, p := range paths {
			if !hasWildcards(part) {
				if path := p + unescapePattern(part); w.exists(path) == yes {
					found = append(found, path+"/")
				} else if w.exists(path) == unknown {
					return nil, false
				}
				continue
			}
			names, ok := w.names(p)
			if !ok {
				return nil, false
			}
			w.steps += len(names)
			for _, n := range names {
				if m, ok := matchPattern(part, n); ok && m && (n[0] != '.' || part[0] == '.') {
					found = append(found, p+n+"/")
				}
			}
		}
		paths = found
	}
	for i := range paths {
		paths[i] = strings.TrimSuffix(paths[i], "/")
	}
	slices.Sort(paths)
	return paths, true
}

// matches reports whether text matches one of the patterns of a case.
func (w *walker) matches(patterns []*syntax.Word, text string) truth {
	result := no
	for _, p := range patterns {
		pattern, ok := w.pattern(p)
		m := false
		if ok {
			m, ok = matchPattern(pattern, text)
		}
		switch {
		case !ok:
			result = unknown
		case m && result == no:
			return yes
		}
	}
	return result
}

// pattern expands a word that is a pattern.
func (w *walker) pattern(word *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.pieces(word) {
		switch {
		case !p.known:
			return "", false
		case p.quoted:
			b.WriteString(escapePattern(p.text))
		default:
			b.WriteString(p.text)
		}
	}
	return b.String(), b.Len() <= maxArgument
}
