package hooks

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/detinstall/detinstall/pkg"
)

// Bounds on hostile scripts; no script of Debian comes near them.
const (
	maxSteps    = 200000 // statements, parts of words, copied variables
	maxDepth    = 200    // nested statements and calls
	maxArgument = 4 << 10
	maxText     = 200 // bytes of a line in a note
)

// truth is the status of a command.
type truth int

const (
	unknown truth = iota
	yes
	no
)

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// flow is how a statement hands on.
type flow int

const (
	next     flow = iota
	looped        // break or continue
	returned      // from a function
	exited        // from the script
	failed        // from the script, with an error: a package that installs does not come here
)

// walker walks one script.
type walker struct {
	reading Reading
	removed []Duty // diversions that the script takes back
	lines   []string

	args      []string // positional parameters
	argsKnown bool
	vars      map[string]value
	funcs     map[string]*syntax.Stmt // a nil body was declared under an unknown condition
	locals    []string                // variables that the running function declared
	ifs       bool                    // fields may be split in another way than usual

	steps, depth int
	unsure       int  // enclosing conditions that are unknown
	doubt        bool // an unknown condition may have ended the script before
	seen         map[Note]bool
}

func newWalker(p *pkg.Package, s pkg.Script, args []string) *walker {
	return &walker{
		reading: Reading{Package: p, Script: s},
		args:    args, argsKnown: args != nil,
		vars: map[string]value{
			"DPKG_ROOT":                 known(""),
			"DPKG_ADMINDIR":             known("/var/lib/dpkg"),
			"DPKG_MAINTSCRIPT_ARCH":     known(p.Arch),
			"DPKG_MAINTSCRIPT_NAME":     known(string(s.Phase)),
			"DPKG_MAINTSCRIPT_PACKAGE":  known(p.Name),
			"DPKG_RUNNING_VERSION":      {},
			"DPKG_MAINTSCRIPT_DEBUG":    {},
			"DPKG_COLORS":               {},
			"DPKG_FRONTEND_LOCKED":      {},
			"DPKG_MAINTSCRIPT_PKGCOUNT": {},
		},
		funcs: map[string]*syntax.Stmt{},
		seen:  map[Note]bool{},
	}
}

// script parses and walks the whole.
func (w *walker) script(bash bool) {
	body := w.reading.Script.Body
	w.lines = strings.Split(string(body), "\n")
	lang := syntax.LangPOSIX
	if bash {
		lang = syntax.LangBash
	}
	f, err := parse(body, lang)
	if err != nil {
		w.leftover(1, firstLine(body), "not parsed: "+printable(err.Error()))
		return
	}
	w.stmts(f.Stmts)
}

// parse is the parser, which must not take us down with it.
func parse(body []byte, lang syntax.LangVariant) (f *syntax.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("%v", r)
		}
	}()
	return syntax.NewParser(syntax.Variant(lang)).Parse(bytes.NewReader(body), "")
}

// duty adds d, or a leftover where it is not certain that the script comes there.
func (w *walker) duty(d Duty) {
	if !w.sure() {
		w.leftover(d.Line, w.text(d.Line), string(d.Kind)+" under a condition that is not known")
		return
	}
	d.Package, d.Phase = w.reading.Package.Name, w.reading.Script.Phase
	w.reading.Duties = append(w.reading.Duties, d)
}

func (w *walker) sure() bool { return w.unsure == 0 && !w.doubt }

// perhaps walks what an unknown condition guards.
func (w *walker) perhaps(f func() flow) flow {
	w.unsure++
	fl := f()
	w.unsure--
	if fl != next && fl != failed {
		w.doubt = true
	}
	return next
}

// isolated walks what a subshell runs: its variables and its end are its own.
func (w *walker) isolated(f func() (truth, flow)) truth {
	w.steps += len(w.vars) + len(w.funcs)
	vars, funcs, args, argsKnown, doubt := maps.Clone(w.vars), maps.Clone(w.funcs), w.args, w.argsKnown, w.doubt
	t, fl := f()
	w.vars, w.funcs, w.args, w.argsKnown, w.doubt = vars, funcs, args, argsKnown, doubt
	if fl == failed {
		return no
	}
	return t
}

// forget makes every variable unknown.
func (w *walker) forget() { clear(w.vars) }

func (w *walker) assign(name string, v value) {
	if w.unsure > 0 {
		v = value{}
	}
	w.vars[name] = v
	w.ifs = w.ifs || name == "IFS"
}

func (w *walker) stmts(list []*syntax.Stmt) (truth, flow) {
	t := yes
	for _, s := range list {
		var fl flow
		if t, fl = w.stmt(s); fl != next {
			return t, fl
		}
	}
	return t, next
}

func (w *walker) stmt(s *syntax.Stmt) (truth, flow) {
	line := int(s.Pos().Line())
	w.steps++
	if w.steps > maxSteps || w.depth > maxDepth {
		w.leftover(line, w.text(line), "too long or too deep")
		w.doubt = true
		return unknown, exited
	}
	w.depth++
	defer func() { w.depth-- }()
	if !w.redirects(s) {
		w.leftover(line, w.text(line), "writes a file")
	}
	if s.Background || s.Coprocess || s.Disown {
		w.isolated(func() (truth, flow) { return w.command(s.Cmd, line) })
		return yes, next
	}
	t, fl := w.command(s.Cmd, line)
	if s.Negated {
		t = t.not()
	}
	return t, fl
}

// redirects looks at s's redirections and reports whether they only read, or write to nothing.
func (w *walker) redirects(s *syntax.Stmt) bool {
	harmless := true
	for _, r := range s.Redirs {
		target := w.word(r.Word)
		if r.Hdoc != nil {
			w.word(r.Hdoc)
		}
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrInOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			harmless = harmless && target == known("/dev/null") || harmless && target == known("/dev/stderr")
		case syntax.DplOut:
			harmless = harmless && target.known && strings.Trim(target.text, "0123456789-") == ""
		case syntax.RdrIn, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		default:
			harmless = false
		}
	}
	return harmless
}

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
		return w.forClause(c, line)
	case *syntax.WhileClause:
		return w.loop(func() (truth, flow) {
			if t, fl := w.stmts(c.Cond); fl != next {
				return t, fl
			}
			return w.stmts(c.Do)
		})
	case *syntax.FuncDecl:
		if c.Name != nil {
			w.funcs[c.Name.Value] = c.Body
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
		w.nested(c)
		return unknown, next
	}
	w.nested(c)
	w.forget()
	w.leftover(line, w.text(line), strings.TrimPrefix(fmt.Sprintf("%T", c), "*syntax."))
	return unknown, next
}

// loop walks a loop whose rounds are not known.
func (w *walker) loop(body func() (truth, flow)) (truth, flow) {
	w.forget()
	w.perhaps(func() flow {
		_, fl := body()
		if fl == looped {
			return next
		}
		return fl
	})
	w.forget()
	return unknown, next
}

func (w *walker) binary(c *syntax.BinaryCmd) (truth, flow) {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		t, fl := w.stmt(c.X)
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
		w.perhaps(func() flow { _, fl := w.stmt(c.Y); return fl })
		return unknown, next
	}
	w.isolated(func() (truth, flow) { return w.stmt(c.X) })
	return w.isolated(func() (truth, flow) { return w.stmt(c.Y) }), next
}

func (w *walker) ifClause(c *syntax.IfClause) (truth, flow) {
	if len(c.Cond) == 0 { // else
		return w.stmts(c.Then)
	}
	t, fl := w.stmts(c.Cond)
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
	w.perhaps(func() flow { _, fl := w.stmts(c.Then); return fl })
	if c.Else != nil {
		w.perhaps(func() flow { _, fl := w.ifClause(c.Else); return fl })
	}
	return unknown, next
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

func (w *walker) forClause(c *syntax.ForClause, line int) (truth, flow) {
	iter, ok := c.Loop.(*syntax.WordIter)
	if !ok || c.Select {
		w.nested(c.Loop)
		return w.loop(func() (truth, flow) { return w.stmts(c.Do) })
	}
	items, certain := w.fields(iter.Items)
	if !iter.InPos.IsValid() {
		items, certain = w.positional()
	}
	if !certain {
		return w.loop(func() (truth, flow) { return w.stmts(c.Do) })
	}
	t := yes
	for _, item := range items {
		w.assign(iter.Name.Value, item)
		var fl flow
		doubted := w.doubt
		if t, fl = w.stmts(c.Do); fl > looped {
			return t, fl
		}
		if fl == looped || w.doubt && !doubted { // break is not told from continue
			w.doubt = true
		}
	}
	return t, next
}
