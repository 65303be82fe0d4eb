package triggers

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// tmpLine is a line of tmpfiles.d(5).
type tmpLine struct {
	kind        byte
	add, force  bool // the modifiers + and =
	maybe       bool // the modifier ?
	path        string
	mode        fs.FileMode
	hasMode     bool
	masked      bool // ~: the mode is masked by what is there
	user, group string
	// once: what was prefixed by a colon counts only for what the line makes.
	onceMode, onceUser, onceGroup bool
	arg                           string
}

// maxTmpfiles bounds a configuration file. Debian's largest has 3 KB.
const maxTmpfiles = 1 << 20

// readTmpfiles returns the lines of a file that do something to a root which does not run. Left out are lines for the boot
// alone (!), with credentials (^), with specifiers that mean a host, and for paths that do not last.
func readTmpfiles(b []byte) ([]tmpLine, error) {
	if len(b) > maxTmpfiles {
		return nil, fmt.Errorf("longer than %d bytes", maxTmpfiles)
	}
	var out []tmpLine
	n := 0
	for l := range strings.Lines(string(b)) {
		n++
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		t, ok, err := parseTmpLine(l)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, nil
}

func parseTmpLine(l string) (t tmpLine, ok bool, err error) {
	var f [6]string // type, path, mode, user, group, age
	for i := range f {
		if f[i], l, err = tmpField(l); err != nil {
			return t, false, err
		}
		if f[i] == "-" && i > 1 {
			f[i] = ""
		}
	}
	if f[0] == "" || f[1] == "" {
		return t, false, fmt.Errorf("no path")
	}
	t.kind = f[0][0]
	if strings.ContainsAny(f[0][1:], "!^") || strings.IndexByte("dDefvqQLCzZp", t.kind) < 0 {
		return t, false, nil
	}
	t.add, t.force, t.maybe = strings.Contains(f[0], "+"), strings.Contains(f[0], "="), strings.Contains(f[0], "?")
	if l == "-" {
		l = ""
	}
	path, ok := tmpSpecifiers(f[1])
	arg, ok2 := tmpSpecifiers(l)
	if !ok || !ok2 || !lasts(path) {
		return t, false, nil
	}
	t.path, t.arg = strings.Trim(path, "/"), arg
	if t.user, t.onceUser = strings.CutPrefix(f[3], ":"); t.user == "-" {
		t.user = ""
	}
	if t.group, t.onceGroup = strings.CutPrefix(f[4], ":"); t.group == "-" {
		t.group = ""
	}
	return t, true, t.setMode(f[2])
}

func (t *tmpLine) setMode(s string) error {
	for s != "" && (s[0] == '~' || s[0] == ':') {
		t.masked, t.onceMode = t.masked || s[0] == '~', t.onceMode || s[0] == ':'
		s = s[1:]
	}
	if s == "" {
		return nil
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o7777 {
		return fmt.Errorf("mode %q", s)
	}
	t.mode, t.hasMode = tree.FileMode(uint32(n)), true
	return nil
}

// lasts reports whether path, which must be absolute and clean, is kept over a boot.
func lasts(path string) bool {
	p := strings.Trim(path, "/")
	if !strings.HasPrefix(path, "/") || p == "" || tree.CheckPath(p) != nil {
		return false
	}
	for _, gone := range []string{"run", "tmp", "proc", "sys", "dev", "var/run", "var/lock", "var/tmp"} {
		if p == gone || strings.HasPrefix(p, gone+"/") {
			return false
		}
	}
	return true
}

// tmpField returns the first field of l and the rest. Quotes group, a backslash escapes as in C.
func tmpField(l string) (field, rest string, err error) {
	var b strings.Builder
	quote := byte(0)
	i := 0
	for ; i < len(l); i++ {
		c := l[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), strings.TrimLeft(l[i:], " \t"), nil
		case c == quote && quote != 0:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == '\\':
			e, n := tmpEscape(l[i:])
			b.WriteString(e)
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("a quote that does not end")
	}
	return b.String(), "", nil
}

// tmpEscape returns what the escape at the start of s means, and its length.
func tmpEscape(s string) (string, int) {
	if len(s) < 2 {
		return s, len(s)
	}
	if i := strings.IndexByte(`abfnrtvs\"'`, s[1]); i >= 0 {
		return "\a\b\f\n\r\t\v \\\"'"[i : i+1], 2
	}
	if n := 4; len(s) >= n {
		digits, base := s[1:n], 8
		if s[1] == 'x' {
			digits, base = s[2:n], 16
		}
		if v, err := strconv.ParseUint(digits, base, 8); err == nil && v != 0 {
			return string([]byte{byte(v)}), n
		}
	}
	return s[:1], 1
}

// unescape resolves the escapes of a file's text.
func unescape(s string) string {
	var b strings.Builder
	for s != "" {
		if s[0] == '\\' {
			e, n := tmpEscape(s)
			b.WriteString(e)
			s = s[n:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}

// tmpSpecifiers resolves those that are the same on all hosts; the others make it fail.
func tmpSpecifiers(s string) (string, bool) {
	const letters = "%CSLtTVhuUgG"
	values := []string{"%", "/var/cache", "/var/lib", "/var/log", "/run", "/tmp", "/var/tmp", "/root", "root", "0", "root", "0"}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		i := -1
		if after != "" {
			i = strings.IndexByte(letters, after[0])
		}
		if i < 0 {
			return "", false
		}
		b.WriteString(values[i])
		s = after[1:]
	}
}

// globbed returns what the pattern means in fsys: itself, if it has no wildcard.
func globbed(fsys fs.FS, pattern string) []string {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}
	}
	dirs := []string{"."}
	for _, part := range strings.Split(pattern, "/") {
		var next []string
		for _, d := range dirs {
			next = append(next, children(fsys, d, part)...)
		}
		dirs = next
	}
	slices.Sort(dirs)
	return dirs
}
