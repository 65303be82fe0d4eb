package solve_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/solve"
)

// An apkCase is a directive file of apk-tools' solver tests.
type apkCase struct {
	args, world []string
	lists       []apk.List
	installed   bool
	expect      string
	sums        map[apk.Checksum]string // the package that has it
}

// unique drops the records that repeat the checksum of another package: apk's database takes them for that package.
func (c *apkCase) unique(text []byte) []byte {
	var kept [][]byte
	for _, record := range bytes.Split(bytes.TrimSpace(text), []byte("\n\n")) {
		m := checksumLine.FindSubmatch(record)
		raw, err := base64.StdEncoding.DecodeString(string(m[1]))
		if err != nil {
			panic(err)
		}
		sum, name := apk.Checksum(raw), string(m[2])
		if other, ok := c.sums[sum]; ok && other != name {
			continue
		}
		c.sums[sum] = name
		kept = append(kept, record)
	}
	return bytes.Join(kept, []byte("\n\n"))
}

var checksumLine = regexp.MustCompile(`(?s)C:Q1([^\n]*)\n.*?P:([^\n]*)\n`)

func readAPKCase(t *testing.T, dir, file string) apkCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	c := apkCase{sums: map[apk.Checksum]string{}}
	head, expect, _ := strings.Cut(string(data), "@EXPECT\n")
	c.expect = expect
	for line := range strings.Lines(head) {
		f := strings.Fields(line)
		switch f[0] {
		case "@ARGS":
			c.args = f[1:]
		case "@WORLD":
			c.world = f[1:]
		case "@INSTALLED", "@CACHE":
			c.installed = true
		case "@REPO":
			r := &pkg.Repo{ID: f[len(f)-1]}
			if len(f) == 3 {
				r.Tag = f[1][1:]
			}
			text, err := os.ReadFile(filepath.Join(dir, r.ID))
			if err != nil {
				t.Fatal(err)
			}
			c.lists = append(c.lists, apk.List{Repo: r, Text: c.unique(text)})
		default:
			t.Fatalf("%s: unknown directive %s", file, f[0])
		}
	}
	return c
}

// TestAPKCases runs apk-tools' own cases: those that add to an empty root, without options.
func TestAPKCases(t *testing.T) {
	dir := needShared(t, "solver/apk-tools")
	files, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	ran := 0
	for _, file := range files {
		name := filepath.Base(file)
		c := readAPKCase(t, dir, name)
		if c.installed || c.args[0] != "add" || slices.ContainsFunc(c.args, func(a string) bool { return strings.HasPrefix(a, "-") }) {
			continue
		}
		ran++
		t.Run(strings.TrimSuffix(name, ".test"), func(t *testing.T) { c.run(t) })
	}
	if ran < 30 {
		t.Errorf("only %d cases apply", ran)
	}
	t.Logf("%d cases", ran)
}

func (c *apkCase) run(t *testing.T) {
	u, err := apk.NewUniverse("x86_64", c.lists...)
	if err != nil {
		t.Fatal(err)
	}
	words := append(slices.Clone(c.world), c.args[1:]...)
	wantErr := strings.Contains(c.expect, "ERROR:")
	for _, w := range words {
		if _, err := apk.ParseDependency(w); err != nil && wantErr {
			return // refused before the solver, as apk does
		}
	}
	sol, err := apkPolicy(t, "apk").Solve(u, worldRequest(t, words...))
	if wantErr {
		if err == nil {
			t.Fatalf("no error, but %s; want\n%s", picked(sol), c.expect)
		}
		compareNamed(t, err, c.expect)
		return
	}
	if err != nil {
		t.Fatalf("%v\nwant\n%s", err, c.expect)
	}
	var want []string
	for _, m := range installing.FindAllStringSubmatch(c.expect, -1) {
		want = append(want, m[1]+"="+m[2])
	}
	if got := picked(sol); got != strings.Join(want, " ") {
		t.Errorf("got %s\nwant %s", got, strings.Join(want, " "))
	}
}

func apkPolicy(t *testing.T, name string) solve.Policy {
	t.Helper()
	p, err := solve.Policies(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	installing = regexp.MustCompile(`Installing ([^ @]+)(?:@[^ ]+)? \(([^)]+)\)`)
	// A label names a package with its version, or a name that is missing or virtual.
	label     = regexp.MustCompile(`(?m)^  ([^ ].*?)(?: \((no such package|virtual)\))?:$`)
	versioned = regexp.MustCompile(`^(.+)-([0-9][^-]*(?:-r[0-9]+)?)$`)
	reference = regexp.MustCompile(`([^ \[\]]+)\[[^\]]*\]`)
)

// compareNamed holds that err names every package that apk's message names.
func compareNamed(t *testing.T, err error, expect string) {
	t.Helper()
	var unsat *solve.UnsatError
	var unknown *solve.UnknownError
	if !errors.As(err, &unsat) && !errors.As(err, &unknown) {
		t.Fatalf("%T: %v", err, err)
	}
	text := err.Error()
	var missing []string
	for _, name := range namedByAPK(expect) {
		if !regexp.MustCompile(`(^|[ (\[!])` + regexp.QuoteMeta(name) + `($|[ ),;:\]\n=<>~@])`).MatchString(text) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("error does not name %v:\n%v\nwant\n%s", missing, err, expect)
	}
}

// namedByAPK returns the packages in apk's message, "NAME VERSION" where it gives a version.
func namedByAPK(expect string) (names []string) {
	add := func(s string) {
		if m := versioned.FindStringSubmatch(s); m != nil && apk.Valid(m[2]) {
			s = m[1] + " " + m[2]
			if strings.Contains(expect, "    arch: ") {
				s = m[1] // our universe leaves out packages of other architectures, so their versions are not known
			}
		}
		if s != "world" && !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	for _, m := range label.FindAllStringSubmatch(expect, -1) {
		add(m[1])
	}
	for _, m := range reference.FindAllStringSubmatch(expect, -1) {
		add(m[1])
	}
	provided := false
	for line := range strings.Lines(expect) {
		field, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			rest = field
		} else {
			provided = field == "provided by"
		}
		if provided {
			for _, w := range strings.Fields(rest) {
				add(w)
			}
		}
	}
	return names
}

func ExamplePolicies() {
	u, err := apk.NewUniverse("x86_64", apk.List{Repo: &pkg.Repo{ID: "here"}, Text: []byte("P:sh\nV:1\nI:1\np:/bin/sh\nk:10\n\nP:app\nV:2-r0\nI:1\nD:/bin/sh")})
	if err != nil {
		panic(err)
	}
	policy, err := solve.Policies("apk")
	if err != nil {
		panic(err)
	}
	sol, err := policy.Solve(u, solve.Request{
		Stages: [][]solve.Want{{{Literal: pkg.Literal{Name: "app"}, Text: "app"}}},
		Arch:   "x86_64", Compare: apk.Compare, Match: apk.Match,
	})
	if err != nil {
		panic(err)
	}
	for _, p := range sol.Picks {
		fmt.Println(p.Package.Name, p.Package.Version)
	}
	// Output:
	// sh 1
	// app 2-r0
}
