package configured

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// Patterns are paths that are not counted; `**` is any number of components.
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

// Match reports whether a pattern matches the path p.
func (ps Patterns) Match(p string) bool {
	return slices.ContainsFunc(ps, func(pat string) bool { return match(strings.Split(pat, "/"), strings.Split(p, "/")) })
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
