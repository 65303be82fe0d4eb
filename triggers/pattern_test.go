package triggers

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"etc/passwd", "etc/passwd", true},
		{"etc/passwd", "etc/passwd-", false},
		{"etc/*", "etc/passwd", true},
		{"etc/*", "etc/a/b", false},
		{"etc/*", "etc", false},
		{"etc/**", "etc", true},
		{"etc/**", "etc/a/b", true},
		{"etc/**", "etcetera", false},
		{"**", ".", true},
		{"**", "a/b", true},
		{"**/x", "x", true},
		{"**/x", "a/b/x", true},
		{"**/x", "a/x/b", false},
		{"a*c?/**/z", "abcd/z", true},
		{"a*c?/**/z", "ac/z", false},
		{"*.sources", "debian.sources", true},
		{"**.so", "a/b.so", false}, // ** is a component
	} {
		if got := matchAny(patterns([]string{c.pattern}), c.path); got != c.want {
			t.Errorf("%s matches %s: %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
	if matchAny(literals([]string{"a*"}), "ab") || !matchAny(literals([]string{"a*"}), "a*") {
		t.Error("a literal path is no pattern")
	}
}

func TestLeads(t *testing.T) {
	for _, c := range []struct {
		pattern, dir string
		want         bool
	}{
		{"usr/share/x/*", "usr/share", true},
		{"usr/share/x/*", ".", true},
		{"usr/share/x/*", "usr/share/x", true},
		{"usr/share/x/*", "usr/share/x/y", false},
		{"usr/share/x/*", "usr/lib", false},
		{"**", "anything/at/all", true},
		{"etc/passwd", "etc/passwd", false},
	} {
		if got := leadsAny(patterns([]string{c.pattern}), c.dir); got != c.want {
			t.Errorf("%s leads below %s: %v, want %v", c.pattern, c.dir, got, c.want)
		}
	}
}

// FuzzOverlap holds that two patterns that match one path overlap, from either side.
func FuzzOverlap(f *testing.F) {
	for _, s := range [][3]string{{"etc/*", "etc/p?sswd", "etc/passwd"}, {"**/x", "a/**", "a/x"}, {"a*b", "*ab*", "aab"}, {"x", "y", "x"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, p, q, path string) {
		if len(p)+len(q) > 24 || len(path) > 12 || strings.Count(p+q, "*") > 6 {
			return
		}
		a, b := patterns([]string{p})[0], patterns([]string{q})[0]
		if a.overlaps(b) != b.overlaps(a) {
			t.Errorf("%q and %q overlap from one side only", p, q)
		}
		if a.match(split(path)) && b.match(split(path)) && !a.overlaps(b) {
			t.Errorf("%q and %q both match %q and do not overlap", p, q, path)
		}
	})
}
