package hooks

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/detinstall/detinstall/pkg"
)

// Bounds on hostile scripts. The longest of Debian take 594,000 steps (trixie's locales) and 84,000 (postgresql).
const (
	maxSteps    = 1000000 // statements, parts of words, copied variables, rounds of loops
	maxDepth    = 200     // nested statements and calls
	maxArgument = 64 << 10
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

func is(b bool) truth {
	if b {
		return yes
	}
	return no
}

// flow is how a statement hands on.
type flow int

const (
	next      flow = iota
	continued      // to the next round
	broken         // out of the loop
	returned       // from a function
	exited         // from the script
	failed         // from the script, with an error: a package that installs does not come here
)

// walker walks one script.
type walker struct {
	*state
	index   int // of the package
	reading *Reading

	scope
	funcs       map[string]*syntax.Stmt
	foreign     map[*syntax.Stmt]bool // functions of other files
	locals      []local               // of the running function
	entered     int                   // unsure, where it began
	exported    map[string]bool
	user        string // who runs it
	code        value  // $?
	last        value  // $? as the command that is walked finds it
	substituted truth  // the status of the last command substitution
	umask       uint32
	inputs      []*question // that db_input asked for, and no db_go yet
	shown       []*question // that a user would have been shown
	undo        []func()    // what takes back, last first, what was done to questions under conditions that are not known
	bash        bool        // not sh

	in   *input
	outs *sink

	at           int // where not 0, the line to name: that of the call of another file
	steps, depth int
	unsure       int     // enclosing conditions that are unknown
	tolerate     int     // enclosing conditions, in which a failure does not end the script
	sub          int     // enclosing subshells
	exits        bool    // an unknown condition may have ended the script before,
	returns      bool    // or the function,
	breaks       bool    // or the loop
	returned     []scope // of the function, where it may have been left
	left         []scope // of the loop, where it may
	skipped      []scope // of the loop's round, where it may
}

func newWalker(s *state, index int, sc pkg.Script, args []string) *walker {
	p := s.packages[index].Package
	return &walker{
		state: s, index: index,
		reading: &Reading{Package: p, Script: sc, lines: strings.Split(string(sc.Body), "\n"), seen: map[Note]bool{}},
		scope:   scope{vars: initial(p, sc.Phase), args: knownAll(args), argsKnown: true, dir: known("/")},
		code:    known("0"), umask: 0o022,
		funcs:    map[string]*syntax.Stmt{},
		exported: map[string]bool{}, user: "root",
		foreign: map[*syntax.Stmt]bool{},
	}
}

// initial are the variables that dpkg and the system set for a script; what differs from machine to machine is not known.
func initial(p *pkg.Package, phase pkg.Phase) map[string]value {
	return map[string]value{
		"DEBIAN_FRONTEND":           known("noninteractive"),
		"DPKG_ADMINDIR":             known("/var/lib/dpkg"),
		"DPKG_COLORS":               {},
		"DPKG_FRONTEND_LOCKED":      {},
		"DPKG_MAINTSCRIPT_ARCH":     known(p.Arch),
		"DPKG_MAINTSCRIPT_DEBUG":    {},
		"DPKG_MAINTSCRIPT_NAME":     known(string(phase)),
		"DPKG_MAINTSCRIPT_PACKAGE":  known(p.Name),
		"DPKG_MAINTSCRIPT_PKGCOUNT": {},
		"DPKG_ROOT":                 known(""),
		"DPKG_RUNNING_VERSION":      {},
		"HOME":                      {},
		"HOSTNAME":                  {},
		"IFS":                       known(" \t\n"),
		"LANG":                      {},
		"LANGUAGE":                  {},
		"LC_ALL":                    {},
		"LOGNAME":                   {},
		"PATH":                      known("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
		"PPID":                      {},
		"PWD":                       known("/"),
		"RANDOM":                    {},
		"SHELL":                     {},
		"SOURCE_DATE_EPOCH":         {},
		"TERM":                      {},
		"TZ":                        {},
		"USER":                      {},
	}
}

// script parses and walks the whole.
func (w *walker) script(body []byte, bash bool) flow {
	lang := syntax.LangPOSIX
	before := w.bash
	w.bash = bash
	defer func() { w.bash = before }()
	if bash {
		lang = syntax.LangBash
	}
	f, err := parse(printableComments(body), lang)
	if err != nil {
		w.leftover(max(w.at, 1), "not parsed: "+printable(err.Error()))
		w.forget()
		return next
	}
	_, fl := w.stmts(f.Stmts)
	return fl
}

// printableComments makes comments UTF-8, which the parser wants, as far as no here-document began.
func printableComments(body []byte) []byte {
	if utf8.Valid(body) {
		return body
	}
	var out []byte
	plain := true
	for l := range bytes.Lines(body) {
		if plain = plain && !bytes.Contains(l, []byte("<<")); plain && bytes.HasPrefix(bytes.TrimSpace(l), []byte("#")) {
			l = bytes.ToValidUTF8(l, []byte("?"))
		}
		out = append(out, l...)
	}
	return out
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
	switch {
	case !w.sure():
		w.leftover(d.Line, string(d.Kind)+" under a condition that is not known")
		return
	case !w.world.does(d.Kind):
		w.leftover(d.Line, "no generator yet: "+string(d.Kind))
		return
	case temporary(d.Args...):
		w.leftover(d.Line, string(d.Kind)+" with a name that mktemp gives")
		return
	}
	d.Package, d.Phase = w.reading.Package.Name, w.reading.Script.Phase
	w.reading.Duties = append(w.reading.Duties, d)
}

func (w *walker) sure() bool { return w.unsure == 0 && !w.exits && !w.returns && !w.breaks }

// forget makes every variable unknown but dpkg's own, which scripts only read.
func (w *walker) forget() {
	maps.DeleteFunc(w.vars, func(name string, _ value) bool { return !strings.HasPrefix(name, "DPKG_") })
	w.dark = true
}

func (w *walker) assign(name string, v value) { w.vars[name] = v }

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

func (w *walker) line(n syntax.Node) int {
	if w.at > 0 {
		return w.at
	}
	return max(1, int(n.Pos().Line()))
}

func (w *walker) stmt(s *syntax.Stmt) (truth, flow) {
	line := w.line(s)
	w.steps++
	if w.steps > maxSteps || w.depth > maxDepth {
		w.leftover(line, "too long or too deep")
		w.exits = true
		return unknown, exited
	}
	w.depth++
	defer func() { w.depth-- }()
	if s.Background || s.Coprocess || s.Disown {
		w.isolated(func() (truth, flow) { return w.redirected(s, line) })
		return yes, next
	}
	if s.Negated {
		w.tolerate++
	}
	w.last = w.code
	if simple(s.Cmd) {
		w.code = value{}
	}
	t, fl := w.redirected(s, line)
	if s.Negated {
		w.tolerate--
		t, w.code = t.not(), value{}
	}
	if fl == next || fl == returned {
		switch {
		case t == yes:
			w.code = known("0")
		case t == no && !w.code.known:
			w.code = known("1")
		case t == unknown:
			w.code = value{}
		}
	}
	if fl == next && t == no && w.errexit && w.tolerate == 0 && !s.Negated && ends(s.Cmd) {
		return w.fails(line, "fails, and with it the script")
	}
	return t, fl
}

// simple reports whether c has a status of its own, which is not that of a command in it.
func simple(c syntax.Command) bool {
	switch c.(type) {
	case *syntax.CallExpr, *syntax.TestClause, *syntax.ArithmCmd, *syntax.DeclClause, *syntax.LetClause, nil:
		return true
	}
	return false
}

// ends reports whether a failure of c is one that set -e looks at: a list's is that of its last command, which did.
func ends(c syntax.Command) bool {
	switch c := c.(type) {
	case *syntax.CallExpr, *syntax.Subshell, *syntax.TestClause, *syntax.ArithmCmd:
		return true
	case *syntax.BinaryCmd:
		return c.Op != syntax.AndStmt && c.Op != syntax.OrStmt
	}
	return false
}

// fails ends the script with an error. Where that is certain we have misread it, for the package can be installed.
func (w *walker) fails(line int, why string) (truth, flow) {
	if w.sub == 0 && w.sure() {
		w.leftover(line, why)
	}
	return no, failed
}
