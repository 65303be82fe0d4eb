package unitfile

import (
	"fmt"
	"regexp"
	"strings"
)

// Line is a setting as deb-systemd-helper(1) finds it: in any section, whatever the case of the key, no line continued.
type Line struct {
	Key   string // "WantedBy", "RequiredBy", "Also", "Alias", "DefaultInstance"
	Value string // of DefaultInstance
	Words []Word
}

// Word is one name of a list.
type Word struct {
	Name string
	// Seen is what the helper takes for the list's key (WantedBy, RequiredBy) or for the link's name (Alias), which is
	// the quotation mark where the name is quoted and, of an Alias, the whole list otherwise.
	Seen string
}

var settings = regexp.MustCompile(`(?i)^\s*(WantedBy|RequiredBy|Also|Alias|DefaultInstance)=(.+)$`)

// Helper returns the settings of one file in deb-systemd-helper's own reading of it. Errors: a file over the limit.
func Helper(b []byte) ([]Line, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("longer than %d bytes", MaxSize)
	}
	var out []Line
	for _, l := range strings.Split(string(b), "\n") {
		m := settings.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		line := Line{Key: canonical(m[1])}
		if line.Key == "DefaultInstance" {
			line.Value = unquote(strings.TrimLeft(m[2], " \t\r\f\v"))
			out = append(out, line)
			continue
		}
		seen := m[1]
		if line.Key == "Alias" {
			seen = m[2]
		}
		for i, v := range words(m[2]) {
			w := Word{Name: v, Seen: seen}
			if q := unquote(v); q != v {
				w = Word{Name: q, Seen: v[:1]}
			}
			if v != "" || i == 0 { // leading white space makes an empty first name
				line.Words = append(line.Words, w)
			}
		}
		out = append(out, line)
	}
	return out, nil
}

// words splits as Perl's split at white space does: white space in front makes an empty name.
func words(s string) []string {
	out := strings.Fields(s)
	if strings.TrimLeft(s, " \t\r\f\v") != s && len(out) > 0 {
		out = append([]string{""}, out...)
	}
	return out
}

func canonical(key string) string {
	for _, k := range []string{"WantedBy", "RequiredBy", "Also", "Alias"} {
		if strings.EqualFold(k, key) {
			return k
		}
	}
	return "DefaultInstance"
}

func unquote(s string) string {
	t := strings.TrimRight(s, " \t\r\f\v")
	if len(t) > 2 && (t[0] == '"' || t[0] == '\'') && t[len(t)-1] == t[0] {
		return t[1 : len(t)-1]
	}
	return s
}
