package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/fixtures"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
	"github.com/detinstall/detinstall/unpack/fetch"
)

// client returns the one way to bytes: cache, mirrors, repositories.
func (a *app) client() (*fetch.Client, error) {
	dir, err := a.cacheDir()
	if err != nil {
		return nil, err
	}
	mirrors, err := a.mirrors()
	if err != nil {
		return nil, err
	}
	now, err := a.referenceTime()
	if err != nil {
		return nil, err
	}
	if now == 0 {
		now = a.now().Unix()
	}
	cfg := fetch.Config{Dir: dir, Offline: a.opt.offline, Now: now, Mirrors: mirrors, Demo: fixtures.All(),
		Report: a.note, Version: detinstall.Version}
	if a.bar, err = a.newMeter(); err != nil {
		return nil, err
	}
	if a.bar != nil {
		cfg.Progress = a.bar
	}
	if s := a.getenv("DETINSTALL_STALL"); s != "" {
		if cfg.Stall, err = time.ParseDuration(s); err != nil {
			return nil, usage("DETINSTALL_STALL: " + err.Error())
		}
	}
	return fetch.New(cfg)
}

// mirrors returns the addresses to try first, by the name of the built-in repository: those of the
// command line, else the one that the host's apt is configured with.
func (a *app) mirrors() (map[string][]string, error) {
	m := map[string][]string{}
	for name, base := range fetch.HostMirrors(a.aptConfig()) {
		m[name] = []string{base}
	}
	for _, arg := range a.opt.mirrors {
		name, base := nameValue(arg)
		if name == "" {
			name = "debian"
		}
		if filepath.IsAbs(base) {
			base = "file:" + base
		}
		if u, err := url.Parse(base); err != nil || u.Scheme == "" {
			return nil, usage("--mirror " + arg + ": want a URL or NAME=URL")
		}
		m[name] = []string{strings.TrimRight(base, "/")}
	}
	return m, nil
}

// store returns a package store over the cache, with bodies kept in bodies.
func (a *app) store(c *fetch.Client, bodies unpack.Bodies) (*unpack.Store, error) {
	lim, err := a.limits()
	if err != nil {
		return nil, err
	}
	cfg := unpack.Config{Get: c, Formats: []pkg.Format{apk.Format{}, deb.Format{}}, Bodies: bodies, Jobs: cmp.Or(a.opt.jobs, runtime.GOMAXPROCS(0)), Limits: lim}
	if a.opt.unpackedStore {
		cfg.Kept = filepath.Join(c.Cache().Path(), "unpacked")
	}
	return unpack.NewStore(cfg), nil
}

// limits reads --limit NAME=N.
func (a *app) limits() (pkg.Limits, error) {
	var l pkg.Limits
	names := map[string]*int64{"entries": &l.Entries, "file": &l.File, "total": &l.Total, "ratio": &l.Ratio, "dict": &l.Dict, "control": &l.Control}
	for _, arg := range a.opt.limits {
		name, value := nameValue(arg)
		n, err := strconv.ParseInt(value, 10, 64)
		if names[name] == nil || err != nil || n <= 0 {
			return l, usage("--limit " + arg + ": want NAME=N with one of entries, file, total, ratio, dict, control")
		}
		*names[name] = n
	}
	return l, nil
}

// note prints a remark unless -q.
func (a *app) note(text string) {
	a.bar.clear()
	if !a.opt.quiet {
		fmt.Fprintf(a.stderr, "detinstall: %s\n", text)
	}
}

// aptConfig is where the host's apt keeps its sources. A variable moves it, for tests.
func (a *app) aptConfig() string {
	if dir := a.getenv("DETINSTALL_APT_CONFIG"); dir != "" {
		return dir
	}
	return "/etc/apt"
}

// rollbackGuard makes the newest dates seen of each repository part of the request's surroundings.
func rollbackGuard(c *fetch.Client, s *detinstall.Spec) { s.Ambient.Seen = c.Seen }

// remember keeps the dates of the sources for [rollbackGuard].
func remember(c *fetch.Client, sources []lock.Source) error {
	for _, s := range sources {
		if err := c.SetSeen(s.ID, s.Date); err != nil {
			return err
		}
	}
	return nil
}

// withScratch lends a place for bodies to a command that writes no tree.
func (a *app) withScratch(c *fetch.Client, use func(unpack.Bodies) error) (err error) {
	dir := c.Cache().Path()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	stage, err := emit.Begin("-", emit.StageOptions{Scratch: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Abort()) }()
	return use(stage)
}
