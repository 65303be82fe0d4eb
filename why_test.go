package detinstall_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/fixtures"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/unpack"
	"github.com/detinstall/detinstall/unpack/fetch"
)

// newStore returns a store whose bodies lie below t's directory.
func newStore(t *testing.T, cfg fetch.Config) *unpack.Store {
	t.Helper()
	client, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stage, err := emit.Begin(filepath.Join(t.TempDir(), "root"), emit.StageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stage.Abort() })
	return unpack.NewStore(unpack.Config{Get: client, Formats: []pkg.Format{deb.Format{}}, Bodies: stage})
}

// unexplained returns the paths of a root of which no package and no trigger is the cause, or whose trigger says neither a line
// nor what it goes by.
func unexplained(t *testing.T, res *detinstall.Result) (bad []string, paths int) {
	t.Helper()
	e := detinstall.Explain(res)
	for n := range res.Tree.All() {
		what := "/" + n.Path
		if n.Path == "." {
			what = "/"
		}
		c, err := e.Why(what)
		if err != nil {
			t.Fatal(err)
		}
		paths++
		ok := len(c.Chain) > 1 || len(c.Changes) > 0 || n.From == "merged-usr"
		for _, p := range c.Changes {
			ok = ok && (p.Doc != "" || len(p.Lines) > 0)
			for _, l := range p.Lines {
				ok = ok && l.Package != "" && l.Text != ""
			}
		}
		if !ok {
			bad = append(bad, fmt.Sprintf("%s from %s: %+v", what, n.From, c))
		}
	}
	return bad, paths
}

// TestWhyEveryPath holds that every path of the demo has a cause, and what causes are of some.
func TestWhyEveryPath(t *testing.T) {
	store := newStore(t, fetch.Config{Dir: t.TempDir(), Demo: fixtures.All()})
	spec := &detinstall.Spec{Repos: []string{"demo-debian"}, Pkgs: []string{"erlang"}, Arch: []string{"amd64"}}
	lk, err := detinstall.Resolve(t.Context(), spec, store)
	if err != nil {
		t.Fatal(err)
	}
	res, err := detinstall.Build(t.Context(), lk, "amd64", store)
	if err != nil {
		t.Fatal(err)
	}
	bad, paths := unexplained(t, res)
	if len(bad) > 0 || paths < 30 {
		t.Errorf("%d of %d paths without a cause: %q", len(bad), paths, bad)
	}
	c, err := detinstall.Explain(res).Why("/etc/alternatives/sh")
	if err != nil || len(c.Changes) != 1 {
		t.Fatal(c, err)
	}
	lines := c.Changes[0].Lines
	if len(lines) != 1 || lines[0].Package != "busybox" || lines[0].Line != 4 || !strings.Contains(lines[0].Text, "update-alternatives") {
		t.Errorf("lines %+v", lines)
	}
	res.Applied = slices.DeleteFunc(res.Applied, func(a triggers.Applied) bool { return a.Path == "etc/alternatives/sh" })
	if bad, _ := unexplained(t, res); len(bad) != 1 {
		t.Errorf("a path of which no cause is kept is not missed: %q", bad) // the control
	}
}

// TestWhyServer is the same for the real server set, and prints what it costs.
func TestWhyServer(t *testing.T) {
	dir := os.Getenv("DETINSTALL_BENCH_DIR")
	mirror := filepath.Join(dir, "mirror", "trixie")
	if _, err := os.Stat(mirror); dir == "" || err != nil {
		t.Skip("SKIPPED: no DETINSTALL_BENCH_DIR with a mirror of trixie; bench/gap makes one")
	}
	store := newStore(t, fetch.Config{Dir: filepath.Join(dir, "cache"), Mirrors: map[string][]string{"debian": {"file:" + mirror}}})
	spec := &detinstall.Spec{Repos: []string{"debian@trixie"}, Suites: []string{"trixie"}, Base: "minbase", Arch: []string{"amd64"},
		Pkgs: []string{"nginx", "postgresql", "redis", "openssh-server", "systemd", "systemd-sysv"}}
	_, results, err := detinstall.Install(t.Context(), spec, store)
	if err != nil {
		t.Fatal(err)
	}
	res := results[0]
	general := map[string]int{} // changes that no line is behind
	for _, a := range res.Applied {
		if len(a.By) == 0 {
			general[a.Trigger]++
		}
	}
	t.Log("changes of the tree alone, by trigger:", general)
	start := time.Now()
	bad, paths := unexplained(t, res)
	if len(bad) > 0 || paths < 5000 {
		t.Errorf("%d of %d paths without a cause: %q", len(bad), paths, bad[:min(20, len(bad))])
	}
	took := time.Since(start)
	t.Logf("%d paths explained in %v", paths, took)
	if took > 5*time.Second {
		t.Error("too slow")
	}
}
