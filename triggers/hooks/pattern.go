package hooks

import (
	"regexp"
	"strings"
)

// hasWildcards reports whether a pattern has an active wildcard.
func hasWildcards(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*', '?':
			return true
		case '[':
			if strings.Contains(p[i:], "]") {
				return true
			}
		}
	}
	return false
}

func escapePattern(s string) string {
	if !strings.ContainsAny(s, `*?[]\`) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`*?[]\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unescapePattern(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Bounds on patterns: matching takes time in the product of both lengths.
const (
	maxMatch  = 1 << 20
	maxRegexp = 1 << 10
)

// matchPattern matches the whole of text with a pattern of the shell (glob(7)), in linear time; ok is false
// for patterns that we do not read.
func matchPattern(pattern, text string) (matches, ok bool) {
	if !hasWildcards(pattern) {
		return unescapePattern(pattern) == text, true
	}
	if len(pattern)*len(text) > maxMatch {
		return false, false
	}
	re := patternRegexp(pattern)
	if re == nil {
		return false, false
	}
	return re.MatchString(text), true
}

// patternRegexp returns the regular expression of a pattern, or nil.
func patternRegexp(p string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			end := bracketEnd(p, i)
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			set := p[i+1 : end]
			if strings.HasPrefix(set, "!") {
				set = "^" + set[1:]
			}
			b.WriteString("[" + strings.ReplaceAll(set, `\`, `\\`) + "]")
			i = end
		case '\\':
			if i+1 < len(p) {
				i++
			}
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	if err != nil {
		return nil
	}
	return re
}

// bracketEnd returns the index of the "]" that ends the bracket expression at p[i], or -1.
func bracketEnd(p string, i int) int {
	j := i + 1
	if j < len(p) && (p[j] == '!' || p[j] == '^') {
		j++
	}
	if j < len(p) && p[j] == ']' {
		j++
	}
	for ; j < len(p); j++ {
		if strings.HasPrefix(p[j:], "[:") {
			if k := strings.Index(p[j:], ":]"); k > 0 {
				j += k + 1
				continue
			}
		}
		if p[j] == ']' {
			return j
		}
	}
	return -1
}

// posixRegexp compiles a regular expression of POSIX, basic or extended, or returns nil: for back
// references and what else Go has not. The longest match counts.
func posixRegexp(p string, extended, fold bool) *regexp.Regexp {
	if len(p) > maxRegexp {
		return nil
	}
	var b strings.Builder
	if fold {
		b.WriteString("(?i)")
	}
	b.WriteString("(?m)")
	start := true // of an expression, where * and ^ mean something else
	for i := 0; i < len(p); i++ {
		c := p[i]
		begins := start
		start = false
		switch {
		case c == '[':
			end := bracketEnd(p, i)
			if end < 0 {
				return nil
			}
			set := strings.ReplaceAll(p[i:end+1], `\`, `\\`)
			if strings.HasPrefix(set, "[]") || strings.HasPrefix(set, "[^]") {
				set = strings.Replace(set, "]", `\]`, 1)
			}
			set = set[:1] + strings.ReplaceAll(strings.ReplaceAll(set[1:], "[", `\[`), `\[:`, "[:")
			b.WriteString(set)
			i = end
		case c == '\\' && i+1 < len(p):
			i++
			text, ok := escaped(p[i], extended)
			if !ok {
				return nil
			}
			start = text == "(" || text == "|"
			b.WriteString(text)
		case strings.IndexByte("+?(){}|", c) >= 0 && !extended || c == '*' && begins && !extended:
			b.WriteString(`\` + string(c))
		case c == '^' && !begins && !extended, c == '$' && !extended && i+1 < len(p) && !strings.HasPrefix(p[i+1:], `\)`) && !strings.HasPrefix(p[i+1:], `\|`):
			b.WriteString(`\` + string(c))
		case c >= 0x80:
			b.WriteByte(c)
		default:
			start = extended && (c == '(' || c == '|') || c == '^'
			b.WriteByte(c)
		}
	}
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil
	}
	re.Longest()
	return re
}

// escaped is \c in a regular expression.
func escaped(c byte, extended bool) (string, bool) {
	switch {
	case c >= '0' && c <= '9':
		return "", false
	case strings.IndexByte("+?(){}|", c) >= 0 && !extended:
		return string(c), true
	case strings.IndexByte("wWsSbB", c) >= 0:
		return `\` + string(c), true
	case c == 'n':
		return `\n`, true
	case c == 't':
		return `\t`, true
	case c == '<' || c == '>':
		return `\b`, true
	case c == '\'' || c == '`' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return "", false
	}
	return regexp.QuoteMeta(string(c)), true
}
