package hooks

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// TestChoices: a list's values are those of Choices-C, where the template has it: debconf compares with these.
func TestChoices(t *testing.T) {
	const postinst = ". /usr/share/debconf/confmodule\ndb_set p/q slight\ndb_input low p/q || true\ndb_go\ndb_get p/q\nln -s \"$RET\" /etc/x\n"
	for templates, want := range map[string]string{
		"Template: p/q\nType: select\nChoices: None, Slight\nChoices-C: none, slight\n": "slight",
		"Template: p/q\nType: select\nChoices-C: none, slight\nChoices: None, Slight\n": "slight",
		"Template: p/q\nType: select\nChoices: None, Slight\n":                          "None",
	} {
		ps := script("postinst", "/bin/sh", postinst)
		ps[0].Control = fstest.MapFS{"templates": {Data: []byte(templates)}}
		got := ""
		for _, d := range readAll(ps)[0].Duties {
			if d.Kind == Link {
				got = d.Args[1]
			}
		}
		if got != want {
			t.Errorf("%q: the link leads to %q, want %q", templates, got, want)
		}
	}
}

// TestInto: a directory that a trigger makes by its name is there for what is made in it; one of its pattern may be.
func TestInto(t *testing.T) {
	ps := script("postinst", "/bin/sh", "if mkdir /srv/a 2>/dev/null; then chmod 2775 /srv/a; fi\nmkdir /opt/x/a\nln -s a /opt/x/b\ncp /etc/p.conf /opt/x/c\nmkdir /no/a || true\n")
	ps[0].Nodes = payload()
	got := describe(Read(ps, World{Arch: "amd64", Compare: strings.Compare, Owns: []string{"srv", "opt/*"}}).Readings)
	want := `postinst: pending
  duty 1 directory ["/srv/a" "2775" "root" "root"]
  left 2 mkdir /opt/x/a (not read yet: makes a path in a directory that may be there)
  left 3 ln -s a /opt/x/b (not read yet: makes a path in a directory that may be there)
  left 4 cp /etc/p.conf /opt/x/c (not read yet: makes a path in a directory that may be there)
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestTakeAway: where a trigger does the work of a postinst that dpkg triggers run, the note of what is to do goes with it, if
// the program is there.
func TestTakeAway(t *testing.T) {
	const postinst = "case $1 in configure) touch /var/lib/ca-certificates-java/fresh;; esac\n"
	for _, java := range []bool{true, false} {
		ps := script("postinst", "/bin/sh", "mkdir -p /var/lib/ca-certificates-java\n"+postinst)
		ps[0].Control = fstest.MapFS{"triggers": {Data: []byte("interest-await update-ca-certificates-java\n")}}
		ps = append(ps, &pkg.Unpacked{Package: &pkg.Package{Name: "jre", Version: "1", Arch: "amd64"},
			Control: fstest.MapFS{"triggers": {Data: []byte("activate-noawait update-ca-certificates-java\n")}}})
		ps[0].Nodes = payload()
		if java {
			n := ps[0].Nodes[len(ps[0].Nodes)-1]
			n.Path = "usr/bin/java"
			ps[1].Nodes = append(ps[1].Nodes, n)
		}
		rep := Read(ps, World{Arch: "amd64", Compare: strings.Compare})
		if len(rep.Fired) != 1 || rep.Fired[0].Trigger != "java-cacerts" {
			t.Fatalf("fired: %+v", rep.Fired)
		}
		got := describe(rep.Readings)
		if there := strings.Contains(got, "/fresh"); there == java {
			t.Errorf("java %v:\n%s", java, got)
		}
	}
}

// TestTables: what ispell and aspell compile is deferred, if there is anything to compile.
func TestTables(t *testing.T) {
	ps := script("postinst", "/bin/sh", "update-default-ispell --rebuild\nupdate-dictcommon-aspell\naspell-autobuildhash\n")
	ps[0].Nodes = payload()
	n := ps[0].Nodes[len(ps[0].Nodes)-1]
	n.Path = "var/lib/dictionaries-common/ispell/iamerican"
	ps[0].Nodes = append(ps[0].Nodes, n)
	for _, d := range []string{"var/lib/dictionaries-common/ispell", "var/lib/dictionaries-common"} {
		ps[0].Nodes = append(ps[0].Nodes, tree.Node{Path: d, Mode: fs.ModeDir | 0o755})
	}
	got := describe(Read(ps, World{Arch: "amd64", Compare: strings.Compare}).Readings)
	want := "postinst: deferred\n  later 1 update-default-ispell --rebuild (" + ispellTables + ")\n  later 3 aspell-autobuildhash (" + aspellTables + ")\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestUnreadConfig: what a config script that is not read may have answered is not known to the postinst; what the request answers is.
func TestUnreadConfig(t *testing.T) {
	ps := script("postinst", "/bin/sh", ". /usr/share/debconf/confmodule\ndb_get p/q\necho \"$RET\" > /etc/q\ndb_get p/r\necho \"$RET\" > /etc/r\n")
	ps[0].Scripts = append(ps[0].Scripts, pkg.Script{Phase: "config", Interpreter: "/usr/bin/perl -w", Body: []byte("exit")})
	ps[0].Control = fstest.MapFS{"templates": {Data: []byte("Template: p/q\nType: string\nDefault: d\n\nTemplate: p/r\nType: string\nDefault: d\n")}}
	ps[0].Nodes = payload()
	got := describe(Read(ps, World{Arch: "amd64", Compare: strings.Compare, Answers: map[string]string{"p/r": "given"}}).Readings)
	if !strings.Contains(got, `file ["/etc/r" "0644" "root" "root"] "given\n"`) || !strings.Contains(got, "what is in /etc/q") {
		t.Error(got)
	}
}
