package hooks

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxContent bounds what a script reads and writes.
const maxContent = 1 << 20

// sink collects what commands print.
type sink struct {
	text    strings.Builder
	lost    bool   // not known
	later   string // what makes on the first boot a part of it
	unsure  int    // of the walker when it was made
	exits   bool
	returns bool
	breaks  bool
	trigger string // that makes what is printed
}

func newSink(w *walker) *sink {
	return &sink{unsure: w.unsure, exits: w.exits, returns: w.returns, breaks: w.breaks}
}

func (s *sink) value() value {
	if s.lost || s.later != "" {
		return value{later: unless(s.lost, s.later)}
	}
	return known(s.text.String())
}

func (s *sink) input() *input {
	v := s.value()
	return &input{rest: s.text.String(), lost: !v.known, later: v.later}
}

// input is what commands read.
type input struct {
	rest  string
	lost  bool
	later string // as of a value
}

// laterOf returns what makes the input on the first boot, or "".
func (in *input) laterOf() string {
	if in == nil || !in.lost {
		return ""
	}
	return in.later
}

// line takes the next line, without its end.
func (in *input) line() (text string, more truth) {
	switch {
	case in == nil || in.lost:
		return "", unknown
	case in.rest == "":
		return "", no
	}
	l, rest, ended := strings.Cut(in.rest, "\n")
	in.rest = rest
	return l, is(ended)
}

// all takes the rest.
func (in *input) all() value {
	if in == nil || in.lost {
		return value{later: in.laterOf()}
	}
	v := known(in.rest)
	in.rest = ""
	return v
}

// print prints text to where output goes.
func (w *walker) print(text string) {
	s := w.outs
	if s == nil {
		return
	}
	if w.unsure > s.unsure || w.exits && !s.exits || w.returns && !s.returns || w.breaks && !s.breaks || s.text.Len()+len(text) > maxContent {
		s.lost = true
	}
	w.steps += len(text) / 64
	if !s.lost {
		s.text.WriteString(text)
	}
}

func (w *walker) unknownOutput() {
	if w.outs != nil {
		w.outs.lost = true
	}
}

// printValue prints what may not be known.
func (w *walker) printValue(v value) {
	switch {
	case v.known:
		w.print(v.text)
	case v.later == "":
		w.unknownOutput()
	case w.outs != nil:
		w.print("") // loses it under a condition
		w.outs.later = v.later
	}
}

// substitute is $(...).
func (w *walker) substitute(list []*syntax.Stmt) value {
	out := newSink(w)
	var code value
	t := w.isolated(func() (truth, flow) {
		w.outs = out
		t, fl := w.stmts(list)
		code = w.code
		return t, fl
	})
	w.code = code
	if t == unknown {
		w.code = value{}
	}
	w.substituted = t
	v := out.value()
	v.text = strings.TrimRight(v.text, "\n")
	if len(v.text) > maxArgument {
		return value{}
	}
	return v
}

// opened is a file that output goes to.
type opened struct {
	path value
	out  *sink
	add  bool
}

// redirected walks s's command with its redirections.
func (w *walker) redirected(s *syntax.Stmt, line int) (truth, flow) {
	if len(s.Redirs) == 0 {
		return w.command(s.Cmd, line)
	}
	in, outs := w.in, w.outs
	var files []opened
	for _, r := range s.Redirs {
		if f, ok := w.redirect(r, line); ok {
			files = append(files, f)
		}
	}
	t, fl := w.command(s.Cmd, line)
	if call, ok := s.Cmd.(*syntax.CallExpr); !ok || len(call.Args) != 1 || call.Args[0].Lit() != "exec" {
		w.in, w.outs = in, outs
	}
	for _, f := range files {
		if f.out.trigger != "" && f.path.known && w.onlyTriggers(f.path.text) {
			continue // and makes the file itself
		}
		if !w.writeFile(f.path, f.out.value(), f.add, line) {
			t = unknown
		} else if at, ok := w.locate(f.path.text, true); ok && f.out.trigger != "" && w.disk.nodes[at] != nil {
			w.disk.nodes[at].other = "trigger " + f.out.trigger + " makes it"
		}
	}
	return t, fl
}

// redirect applies one redirection. It returns the file that is to be written.
func (w *walker) redirect(r *syntax.Redirect, line int) (opened, bool) {
	target := w.word(r.Word)
	stdout, stderr := r.N == nil || r.N.Value == "1", r.N != nil && r.N.Value == "2"
	switch r.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
		if target.known && (strings.HasPrefix(target.text, "/dev/") || strings.HasPrefix(target.text, "/proc/")) {
			if stdout {
				w.outs = newSink(w)
			}
			return opened{}, false
		}
		f := opened{target, newSink(w), r.Op == syntax.AppOut || r.Op == syntax.AppAll}
		switch {
		case r.Op == syntax.RdrAll || r.Op == syntax.AppAll || stderr:
			f.out.lost = true // errors are not modelled
			if !stderr {
				w.outs = f.out
			}
		case stdout:
			w.outs = f.out
		default:
			f.out.lost = true
		}
		return f, true
	case syntax.DplOut:
		if stdout && target != known("1") {
			w.outs = newSink(w)
		}
	case syntax.Hdoc, syntax.DashHdoc:
		v := w.document(r)
		if r.Op == syntax.DashHdoc {
			v.text = dedent(v.text)
		}
		w.in = &input{rest: v.text, lost: !v.known, later: v.later}
	case syntax.WordHdoc:
		w.in = &input{rest: target.text + "\n", lost: !target.known, later: target.later}
	case syntax.RdrIn:
		v, _ := w.readFile(target)
		w.in = &input{rest: v.text, lost: !v.known, later: v.later}
	case syntax.RdrInOut:
		w.leftover(line, "opens a file to read and write it")
	case syntax.DplIn:
		w.in = nil
	}
	return opened{}, false
}

// dedent removes the tabs that begin lines.
func dedent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		b.WriteString(strings.TrimLeft(l, "\t"))
	}
	return b.String()
}

// document expands a here-document, in which quotes mean nothing.
func (w *walker) document(r *syntax.Redirect) value {
	if r.Hdoc == nil {
		return known("")
	}
	raw := false
	for _, p := range r.Word.Parts {
		l, ok := p.(*syntax.Lit)
		raw = raw || !ok || strings.Contains(l.Value, `\`)
	}
	v := known("")
	for _, p := range r.Hdoc.Parts {
		l, ok := p.(*syntax.Lit)
		switch {
		case !ok:
			for _, q := range w.part(p, true) {
				v = v.plus(q.value)
			}
		case raw:
			v = v.plus(known(l.Value))
		default:
			for _, q := range literal(strings.ReplaceAll(l.Value, `\"`, `\\"`), true) {
				v = v.plus(q.value)
			}
		}
	}
	return v
}
