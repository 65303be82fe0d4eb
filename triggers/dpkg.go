package triggers

import (
	"fmt"

	"github.com/detinstall/detinstall/pkg/deb"
)

// dpkg is dpkg's own bookkeeping.
func dpkg() Trigger {
	return Trigger{
		Name: "dpkg",
		Doc: "dpkg records every package that it installs. The same database, byte for byte, and the path filters " +
			"of the lock as options, so that a later dpkg keeps to them.",
		For:  []string{"deb"},
		Owns: []string{"var/lib/dpkg", "var/lib/dpkg/*", "var/lib/dpkg/info/*", "var/lib/dpkg/triggers/*", dpkgFilters},
		Run:  makeDatabase,
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
		out = append(out, Change{Put, n})
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
