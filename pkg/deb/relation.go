package deb

import (
	"fmt"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// ParseRelations reads a field such as Depends (deb-control(5)): comma-separated
// groups of alternatives, each NAME[:ARCH] [(OP VERSION)]. With neg every literal is negated,
// as for Conflicts, which has no alternatives. Text keeps a group's own words, blanks folded.
//
// The old operators "<" and ">" mean "<=" and ">=". A group that cannot be read yields a clause
// without literals, which nothing satisfies, and the error names the first such group.
func ParseRelations(value string, neg bool) ([]pkg.Clause, error) {
	if strings.TrimSpace(value) == "" {
		return nil, nil
	}
	var first error
	clauses := make([]pkg.Clause, 0, 1+strings.Count(value, ","))
	for group := range strings.SplitSeq(value, ",") {
		text := foldBlanks(group)
		if text == "" {
			continue // dpkg too accepts a trailing comma
		}
		any, err := parseGroup(text, neg)
		if err != nil && first == nil {
			first = fmt.Errorf("relation %q: %w", text, err)
		}
		clauses = append(clauses, pkg.Clause{Any: any, Text: text})
	}
	return clauses, first
}

func parseGroup(text string, neg bool) ([]pkg.Literal, error) {
	if neg && strings.IndexByte(text, '|') >= 0 {
		return nil, fmt.Errorf("alternatives are not allowed here")
	}
	any := make([]pkg.Literal, 0, 1+strings.Count(text, "|"))
	for alt := range strings.SplitSeq(text, "|") {
		l, err := ParseLiteral(alt)
		if err != nil {
			return nil, err
		}
		l.Neg = neg
		any = append(any, l)
	}
	return any, nil
}

// ParseLiteral reads one NAME[:ARCH] [(OP VERSION)].
func ParseLiteral(text string) (pkg.Literal, error) {
	var l pkg.Literal
	name, rest := cutWord(strings.Trim(text, " \t\n"))
	name, arch, qualified := strings.Cut(name, ":")
	if err := checkName("package name", name, "+-._"); err != nil {
		return l, err
	}
	if qualified {
		if err := checkName("architecture", arch, "-"); err != nil {
			return l, err
		}
	}
	l.Name, l.Arch = name, arch
	if rest == "" {
		return l, nil
	}
	if rest[0] != '(' || rest[len(rest)-1] != ')' {
		return l, fmt.Errorf("want (OPERATOR VERSION) after the name")
	}
	rest = strings.Trim(rest[1:len(rest)-1], " \t\n")
	n := 0
	for n < len(rest) && strings.IndexByte("<=>", rest[n]) >= 0 {
		n++
	}
	op, ok := operators[rest[:n]]
	if !ok {
		return l, fmt.Errorf("unknown operator %q", rest[:n])
	}
	version := strings.Trim(rest[n:], " \t\n")
	if err := checkVersion(version); err != nil {
		return l, err
	}
	l.Op, l.Version = op, version
	return l, nil
}

// operators are those of deb-control(5), the two outdated ones, and none, which dpkg takes for "=".
var operators = map[string]pkg.Op{
	"": pkg.Equal, "=": pkg.Equal,
	"<<": pkg.Less, "<=": pkg.AtMost, ">=": pkg.AtLeast, ">>": pkg.More,
	"<": pkg.AtMost, ">": pkg.AtLeast,
}

// cutWord cuts s at the end of its first word; the rest has no blanks around it.
func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t\n(")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t\n")
}

// foldBlanks replaces runs of blanks and newlines by one blank and removes them at both ends.
func foldBlanks(s string) string {
	s = strings.Trim(s, " \t\n")
	if !strings.ContainsAny(s, "\t\n") && !strings.Contains(s, "  ") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// relations reads c's relation fields in the order in which apt does.
func (c *Control) relations() *pkg.Relations {
	r := &pkg.Relations{}
	pre, _ := ParseRelations(c.Get("Pre-Depends"), false) // an unreadable group is unsatisfiable: see ParseRelations
	dep, _ := ParseRelations(c.Get("Depends"), false)
	r.Depends, r.PreDepends = append(pre, dep...), len(pre)
	con, _ := ParseRelations(c.Get("Conflicts"), true)
	brk, _ := ParseRelations(c.Get("Breaks"), true)
	r.Conflicts = append(con, brk...)
	r.Recommends, _ = ParseRelations(c.Get("Recommends"), false)
	r.Suggests, _ = ParseRelations(c.Get("Suggests"), false)
	rep, _ := ParseRelations(c.Get("Replaces"), false)
	for _, cl := range rep {
		r.Replaces = append(r.Replaces, cl.Any...)
	}
	r.Provides = parseProvides(c.Get("Provides"))
	return r
}

// parseProvides reads a Provides field. As in apt a group with another operator than "="
// provides nothing; a qualified name ("python3:any") is kept as it is.
func parseProvides(value string) []pkg.Provide {
	clauses, _ := ParseRelations(value, false)
	var ps []pkg.Provide
	for _, cl := range clauses {
		for _, l := range cl.Any {
			if l.Op != pkg.Any && l.Op != pkg.Equal {
				continue
			}
			name := l.Name
			if l.Arch != "" {
				name += ":" + l.Arch
			}
			ps = append(ps, pkg.Provide{Name: name, Version: l.Version})
		}
	}
	return ps
}
