// Comparesolve compares what package solve picks with what the real apt-get picks for the same request on an
// empty root, for random packages of whole suites, and the base sets with mmdebstrap's:
//
//	go run ./bench/comparesolve -dir DIR [-suites bookworm,trixie,sid] [-seed 1] [-singles 300] [-sets 100] [-size 5] [-recommends] [-large] [-base]
//
// It needs apt-get, a network and the archive's keyring. The mirror is the one that the host's apt
// uses. DIR keeps an apt root of its own per suite, whose dpkg status is empty, so that a second run
// downloads nothing. The exit status is 1 if fewer than 99.5 % agree.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/detinstall/detinstall/bench/internal/mirror"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/solve"
)

func main() {
	dir := flag.String("dir", "", "directory for the apt roots")
	suites := flag.String("suites", "bookworm,trixie,sid", "suites, comma-separated")
	policy := flag.String("policy", "apt-classic", "our policy")
	arch := flag.String("arch", "amd64", "architecture")
	seed := flag.Uint64("seed", 1, "seed of the random choice")
	singles := flag.Int("singles", 300, "number of single packages per suite")
	sets := flag.Int("sets", 100, "number of sets per suite")
	size := flag.Int("size", 5, "packages in a set")
	recommends := flag.Bool("recommends", false, "with Recommends")
	large := flag.Bool("large", false, "compare some large requests too")
	base := flag.Bool("base", false, "compare the base sets with a real run of mmdebstrap (needs root)")
	flag.Parse()
	if *dir == "" {
		flag.Usage()
		os.Exit(2)
	}
	good := true
	for suite := range strings.SplitSeq(*suites, ",") {
		c := comparison{suite: suite, arch: *arch, policy: *policy, recommends: *recommends}
		if err := c.open(*dir); err != nil {
			fmt.Fprintf(os.Stderr, "comparesolve: suite %s: %v\n", suite, err)
			os.Exit(1)
		}
		names := slices.Collect(c.u.Names())
		r := rand.New(rand.NewPCG(*seed, 0))
		c.run("single", draw(r, names, *singles, 1))
		c.run("set", draw(r, names, *sets, *size))
		if *large {
			c.run("large", largeRequests)
		}
		if *base {
			if err := c.bases(); err != nil {
				fmt.Fprintf(os.Stderr, "comparesolve: suite %s: %v\n", suite, err)
				os.Exit(1)
			}
		}
		good = c.report() && good
	}
	if !good {
		os.Exit(1)
	}
}

// largeRequests are those in which choices and conflicts occur.
var largeRequests = [][]string{
	{"gnome"}, {"kde-full"}, {"texlive-full"}, {"libreoffice"}, {"task-gnome-desktop"}, {"ros-desktop-full"},
	{"default-jre-headless"}, {"nginx", "postgresql", "php-fpm"}, {"apache2", "mariadb-server", "php"},
	{"build-essential", "devscripts", "git-buildpackage"}, {"python3", "default-jdk", "nodejs", "npm"},
	{"gcc-multilib"}, {"docker.io", "vlc", "gimp", "inkscape"},
	{"exim4", "postfix"}, {"systemd-sysv", "sysvinit-core"}, {"libreoffice-dmaths"}, {"xfig"}, {"dvipng"},
}

// draw returns n random requests of k names each.
func draw(r *rand.Rand, names []string, n, k int) [][]string {
	out := make([][]string, n)
	for i := range out {
		for range k {
			out[i] = append(out[i], names[r.IntN(len(names))])
		}
	}
	return out
}

// A comparison is one suite.
type comparison struct {
	suite, arch, policy string
	recommends          bool

	apt    aptRoot
	u      pkg.Universe
	solver solve.Policy
	counts []count
}

type count struct {
	kind                       string
	same, bothFail, all, names int
	took, slowest              time.Duration // ours, the index being loaded
}

func (c *comparison) open(dir string) error {
	p, err := solve.Policies(c.policy)
	if err != nil {
		return err
	}
	c.solver = p
	if err := c.apt.open(dir, c.suite, c.arch); err != nil {
		return err
	}
	m := mirror.Mirror{Base: c.apt.mirror, Dir: filepath.Join(c.apt.dir, "kept")}
	c.u, err = m.Universe(context.Background(), c.suite, c.arch)
	return err
}

// run compares requests of one kind and prints every difference.
func (c *comparison) run(kind string, requests [][]string) {
	n := count{kind: kind}
	for _, names := range requests {
		want, wantErr := c.apt.install(c.recommends, names...)
		start := time.Now()
		got, gotErr := c.ours(names)
		took := time.Since(start)
		n.took += took
		n.slowest = max(n.slowest, took)
		n.add(c.suite, names, got, want, gotErr, wantErr)
	}
	c.counts = append(c.counts, n)
}

// add counts one request; a difference is printed.
func (n *count) add(suite string, names, got, want []string, gotErr, wantErr error) {
	n.all++
	n.names += len(want)
	switch {
	case wantErr != nil && gotErr != nil:
		n.same++
		n.bothFail++
	case wantErr == nil && gotErr == nil && slices.Equal(got, want):
		n.same++
	default:
		fmt.Printf("%s %s: %s\n", suite, n.kind, strings.Join(names, " "))
		difference(got, want, gotErr, wantErr)
	}
}

func difference(got, want []string, gotErr, wantErr error) {
	switch {
	case wantErr != nil:
		fmt.Printf("  apt fails: %v\n", wantErr)
	case gotErr != nil:
		fmt.Printf("  we fail: %v\n", gotErr)
	default:
		for _, s := range got {
			if !slices.Contains(want, s) {
				fmt.Printf("  only ours: %s\n", s)
			}
		}
		for _, s := range want {
			if !slices.Contains(got, s) {
				fmt.Printf("  only apt: %s\n", s)
			}
		}
	}
}

// ours returns the closure as sorted "NAME VERSION" lines.
func (c *comparison) ours(names []string, stages ...[]string) ([]string, error) {
	req := solve.Request{Arch: c.arch, Compare: deb.Compare, Recommends: c.recommends}
	for _, stage := range append(stages, names) {
		var wants []solve.Want
		for _, name := range stage {
			wants = append(wants, solve.Want{Literal: pkg.Literal{Name: name}, Text: name})
		}
		req.Stages = append(req.Stages, wants)
	}
	sol, err := c.solver.Solve(c.u, req)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range sol.Picks {
		out = append(out, p.Package.Name+" "+p.Package.Version)
	}
	slices.Sort(out)
	return out, nil
}

// report prints the counts and reports whether they are good enough.
func (c *comparison) report() bool {
	same, all := 0, 0
	for _, n := range c.counts {
		if n.all == 0 {
			continue
		}
		fmt.Printf("%s %s %s: %d of %d identical (%.1f %%), %d of them failing in both; %d packages; ours took %v on average, at most %v\n",
			c.policy, c.suite, n.kind, n.same, n.all, 100*float64(n.same)/float64(n.all), n.bothFail, n.names,
			(n.took / time.Duration(n.all)).Round(time.Microsecond), n.slowest.Round(time.Microsecond))
		same += n.same
		all += n.all
	}
	return same*1000 >= all*995
}
