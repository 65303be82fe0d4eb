package hooks

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// parameter expands $NAME and the forms of POSIX.
func (w *walker) parameter(p *syntax.ParamExp) value {
	plain := !p.Excl && !p.Width && p.Index == nil && p.Slice == nil && p.Names == 0 && p.Param != nil
	if !plain {
		w.nested(p)
		return value{}
	}
	v, set := w.lookup(p.Param.Value)
	switch {
	case p.Length:
		if !v.known {
			return value{}
		}
		return known(strconv.Itoa(len(v.text)))
	case p.Repl != nil:
		return w.replaced(v, p.Repl)
	case p.Exp == nil:
		return v
	case !v.known:
		if p.Exp.Word != nil {
			w.nested(p.Exp.Word)
		}
		if strings.Contains(p.Exp.Op.String(), "=") {
			w.vars[p.Param.Value] = value{}
		}
		return value{}
	}
	return w.expansion(p, v, set)
}

// expansion is ${NAME OP WORD} of a value that is known.
func (w *walker) expansion(p *syntax.ParamExp, v value, set bool) value {
	full := set && v.text != ""
	switch p.Exp.Op {
	case syntax.DefaultUnset:
		full = set
		fallthrough
	case syntax.DefaultUnsetOrNull:
		if full {
			return v
		}
		return w.word(p.Exp.Word)
	case syntax.AlternateUnset:
		full = set
		fallthrough
	case syntax.AlternateUnsetOrNull:
		if full {
			return w.word(p.Exp.Word)
		}
		return known("")
	case syntax.AssignUnset:
		full = set
		fallthrough
	case syntax.AssignUnsetOrNull:
		if full {
			return v
		}
		v = w.word(p.Exp.Word)
		w.assign(p.Param.Value, v)
		return v
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if set {
			return v
		}
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		if pattern, ok := w.pattern(p.Exp.Word); ok {
			return remove(v.text, pattern, p.Exp.Op)
		}
	case syntax.UpperAll:
		if p.Exp.Word == nil {
			return known(strings.ToUpper(v.text))
		}
	case syntax.LowerAll:
		if p.Exp.Word == nil {
			return known(strings.ToLower(v.text))
		}
	}
	return value{}
}

// maxCut bounds texts that prefixes and suffixes are cut from: that takes quadratic time.
const maxCut = 2 << 10

func remove(text, pattern string, op syntax.ParExpOperator) value {
	if len(text) > maxCut || len(pattern) > maxCut {
		return value{}
	}
	prefix := op == syntax.RemSmallPrefix || op == syntax.RemLargePrefix
	long := op == syntax.RemLargePrefix || op == syntax.RemLargeSuffix
	for i := range len(text) + 1 {
		n := i // bytes that go
		if long {
			n = len(text) - i
		}
		cut, rest := text[len(text)-n:], text[:len(text)-n]
		if prefix {
			cut, rest = text[:n], text[n:]
		}
		m, ok := matchPattern(pattern, cut)
		switch {
		case !ok:
			return value{}
		case m:
			return known(rest)
		}
	}
	return known(text)
}

// replaced is ${NAME/PATTERN/TEXT} of bash, for patterns without wildcards.
func (w *walker) replaced(v value, r *syntax.Replace) value {
	pattern, ok := w.pattern(r.Orig)
	with := w.word(r.With)
	if !v.known || !ok || !with.known || hasWildcards(pattern) || len(pattern) > 0 && strings.ContainsAny(pattern[:1], "#%") {
		return value{}
	}
	n := 1
	if r.All {
		n = -1
	}
	return known("").plus(known(strings.Replace(v.text, unescapePattern(pattern), with.text, n)))
}

// lookup returns a parameter's value, and whether it is set where that is known.
func (w *walker) lookup(name string) (v value, set bool) {
	if n, err := strconv.Atoi(name); err == nil {
		switch {
		case n == 0:
			return known("/var/lib/dpkg/info/" + w.reading.Package.Name + "." + string(w.reading.Script.Phase)), true
		case !w.argsKnown || n < 0:
			return value{}, false
		case n <= len(w.args):
			return w.args[n-1], true
		}
		return known(""), false
	}
	switch name {
	case "#":
		return value{text: strconv.Itoa(len(w.args)), known: w.argsKnown}, true
	case "?":
		return w.last, true
	case "@", "*":
		return w.joinedArgs(), len(w.args) > 0
	case "$", "!", "-", "_":
		return value{}, true
	}
	return w.get(name)
}

// arithmetic evaluates $((...)).
func (w *walker) arithmetic(x syntax.ArithmExpr) value {
	n, ok := w.number(x, 0)
	if !ok {
		if assigns(x) {
			w.forget()
		}
		return value{}
	}
	return known(strconv.FormatInt(n, 10))
}

func (w *walker) number(x syntax.ArithmExpr, depth int) (int64, bool) {
	if depth > maxDepth {
		return 0, false
	}
	w.steps++
	switch x := x.(type) {
	case *syntax.ParenArithm:
		return w.number(x.X, depth+1)
	case *syntax.Word:
		v := w.word(x)
		if v.known && syntax.ValidName(v.text) {
			v, _ = w.lookup(v.text)
			if v.known && v.text == "" {
				v.text = "0"
			}
		}
		n, err := strconv.ParseInt(v.text, 0, 64)
		return n, v.known && err == nil
	case *syntax.UnaryArithm:
		n, ok := w.number(x.X, depth+1)
		switch x.Op {
		case syntax.Minus:
			return -n, ok
		case syntax.Plus:
			return n, ok
		}
	case *syntax.BinaryArithm:
		a, ok := w.number(x.X, depth+1)
		b, ok2 := w.number(x.Y, depth+1)
		if ok && ok2 {
			return operate(x.Op, a, b)
		}
	}
	return 0, false
}

// assigns reports whether x may change a variable: what text an expansion brings is not looked at.
func assigns(x syntax.ArithmExpr) bool {
	found := false
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.BinaryArithm:
			found = found || strings.HasSuffix(n.Op.String(), "=") && n.Op != syntax.Eql && n.Op != syntax.Neq && n.Op != syntax.Leq && n.Op != syntax.Geq
		case *syntax.UnaryArithm:
			found = found || n.Op == syntax.Inc || n.Op == syntax.Dec
		case *syntax.CmdSubst:
			return false
		}
		return true
	})
	return found
}

func operate(op syntax.BinAritOperator, a, b int64) (int64, bool) {
	truth := func(t bool) (int64, bool) {
		if t {
			return 1, true
		}
		return 0, true
	}
	switch op {
	case syntax.Add:
		return a + b, true
	case syntax.Sub:
		return a - b, true
	case syntax.Mul:
		return a * b, true
	case syntax.Quo:
		if b != 0 {
			return a / b, true
		}
	case syntax.Rem:
		if b != 0 {
			return a % b, true
		}
	case syntax.Eql:
		return truth(a == b)
	case syntax.Neq:
		return truth(a != b)
	case syntax.Lss:
		return truth(a < b)
	case syntax.Leq:
		return truth(a <= b)
	case syntax.Gtr:
		return truth(a > b)
	case syntax.Geq:
		return truth(a >= b)
	}
	return 0, false
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
			w.substitute(n.Stmts)
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
