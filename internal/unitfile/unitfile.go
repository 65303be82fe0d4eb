// Package unitfile reads the [Install] sections of systemd's unit files, and preset files: systemd.unit(5),
// systemd.syntax(7), systemd.preset(5).
package unitfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Limits of one file. Debian's largest unit has 5 KB.
const (
	MaxSize  = 1 << 20
	maxWords = 10000
)

// Install is what [Install] sections say, drop-ins included.
type Install struct {
	Alias, WantedBy, RequiredBy, UpheldBy, Also []string
	DefaultInstance                             string
}

// Read adds the [Install] sections of one file, as systemd reads it: lists grow, an empty value empties
// them, lines that end in a backslash go on, and what is not understood is skipped. Errors: a file or list over the limits.
func (in *Install) Read(b []byte) error {
	lines, err := logical(b)
	if err != nil {
		return err
	}
	section := ""
	for _, l := range lines {
		if strings.HasPrefix(l, "[") && strings.HasSuffix(l, "]") {
			section = l[1 : len(l)-1]
			continue
		}
		key, value, ok := strings.Cut(l, "=")
		if section != "Install" || !ok {
			continue
		}
		if err := in.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return err
		}
	}
	return nil
}

func (in *Install) set(key, value string) error {
	var list *[]string
	switch key {
	case "Alias":
		list = &in.Alias
	case "WantedBy":
		list = &in.WantedBy
	case "RequiredBy":
		list = &in.RequiredBy
	case "UpheldBy":
		list = &in.UpheldBy
	case "Also":
		list = &in.Also
	case "DefaultInstance":
		in.DefaultInstance = value
		return nil
	default:
		return nil
	}
	if value == "" {
		*list = nil
		return nil
	}
	for _, w := range Words(value) {
		if !slices.Contains(*list, w) {
			*list = append(*list, w)
		}
	}
	if len(*list) > maxWords {
		return fmt.Errorf("%s= has more than %d names", key, maxWords)
	}
	return nil
}

// logical returns the lines of b without white space around them, continued ones joined by a space, comments and empty ones left out.
func logical(b []byte) ([]string, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("longer than %d bytes", MaxSize)
	}
	var out []string
	var open strings.Builder
	for l := range bytes.Lines(b) {
		s := strings.TrimSpace(string(l))
		if strings.HasPrefix(s, "#") || strings.HasPrefix(s, ";") {
			continue // also between a line and its continuation
		}
		if rest, ok := strings.CutSuffix(s, `\`); ok {
			open.WriteString(rest + " ")
			continue
		}
		if s = strings.TrimSpace(open.String() + s); s != "" {
			out = append(out, s)
		}
		open.Reset()
	}
	if s := strings.TrimSpace(open.String()); s != "" {
		out = append(out, s)
	}
	return out, nil
}

// Words splits a value at white space. Quotes group, a backslash takes the next byte as it is.
func Words(s string) []string {
	var out []string
	var w []byte
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && quote != '\'':
			w = append(w, c, s[i+1]) // names keep their escapes
			in = true
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if in {
				out = append(out, string(w))
			}
			w, in = nil, false
		default:
			w, in = append(w, c), true
		}
	}
	if in {
		out = append(out, string(w))
	}
	return out
}

// Rule is a line of a preset file.
type Rule struct {
	Verb      string // "enable", "disable", "ignore"
	Pattern   string // shell pattern of unit names
	Instances []string
}

// Presets reads a preset file. Lines that are not understood are skipped, as systemd does.
func Presets(b []byte) ([]Rule, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("longer than %d bytes", MaxSize)
	}
	var out []Rule
	for l := range bytes.Lines(b) {
		f := strings.Fields(string(l))
		if len(f) < 2 || strings.HasPrefix(f[0], "#") || strings.HasPrefix(f[0], ";") {
			continue
		}
		if f[0] == "enable" || f[0] == "disable" || f[0] == "ignore" {
			out = append(out, Rule{f[0], f[1], f[2:]})
		}
	}
	return out, nil
}

// Match reports whether the shell pattern p matches name: *, ?, and [...] with ranges and ! or ^; a
// bracket that does not end is itself.
func Match(p, name string) bool {
	star, at := "", "" // what follows the last *, and where its text may end next
	starred := false
	for p != "" || name != "" {
		if p != "" && p[0] == '*' {
			star, at, starred = p[1:], name, true
			p = star
			continue
		}
		if rest, ok := one(p, name); ok {
			p, name = rest, name[1:]
			continue
		}
		if !starred || at == "" {
			return false
		}
		at = at[1:]
		p, name = star, at
	}
	return true
}

// one takes one byte of name, which is not a *'s.
func one(p, name string) (rest string, ok bool) {
	if p == "" || name == "" {
		return "", false
	}
	if p[0] == '[' {
		if ok, rest, closed := bracket(p[1:], name[0]); closed {
			return rest, ok
		}
	}
	return p[1:], p[0] == '?' || p[0] == name[0]
}

// bracket reads what follows a [ up to its ].
func bracket(p string, c byte) (ok bool, rest string, closed bool) {
	not := strings.HasPrefix(p, "!") || strings.HasPrefix(p, "^")
	i := 0
	if not {
		i = 1
	}
	for first := true; i < len(p); first = false {
		if p[i] == ']' && !first {
			return ok != not, p[i+1:], true
		}
		lo, hi := p[i], p[i]
		i++
		if i+1 < len(p) && p[i] == '-' && p[i+1] != ']' {
			hi = p[i+1]
			i += 2
		}
		ok = ok || lo <= c && c <= hi
	}
	return false, "", false
}
