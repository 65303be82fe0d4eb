// Package solve chooses packages: pure, deterministic, and able to say why. One
// [Policy] per ecosystem reproduces the choices of the ecosystem's own tool on an empty root.
//
//	policy, _ := solve.Policies("apt-classic")
//	sol, err := policy.Solve(universe, solve.Request{
//		Stages:  [][]solve.Want{{{Literal: pkg.Literal{Name: "curl"}, Text: "curl"}}},
//		Arch:    "amd64",
//		Compare: deb.Compare,
//	})
//
// A policy that decides by clauses (apt, and what is to come for apk and rpm) gives them to an engine,
// which knows of no ecosystem; apt-classic is a walk of its own, as in apt. The same request and universe give the
// same solution, whatever the machine.
//
// It reads no index and no package, parses no relation and knows of no package that is installed but for
// those of earlier stages.
package solve

import (
	"fmt"

	"github.com/detinstall/detinstall/pkg"
)

// Request is what somebody wants installed on an empty root.
type Request struct {
	// Stages are transactions: what one picks is fixed before the next begins (mmdebstrap installs
	// its base set first, then what was included).
	// Within a stage the order counts for apt-classic, as it does for apt-get: of random sets of five packages 1 to 2 %
	// get other alternatives when sorted (600 each of bookworm, trixie and sid).
	Stages [][]Want
	// Exclude names packages that must not be picked. A base set's member is left out; what was wanted in
	// the user's words and what something needs is an error.
	Exclude []string
	// Arch is the native architecture in the ecosystem's spelling.
	Arch string
	// Recommends takes weak dependencies too.
	Recommends bool
	// NoDeps picks exactly what is wanted.
	NoDeps bool
	// Compare is the ecosystem's version order.
	Compare func(a, b string) int
	// Match reports whether version stands in relation op to want, for ecosystems that have relations which Compare
	// does not decide (apk's fuzzy ones); else nil.
	Match func(version string, op pkg.Op, want string) bool
}

// Want is one request: any package that satisfies Literal, or that very Package (a file given by hand).
type Want struct {
	Literal pkg.Literal
	Package *pkg.Package
	// Text is the user's own words; empty for members of a base set.
	Text string
}

// Policy is a way of choosing.
type Policy interface {
	// Solve returns the picks, or an *UnsatError or *UnknownError.
	Solve(u pkg.Universe, r Request) (*Solution, error)
}

// Policies returns the policy called name:
//
//   - "apt-classic" picks what apt-get of Debian 12 and 13 picks: requests first, then depth first in the
//     order of the relation fields, the first alternative that can be had.
//   - "apt" picks in the manner of apt's solver 3: what is forced first, then one open alternative after the
//     other, oldest first.
//
// Both consider only the candidate of each name.
//
//   - "apk" picks what apk-tools 3 picks, "apk-classic" what it picked up to 2.14.6, in the order of installation: all
//     versions are considered; what is certain first, then one open name after the other, and no decision is ever taken
//     back. The order in which 2.14.7 to 2.14.10 take names lies between the two, and was held against neither.
func Policies(name string) (Policy, error) {
	switch name {
	case "apt-classic":
		return classic{}, nil
	case "apt":
		return apt{}, nil
	case "apk":
		return apk{}, nil
	case "apk-classic":
		return apk{old: true}, nil
	}
	return nil, fmt.Errorf("unknown policy %q: want apt-classic, apt, apk or apk-classic", name)
}

// Solution is a set of picks that satisfies a request.
type Solution struct{ Picks []Pick } // in the order of decision

// Pick is a chosen package and the first reason for it.
type Pick struct {
	Package   *pkg.Package
	Requested bool // by the user's own words
	// Because is the chain's next link: Parent needs it by Clause. A nil Parent: the request itself, whose
	// words are Clause.Text (empty for a base set's member).
	Because Reason
}

// Reason says why a package was picked.
type Reason struct {
	Parent *pkg.Package
	Clause pkg.Clause
}

// UnknownError says that nothing is called or provides a name.
type UnknownError struct {
	Name string
	Near []string // similar names, best first, at most five
}

// UnsatError says that a request has no solution: two chains of reasons that meet in
// one contradiction.
type UnsatError struct {
	Chains [2][]string // each from the request down, in the repository's own words
	Meet   string      // the contradiction, e.g. "libfoo1 (= 1) and libfoo1 (>= 2) exclude each other"
	Hint   string      // what to do about it, where that is known
}
