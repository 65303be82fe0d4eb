package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
)

// options are the flags of all commands; each command registers those it has.
type options struct {
	// global
	quiet, verbose, json bool
	progress, color      string
	cache                string
	offline              bool
	jobs                 int
	limits               []string

	// request
	spec     detinstall.Spec
	specFile string
	epoch    int64
	asOf     string
	mirrors  []string
	noWeak   bool
	foreign  []string

	// lock and output
	lockfile              string
	locked, check, strict bool
	output                string
	replace, keepSetuid   bool
	lossy                 bool
	unpackedStore         bool
	report                string
	recipes               bool
}

func (a *app) globalFlags(c *cobra.Command) {
	f, o := c.PersistentFlags(), &a.opt
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but results and errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print notes and every pending script")
	f.BoolVar(&o.json, "json", false, "print results and errors as JSON, one object each")
	f.StringVar(&o.progress, "progress", "auto", "auto, plain or none")
	f.StringVar(&o.color, "color", "auto", "auto, always or never")
	f.StringVar(&o.cache, "cache", "", "cache directory (default $XDG_CACHE_HOME/detinstall)")
	f.BoolVar(&o.offline, "offline", false, "use the cache only")
	f.IntVar(&o.jobs, "jobs", 0, "packages decoded at once (default: one per CPU)")
	f.StringArrayVar(&o.limits, "limit", nil, "NAME=N: entries, file, total, ratio, dict or control, per package")
}

// requestFlags registers what says what to install.
func (a *app) requestFlags(c *cobra.Command) {
	f, o := c.Flags(), &a.opt
	s := &o.spec
	f.StringVarP(&o.specFile, "config", "c", "", "YAML file with the request; flags win")
	f.StringSliceVar(&s.Repos, "repo", nil, "repository: built-in name[@release], directory or URL [@SUITE], URL of an index of apk, or YAML definition")
	f.StringSliceVar(&s.Suites, "suite", nil, "exactly these suites instead of the release's set")
	f.StringSliceVar(&s.Components, "component", nil, "these components instead of main")
	f.StringArrayVar(&o.mirrors, "mirror", nil, "URL or NAME=URL: replaces the base of a built-in repository")
	f.StringSliceVar(&s.Keys, "key", nil, "file with further trusted keys")
	f.BoolVar(&s.AllowUnsigned, "allow-unsigned", false, "accept repositories without a valid signature (recorded in the lock)")
	f.StringSliceVar(&s.Pkgs, "pkgs", nil, "packages: NAME, NAME=VERSION, NAME>=VERSION, NAME:ARCH, or a package file")
	f.StringSliceVar(&s.Exclude, "exclude", nil, "packages that must not be installed")
	f.StringVar(&s.Base, "base", "", "base set: essential, minbase, important, standard or none")
	f.StringSliceVar(&s.Arch, "arch", nil, "architectures, in any spelling (default: the host's)")
	f.StringSliceVar(&o.foreign, "foreign-arch", nil, "further architectures of a multi-arch root (not supported)")
	f.StringVar(&s.Policy, "policy", "", "deb: apt-classic or apt; apk: apk or apk-classic (default: the release's)")
	f.BoolVar(&s.Recommends, "recommends", false, "install weak dependencies too")
	f.BoolVar(&o.noWeak, "no-weak", false, "do not install weak dependencies")
	f.BoolVar(&s.NoDeps, "no-deps", false, "install exactly what is named")
	f.StringVar(&o.asOf, "as-of", "", "reference time for the validity of indexes: seconds since 1970, a date, or none (default: this machine's clock)")
	f.Int64Var(&o.epoch, "epoch", -1, "time of the root in seconds since 1970, for a new lock")
	f.StringArrayVar(&s.ExcludePaths, "exclude-path", nil, "glob of paths to leave out, as dpkg's path-exclude")
	f.StringArrayVar(&s.IncludePaths, "include-path", nil, "glob of paths to keep all the same, as dpkg's path-include")
	f.BoolVar(&s.NoDocs, "no-docs", false, "leave out documentation but copyright files")
	f.StringSliceVar(&s.Langs, "lang", nil, "keep translations into these languages only")
	f.StringVar(&s.UnknownOwner, "unknown-owner", "", "owner that no account has: error, number or root")
	f.BoolVar(&s.AllowDevices, "allow-devices", false, "accept device nodes from packages")
}

func (a *app) lockFlag(c *cobra.Command, text string) {
	c.Flags().StringVar(&a.opt.lockfile, "lockfile", "", text)
}

func (a *app) outputFlags(c *cobra.Command) {
	f, o := c.Flags(), &a.opt
	f.StringVarP(&o.output, "output", "o", "", "DIR/, x.tar[.gz|.zst], x.cpio, oci:DIR[:TAG], or - for a tar on stdout")
	f.BoolVar(&o.replace, "replace", false, "replace an existing output")
	f.BoolVar(&o.keepSetuid, "keep-setuid", false, "without privilege: keep setuid and setgid on disk")
	f.BoolVar(&o.lossy, "lossy", false, "cpio: leave out what the format cannot carry")
	f.BoolVar(&o.strict, "strict", false, "fail with code 6 while scripts are pending")
	f.BoolVar(&o.unpackedStore, "unpacked-store", false, "keep unpacked packages in the cache: the next installation decodes nothing")
}

// request returns the request of the command line c over that of -c.
func (a *app) request(c *cobra.Command) (*detinstall.Spec, error) {
	s := &detinstall.Spec{}
	var err error
	if a.opt.specFile != "" {
		f, err := os.Open(a.opt.specFile)
		if err != nil {
			return nil, &usageError{err}
		}
		defer f.Close()
		if s, err = detinstall.ParseSpec(f); err != nil {
			return nil, fmt.Errorf("%s: %w", a.opt.specFile, err)
		}
	}
	a.overlay(c, s)
	if len(a.opt.foreign) > 0 {
		return nil, usage("--foreign-arch: multi-arch roots are not supported")
	}
	if a.opt.noWeak && s.Recommends {
		return nil, usage("--recommends and --no-weak exclude each other")
	}
	s.Ambient.Warn = a.note
	if s.Ambient.Now, err = a.referenceTime(); err != nil {
		return nil, err
	}
	s.Ambient.Exact = a.opt.asOf != ""
	s.Ambient.Arch = runtime.GOARCH
	if v := a.getenv("SOURCE_DATE_EPOCH"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return nil, usage("SOURCE_DATE_EPOCH: want seconds since 1970, not " + strconv.Quote(v))
		}
		s.Ambient.Epoch = &n
	}
	return s, nil
}

// referenceTime reads --as-of.
func (a *app) referenceTime() (int64, error) {
	switch a.opt.asOf {
	case "":
		return a.now().Unix(), nil
	case "none":
		return 0, nil
	}
	if n, err := strconv.ParseInt(a.opt.asOf, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, a.opt.asOf); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, usage("--as-of " + a.opt.asOf + ": want seconds since 1970, YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or none")
}

// overlay puts the flags that were given over s.
func (a *app) overlay(c *cobra.Command, s *detinstall.Spec) {
	g := &a.opt.spec
	set := func(name string) bool { return c.Flags().Changed(name) }
	for _, l := range []struct {
		flag     string
		to, from *[]string
	}{
		{"repo", &s.Repos, &g.Repos}, {"suite", &s.Suites, &g.Suites}, {"component", &s.Components, &g.Components},
		{"key", &s.Keys, &g.Keys}, {"pkgs", &s.Pkgs, &g.Pkgs}, {"exclude", &s.Exclude, &g.Exclude}, {"arch", &s.Arch, &g.Arch},
		{"exclude-path", &s.ExcludePaths, &g.ExcludePaths}, {"include-path", &s.IncludePaths, &g.IncludePaths}, {"lang", &s.Langs, &g.Langs},
	} {
		if set(l.flag) {
			*l.to = *l.from
		}
	}
	for _, l := range []struct {
		flag     string
		to, from *string
	}{{"base", &s.Base, &g.Base}, {"policy", &s.Policy, &g.Policy}, {"unknown-owner", &s.UnknownOwner, &g.UnknownOwner}} {
		if set(l.flag) {
			*l.to = *l.from
		}
	}
	for _, l := range []struct {
		flag     string
		to, from *bool
	}{
		{"allow-unsigned", &s.AllowUnsigned, &g.AllowUnsigned}, {"recommends", &s.Recommends, &g.Recommends},
		{"no-deps", &s.NoDeps, &g.NoDeps}, {"no-docs", &s.NoDocs, &g.NoDocs}, {"allow-devices", &s.AllowDevices, &g.AllowDevices},
	} {
		if set(l.flag) {
			*l.to = *l.from
		}
	}
	if set("epoch") {
		s.Epoch = &a.opt.epoch
	}
}

// cacheDir returns the cache directory: the flag, else XDG's.
func (a *app) cacheDir() (string, error) {
	if a.opt.cache != "" {
		return filepath.Abs(a.opt.cache)
	}
	if x := a.getenv("XDG_CACHE_HOME"); filepath.IsAbs(x) {
		return filepath.Join(x, "detinstall"), nil
	}
	home := a.getenv("HOME")
	if home == "" {
		return "", usage("no cache directory: set HOME or XDG_CACHE_HOME, or give --cache")
	}
	return filepath.Join(home, ".cache", "detinstall"), nil
}

// nameValue splits NAME=VALUE.
func nameValue(s string) (name, value string) {
	if n, v, ok := strings.Cut(s, "="); ok && !strings.Contains(n, "/") {
		return n, v
	}
	return "", s
}
