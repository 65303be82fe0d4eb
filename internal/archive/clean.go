package archive

import (
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Clean turns the name of an entry into a tree path: one leading "./" or "/" and one trailing
// slash are taken off, empty and "." components inside are dropped. "./", "." and "/" are the root, ".".
// Refused are ".." anywhere, NUL, a name that is still absolute, that is empty, longer than
// 4096 bytes, or with a component of more than 255 bytes. Names are bytes: no encoding is asked for.
func Clean(name string) (string, error) {
	if len(name) > 4096+2 {
		return "", refuse(name, "path is longer than 4096 bytes")
	}
	p, dot := strings.CutPrefix(name, "./")
	if !dot {
		p = strings.TrimPrefix(name, "/")
	}
	switch {
	case name == "":
		return "", refuse(name, "empty path")
	case p == "" || p == ".":
		return ".", nil
	case strings.HasPrefix(p, "/"):
		return "", refuse(name, "path is absolute")
	}
	p = strings.TrimSuffix(p, "/")
	if hasParent(p) {
		return "", refuse(name, "path leaves the root")
	}
	if strings.Contains(p, "//") || strings.HasPrefix(p, "./") || strings.Contains(p, "/./") || strings.HasSuffix(p, "/.") {
		p = squeeze(p)
	}
	if err := tree.CheckPath(p); err != nil {
		return "", err
	}
	return p, nil
}

// hasParent reports whether p has a component "..".
func hasParent(p string) bool {
	for i := strings.Index(p, ".."); i >= 0; {
		if (i == 0 || p[i-1] == '/') && (i+2 == len(p) || p[i+2] == '/') {
			return true
		}
		next := strings.Index(p[i+1:], "..")
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// squeeze drops empty and "." components.
func squeeze(p string) string {
	var keep []string
	for c := range strings.SplitSeq(p, "/") {
		if c != "" && c != "." {
			keep = append(keep, c)
		}
	}
	if keep == nil {
		return "."
	}
	return strings.Join(keep, "/")
}
