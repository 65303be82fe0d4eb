package apk

import (
	"cmp"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// A version is, in this order (apk-package(5), "PACKAGE METADATA"):
//
//	number{.number}[letter]{_suffix[number]}[~hash][-rnumber]      1.2.3a_pre4_git20230717~1234abcd-r5
//
// The kinds of its parts are numbered in the order in which they may follow one another: where two versions
// are equal up to parts of different kinds, the one whose kind comes first is the greater.
const (
	partFirst    = iota // the number at the beginning
	partNumber          // one after a dot
	partLetter          //
	partSuffix          // its name
	partSuffixNo        // its number
	partHash            //
	partRevision        //
	partEnd             //
	partInvalid         // what follows is no part of a version
)

// part is one part of a version; rest is what follows it.
type part struct {
	kind   int
	text   string // digits, the letter, the hash, all that is left
	suffix int    // its place in the order of suffixes: negative before the version without one
	rest   string
}

// suffixes are those before and those after the version without any, in their order.
var suffixes = []string{"alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"}

const noSuffix = 4 // its place in suffixes

// firstPart returns the number that a version begins with.
func firstPart(v string) part {
	return number(partFirst, v)
}

func number(kind int, s string) part {
	n := digitsIn(s)
	if n == 0 {
		return part{kind: partInvalid, text: s}
	}
	return part{kind: kind, text: s[:n], rest: s[n:]}
}

func digitsIn(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// next returns the part after p.
func (p part) next() part {
	if p.rest == "" {
		return part{kind: partEnd}
	}
	c, rest := p.rest[0], p.rest[1:]
	switch {
	case p.kind == partSuffix && '0' <= c && c <= '9':
		return number(partSuffixNo, p.rest)
	case c == '.' && p.kind <= partNumber:
		return number(partNumber, rest)
	case 'a' <= c && c <= 'z' && p.kind <= partNumber:
		return part{kind: partLetter, text: p.rest[:1], rest: rest}
	case c == '_' && p.kind <= partSuffixNo:
		return suffixPart(rest)
	case c == '~' && p.kind < partHash:
		n := 0
		for n < len(rest) && ('0' <= rest[n] && rest[n] <= '9' || 'a' <= rest[n] && rest[n] <= 'f') {
			n++
		}
		if n > 0 {
			return part{kind: partHash, text: rest[:n], rest: rest[n:]}
		}
	case c == '-' && p.kind < partRevision && strings.HasPrefix(rest, "r"):
		return number(partRevision, rest[1:])
	}
	return part{kind: partInvalid, text: p.rest}
}

func suffixPart(s string) part {
	n := 0
	for n < len(s) && 'a' <= s[n] && s[n] <= 'z' {
		n++
	}
	for i, name := range suffixes {
		if name != "" && s[:n] == name {
			return part{kind: partSuffix, suffix: i - noSuffix, rest: s[n:]}
		}
	}
	return part{kind: partInvalid, text: s}
}

// compare compares two parts of one kind.
func (p part) compare(q part) int {
	switch p.kind {
	case partFirst, partSuffixNo, partRevision:
		return compareNumbers(p.text, q.text)
	case partNumber:
		if p.text[0] == '0' || q.text[0] == '0' { // as a fraction: 1.05 is less than 1.1
			return strings.Compare(p.text, q.text)
		}
		return compareNumbers(p.text, q.text)
	case partSuffix:
		return cmp.Compare(p.suffix, q.suffix)
	}
	return strings.Compare(p.text, q.text)
}

// compareNumbers compares decimal numbers of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Valid reports whether v is a version.
func Valid(v string) bool {
	p := firstPart(v)
	for p.kind < partEnd {
		p = p.next()
	}
	return p.kind == partEnd
}

// Compare is Alpine's version order. It is a total order on all strings; different spellings of one version ("1", "01")
// compare as equal. What is no version is compared as far as it is one; the rest, byte by byte, comes
// before the version that ends there.
func Compare(a, b string) int { return compareParts(a, b, false) }

// CompareFuzzy compares as [Compare] does, but takes a for equal to b as soon as b has no more parts: 3.6.9 to 3.6.
func CompareFuzzy(a, b string) int { return compareParts(a, b, true) }

func compareParts(a, b string, fuzzy bool) int {
	p, q := firstPart(a), firstPart(b)
	for p.kind == q.kind {
		if c := p.compare(q); c != 0 || p.kind >= partEnd {
			return c
		}
		p, q = p.next(), q.next()
	}
	switch {
	case fuzzy && q.kind == partEnd:
		return 0
	case p.kind == partSuffix && p.suffix < 0:
		return -1
	case q.kind == partSuffix && q.suffix < 0:
		return 1
	}
	return cmp.Compare(q.kind, p.kind)
}

// Match reports whether a version stands in relation op to want. Of [pkg.Checksum], which is no relation
// of versions, it says no.
func Match(version string, op pkg.Op, want string) bool {
	switch op {
	case pkg.Any:
		return true
	case pkg.Fuzzy:
		return CompareFuzzy(version, want) == 0
	case pkg.FuzzyAtLeast:
		return CompareFuzzy(version, want) >= 0
	case pkg.FuzzyAtMost:
		return CompareFuzzy(version, want) <= 0
	case pkg.Checksum:
		return false
	}
	return op.Holds(Compare(version, want))
}
