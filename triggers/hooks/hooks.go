// Package hooks reads maintainer scripts as text and says what they would have done
// on a fresh install: duties, no-ops with reasons, deferred items, and leftovers. Nothing is ever run.
//
// A script is parsed and walked with what is known of a fresh installation: its arguments, that nothing was there
// before, what the packages ship, and what earlier scripts did. Values are known or unknown; a condition that is unknown
// makes both of its arms uncertain, and what is uncertain is a leftover unless it does nothing either way.
//
// A command that the reader should understand is an entry of the table in commands.go. What scripts do to files
// happens in an overlay over the payload ([World.FS]); at the end each path that it changed is one duty.
package hooks

import (
	"bytes"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// Note is a line that needs no duty or that could not be read, with the reason.
type Note struct {
	Line   int
	Text   string
	Reason string
}

// Served is a line whose work a trigger does from the tree alone, so that it is no duty.
type Served struct {
	Line    int
	Trigger string
}

// Verdict is what a script comes to.
type Verdict string

const (
	Covered  Verdict = "covered"
	Deferred Verdict = "deferred"
	Pending  Verdict = "pending"
)

// Reading is what one script says.
type Reading struct {
	Package   *pkg.Package
	Script    pkg.Script
	Triggered []string // the dpkg triggers that it is run for; nil: its first run
	Duties    []Duty
	Noops     []Note
	Deferred  []Note
	Pending   []Note // leftovers
	Served    []Served
	// Recipe is the reason why no leftovers count, or "".
	Recipe string

	lines []string
	seen  map[Note]bool
}

// Verdict returns the worst of what the reading holds.
func (r *Reading) Verdict() Verdict {
	switch {
	case len(r.Pending) > 0:
		return Pending
	case len(r.Deferred) > 0:
		return Deferred
	}
	return Covered
}

// Report is what all scripts say together.
type Report struct {
	// Readings are in the order of an installation: preinst of all packages in dependency order,
	// config and postinst of each, and those that dpkg triggers run again.
	Readings []Reading
	Fired    []Fired // by package, in dependency order
}

// Read reads the scripts of ps, which are in dependency order, as a fresh installation in w would run them.
//
// What scripts do to one path is one duty, of the last script that touched it. A diversion that a later script removes is
// no duty.
func Read(ps []*pkg.Unpacked, w World) *Report {
	s := newState(ps, w)
	if len(ps) > 0 && ps[0].Package.Format == "apk" {
		s.readAPK()
	}
	for i := range ps {
		s.phase(i, "preinst", nil)
	}
	rep := &Report{}
	for i := range ps {
		s.phase(i, "config", nil)
		s.phase(i, "postinst", nil)
		s.config[i] = true
	}
	rep.Fired = s.fire()
	s.fold()
	for _, r := range s.readings {
		rep.Readings = append(rep.Readings, *r)
	}
	return rep
}

// Diversions returns what scripts divert, which has to be known before payloads are merged (w has no FS). Only scripts that name
// the program are read, each for itself: on a server it is one in fifty.
func Diversions(ps []*pkg.Unpacked, w World) []Duty {
	named := false
	stripped := make([]*pkg.Unpacked, len(ps))
	for i, p := range ps {
		q := *p
		q.Scripts = nil
		for _, sc := range p.Scripts {
			if bytes.Contains(sc.Body, []byte("dpkg-divert")) {
				q.Scripts, named = append(q.Scripts, sc), true
			}
		}
		stripped[i] = &q
	}
	var all []Duty
	if !named {
		return nil
	}
	for _, r := range Read(stripped, w).Readings {
		for _, d := range r.Duties {
			if d.Kind == Diversion {
				all = append(all, d)
			}
		}
	}
	return all
}

// phase reads the script of a phase of package i.
func (s *state) phase(i int, phase pkg.Phase, triggered []string) {
	for _, sc := range s.packages[i].Scripts {
		if sc.Phase != phase {
			continue
		}
		args := arguments(phase)
		if isAPK(phase) {
			args = []string{s.packages[i].Package.Version}
		}
		if triggered != nil {
			args = []string{"triggered", strings.Join(triggered, " ")}
		}
		w := newWalker(s, i, sc, args)
		w.reading.Triggered = triggered
		s.readings = append(s.readings, w.reading)
		w.read()
	}
}

// arguments returns the arguments with which a fresh installation runs scripts of a phase (deb-postinst(5)).
func arguments(p pkg.Phase) []string {
	if p == "preinst" {
		return []string{"install"}
	}
	return []string{"configure", ""}
}

// maxScript bounds a script, and with it how deep its grammar can nest. Debian's longest has 216 KiB: one of up to maxLong
// is read if it has few of what can nest.
const (
	maxScript = 96 << 10
	maxLong   = 256 << 10
	maxNests  = 40000
)

// tooLong reports whether a script is one that may take too long, or too much of the stack.
func tooLong(body []byte) bool {
	if len(body) <= maxScript {
		return false
	}
	n := 0
	for _, s := range []string{"(", "{", "`", "!", "if", "do", "case", "&&", "||"} {
		n += bytes.Count(body, []byte(s))
	}
	return len(body) > maxLong || n > maxNests
}

// read walks one script.
func (w *walker) read() {
	sc := w.reading.Script
	f := strings.Fields(sc.Interpreter)
	switch {
	case tooLong(sc.Body):
		w.leftover(1, "longer than 96 KiB")
		w.unread()
		return
	case len(f) == 0:
		w.leftover(1, "no interpreter")
		return
	}
	if r := w.accountedFor(w.reading.Package.Name, sc); r != nil {
		w.reading.Recipe = r.Why
		if r.Trigger != "" {
			w.reading.serve(1, r.Trigger)
		}
	}
	bash, ok := shell(f[0])
	if ok {
		for _, a := range f[1:] {
			w.errexit = w.errexit || strings.HasPrefix(a, "-") && strings.Contains(a, "e")
		}
		w.script(sc.Body, bash)
		w.markSeen()
	} else {
		w.leftover(1, "interpreter "+f[0])
		w.unread()
	}
	if w.reading.Recipe != "" {
		for _, n := range w.reading.Pending {
			w.noop(n.Line, w.reading.Recipe)
		}
		w.reading.Pending = nil
		w.undone(0)
	}
}

// shell reports whether an interpreter is a shell that we read, and whether it is bash.
func shell(interpreter string) (bash, ok bool) {
	switch interpreter {
	case "/bin/sh", "/bin/dash", "/usr/bin/sh", "/usr/bin/dash", "/bin/ash", "/bin/busybox":
		return false, true
	case "/bin/bash", "/usr/bin/bash":
		return true, true
	}
	return false, false
}
