package configured

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// Patterns are paths that are not counted; `**` is any number of components. One of the form "PATTERN -> TARGET" is for symbolic links
// with that target only: for those whose names depend on the machine.
type Patterns []string

// Deliberate reads the patterns of the table in file, which is doc/deliberate.md.
func Deliberate(file string) (Patterns, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out Patterns
	for l := range strings.Lines(string(b)) {
		if f := strings.Split(l, "|"); len(f) == 4 && strings.Contains(f[1], "`") {
			out = append(out, strings.Trim(f[1], " `"))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no rows", file)
	}
	return out, nil
}

// Match reports whether a pattern matches the path p, of which line is what is compared.
func (ps Patterns) Match(p, line string) bool {
	return slices.ContainsFunc(ps, func(pat string) bool {
		pat, target, linked := strings.Cut(pat, " -> ")
		if linked && !isLinkTo(line, target) {
			return false
		}
		return match(strings.Split(pat, "/"), strings.Split(p, "/"))
	})
}

// isLinkTo reports whether a line is a symbolic link's with the given target; the inverse of what function line writes of one.
func isLinkTo(line, target string) bool {
	f := strings.SplitN(line, " ", 3)
	return len(f) == 3 && strings.HasPrefix(f[0], "L") && f[2] == target
}

func match(pat, p []string) bool {
	switch {
	case len(pat) == 0:
		return len(p) == 0
	case pat[0] == "**":
		return match(pat[1:], p) || len(p) > 0 && match(pat, p[1:])
	case len(p) == 0:
		return false
	}
	ok, err := path.Match(pat[0], p[0])
	return err == nil && ok && match(pat[1:], p[1:])
}
