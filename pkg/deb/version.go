package deb

import "strings"

// Compare is the order of deb-version(7): [EPOCH:]UPSTREAM[-REVISION], where a missing epoch
// or revision is 0. It is a total order on all strings, also on those that are no versions;
// different spellings of one version ("1", "0:1", "1-0", "01") compare as equal. It does not allocate.
func Compare(a, b string) int {
	ae, au, ar := splitVersion(a)
	be, bu, br := splitVersion(b)
	if c := compareRuns(ae, be); c != 0 {
		return c
	}
	if c := compareRuns(au, bu); c != 0 {
		return c
	}
	return compareRuns(ar, br)
}

// splitVersion cuts v at its first colon and at its last hyphen.
func splitVersion(v string) (epoch, upstream, revision string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		epoch, v = e, rest
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v, revision = v[:i], v[i+1:]
	}
	return epoch, v, revision
}

// compareRuns compares a and b as alternating runs of other characters and of
// digits: the former by rank, the latter as numbers of any length.
func compareRuns(a, b string) int {
	for i, j := 0, 0; i < len(a) || j < len(b); {
		for {
			ra, rb := rank(a, i), rank(b, j)
			if ra != rb {
				return sign(ra - rb)
			}
			if ra == 0 {
				break
			}
			i++
			j++
		}
		ie, je := digits(a, i), digits(b, j)
		na, nb := strings.TrimLeft(a[i:ie], "0"), strings.TrimLeft(b[j:je], "0")
		if len(na) != len(nb) {
			return sign(len(na) - len(nb))
		}
		if c := strings.Compare(na, nb); c != 0 {
			return c
		}
		i, j = ie, je
	}
	return 0
}

// rank orders the characters of a non-digit run: "~", the end of the run, letters, all else.
func rank(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case '0' <= c && c <= '9':
		return 0
	case c == '~':
		return -1
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return int(c)
	default:
		return int(c) + 256
	}
}

// digits returns the end of the run of digits that starts at s[i].
func digits(s string, i int) int {
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
