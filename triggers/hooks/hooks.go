// Package hooks reads maintainer scripts as text and says what they would have done
// on a fresh install: duties, no-ops with reasons, deferred items, and leftovers. Nothing is ever run.
//
// A script is parsed and walked with what is known of a fresh installation: its arguments, and that nothing was there
// before. Values are known or unknown; a condition that is unknown makes both of its arms uncertain, and what is
// uncertain is a leftover unless it does nothing either way. The reader so far knows shell, update-alternatives and
// dpkg-divert; each further command is an entry of the table in commands.go. What a script loads with "." is a leftover, and is
// taken not to change the script's functions.
package hooks

import (
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// Note is a line that needs no duty or that could not be read, with the reason.
type Note struct {
	Line   int
	Text   string
	Reason string
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
	Package  *pkg.Package
	Script   pkg.Script
	Duties   []Duty
	Noops    []Note
	Deferred []Note
	Pending  []Note // leftovers
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

// Read reads the scripts of ps, which are in dependency order: those that a fresh
// installation runs, in the order in which each package gives them. A diversion that a later script removes is no duty.
func Read(ps []*pkg.Unpacked) []Reading {
	var rs []Reading
	for _, p := range ps {
		for _, s := range p.Scripts {
			args, ok := arguments(s.Phase)
			if !ok {
				continue
			}
			w := read(p.Package, s, args)
			rs = append(rs, w.reading)
			for _, d := range w.removed {
				undivert(rs, d)
			}
		}
	}
	return rs
}

// undivert takes back the duty that is like d.
func undivert(rs []Reading, d Duty) {
	for i := range rs {
		for j, old := range rs[i].Duties {
			if old.Kind == Diversion && old.Args[0] == d.Args[0] {
				ds := rs[i].Duties
				rs[i].Duties = append(ds[:j:j], ds[j+1:]...)
				rs[i].Noops = append(rs[i].Noops, Note{old.Line, "dpkg-divert --add " + old.Args[0], "a later script removes it"})
				return
			}
		}
	}
}

// arguments returns the arguments with which a fresh installation runs scripts of
// a phase, and false for phases that it does not run (deb-postinst(5)).
func arguments(p pkg.Phase) ([]string, bool) {
	switch p {
	case "preinst":
		return []string{"install"}, true
	case "config", "postinst":
		return []string{"configure", ""}, true
	case "prerm", "postrm":
		return nil, false
	}
	return nil, true
}

// maxScript bounds a script, and with it how deep its grammar can nest. Debian's longest has 70 KB.
const maxScript = 128 << 10

// read walks one script.
func read(p *pkg.Package, s pkg.Script, args []string) *walker {
	w := newWalker(p, s, args)
	bash := false
	switch f := strings.Fields(s.Interpreter); {
	case len(s.Body) > maxScript:
		w.leftover(1, firstLine(s.Body), "longer than 128 KiB")
		return w
	case len(f) == 0:
		w.leftover(1, firstLine(s.Body), "no interpreter")
		return w
	default:
		switch f[0] {
		case "/bin/sh", "/bin/dash", "/usr/bin/sh", "/usr/bin/dash":
		case "/bin/bash", "/usr/bin/bash":
			bash = true
		default:
			w.leftover(1, firstLine(s.Body), "interpreter "+f[0])
			return w
		}
	}
	w.script(bash)
	if why := accountedFor(p.Name, s); why != "" {
		for _, n := range w.reading.Pending {
			w.noop(n.Line, why)
		}
		w.reading.Pending = nil
	}
	return w
}

func firstLine(b []byte) string {
	l, _, _ := strings.Cut(string(b[:min(len(b), maxText)]), "\n")
	return l
}
