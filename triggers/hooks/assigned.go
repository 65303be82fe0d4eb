package hooks

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// forgetIn makes everything of the scope unknown that n may set.
func (w *walker) forgetIn(n syntax.Node) {
	a := &assigned{w: w, names: map[string]bool{}, funcs: map[string]bool{}}
	syntax.Walk(n, a.visit)
	if a.all {
		w.forget()
		return
	}
	for name := range a.names {
		w.vars[name] = value{}
	}
	if a.args {
		w.args, w.argsKnown = nil, false
	}
	if a.dir {
		w.dir = value{}
	}
}

// assigned is what code may set, by what it looks like.
type assigned struct {
	w     *walker
	names map[string]bool
	funcs map[string]bool // that were looked into
	all   bool            // that cannot be said
	args  bool            // the positional parameters are changed,
	dir   bool            // and the working directory
}

func (a *assigned) visit(n syntax.Node) bool {
	a.w.steps++
	switch n := n.(type) {
	case *syntax.Assign:
		if n.Name != nil {
			a.names[n.Name.Value] = true
		} else {
			a.all = true
		}
	case *syntax.ForClause:
		if iter, ok := n.Loop.(*syntax.WordIter); ok {
			a.names[iter.Name.Value] = true
		} else {
			a.all = true
		}
	case *syntax.ParamExp:
		if n.Exp != nil && strings.Contains(n.Exp.Op.String(), "=") && n.Param != nil {
			a.names[n.Param.Value] = true
		}
	case *syntax.BinaryArithm:
		if w, ok := n.X.(*syntax.Word); ok && strings.HasSuffix(n.Op.String(), "=") {
			a.names[w.Lit()] = true
		}
	case *syntax.UnaryArithm:
		if w, ok := n.X.(*syntax.Word); ok {
			a.names[w.Lit()] = true
		}
	case *syntax.LetClause, *syntax.CoprocClause, *syntax.FuncDecl:
		a.all = true
	case *syntax.CallExpr:
		a.call(n)
	}
	return !a.all
}

// call looks at a command that may assign: of the shell's own ones, of debconf's, and the script's functions.
func (a *assigned) call(c *syntax.CallExpr) {
	if len(c.Args) == 0 {
		return
	}
	name := c.Args[0].Lit()
	if body, ok := a.w.function1(name); ok {
		if body == nil {
			a.all = true
		} else if !a.funcs[name] {
			a.funcs[name] = true
			syntax.Walk(body, a.visit)
		}
		return
	}
	switch {
	case name == "" || name == "eval" || name == "." || name == "source" || name == "builtin" || name == "command":
		a.all = a.all || name != "command" || len(c.Args) < 2 || c.Args[1].Lit() != "-v"
	case name == "read", name == "getopts", name == "export", name == "local", name == "readonly", name == "unset", name == "mapfile", name == "printf", name == "let":
		for _, arg := range c.Args[1:] {
			a.word(name, arg)
		}
		for _, set := range []string{"OPTARG", "OPTIND", "REPLY"} {
			a.names[set] = true
		}
	case name == "cd":
		a.names["PWD"], a.names["OLDPWD"], a.dir = true, true, true
	case name == "shift", name == "set":
		a.args = true
	case strings.HasPrefix(name, "db_"):
		a.names["RET"] = true
	}
}

// word takes an argument for the name of a variable, with what may follow it.
func (a *assigned) word(command string, arg *syntax.Word) {
	if len(arg.Parts) == 0 {
		return
	}
	first, ok := arg.Parts[0].(*syntax.Lit)
	switch {
	case ok:
		name, _, set := strings.Cut(first.Value, "=")
		a.all = a.all || !set && len(arg.Parts) > 1 && command != "printf"
		a.names[name] = true
	case command != "printf":
		a.all = true
	}
}
