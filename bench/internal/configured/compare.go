package configured

import "slices"

// Kind says how a path is not the same.
type Kind string

// The kinds of findings.
const (
	Differs Kind = "differs" // hooks made or changed it, and ours is another, or missing
	Kept    Kind = "kept"    // hooks removed what a package ships, and we have it
	Extra   Kind = "extra"   // neither a package ships it nor a hook made it, and we have it
	Touched Kind = "touched" // hooks left it as shipped, and we did not
)

// Finding is a path that is not the same.
type Finding struct {
	Kind         Kind
	Path         string
	Ours, Oracle string // what is compared; "" where the path is missing
}

// Result is what a comparison came to.
type Result struct {
	Total    int // paths that hooks made, changed or removed, without Skipped
	Same     int // of these the same in ours
	Skipped  int // paths that hooks made or changed and that the patterns match
	Extra    int // findings of the kinds Extra and Touched
	Findings []Finding
}

// Compare holds ours against oracle. Shipped are the lines of what the packages ship, and
// skip the paths that are not counted. Findings are in the order of the oracle's paths, then of ours.
func Compare(shipped map[string]string, ours, oracle *Root, skip Patterns) Result {
	var r Result
	for _, p := range oracle.Paths {
		o, t := ours.Lines[p], oracle.Lines[p]
		switch {
		case shipped[p] == t && o == t:
		case skip.Match(p, t):
			if shipped[p] != t {
				r.Skipped++
			}
		case shipped[p] == t:
			r.add(Finding{Touched, p, o, t})
		case o == t:
			r.Total, r.Same = r.Total+1, r.Same+1
		default:
			r.add(Finding{Differs, p, o, t})
		}
	}
	for _, p := range ours.Paths {
		if oracle.Lines[p] != "" || skip.Match(p, ours.Lines[p]) {
			continue
		}
		if shipped[p] != "" {
			r.add(Finding{Kept, p, ours.Lines[p], ""})
		} else {
			r.add(Finding{Extra, p, ours.Lines[p], ""})
		}
	}
	return r
}

func (r *Result) add(f Finding) {
	if slices.Contains([]Kind{Extra, Touched}, f.Kind) {
		r.Extra++
	} else {
		r.Total++
	}
	r.Findings = append(r.Findings, f)
}
