package hooks

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (w *walker) command(c syntax.Command, line int) (truth, flow) {
	switch c := c.(type) {
	case nil:
		return yes, next
	case *syntax.CallExpr:
		return w.call(c, line)
	case *syntax.Block:
		return w.stmts(c.Stmts)
	case *syntax.Subshell:
		return w.isolated(func() (truth, flow) { return w.stmts(c.Stmts) }), next
	case *syntax.BinaryCmd:
		return w.binary(c)
	case *syntax.IfClause:
		return w.ifClause(c)
	case *syntax.CaseClause:
		return w.caseClause(c)
	case *syntax.ForClause:
		return w.forClause(c)
	case *syntax.WhileClause:
		return w.whileClause(c)
	case *syntax.FuncDecl:
		if c.Name != nil {
			w.funcs[c.Name.Value] = c.Body
			w.foreign[c.Body] = w.at > 0
			if w.unsure > 0 {
				w.funcs[c.Name.Value] = nil
			}
		}
		return yes, next
	case *syntax.DeclClause:
		for _, a := range c.Args {
			w.assignment(a, c.Variant.Value == "local")
		}
		return yes, next
	case *syntax.TestClause:
		return w.extended(c.X), next
	case *syntax.ArithmCmd:
		v := w.arithmetic(c.X)
		return nonEmpty(v).and(is(v.text != "0")), next
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return w.stmt(c.Stmt)
		}
		return yes, next
	}
	w.nested(c)
	w.forget()
	w.leftover(line, strings.TrimPrefix(fmt.Sprintf("%T", c), "*syntax."))
	return unknown, next
}

// condition walks statements whose failure is a question, not an error.
func (w *walker) condition(f func() (truth, flow)) (truth, flow) {
	w.tolerate++
	t, fl := f()
	w.tolerate--
	return t, fl
}

func (w *walker) binary(c *syntax.BinaryCmd) (truth, flow) {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		t, fl := w.condition(func() (truth, flow) { return w.stmt(c.X) })
		stop := no
		if c.Op == syntax.OrStmt {
			stop = yes
		}
		switch {
		case fl != next || t == stop:
			return t, fl
		case t != unknown:
			return w.stmt(c.Y)
		}
		u := unknown
		w.perhaps(func() flow { var fl flow; u, fl = w.stmt(c.Y); return fl })
		if u == stop.not() && u != unknown {
			return u, next // x || true
		}
		return unknown, next
	}
	out := newSink(w)
	w.isolated(func() (truth, flow) {
		w.outs = out
		return w.condition(func() (truth, flow) { return w.stmt(c.X) })
	})
	return w.isolated(func() (truth, flow) {
		w.in = out.input()
		return w.condition(func() (truth, flow) { return w.stmt(c.Y) })
	}), next
}

func (w *walker) ifClause(c *syntax.IfClause) (truth, flow) {
	if len(c.Cond) == 0 { // else
		return w.stmts(c.Then)
	}
	t, fl := w.condition(func() (truth, flow) { return w.stmts(c.Cond) })
	switch {
	case fl != next:
		return t, fl
	case t == yes:
		return w.stmts(c.Then)
	case t == no && c.Else != nil:
		return w.ifClause(c.Else)
	case t == no:
		return yes, next
	}
	a, b := unknown, yes
	flows := [2]flow{}
	w.perhaps(func() flow { a, flows[0] = w.stmts(c.Then); return flows[0] })
	if c.Else != nil {
		w.perhaps(func() flow { b, flows[1] = w.ifClause(c.Else); return flows[1] })
	}
	switch {
	case flows[0] == failed:
		a = b // else it did not install
	case flows[1] == failed:
		b = a
	}
	if a != b {
		a = unknown
	}
	return a, next
}

func (w *walker) caseClause(c *syntax.CaseClause) (truth, flow) {
	v := w.word(c.Word)
	certain := v.known && !slices.ContainsFunc(c.Items, func(i *syntax.CaseItem) bool { return i.Op != syntax.Break })
	for _, item := range c.Items {
		m := unknown
		if certain {
			m = w.matches(item.Patterns, v.text)
		}
		switch {
		case m == yes:
			return w.stmts(item.Stmts)
		case m == unknown:
			certain = false
			w.perhaps(func() flow { _, fl := w.stmts(item.Stmts); return fl })
		}
	}
	if certain {
		return yes, next
	}
	return unknown, next
}

func (w *walker) forClause(c *syntax.ForClause) (truth, flow) {
	body := func() (truth, flow) { return w.stmts(c.Do) }
	iter, ok := c.Loop.(*syntax.WordIter)
	if !ok || c.Select {
		w.nested(c.Loop)
		return w.blind(c, body)
	}
	items, certain := w.fields(iter.Items)
	if !iter.InPos.IsValid() {
		items, certain = w.positional()
	}
	if !certain {
		return w.blind(c, body)
	}
	i := 0
	return w.rounds(c, func() (truth, flow) {
		if i == len(items) {
			return no, next
		}
		w.assign(iter.Name.Value, items[i])
		i++
		return yes, next
	}, body)
}

func (w *walker) whileClause(c *syntax.WhileClause) (truth, flow) {
	return w.rounds(c, func() (truth, flow) {
		t, fl := w.condition(func() (truth, flow) { return w.stmts(c.Cond) })
		if c.Until {
			t = t.not()
		}
		return t, fl
	}, func() (truth, flow) { return w.stmts(c.Do) })
}

// rounds walks a loop round by round, as long as its condition is known.
func (w *walker) rounds(loop syntax.Node, cond, body func() (truth, flow)) (truth, flow) {
	t, before := yes, w.breaks
	defer func() { w.breaks = before }()
	for {
		w.steps++
		if w.steps > maxSteps {
			return w.blind(loop, body)
		}
		more, fl := cond()
		switch {
		case fl != next:
			return t, fl
		case more == no:
			return t, next
		case more == unknown:
			return w.blind(loop, func() (truth, flow) {
				if t, fl := body(); fl != next {
					return t, fl
				}
				return cond()
			})
		}
		if t, fl = body(); fl > continued {
			if fl == broken {
				return t, next
			}
			return t, fl
		}
	}
}

// blind walks a loop whose rounds are not known: what it may assign is not known, before and after.
func (w *walker) blind(loop syntax.Node, body func() (truth, flow)) (truth, flow) {
	before := w.breaks
	w.forgetIn(loop)
	w.perhaps(func() flow {
		_, fl := body()
		return fl
	})
	w.forgetIn(loop)
	w.breaks = before
	return unknown, next
}
