// Package hooks reads maintainer scripts as text and says what they would have done
// on a fresh install: duties, no-ops with reasons, deferred items, and leftovers. Nothing is ever run.
package hooks

import (
	"github.com/detinstall/detinstall/pkg"
)

// Kind is a kind of duty.
type Kind string

// The kinds of duties, sorted.
const (
	Alternative Kind = "alternative" // Args: link, name, path, priority; Slaves
	Diversion   Kind = "diversion"   // Args: path, to, package
)

// Duty is something that a script wants and a trigger does.
type Duty struct {
	Kind    Kind
	Package string
	Phase   pkg.Phase
	Line    int // in the script, from 1
	Args    []string
	Slaves  [][]string // alternatives: link, name, path each
}

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

// Read reads the scripts of ps, which are in dependency order.
func Read(ps []*pkg.Unpacked) []Reading { panic("not yet written") }
