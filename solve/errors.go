package solve

import "strings"

// Error says what is unknown and what is called similarly.
func (e *UnknownError) Error() string {
	s := "no package is called or provides " + e.Name
	if len(e.Near) > 0 {
		s += "; similar names: " + strings.Join(e.Near, ", ")
	}
	return s
}

// Error returns the contradiction on one line, then both chains, one step per line:
//
//	no solution: a conflicts with c, which is needed
//	  1. a was requested
//	     a conflicts with c
//	  2. b was requested
//	     b Depends c (>= 2)
func (e *UnsatError) Error() string {
	var b strings.Builder
	b.WriteString("no solution: " + e.Meet)
	for i, chain := range e.Chains {
		for j, step := range chain {
			lead := "\n     "
			if j == 0 {
				lead = "\n  " + string(rune('1'+i)) + ". "
			}
			b.WriteString(lead + step)
		}
	}
	return b.String()
}
