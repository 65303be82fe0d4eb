package triggers

import (
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
)

func TestTmpLines(t *testing.T) {
	for _, c := range []struct {
		line string
		want string // path, or "" if the line is left out
	}{
		{"d /var/lib/x", "var/lib/x"}, {"d /var/lib/x/ - - - - -", "var/lib/x"}, {`d "/var/a\x20b"`, "var/a b"}, {"d %S/x", "var/lib/x"},
		{"d /run/x", ""}, {"d /var/run/x", ""}, {"d /tmp", ""}, {"d /runner", "runner"}, {"d /", ""}, {"d x", ""}, {"d /a/../b", ""}, {"d! /var/x", ""},
		{"d /var/%m", ""}, {"f^ /etc/x", ""}, {"x /var/x", ""}, {"r /var/x", ""}, {"a+ /var/x - - - - u:r", ""}, {"b /var/x - - - - 1:1", ""},
	} {
		l, err := readTmpfiles([]byte(c.line + "\n"))
		got := ""
		if len(l) > 0 {
			got = l[0].path
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.line, got, err, c.want)
		}
	}
	for _, bad := range []string{"d", `d "/x`, "d /x 9", "d /x 77777", strings.Repeat("#", maxTmpfiles+1)} {
		if _, err := readTmpfiles([]byte(bad)); err == nil {
			t.Errorf("%.20q is taken", bad)
		}
	}
}

func FuzzTmpLines(f *testing.F) {
	f.Add("d$ /var/lib/x 0755 root :man 10d\nL+ /etc/mtab - - - - ../proc/self/mounts\n")
	f.Add("f \"/var/a\\x20b\" ~:2750 - - - t\\n%%\nZ /var/[a-z]*\n")
	f.Fuzz(func(t *testing.T, s string) {
		lines, err := readTmpfiles([]byte(s))
		if err != nil {
			return
		}
		for _, l := range lines {
			if tree.CheckPath(l.path) != nil || !lasts("/"+l.path) {
				t.Errorf("%q gives the path %q", s, l.path)
			}
			unescape(l.arg)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add("Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so nullok\n")
	f.Add("\n x\nAuth-Final: y\nConflicts: a, b\n")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parseProfile("p", s)
		if !ok {
			return
		}
		body, err := stack{[]*pamProfile{p}, "Auth", "auth"}.fill(pamPrimary + "\n" + pamFallback + "\n" + pamAdditional + "\n" + pamEnd + "\n")
		if err != nil || !strings.HasSuffix(body, pamEnd+"\n") {
			t.Errorf("%q gives %q, %v", s, body, err)
		}
	})
}
