package solve

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/detinstall/detinstall/pkg"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// TestCases runs testdata/*.txt. A case is a txtar archive of
//
//	request    lines: "install NAME[=VERSION] ..." (one stage each), "base NAME ..." (one stage too, of a
//	           base set's members), "exclude NAME ...", "recommends", "nodeps"
//	packages   the repository, see readUniverse
//	given      packages given as files, wanted in the last stage
//	apt-classic, apt, or both as "all": the expected outcome
//
// An outcome is one line "NAME VERSION" per pick, byte-sorted, or the error.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d cases in testdata, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runCase(t, file, txtar.Parse(data))
		})
	}
}

func runCase(t *testing.T, file string, ar *txtar.Archive) {
	part := func(name string) string {
		for _, f := range ar.Files {
			if f.Name == name {
				return string(bytes.TrimSpace(f.Data))
			}
		}
		return ""
	}
	u := readUniverse(part("packages"))
	r := readRequest(t, part("request"), part("given"))
	got := map[string]string{}
	for _, name := range []string{"apt-classic", "apt"} {
		p, err := Policies(name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = outcome(p.Solve(u, r))
	}
	if *update {
		rewrite(t, file, ar, got)
		return
	}
	for name, g := range got {
		want := part(name)
		if want == "" {
			want = part("all")
		}
		if diff := cmp.Diff(want, g); diff != "" || want == "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func readRequest(t *testing.T, text, given string) Request {
	r := Request{Arch: "amd64", Compare: compareNumbers}
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		switch f[0] {
		case "base":
			var wants []Want
			for _, s := range f[1:] {
				wants = append(wants, Want{Literal: readLiteral(s)})
			}
			r.Stages = append(r.Stages, wants)
		case "install":
			var wants []Want
			for _, s := range f[1:] {
				name, version, exact := strings.Cut(s, "=")
				l := readLiteral(name)
				if exact {
					l.Op, l.Version = pkg.Equal, version
				}
				wants = append(wants, Want{Literal: l, Text: s})
			}
			r.Stages = append(r.Stages, wants)
		case "exclude":
			r.Exclude = append(r.Exclude, f[1:]...)
		case "recommends":
			r.Recommends = true
		case "nodeps":
			r.NoDeps = true
		default:
			t.Fatalf("unknown line %q", l)
		}
	}
	for stanza := range strings.SplitSeq(given, "\n\n") {
		if fields := readFields(stanza); fields["Package"] != "" {
			last := &r.Stages[len(r.Stages)-1]
			*last = append(*last, Want{Package: readPackage(fields), Text: "./" + fields["Package"] + ".deb"})
		}
	}
	return r
}

func outcome(sol *Solution, err error) string {
	var unsat *UnsatError
	if errors.As(err, &unsat) && unsat.Hint != "" {
		return err.Error() + "\nhint: " + unsat.Hint
	}
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, p := range sol.Picks {
		lines = append(lines, p.Package.Name+" "+p.Package.Version)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func rewrite(t *testing.T, file string, ar *txtar.Archive, got map[string]string) {
	ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool {
		return f.Name == "all" || f.Name == "apt" || f.Name == "apt-classic"
	})
	add := func(name, text string) {
		ar.Files = append(ar.Files, txtar.File{Name: name, Data: fmt.Appendln(nil, text)})
	}
	if got["apt"] == got["apt-classic"] {
		add("all", got["apt"])
	} else {
		add("apt-classic", got["apt-classic"])
		add("apt", got["apt"])
	}
	if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
