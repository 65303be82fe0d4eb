package hooks

import (
	"maps"
	"slices"
)

// scope is what statements find that others set. Where a condition is not known it is walked once for each way that may be taken, and joined behind.
type scope struct {
	vars      map[string]value
	dark      bool    // variables that are not in vars are not known
	args      []value // positional parameters
	argsKnown bool    // that there are that many
	dir       value   // the working directory
	errexit   bool
}

// copied returns a scope of its own.
func (s scope) copied() scope {
	s.vars = maps.Clone(s.vars)
	return s
}

// get returns a variable and whether it is set; of an unknown one neither is known.
func (s scope) get(name string) (value, bool) {
	if v, ok := s.vars[name]; ok {
		return v, true
	}
	return value{known: !s.dark}, false
}

// join keeps of s what is the same in o.
func (s *scope) join(o scope) {
	for name, v := range s.vars {
		if other, set := o.get(name); !set || other != v {
			s.vars[name] = value{}
		}
	}
	for name := range o.vars {
		if _, set := s.vars[name]; !set {
			s.vars[name] = value{}
		}
	}
	s.dark = s.dark || o.dark
	if !s.argsKnown || !o.argsKnown || !slices.Equal(s.args, o.args) {
		s.args, s.argsKnown = nil, false
	}
	if s.dir != o.dir {
		s.dir = value{}
	}
	s.errexit = s.errexit && o.errexit
}

// joined sets the scope to what is the same in all of ends, which are the walker's to keep.
func (w *walker) joined(ends []scope) {
	if len(ends) == 0 {
		return
	}
	if w.scope = ends[0]; len(ends) > 1 {
		w.scope = w.copied()
	}
	for _, e := range ends[1:] {
		w.steps += len(e.vars) + len(w.vars)
		w.scope.join(e)
	}
}

// perhaps walks ways of which one is taken, each with the scope of before; what they leave differing is not known behind them. Unless they are all
// there are, none may be taken. It returns how all of them leave; next if some go on.
func (w *walker) perhaps(all bool, ways ...func() flow) flow {
	before := w.scope
	var ends []scope
	if !all {
		ends = append(ends, before)
	}
	leave, left := failed, before
	for _, way := range ways {
		w.steps += len(before.vars)
		w.scope = before.copied()
		done := len(w.undo)
		w.unsure++
		fl := way()
		w.unsure--
		if fl == failed && w.sub == 0 {
			w.undone(done)
		}
		if fl == next {
			ends = append(ends, w.scope)
		}
		w.leaves(fl)
		if fl <= leave {
			leave, left = fl, w.scope
		}
	}
	if len(ends) == 0 {
		w.scope = left
		return leave
	}
	w.joined(ends)
	return next
}

// undone takes back what was done to questions since there were that many to undo.
func (w *walker) undone(since int) {
	for i := len(w.undo) - 1; i >= since; i-- {
		w.undo[i]()
	}
	w.undo = w.undo[:since]
}

// leaves notes that what follows may be left out, and with which scope whoever is left goes on. A package that installs does not fail.
func (w *walker) leaves(fl flow) {
	switch {
	case fl == exited, fl == failed && w.sub > 0:
		w.exits = true
	case fl == returned:
		w.returns = true
		w.returned = append(w.returned, w.scope)
	case fl == broken:
		w.breaks = true
		w.left = append(w.left, w.scope)
	case fl == continued:
		w.breaks = true
		w.skipped = append(w.skipped, w.scope)
	}
}

// called walks what return leaves: a function, or a file that is included. Where it may have been left early, it goes on with what all ways have in common.
func (w *walker) called(f func() (truth, flow)) (truth, flow) {
	before, returns := w.returned, w.returns
	w.returned = nil
	t, fl := f()
	if len(w.returned) > 0 {
		t = unknown
		ends := w.returned
		if fl == next || fl == returned {
			ends = append(ends, w.scope)
		} else if fl != failed || w.sub > 0 {
			w.leaves(fl)
		}
		w.joined(ends)
		fl = next
	}
	w.returned, w.returns = before, returns
	if fl == returned {
		fl = next
	}
	return t, fl
}

// isolated walks what a subshell runs: its variables and its end are its own.
func (w *walker) isolated(f func() (truth, flow)) truth {
	w.steps += len(w.vars) + len(w.funcs)
	old := *w
	w.scope, w.funcs = w.copied(), maps.Clone(w.funcs)
	w.sub++
	t, fl := f()
	steps, undo, left := w.steps, w.undo, w.exits && !old.exits
	*w = old
	w.steps, w.undo = steps, undo // questions are nobody's own
	switch {
	case left:
		return unknown
	case fl == failed:
		return no
	}
	return t
}
