package solve_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
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

// TestAPKWorlds holds the rules of apk 2 against the answers of the real apk 2.14.0, versions and order included. Those of apk 3
// differ in three of these worlds, where a package wants to be installed with several others (install_if).
func TestAPKWorlds(t *testing.T) {
	data, err := os.ReadFile(needShared(t, "apk/oracle/solver-worlds.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	u := fullUniverse(t)
	const name = "apk-classic"
	policy, err := solve.Policies(name)
	if err != nil {
		t.Fatal(err)
	}
	worlds, equal, sets := 0, 0, 0
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 || f[1] != "OK" {
			t.Fatalf("unknown line %.80q", line)
		}
		worlds++
		got := ""
		if sol, err := policy.Solve(u, worldRequest(t, strings.Fields(f[0])...)); err != nil {
			got = err.Error()
		} else {
			got = picked(sol)
		}
		if got == f[2] {
			equal++
		} else if sameWords(got, f[2]) {
			sets++
			if sets == 1 {
				t.Errorf("%s: %s: order\n got %s\nwant %s", name, f[0], got, f[2])
			}
		} else {
			t.Errorf("%s: %s:\n got %s\nwant %s", name, f[0], got, f[2])
		}
	}
	t.Logf("%s: %d of %d worlds identical, %d more in another order", name, equal, worlds, sets)
	if worlds < 75 {
		t.Errorf("only %d worlds", worlds)
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
