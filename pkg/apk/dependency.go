package apk

import (
	"fmt"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// operators are those of apk-world(5). "<>" and "><" name a package by the checksum of its control member.
var operators = map[string]pkg.Op{
	"=": pkg.Equal, "<": pkg.Less, ">": pkg.More, "<=": pkg.AtMost, "=<": pkg.AtMost, ">=": pkg.AtLeast, "=>": pkg.AtLeast,
	"~": pkg.Fuzzy, "=~": pkg.Fuzzy, "~=": pkg.Fuzzy, ">~": pkg.FuzzyAtLeast, "~>": pkg.FuzzyAtLeast,
	"<~": pkg.FuzzyAtMost, "~<": pkg.FuzzyAtMost, ">=~": pkg.FuzzyAtLeast, "<=~": pkg.FuzzyAtMost,
	"><": pkg.Checksum, "<>": pkg.Checksum,
}

// operatorText is how a dependency's operator is written.
var operatorText = map[pkg.Op]string{
	pkg.Equal: "=", pkg.Less: "<", pkg.More: ">", pkg.AtMost: "<=", pkg.AtLeast: ">=",
	pkg.Fuzzy: "~", pkg.FuzzyAtLeast: ">~", pkg.FuzzyAtMost: "<~", pkg.Checksum: "><",
}

// ParseDependency reads one dependency (apk-world(5)):
//
//	[!]NAME[@TAG][OPERATOR VERSION]        !so:libfoo.so.1<2  cmd:x  /bin/sh  py3.11:pip~23  erlang@edge>=26
//
// without blanks. NAME is any run of characters but blanks and "<>=~@!"; what it means (so:, cmd:, pc:, a path) is
// for the packages that provide it to say.
func ParseDependency(s string) (pkg.Literal, error) {
	var l pkg.Literal
	rest, neg := strings.CutPrefix(s, "!")
	l.Neg = neg
	n := strings.IndexAny(rest, "<>=~")
	if n < 0 {
		n = len(rest)
	}
	name, tag, tagged := strings.Cut(rest[:n], "@")
	if l.Name, l.Tag = name, tag; !goodName(name) || tagged && !goodName(tag) {
		return l, fmt.Errorf("dependency %q: malformed name", s)
	}
	if rest = rest[n:]; rest == "" {
		return l, nil
	}
	m := len(rest) - len(strings.TrimLeft(rest, "<>=~"))
	op, ok := operators[rest[:m]]
	if !ok {
		return l, fmt.Errorf("dependency %q: unknown operator %q", s, rest[:m])
	}
	// A tag may also stand behind the version, where apk's "add" puts it.
	l.Op, l.Version = op, rest[m:]
	if op == pkg.Checksum {
		if _, err := parseChecksum(l.Version); err != nil {
			return l, fmt.Errorf("dependency %q: %w", s, err)
		}
		return l, nil
	}
	if !goodVersion(l.Version) {
		return l, fmt.Errorf("dependency %q: malformed version", s)
	}
	return l, nil
}

// FormatDependency is the inverse of [ParseDependency].
func FormatDependency(l pkg.Literal) string {
	s := l.Name
	if l.Tag != "" {
		s += "@" + l.Tag
	}
	if l.Op != pkg.Any {
		s += operatorText[l.Op] + l.Version
	}
	if l.Neg {
		s = "!" + s
	}
	return s
}

// ParseDependencies reads a field of dependencies with blanks between them. Each becomes a clause of one
// literal; one that cannot be read becomes a clause without literals, which nothing satisfies, and the error
// names the first such.
func ParseDependencies(value string) (clauses []pkg.Clause, first error) {
	for word := range strings.FieldsSeq(value) {
		c := pkg.Clause{Text: word}
		l, err := ParseDependency(word)
		if err == nil {
			c.Any = []pkg.Literal{l}
		} else if first == nil {
			first = err
		}
		clauses = append(clauses, c)
	}
	return clauses, first
}

// parseProvides reads NAME[=VERSION] with blanks between them; what is neither is passed over, as apk does.
func parseProvides(value string) (provides []pkg.Provide) {
	for word := range strings.FieldsSeq(value) {
		l, err := ParseDependency(word)
		if err != nil || l.Neg || l.Tag != "" || l.Op != pkg.Any && l.Op != pkg.Equal {
			continue
		}
		provides = append(provides, pkg.Provide{Name: l.Name, Version: l.Version})
	}
	return provides
}

// parseLiterals reads a field of dependencies, of which each that cannot be read is passed over.
func parseLiterals(value string) (literals []pkg.Literal) {
	for word := range strings.FieldsSeq(value) {
		if l, err := ParseDependency(word); err == nil {
			literals = append(literals, l)
		}
	}
	return literals
}

// goodName reports whether s can be a name or a tag.
func goodName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || strings.IndexByte("<>=~@!", c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= 512
}

// goodVersion reports whether s can stand for a version: it need not be one, since provides have versions of
// other ecosystems too.
func goodVersion(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("<>=@!/", c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= 512
}
