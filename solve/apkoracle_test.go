package solve_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/solve"
)

// shared is the folder of real data; it is no part of the project.
const shared = "../../shared/data"

// needShared skips loudly where the real data is not there.
func needShared(t testing.TB, path string) string {
	t.Helper()
	path = filepath.Join(shared, path)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	return path
}

// indexText returns the text of an APKINDEX.tar.gz.
func indexText(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(bufio.NewReader(zr))
	for {
		h, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "APKINDEX" {
			text, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
}

// fullUniverse is Alpine 3.19, main and community.
func fullUniverse(t testing.TB) *apk.Universe {
	t.Helper()
	var lists []apk.List
	for _, f := range []string{"b2c94760", "be78cdff"} {
		file := needShared(t, "apk/alpine-3.19-x86_64/index/cache_APKINDEX."+f+".tar.gz")
		lists = append(lists, apk.List{Repo: &pkg.Repo{ID: f}, Text: indexText(t, file)})
	}
	u, err := apk.NewUniverse("x86_64", lists...)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func worldRequest(t testing.TB, words ...string) solve.Request {
	t.Helper()
	r := solve.Request{Arch: "x86_64", Compare: apk.Compare, Match: apk.Match, Stages: make([][]solve.Want, 1)}
	for _, w := range words {
		l, err := apk.ParseDependency(w)
		if err != nil {
			t.Fatal(err)
		}
		r.Stages[0] = append(r.Stages[0], solve.Want{Literal: l, Text: w})
	}
	return r
}

func picked(sol *solve.Solution) string {
	var out []string
	for _, p := range sol.Picks {
		out = append(out, p.Package.Name+"="+p.Package.Version)
	}
	return strings.Join(out, " ")
}

// answers yields the worlds that the real apk 2.14.0 was asked for, with what it would install, in its order.
func answers(t testing.TB) iter.Seq2[string, string] {
	data, err := os.ReadFile(needShared(t, "apk/oracle/solver-worlds.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(string(data)) {
			f := strings.Split(strings.TrimSpace(line), "\t")
			if len(f) != 3 || f[1] != "OK" {
				t.Fatalf("unknown line %.80q", line)
			}
			if !yield(f[0], f[2]) {
				return
			}
		}
	}
}

// solved is the picks of a policy for a world, or its error.
func solved(t testing.TB, name string, u pkg.Universe, world string) string {
	t.Helper()
	policy, err := solve.Policies(name)
	if err != nil {
		t.Fatal(err)
	}
	sol, err := policy.Solve(u, worldRequest(t, strings.Fields(world)...))
	if err != nil {
		return err.Error()
	}
	return picked(sol)
}

// TestAPKWorlds holds the rules of apk 2 against the answers of the real apk 2.14.0, versions and order included. How those
// of apk 3 differ is in TestAPKWorldsOfThree.
func TestAPKWorlds(t *testing.T) {
	u := fullUniverse(t)
	worlds, equal, sets := 0, 0, 0
	for world, want := range answers(t) {
		worlds++
		got := solved(t, "apk-classic", u, world)
		if got == want {
			equal++
		} else if sameWords(got, want) {
			sets++
			if sets == 1 {
				t.Errorf("%s: order\n got %s\nwant %s", world, got, want)
			}
		} else {
			t.Errorf("%s:\n got %s\nwant %s", world, got, want)
		}
	}
	t.Logf("%d of %d worlds identical, %d more in another order", equal, worlds, sets)
	if worlds < 75 {
		t.Errorf("only %d worlds", worlds)
	}
}

// TestInstallOrder: of the packages alone, as a lock has them, the order is again that in which the real apk installs them, but for what only packages
// that were not picked bring about: one that has openrc in its install_if provides dev-openrc, so that apk installs the provider that it
// picked (busybox-mdev-openrc, and what that needs) as soon as openrc is there.
func TestInstallOrder(t *testing.T) {
	u := fullUniverse(t)
	policy, err := solve.Policies("apk-classic")
	if err != nil {
		t.Fatal(err)
	}
	sorted := 0
	for world, want := range answers(t) {
		sol, err := policy.Solve(u, worldRequest(t, strings.Fields(world)...))
		if err != nil {
			t.Fatal(err)
		}
		picks := slices.Clone(sol.Picks)
		slices.SortFunc(picks, func(a, b solve.Pick) int { return strings.Compare(a.Package.Name, b.Package.Name) })
		ps := make([]*pkg.Package, len(picks))
		for i, p := range picks {
			ps[i] = p.Package
		}
		order := solve.InstallOrder("apk-classic", ps, func(i int) bool { return picks[i].Requested }, worldRequest(t))
		again := &solve.Solution{}
		for _, i := range order {
			again.Picks = append(again.Picks, picks[i])
		}
		if got, want := withoutWords(picked(again), "busybox-mdev-openrc=", "mdev-conf="), withoutWords(want, "busybox-mdev-openrc=", "mdev-conf="); got != want {
			t.Errorf("%s:\n got %s\nwant %s", world, got, want)
		}
		if picked(&solve.Solution{Picks: picks}) == want {
			sorted++
		}
	}
	if sorted > 10 {
		t.Errorf("%d worlds are in the order of names anyway", sorted)
	}
}

func withoutWords(text string, prefixes ...string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(text), func(w string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(w, p) })
	}), " ")
}

// TestAPKWorldsOfThree shows what the rules of apk 3 make of the three of these worlds for which they have another answer than apk
// 2.14.0: one package more, whose install_if has a negated term ("libcanberra=0.30-r9 alsa-lib !pulseaudio"). Apk 2 never decides about a
// name that only such a term mentions, so that the term never holds; apk 3 decides since 3.0.0_rc5 ("always resolve conflict names in
// install-if"). With that rule and the like one for the order of installation taken out of the policy all 75 worlds are equal.
func TestAPKWorldsOfThree(t *testing.T) {
	const more = "libcanberra-alsa=0.30-r9"
	u := fullUniverse(t)
	iif := u.Named("libcanberra-alsa")[0].Relations().InstallIf
	if !slices.ContainsFunc(iif, func(l pkg.Literal) bool { return l.Neg }) {
		t.Errorf("install_if %v has no negated term", iif)
	}
	worlds := 0
	for world, want := range answers(t) {
		switch world {
		case "alpine-base okular-mobile", "alpine-base khtml", "alpine-base katomic":
		default:
			continue
		}
		worlds++
		got := strings.Fields(solved(t, "apk", u, world))
		rest := slices.DeleteFunc(slices.Clone(got), func(p string) bool { return p == more })
		if len(rest) != len(got)-1 || strings.Join(rest, " ") != want {
			t.Errorf("%s:\n got %s\nwant %s and %s", world, got, want, more)
		}
	}
	if worlds != 3 {
		t.Errorf("%d worlds, want 3", worlds)
	}
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	in := map[string]bool{}
	for _, w := range x {
		in[w] = true
	}
	for _, w := range y {
		if !in[w] {
			return false
		}
	}
	return len(x) == len(y)
}
