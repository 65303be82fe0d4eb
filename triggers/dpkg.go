package triggers

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// dpkg is dpkg's own bookkeeping.
func dpkg() Trigger {
	return Trigger{
		Name: "dpkg",
		Doc: "dpkg records every package that it installs. The same database, byte for byte, and the path filters " +
			"of the lock as options, so that a later dpkg keeps to them; and what dpkg-statoverride records.",
		For:    []string{"deb"},
		Duties: []hooks.Kind{hooks.Statoverride},
		Owns:   []string{"var/lib/dpkg", "var/lib/dpkg/*", "var/lib/dpkg/info/*", "var/lib/dpkg/triggers/*", dpkgFilters},
		Run:    makeDatabase,
	}
}

const dpkgFilters = "etc/dpkg/dpkg.cfg.d/detinstall"

func makeDatabase(in Input) ([]Change, error) {
	if len(in.Packages) == 0 {
		return nil, nil
	}
	entries := make([]deb.Entry, len(in.Packages))
	for i, p := range in.Packages {
		entries[i] = deb.Entry{Package: p.Unpacked, Files: p.Files, Pending: p.Pending && in.Lock.Settings.Pending == "unpacked"}
	}
	opt := deb.DatabaseOptions{Arch: in.Arch}
	for _, a := range in.Lock.Arches {
		if a.Name != in.Arch {
			continue
		}
		for _, d := range a.Diversions {
			opt.Diversions = append(opt.Diversions, deb.Diversion{Path: d.Path, To: d.To, Package: d.Package})
		}
	}
	nodes, err := deb.Database(entries, opt)
	if err != nil {
		return nil, err
	}
	var out []Change
	for _, n := range nodes {
		if n.Mode.IsDir() && exists(in.FS, n.Path) {
			continue
		}
		c := Change{Op: Put, Node: n}
		if n.Path == "var/lib/dpkg/statoverride" {
			b, err := statoverrides(in.Duties)
			if err != nil {
				return nil, err
			}
			if len(b) == 0 {
				continue // only dpkg-statoverride makes one
			}
			c.Node.Content, c.By = tree.Bytes(b), sources(in.Duties...)
		}
		out = append(out, c)
	}
	if len(in.Exclude)+len(in.Include) > 0 {
		var b []byte
		b = fmt.Appendf(b, "# The path filters that detinstall built this root with.\n")
		for _, g := range in.Exclude {
			b = fmt.Appendf(b, "path-exclude=%s\n", g)
		}
		for _, g := range in.Include {
			b = fmt.Appendf(b, "path-include=%s\n", g)
		}
		out = append(out, file(dpkgFilters, 0o644, b))
	}
	return out, nil
}

// statoverrides returns the file of dpkg-statoverride(1), a line per path in the order of dpkg's hash table
// of paths, which has 262139 chains by FNV-1a of the path (found by trial on 1.21.23 and 1.22.22). The first record for a path counts.
func statoverrides(ds []hooks.Duty) ([]byte, error) {
	chain := func(d hooks.Duty) uint32 {
		h := fnv.New32a()
		h.Write([]byte(strings.TrimPrefix(arg(d, 3), "/")))
		return h.Sum32() % 262139
	}
	ds = slices.Clone(ds)
	slices.SortStableFunc(ds, func(a, b hooks.Duty) int {
		return cmp.Or(cmp.Compare(chain(a), chain(b)), cmp.Compare(arg(a, 3), arg(b, 3)))
	})
	var b []byte
	for i, d := range ds {
		if i > 0 && arg(ds[i-1], 3) == arg(d, 3) {
			continue
		}
		mode, err := strconv.ParseUint(arg(d, 2), 8, 12)
		if err != nil || strings.ContainsAny(strings.Join(d.Args, ""), "\n\x00") {
			return nil, fmt.Errorf("statoverride %q of package %s: no mode, or a line feed", d.Args, d.Package)
		}
		b = fmt.Appendf(b, "%s %s %o %s\n", arg(d, 0), arg(d, 1), mode, arg(d, 3))
	}
	return b, nil
}
