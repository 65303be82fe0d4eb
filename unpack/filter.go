package unpack

import (
	"io/fs"
	"strings"
)

// filter decides which paths are left out, as dpkg's --path-exclude and --path-include do
// (dpkg(1)): the last pattern that matches wins, and all excludes come before all includes. A pattern is that of
// glob(7), matched against the path with a leading slash; "*" matches slashes too.
type filter struct{ exclude, include []string }

// skip reports whether the entry at path, in its shipped spelling, is left out.
func (f *filter) skip(path string, mode fs.FileMode) bool {
	if path == "." || len(f.exclude) == 0 {
		return false
	}
	name := "/" + path
	if !matchAny(f.exclude, name) || matchAny(f.include, name) {
		return false
	}
	if !mode.IsDir() && mode&fs.ModeSymlink == 0 {
		return true
	}
	// A directory, or a link that may be one, stays where an include may match below. dpkg compares with the
	// include's literal beginning; it forgets what is above that, and then fails to unpack.
	for _, p := range f.include {
		begin := p
		if i := strings.IndexAny(p, `*?[\`); i >= 0 {
			begin = p[:i]
		}
		begin = strings.TrimRight(begin, "/")
		if strings.HasPrefix(name, begin) || strings.HasPrefix(begin, name+"/") {
			return false
		}
	}
	return true
}

func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if match(p, name) {
			return true
		}
	}
	return false
}

// match is fnmatch(3) without flags, on bytes: "*" any bytes, "?" one, "[a-z]" and "[!a-z]" one of a set, a
// backslash takes the next byte literally. An unclosed bracket stands for itself.
func match(pattern, name string) bool {
	// star is where to go on after the last "*", with one byte more of name taken by it.
	starPattern, starName := "", ""
	star := false
	for {
		n, ok := 0, false
		switch {
		case pattern == "" && name == "":
			return true
		case pattern != "" && pattern[0] == '*':
			star, starPattern, starName = true, pattern[1:], name
			pattern = pattern[1:]
			continue
		case pattern != "" && name != "":
			n, ok = matchByte(pattern, name[0])
		}
		if ok {
			pattern, name = pattern[n:], name[1:]
			continue
		}
		if !star || starName == "" {
			return false
		}
		starName = starName[1:]
		pattern, name = starPattern, starName
	}
}

// matchByte matches c with the first element of pattern, which is n bytes long and no star.
func matchByte(pattern string, c byte) (n int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	case '[':
		if n, ok, closed := matchSet(pattern, c); closed {
			return n, ok
		}
	}
	return 1, pattern[0] == c
}

// matchSet matches c with the bracket expression at the start of pattern.
func matchSet(pattern string, c byte) (n int, ok, closed bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, ok != negated, true
		}
		lo, width := setByte(pattern[i:])
		i += width
		hi := lo
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			hi, width = setByte(pattern[i+1:])
			i += 1 + width
		}
		ok = ok || lo <= c && c <= hi
	}
	return 0, false, false
}

func setByte(s string) (byte, int) {
	if s[0] == '\\' && len(s) > 1 {
		return s[1], 2
	}
	return s[0], 1
}
