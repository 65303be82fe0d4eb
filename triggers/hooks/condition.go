package hooks

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

func (t truth) and(o truth) truth {
	switch {
	case t == no || o == no:
		return no
	case t == yes && o == yes:
		return yes
	}
	return unknown
}

func (t truth) or(o truth) truth { return t.not().and(o.not()).not() }

// test evaluates [ and test.
func test(w *walker, c invocation) (truth, flow) {
	args := c.args
	if c.name == "[" {
		if len(args) == 0 || args[len(args)-1] != known("]") {
			return unknown, next
		}
		args = args[:len(args)-1]
	}
	if !c.certain {
		return unknown, next
	}
	return w.test(args), next
}

func (w *walker) test(args []value) truth {
	if len(args) > 4 || len(args) > 3 && args[0] != known("!") {
		for _, op := range []string{"-o", "-a"} {
			if i := slices.Index(args, known(op)); i > 0 {
				if op == "-o" {
					return w.test(args[:i]).or(w.test(args[i+1:]))
				}
				return w.test(args[:i]).and(w.test(args[i+1:]))
			}
		}
		return unknown
	}
	switch len(args) {
	case 0:
		return no
	case 1:
		return nonEmpty(args[0])
	case 2:
		if args[0] == known("!") {
			return nonEmpty(args[1]).not()
		}
		return w.unary(args[0].text, args[1])
	}
	if args[0] == known("!") {
		return w.test(args[1:]).not()
	}
	switch args[1] {
	case known("-a"):
		return nonEmpty(args[0]).and(nonEmpty(args[2]))
	case known("-o"):
		return nonEmpty(args[0]).or(nonEmpty(args[2]))
	}
	return w.compare(args[0], args[1], args[2])
}

// unary is a test of one word: of its length, or of the file that it names.
func (w *walker) unary(op string, v value) truth {
	switch op {
	case "-n":
		return nonEmpty(v)
	case "-z":
		return nonEmpty(v).not()
	case "-t":
		return no
	}
	switch {
	case !v.known:
		return unknown
	case v.text == "":
		return no
	}
	e, t := w.look(v.text, op != "-L" && op != "-h")
	if op == "-e" || t != yes {
		if !slices.Contains([]string{"-e", "-f", "-d", "-x", "-r", "-w", "-s", "-L", "-h", "-b", "-c", "-p", "-S", "-u", "-g", "-k", "-O"}, op) {
			return unknown
		}
		return t
	}
	switch op {
	case "-f":
		return is(e.kind == file)
	case "-d":
		return is(e.kind == directory)
	case "-L", "-h":
		return is(e.kind == link)
	case "-r", "-w":
		return yes
	case "-x":
		return is(e.kind == directory || e.mode&0o111 != 0)
	case "-s":
		if e.kind != file {
			return unknown
		}
		return nonEmpty(e.content())
	case "-b", "-c", "-p", "-S":
		if e.kind != special {
			return no
		}
	case "-O":
		return is(same(e.user, w.user))
	case "-u":
		return is(e.mode&0o4000 != 0)
	case "-g":
		return is(e.mode&0o2000 != 0)
	}
	return unknown
}

func nonEmpty(v value) truth {
	switch {
	case !v.known && v.later != "":
		return yes
	case !v.known:
		return unknown
	case v.text != "":
		return yes
	}
	return no
}

func (w *walker) compare(a, op, b value) truth {
	if !op.known {
		return unknown
	}
	if op.text == "-ef" && a.known && b.known {
		x, ok := w.locate(a.text, true)
		y, ok2 := w.locate(b.text, true)
		if ok && ok2 {
			return w.exists(a.text).and(is(x == y))
		}
		return unknown
	}
	if op.text == "-nt" && a.known && w.exists(a.text) == no {
		return no
	}
	if !a.known || !b.known {
		return unknown
	}
	switch op.text {
	case "=", "==":
		return is(a.text == b.text)
	case "!=":
		return is(a.text != b.text)
	}
	x, err := strconv.Atoi(strings.TrimSpace(a.text))
	y, err2 := strconv.Atoi(strings.TrimSpace(b.text))
	if err != nil || err2 != nil {
		return unknown
	}
	switch op.text {
	case "-eq":
		return is(x == y)
	case "-ne":
		return is(x != y)
	case "-lt":
		return is(x < y)
	case "-le":
		return is(x <= y)
	case "-gt":
		return is(x > y)
	case "-ge":
		return is(x >= y)
	}
	return unknown
}

// extended evaluates [[ of bash.
func (w *walker) extended(x syntax.TestExpr) truth {
	w.steps++
	switch x := x.(type) {
	case *syntax.Word:
		return nonEmpty(w.word(x))
	case *syntax.ParenTest:
		return w.extended(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return w.extended(x.X).not()
		}
		if word, ok := x.X.(*syntax.Word); ok {
			return w.unary(x.Op.String(), w.word(word))
		}
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			if t := w.extended(x.X); t != yes {
				return t.and(w.extended(x.Y))
			}
			return w.extended(x.Y)
		case syntax.OrTest:
			if t := w.extended(x.X); t != no {
				return t.or(w.extended(x.Y))
			}
			return w.extended(x.Y)
		}
		a, ok := x.X.(*syntax.Word)
		b, ok2 := x.Y.(*syntax.Word)
		if !ok || !ok2 {
			break
		}
		switch x.Op {
		case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
			v := w.word(a)
			if !v.known {
				return unknown
			}
			t := w.matches([]*syntax.Word{b}, v.text)
			if x.Op == syntax.TsNoMatch {
				t = t.not()
			}
			return t
		case syntax.TsReMatch:
			w.forget()
			return unknown
		}
		return w.compare(w.word(a), known(x.Op.String()), w.word(b))
	}
	return unknown
}
