// Command compareapk holds the policies apk and apk-classic against the real apk 2.14.0 on Alpine 3.19's full indexes:
// random worlds of one to six packages, and the largest ones. Equal means: the same packages in the same
// versions and in the same order, or an error from both.
//
//	go run ./bench/compareapk [-n 300] [-seed 1] [-policy apk-classic] ALPINE-3.19-X86_64
//
// The argument is the folder with apks/ and index/. The real apk is unpacked from there, as a judge only.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/solve"
)

var indexes = []struct{ name, file string }{
	{"main", "index/cache_APKINDEX.b2c94760.tar.gz"},
	{"community", "index/cache_APKINDEX.be78cdff.tar.gz"},
}

func main() {
	n := flag.Int("n", 300, "random worlds")
	seed := flag.Uint64("seed", 1, "of the random worlds")
	name := flag.String("policy", "apk-classic", "policy")
	flag.Parse()
	if err := compare(flag.Arg(0), *name, *n, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "compareapk:", err)
		os.Exit(1)
	}
}

func compare(data, name string, n int, seed uint64) error {
	policy, err := solve.Policies(name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "compareapk")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o, err := newOracle(dir, data)
	if err != nil {
		return err
	}
	u, err := universe(data)
	if err != nil {
		return err
	}
	c := &comparison{o: o, u: u, policy: policy}
	for _, w := range worlds(u, n, seed) {
		c.world(w)
	}
	fmt.Printf("%s: %d worlds, %d identical, %d of these errors of both, %d with the same packages in another order; apk %v, we %v a world\n",
		name, c.worlds, c.equal, c.errors, c.order, c.theirs/time.Duration(c.worlds), c.ours/time.Duration(c.worlds))
	if c.equal != c.worlds {
		return fmt.Errorf("%d worlds differ", c.worlds-c.equal)
	}
	return nil
}

// universe reads the indexes, unverified.
func universe(data string) (*apk.Universe, error) {
	var lists []apk.List
	for _, x := range indexes {
		f, err := os.ReadFile(filepath.Join(data, x.file))
		if err != nil {
			return nil, err
		}
		zr, err := gzip.NewReader(bytes.NewReader(f))
		if err != nil {
			return nil, err
		}
		tr := tar.NewReader(zr)
		for {
			h, err := tr.Next()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", x.file, err)
			}
			if h.Name == "APKINDEX" {
				break
			}
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			return nil, err
		}
		lists = append(lists, apk.List{Repo: &pkg.Repo{ID: x.name}, Text: text})
	}
	return apk.NewUniverse("x86_64", lists...)
}

// worlds are the largest ones and n random ones.
func worlds(u *apk.Universe, n int, seed uint64) [][]string {
	names := slices.Collect(u.Names())
	r := rand.New(rand.NewPCG(seed, 0))
	out := [][]string{{"gnome"}, {"plasma"}, {"alpine-base", "gnome"}, {"alpine-base", "plasma"}}
	for range n {
		var w []string
		for range 1 + r.IntN(6) {
			if name := names[r.IntN(len(names))]; !slices.Contains(w, name) {
				w = append(w, name)
			}
		}
		out = append(out, w)
	}
	return out
}

type comparison struct {
	o      *oracle
	u      *apk.Universe
	policy solve.Policy

	worlds, equal, errors, order int
	theirs, ours                 time.Duration
}

func (c *comparison) world(names []string) {
	c.worlds++
	start := time.Now()
	want, wantErr := c.o.install(names)
	c.theirs += time.Since(start)
	r := solve.Request{Arch: "x86_64", Compare: apk.Compare, Match: apk.Match, Stages: make([][]solve.Want, 1)}
	for _, name := range names {
		r.Stages[0] = append(r.Stages[0], solve.Want{Literal: pkg.Literal{Name: name}, Text: name})
	}
	start = time.Now()
	sol, err := c.policy.Solve(c.u, r)
	c.ours += time.Since(start)
	var got []string
	if err == nil {
		for _, p := range sol.Picks {
			got = append(got, p.Package.Name+"="+p.Package.Version)
		}
	}
	switch {
	case wantErr != nil && err != nil:
		c.equal++
		c.errors++
	case wantErr != nil || err != nil:
		fmt.Printf("%v: apk says %v, we %v\n", names, wantErr, err)
	case slices.Equal(got, want):
		c.equal++
	default:
		if slices.Sort(got); slices.Equal(got, slices.Sorted(slices.Values(want))) {
			c.order++
		}
		fmt.Printf("%v: %d packages, apk %d: we alone %s; apk alone %s\n", names, len(got), len(want),
			strings.Join(without(got, want), " "), strings.Join(without(want, got), " "))
	}
}

// without returns what only a has.
func without(a, b []string) (out []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}
