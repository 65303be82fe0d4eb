package hooks

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is a string that is known or not.
type value struct {
	text  string
	known bool
}

func known(s string) value { return value{s, true} }

// word expands one word as the shell does where it does not split fields.
func (w *walker) word(word *syntax.Word) value {
	if word == nil {
		return known("")
	}
	v := known("")
	w.steps += len(word.Parts)
	for _, part := range word.Parts {
		v = v.plus(w.part(part, false))
	}
	return v
}

func (v value) plus(o value) value {
	if !v.known || !o.known || len(v.text)+len(o.text) > maxArgument {
		return value{}
	}
	return known(v.text + o.text)
}

// part expands a part of a word.
func (w *walker) part(p syntax.WordPart, quoted bool) value {
	switch p := p.(type) {
	case *syntax.Lit:
		return known(unescape(p.Value, quoted))
	case *syntax.SglQuoted:
		if p.Dollar && strings.Contains(p.Value, `\`) {
			return value{}
		}
		return known(p.Value)
	case *syntax.DblQuoted:
		v := known("")
		w.steps += len(p.Parts)
		for _, q := range p.Parts {
			v = v.plus(w.part(q, true))
		}
		return v
	case *syntax.ParamExp:
		return w.parameter(p)
	case *syntax.CmdSubst:
		if v, ok := w.constant(p); ok {
			return v
		}
	}
	w.nested(p)
	return value{}
}

// constant returns what a command prints on every root that we build.
func (w *walker) constant(c *syntax.CmdSubst) (value, bool) {
	if len(c.Stmts) != 1 || len(c.Stmts[0].Redirs) > 0 {
		return value{}, false
	}
	call, ok := c.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) > 2 || len(call.Assigns) > 0 {
		return value{}, false
	}
	words := []string{"", ""}
	for i, a := range call.Args {
		words[i] = a.Lit()
	}
	if words[0] == "uname" && w.funcs["uname"] == nil && (len(call.Args) == 1 || words[1] == "-s") {
		return known("Linux"), true
	}
	return value{}, false
}

// unescape removes backslashes, which within double quotes escape only a few bytes.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (!quoted || strings.IndexByte("$`\"\\\n", s[i+1]) >= 0) {
			if i++; s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// parameter expands $NAME and the forms with a default.
func (w *walker) parameter(p *syntax.ParamExp) value {
	plain := !p.Excl && !p.Length && !p.Width && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Names == 0 && p.Param != nil
	if !plain {
		w.nested(p)
		return value{}
	}
	v := w.variable(p.Param.Value)
	if p.Exp == nil {
		return v
	}
	set := v.known // what is known is set: the others may be either
	switch p.Exp.Op {
	case syntax.DefaultUnset:
		if set {
			return v
		}
	case syntax.DefaultUnsetOrNull:
		if set && v.text != "" {
			return v
		}
		if set {
			return w.word(p.Exp.Word)
		}
	case syntax.AlternateUnsetOrNull:
		if set && v.text == "" {
			return known("")
		}
		if set {
			return w.word(p.Exp.Word)
		}
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		delete(w.vars, p.Param.Value)
	}
	if p.Exp.Word != nil {
		w.nested(p.Exp.Word)
	}
	return value{}
}

// variable returns a parameter's value.
func (w *walker) variable(name string) value {
	if n, err := strconv.Atoi(name); err == nil {
		switch {
		case n == 0 || !w.argsKnown || n < 0:
			return value{}
		case n <= len(w.args):
			return known(w.args[n-1])
		}
		return known("")
	}
	return w.vars[name]
}

// nested walks the commands within n, whose values are not looked at.
func (w *walker) nested(n syntax.Node) {
	if n == nil {
		return
	}
	syntax.Walk(n, func(n syntax.Node) bool {
		w.steps++
		switch n := n.(type) {
		case *syntax.CmdSubst:
			w.isolated(func() (truth, flow) { return w.stmts(n.Stmts) })
			return false
		case *syntax.ProcSubst:
			w.isolated(func() (truth, flow) { return w.stmts(n.Stmts) })
			return false
		case *syntax.ArithmExp:
			w.forget() // it may assign
		case *syntax.Stmt:
			return false
		}
		return true
	})
}

// fields expands words into arguments. It reports whether their number is certain.
func (w *walker) fields(words []*syntax.Word) ([]value, bool) {
	var out []value
	certain := true
	for _, word := range words {
		if all, ok := allArguments(word); ok && w.argsKnown {
			f, _ := w.positional()
			if all || !slices.ContainsFunc(f, func(v value) bool { return v.text == "" || strings.ContainsAny(v.text, " \t\n") || expands(v.text) }) {
				out = append(out, f...)
				continue
			}
		}
		if split := splits(word); !split {
			out = append(out, w.word(word))
			continue
		}
		v := w.word(word)
		switch {
		case !v.known || w.ifs || expands(v.text):
			out = append(out, value{})
			certain = false
		case lone(word):
			for _, f := range strings.Fields(v.text) {
				out = append(out, known(f))
			}
		case strings.ContainsAny(v.text, " \t\n"):
			out = append(out, value{})
			certain = false
		default:
			out = append(out, v)
		}
	}
	return out, certain
}

// expands reports whether the shell might take unquoted text for a pattern of file names,
// somebody's home, or a list in braces.
func expands(text string) bool {
	return strings.ContainsAny(text, "*?") || strings.HasPrefix(text, "~") ||
		strings.Contains(text, "[") && strings.Contains(text, "]") || strings.Contains(text, "{") && strings.Contains(text, "}")
}

// positional returns the positional parameters.
func (w *walker) positional() ([]value, bool) {
	var out []value
	for _, a := range w.args {
		out = append(out, known(a))
	}
	return out, w.argsKnown
}

// allArguments reports whether word is $@ or $*, and whether it is "$@".
func allArguments(word *syntax.Word) (quoted, ok bool) {
	if len(word.Parts) != 1 {
		return false, false
	}
	part := word.Parts[0]
	if q, isQuoted := part.(*syntax.DblQuoted); isQuoted && len(q.Parts) == 1 {
		part, quoted = q.Parts[0], true
	}
	p, isParam := part.(*syntax.ParamExp)
	if !isParam || p.Param == nil || p.Exp != nil {
		return false, false
	}
	return quoted, p.Param.Value == "@" || p.Param.Value == "*" && !quoted
}

// lone reports whether word is one unquoted expansion.
func lone(word *syntax.Word) bool {
	_, ok := word.Parts[0].(*syntax.ParamExp)
	return len(word.Parts) == 1 && ok
}

// splits reports whether word may become another number of fields than one, or be a pattern of file names.
func splits(word *syntax.Word) bool {
	var literal strings.Builder
	for i, p := range word.Parts {
		switch p := p.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			if i == 0 {
				literal.WriteByte('x') // what follows does not begin the word
			}
		case *syntax.Lit:
			literal.WriteString(p.Value)
		default:
			return true
		}
	}
	if expands(literal.String()) {
		return true
	}
	if q, ok := word.Parts[0].(*syntax.DblQuoted); ok && len(word.Parts) == 1 && len(q.Parts) == 1 {
		p, ok := q.Parts[0].(*syntax.ParamExp)
		return ok && p.Param != nil && p.Param.Value == "@"
	}
	return false
}

// matches reports whether text matches one of the patterns of a case.
func (w *walker) matches(patterns []*syntax.Word, text string) truth {
	result := no
	for _, p := range patterns {
		switch w.match(p, text) {
		case yes:
			if result == no {
				return yes
			}
		case unknown:
			result = unknown
		}
	}
	return result
}

func (w *walker) match(p *syntax.Word, text string) truth {
	var glob []token
	for _, part := range p.Parts {
		if l, ok := part.(*syntax.Lit); ok {
			if strings.ContainsAny(l.Value, `[\`) && l.Value != `\` {
				return unknown
			}
			for i := range len(l.Value) {
				c := l.Value[i]
				glob = append(glob, token{c, c == '*' || c == '?'})
			}
			continue
		}
		_, quoted := part.(*syntax.DblQuoted)
		_, single := part.(*syntax.SglQuoted)
		v := w.part(part, false)
		if !v.known || !quoted && !single && strings.ContainsAny(v.text, `*?[\`) {
			return unknown
		}
		for i := range len(v.text) {
			glob = append(glob, token{v.text[i], false})
		}
	}
	if globs(glob, text) {
		return yes
	}
	return no
}

// token is a byte of a pattern, or one of the wildcards * and ?.
type token struct {
	c    byte
	wild bool
}

// globs matches in time linear in both lengths' product.
func globs(p []token, s string) bool {
	i, star, mark := 0, -1, 0
	for j := 0; j < len(s); {
		switch {
		case i < len(p) && p[i] == token{'*', true}:
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == token{'?', true} || p[i] == token{s[j], false}):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == (token{'*', true}) {
		i++
	}
	return i == len(p)
}
