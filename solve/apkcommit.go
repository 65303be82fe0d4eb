package solve

import (
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// commit lists the chosen packages in the order in which apk installs them: the world's entries by name, each
// after its dependencies, and right after a package what its presence triggers.
func (s *apkSolver) commit() {
	for i := range s.world {
		s.commitNeed(nil, &s.world[i])
	}
}

// commitNeed commits what stands for a relation of owner (nil: of the world).
func (s *apkSolver) commitNeed(owner *apkPackage, d *apkNeed) {
	n := d.name
	if !s.meets(owner, d, n.chosen) {
		if s.fail(owner); owner == nil {
			s.failed = true
		}
	}
	why := Reason{Clause: pkg.Clause{Text: s.texts[n]}}
	if owner != nil {
		why = Reason{Parent: owner.p, Clause: *d.clause}
	}
	s.commitName(n, why)
	if k := n.chosen.p; k != nil && k.failed {
		s.fail(owner)
	}
}

func (s *apkSolver) commitName(n *apkName, why Reason) {
	if n.committed {
		return
	}
	n.committed = true
	k := n.chosen.p
	if k == nil || k.committed {
		return
	}
	k.committed = true
	k.because = why
	k.name.committed = true
	for i := range k.offers {
		k.offers[i].name.committed = true
	}
	for i := range k.needs {
		s.commitNeed(k, &k.needs[i])
	}
	s.record(k, why)
	s.commitTriggered(k, k.name)
	for i := range k.offers {
		s.commitTriggered(k, k.offers[i].name)
	}
}

// record adds k to the picks.
func (s *apkSolver) record(k *apkPackage, why Reason) {
	k.committed = true
	pick := Pick{Package: k.p, Because: why}
	for i := range s.world {
		d := &s.world[i]
		if !d.neg && s.texts[d.name] != "" && (d.name.chosen.p == k || k.name == d.name) {
			pick.Requested = true
		}
	}
	s.picks = append(s.picks, pick)
	s.done = append(s.done, k)
}

// commitTriggered commits the packages that n, which by offers, was the last to trigger.
func (s *apkSolver) commitTriggered(by *apkPackage, n *apkName) {
	for _, t := range s.triggersOf(n) {
		if k := t.chosen.p; k != nil && t.seen && !t.committed && s.allCommitted(k) {
			s.commitName(t, Reason{Parent: by.p, Clause: pkg.Clause{Text: k.installIf()}})
		}
	}
}

// allCommitted reports whether all that k's install_if mentions is committed. Of what must not be there the old rules
// want that too.
func (s *apkSolver) allCommitted(k *apkPackage) bool {
	for i := range k.iif {
		d := &k.iif[i]
		if !d.name.committed && (s.old || !d.neg) || !s.meets(k, d, d.name.chosen) {
			return false
		}
	}
	return true
}

// installIf writes the field as the index does.
func (k *apkPackage) installIf() string {
	words := make([]string, len(k.iif))
	for i := range k.iif {
		words[i] = k.iif[i].String()
	}
	return "install_if " + strings.Join(words, " ")
}
