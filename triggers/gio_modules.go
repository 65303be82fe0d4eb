package triggers

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/modinfo"
)

// gioModules is gio-querymodules(1), which the postinsts of GLib and GTK 4 run, also when dpkg triggers them.
func gioModules() Trigger {
	var reads, owns, dirs []string
	for _, d := range gioDirs {
		reads, dirs = append(reads, d.dir, d.dir+"/lib*.so"), append(dirs, d.dir)
		owns = append(owns, d.dir+"/giomodule.cache")
	}
	slices.Sort(owns)
	return Trigger{
		Name: "gio-modules",
		Doc: "gio-querymodules loads the modules of a directory and writes down which extension points each implements. The same table, " +
			"byte for byte, of what is read in their code without running it; no table where none implements any. Runs with GLib and GTK 4 alone.",
		For:    []string{"deb"},
		Reads:  reads,
		Owns:   slices.Compact(owns),
		Unread: unreadModules(dirs, func(b []byte) ([]string, error) { return modinfo.Extensions(b, "") }),
		Run:    makeGioModules,
	}
}

// gioDirs are the directories of modules, by the package that asks for them.
var gioDirs = []struct{ pkg, dir string }{
	{"libglib2.0-0", "usr/lib/*/gio/modules"},
	{"libglib2.0-0t64", "usr/lib/*/gio/modules"},
	{"libgtk-4-1", "usr/lib/*/gtk-4.0/4.0.0/immodules"},
	{"libgtk-4-1", "usr/lib/*/gtk-4.0/4.0.0/printbackends"},
}

func makeGioModules(in Input) ([]Change, error) {
	var out []Change
	for _, d := range gioDirs {
		if _, ok := in.runs(d.pkg, "gio-querymodules"); !ok {
			continue
		}
		names, err := modulesIn(in.FS, d.dir)
		if err != nil {
			return nil, err
		}
		caches := map[string]*bytes.Buffer{}
		for _, n := range names {
			base := path.Base(n)
			points, ok, err := readModule(in.FS, n, func(b []byte) ([]string, error) { return modinfo.Extensions(b, base) })
			if err != nil {
				return nil, err
			}
			if !ok || !strings.HasPrefix(base, "lib") {
				continue
			}
			cache := path.Join(path.Dir(n), "giomodule.cache")
			if caches[cache] == nil {
				caches[cache] = &bytes.Buffer{}
			}
			caches[cache].WriteString(base + ": " + strings.Join(points, ",") + "\n")
		}
		for _, c := range sortedKeys(caches) {
			out = append(out, file(c, 0o644, caches[c].Bytes()))
		}
	}
	return out, nil
}
