package configured

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
)

func TestCompare(t *testing.T) {
	shipped := map[string]string{"as": "1", "changed": "1", "removed": "1", "touched": "1", "both": "1"}
	oracle := root("as=1", "both=2", "changed=2", "log/x=9", "made=3", "missing=3", "touched=1")
	ours := root("as=1", "both=2", "changed=1", "extra=4", "log/y=9", "made=3", "removed=1", "touched=2")
	got := Compare(shipped, ours, oracle, Patterns{"log/**"})
	want := Result{Total: 5, Same: 2, Skipped: 1, Extra: 2, Findings: []Finding{
		{Differs, "changed", "1", "2"}, {Differs, "missing", "", "3"}, {Touched, "touched", "2", "1"},
		{Extra, "extra", "4", ""}, {Kept, "removed", "1", ""},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func root(lines ...string) *Root {
	r := &Root{Lines: map[string]string{}}
	for _, l := range lines {
		p, line := filepath.Split(l)
		for i := range line {
			if line[i] == '=' {
				r.Paths = append(r.Paths, p+line[:i])
				r.Lines[p+line[:i]] = line[i+1:]
			}
		}
	}
	return r
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"**/__pycache__/**", "usr/lib/__pycache__/a.pyc", true},
		{"**/__pycache__/**", "usr/lib/a.pyc", false},
		{"etc/*-", "etc/passwd-", true},
		{"etc/*-", "etc/x/passwd-", false},
		{"dev/**", "dev/null", true},
	} {
		if got := (Patterns{c.pattern}).Match(c.path, ""); got != c.want {
			t.Errorf("%s, %s: %v", c.pattern, c.path, got)
		}
	}
}

// TestMatchLink: a pattern with a target is for links to it, whatever their names, and for nothing else.
func TestMatchLink(t *testing.T) {
	const link = "Lrwxrwxrwx root:root "
	if got := line(tree.Node{Mode: fs.ModeSymlink | 0o777, Link: "a b"}, "root", "root", ""); got != link+"a b" {
		t.Fatalf("the line of a link is %q", got)
	}
	ps := Patterns{"etc/ssl/certs/*.0 -> ssl-cert-snakeoil.pem"}
	for _, c := range []struct {
		path, line string
		want       bool
	}{
		{"etc/ssl/certs/62742064.0", link + "ssl-cert-snakeoil.pem", true},
		{"etc/ssl/certs/0a1b2c3d.0", link + "ssl-cert-snakeoil.pem", true},
		{"etc/ssl/certs/62742064.0", link + "ca-certificates.crt", false},
		{"etc/ssl/certs/62742064.0", link + "x ssl-cert-snakeoil.pem", false},
		{"etc/ssl/certs/62742064.0", "-rw-r--r-- root:root ssl-cert-snakeoil.pem", false},
		{"etc/ssl/certs/62742064.0", "", false},
		{"etc/ssl/62742064.0", link + "ssl-cert-snakeoil.pem", false},
	} {
		if got := ps.Match(c.path, c.line); got != c.want {
			t.Errorf("%s, %q: %v", c.path, c.line, got)
		}
	}
	// The same through roots: the oracle's link is passed over, one to something else counts.
	shipped := map[string]string{}
	oracle := root("etc/ssl/certs/00000000.0="+link+"ssl-cert-snakeoil.pem", "etc/ssl/certs/11111111.0="+link+"a.pem")
	got := Compare(shipped, root(), oracle, ps)
	want := Result{Total: 1, Skipped: 1, Findings: []Finding{{Differs, "etc/ssl/certs/11111111.0", "", link + "a.pem"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDeliberate: the rows of the real file are read, those with a target too.
func TestDeliberate(t *testing.T) {
	ps, err := Deliberate("../../../doc/deliberate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, line string
		want       bool
	}{
		{"dev/null", "", true},
		{"etc/ssl/certs/0a1b2c3d.0", "Lrwxrwxrwx root:root ssl-cert-snakeoil.pem", true},
		{"etc/ssl/certs/0a1b2c3d.0", "Lrwxrwxrwx root:root ACCVRAIZ1.pem", false},
		{"etc/passwd", "", false},
	} {
		if got := ps.Match(c.path, c.line); got != c.want {
			t.Errorf("%s, %q: %v", c.path, c.line, got)
		}
	}
}

// TestAccountsByLine: ids do not count, everything else does.
func TestAccountsByLine(t *testing.T) {
	digest := func(text string) string {
		f := filepath.Join(t.TempDir(), "passwd")
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return withoutIDs(f)
	}
	a, b := digest("root:x:0:0::/root:\nx:x:1:1::/:\n"), digest("x:x:7:9::/:\nroot:x:0:0::/root:\n")
	if a != b {
		t.Error("ids or order count")
	}
	if a == digest("root:x:0:0::/root:\nx:x:1:1::/home:\n") {
		t.Error("a home does not count")
	}
}
