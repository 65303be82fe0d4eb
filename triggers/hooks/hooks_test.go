package hooks

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// script makes a package with one script.
func script(phase pkg.Phase, interpreter, body string) []*pkg.Unpacked {
	return []*pkg.Unpacked{{Package: &pkg.Package{Name: "p", Version: "1", Arch: "amd64"},
		Scripts: []pkg.Script{{Phase: phase, Interpreter: interpreter, Body: []byte(body)}}}}
}

// readAll reads on a root that has what payload says.
func readAll(ps []*pkg.Unpacked) []Reading {
	for _, p := range ps {
		p.Nodes = payload()
	}
	return Read(ps, World{Arch: "amd64", Compare: strings.Compare}).Readings
}

// payload is what the package of the tests ships.
func payload() []tree.Node {
	var ns []tree.Node
	for _, p := range []string{".", "etc", "usr", "usr/bin", "usr/sbin", "usr/share", "usr/share/p", "var", "var/lib", "var/log"} {
		ns = append(ns, tree.Node{Path: p, Mode: fs.ModeDir | 0o755})
	}
	for p, text := range map[string]string{"usr/bin/a": "", "usr/bin/b": "", "usr/bin/old": "", "usr/bin/other": "", "usr/bin/x.deb": "", "usr/bin/y.deb": "", "usr/bin/z.1": "",
		"etc/p.conf": "one = 1\n#two = 2\n", "usr/share/p/template": "user: @USER@\nport: 80\n"} {
		ns = append(ns, tree.Node{Path: p, Mode: 0o755, Content: tree.Bytes([]byte(text))})
	}
	return ns
}

// describe prints what a reading says, one line each.
func describe(rs []Reading) string {
	var b strings.Builder
	for _, r := range rs {
		fmt.Fprintf(&b, "%s: %s\n", r.Script.Phase, r.Verdict())
		for _, d := range r.Duties {
			fmt.Fprintf(&b, "  duty %d %s %q", d.Line, d.Kind, d.Args)
			for _, s := range d.Slaves {
				fmt.Fprintf(&b, " %q", s)
			}
			if d.Kind == File || d.Kind == Edit {
				fmt.Fprintf(&b, " %q", d.Body)
			}
			b.WriteByte('\n')
		}
		for _, n := range r.Deferred {
			fmt.Fprintf(&b, "  later %d %s (%s)\n", n.Line, n.Text, n.Reason)
		}
		for _, n := range r.Pending {
			fmt.Fprintf(&b, "  left %d %s (%s)\n", n.Line, n.Text, n.Reason)
		}
	}
	return b.String()
}

// TestRead runs testdata/*.txtar: each file NAME is a postinst (or a preinst, if it is called so), NAME.want what it comes to.
func TestRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(a.Files); i += 2 {
			s, w := a.Files[i], a.Files[i+1]
			t.Run(s.Name, func(t *testing.T) {
				if w.Name != s.Name+".want" {
					t.Fatalf("%s follows %s", w.Name, s.Name)
				}
				phase, interpreter := pkg.Phase("postinst"), "/bin/sh"
				if strings.HasPrefix(s.Name, "preinst") {
					phase = "preinst"
				}
				if strings.HasPrefix(s.Name, "bash") {
					interpreter = "/bin/bash -e"
				}
				got := describe(readAll(script(phase, interpreter, string(s.Data))))
				if os.Getenv("UPDATE") != "" {
					a.Files[i+1].Data = []byte(got)
				}
				if d := cmp.Diff(string(a.Files[i+1].Data), got); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
			})
		}
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(f, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPhases(t *testing.T) {
	ps := script("postinst", "/bin/sh", "exit 0\n")
	for _, p := range []pkg.Phase{"config", "preinst", "prerm", "postrm"} {
		ps[0].Scripts = append(ps[0].Scripts, pkg.Script{Phase: p, Interpreter: "/bin/sh", Body: []byte("[ -e /proc/x ] && touch /x\n")})
	}
	var got []string
	for _, r := range readAll(ps) {
		got = append(got, string(r.Script.Phase)+" "+string(r.Verdict()))
	}
	if want := []string{"preinst pending", "config pending", "postinst covered"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestInterpreters(t *testing.T) {
	for interpreter, want := range map[string]string{
		"/bin/sh": "", "/bin/sh -e": "", "/usr/bin/dash": "", "/bin/bash": "",
		"/usr/bin/perl -w": "not read yet: interpreter /usr/bin/perl", "": "not read yet: no interpreter", "/bin/sh-not": "not read yet: interpreter /bin/sh-not",
	} {
		got := ""
		if r := readAll(script("postinst", interpreter, ":\n"))[0]; len(r.Pending) > 0 {
			got = r.Pending[0].Reason
		}
		if got != want {
			t.Errorf("%q: %q, want %q", interpreter, got, want)
		}
	}
}

// TestUndivert holds that a later script, of another package too, takes a diversion back.
func TestUndivert(t *testing.T) {
	ps := script("preinst", "/bin/sh", "dpkg-divert --package b --add --divert /x.b /x\ndpkg-divert --add /y\n")
	ps = append(ps, script("postinst", "/bin/sh", "dpkg-divert --package b --remove /x\ndpkg-divert --remove /z\n")...)
	rs := readAll(ps)
	if len(rs) != 2 || len(rs[0].Duties) != 1 || !slices.Equal(rs[0].Duties[0].Args, []string{"/y", "/y.distrib", "p"}) {
		t.Errorf("diversions: %s", describe(rs))
	}
}

// TestRecipes holds that a recipe accounts for leftovers, keeps duties, and fails closed.
func TestRecipes(t *testing.T) {
	rs := Recipes()
	if len(rs) == 0 || len(rs) > 25 || !slices.IsSortedFunc(rs, func(a, b Recipe) int {
		return strings.Compare(a.Package+" "+string(a.Phase)+" "+a.SHA256, b.Package+" "+string(b.Phase)+" "+b.SHA256)
	}) {
		t.Error("recipes are not sorted, or too many")
	}
	for _, r := range rs {
		if r.Why == "" || len(r.SHA256) != 64 {
			t.Errorf("recipe %+v", r)
		}
	}
	s := newState(nil, World{})
	if s.accountedFor("base-files", pkg.Script{Phase: "postinst", Body: []byte("changed")}) != nil {
		t.Error("a changed script is accounted for")
	}
	if !slices.IsSortedFunc(commands, func(a, b command) int { return strings.Compare(a.name, b.name) }) {
		t.Error("commands are not sorted")
	}
	for _, c := range commands {
		n := 0
		for _, is := range []bool{c.noop != "", c.trigger != "", c.later != "", c.run != nil} {
			if is {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d of a no-op, a trigger, something for later and a function", c.name, n)
		}
	}
}

// TestHostile holds the bounds: nothing here may take long, or much.
func TestHostile(t *testing.T) {
	n := maxScript / 2
	for name, body := range map[string]string{
		"subshells":   strings.Repeat("(", n),
		"blocks":      strings.Repeat("{ ", n/2),
		"ifs":         strings.Repeat("if ", n/3),
		"substituted": strings.Repeat("$(", n/2),
		"backquotes":  strings.Repeat("`", n),
		"defaults":    "x=" + strings.Repeat("${a:-", n/6) + strings.Repeat("}", n/6),
		"arithmetic":  "x=$((" + strings.Repeat("(", n/2),
		"nots":        strings.Repeat("! ", n/2) + "x",
		"ands":        strings.Repeat("a && ", n/5) + "a",
		"quotes":      strings.Repeat(`"$(`, n/3),
		"doubling":    "x=xxxxxxxx\n" + strings.Repeat("x=$x$x$x$x\n", n/12),
		"recursion":   "f() { f; f; }\nf\n",
		"mutual":      "f() { g; g; }\ng() { f; f; }\nf\n",
		"loops":       "for a in 1 2 3 4 5 6 7 8 9; do for b in 1 2 3 4 5 6 7 8 9; do for c in 1 2 3 4 5 6 7 8 9; do for d in 1 2 3 4 5 6 7 8 9; do for e in 1 2 3 4 5 6 7 8 9; do for f in 1 2 3 4 5 6 7 8 9; do for g in 1 2 3 4 5 6 7 8 9; do rm $a$b$c$d$e$f$g; done; done; done; done; done; done; done\n",
		"functions":   strings.Repeat("f() { :; }\n", n/11) + strings.Repeat("(f)\n", n/5),
		"variables":   strings.Repeat("a$((1))=1\n", n/20) + strings.Repeat("(:)\n", n/5),
		"stars":       "case " + strings.Repeat("a", n/2) + " in " + strings.Repeat("*a", n/5) + "b) :;; esac\n",
		"zeros":       strings.Repeat("\x00", n),
		"huge":        strings.Repeat("# x\n", maxScript),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			for _, interpreter := range []string{"/bin/sh", "/bin/bash"} {
				readAll(script("postinst", interpreter, body))
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// FuzzRead holds that no script makes the reader panic, that reading is deterministic, and that what it says is printable.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			f.Add(s.Data, false)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, bash bool) {
		interpreter := "/bin/sh"
		if bash {
			interpreter = "/bin/bash"
		}
		ps := script("postinst", interpreter, string(body))
		rs := readAll(ps)
		if d := cmp.Diff(describe(rs), describe(readAll(ps))); d != "" {
			t.Errorf("two readings differ:\n%s", d)
		}
		for _, r := range rs {
			for _, n := range slices.Concat(r.Noops, r.Pending) {
				if strings.ContainsFunc(n.Text+n.Reason, func(r rune) bool { return r < ' ' || r == 0x7f }) || n.Line < 1 {
					t.Errorf("note %+v", n)
				}
			}
			for _, d := range r.Duties {
				for _, p := range slices.Concat(d.Owns(), d.Reads()) {
					if !absolute(p) {
						t.Errorf("duty path %q", p)
					}
				}
			}
		}
	})
}
