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
		w.perhaps(false, func() flow { u, fl = w.stmt(c.Y); return fl })
		switch {
		case fl != next:
			return stop, next // x || exit
		case u == stop:
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
	ways := []func() flow{func() flow { a, flows[0] = w.stmts(c.Then); return flows[0] }}
	if c.Else != nil {
		ways = append(ways, func() flow { b, flows[1] = w.ifClause(c.Else); return flows[1] })
	}
	fl = w.perhaps(c.Else != nil, ways...)
	switch {
	case flows[0] != next:
		a = b // else we do not come here
	case flows[1] != next:
		b = a
	}
	if a != b {
		a = unknown
	}
	return a, fl
}

func (w *walker) caseClause(c *syntax.CaseClause) (truth, flow) {
	v := w.word(c.Word)
	if slices.ContainsFunc(c.Items, func(i *syntax.CaseItem) bool { return i.Op != syntax.Break }) {
		w.forgetIn(c)
		defer w.forgetIn(c)
		v = value{}
	}
	var ways []func() flow
	all := false
	for _, item := range c.Items {
		m := unknown
		if v.known {
			m = w.matches(item.Patterns, v.text)
		} else if slices.ContainsFunc(item.Patterns, func(p *syntax.Word) bool { return p.Lit() == "*" }) {
			m = yes
		}
		if m == yes && len(ways) == 0 {
			return w.stmts(item.Stmts)
		}
		if m != no {
			ways = append(ways, func() flow { _, fl := w.stmts(item.Stmts); return fl })
		}
		if all = m == yes; all {
			break
		}
	}
	if len(ways) == 0 {
		return yes, next
	}
	return unknown, w.perhaps(all, ways...)
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
	t, before, left, skipped := yes, w.breaks, w.left, w.skipped
	w.left, w.skipped = nil, nil
	defer func() { w.breaks, w.left, w.skipped = before, left, skipped }()
	for {
		w.joined(append(w.skipped, w.scope))
		w.skipped = nil
		w.steps++
		if w.steps > maxSteps {
			return w.blind(loop, body)
		}
		more, fl := cond()
		switch {
		case fl != next:
			return w.leftLoop(t, fl)
		case more == no:
			w.joined(append(w.left, w.scope))
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
			if len(w.skipped) == 0 {
				return w.leftLoop(t, fl)
			}
			w.leaves(fl) // unless the round was skipped
			w.scope = w.skipped[0]
		}
	}
}

// leftLoop is how a loop ends that is left with fl, where it may have been left before.
func (w *walker) leftLoop(t truth, fl flow) (truth, flow) {
	switch {
	case fl == broken || fl == continued:
		w.joined(append(w.left, w.scope))
		return t, next
	case len(w.left) > 0:
		ends := w.left
		w.leaves(fl)
		w.joined(ends)
		return unknown, next
	}
	return t, fl
}

// blind walks a loop whose rounds are not known: what it may assign is not known, before and after.
func (w *walker) blind(loop syntax.Node, body func() (truth, flow)) (truth, flow) {
	before, left, skipped := w.breaks, w.left, w.skipped
	w.forgetIn(loop)
	w.perhaps(false, func() flow {
		_, fl := body()
		return fl
	})
	w.forgetIn(loop)
	w.breaks, w.left, w.skipped = before, left, skipped
	return unknown, next
}
