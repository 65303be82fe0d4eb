package triggers

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/modinfo"
)

// largestModule is a bound, many times the size of any.
const largestModule = 64 << 20

// modulesIn returns the modules in directories that match a pattern, sorted within each directory.
func modulesIn(fsys fs.FS, pattern string) ([]string, error) {
	dirs, err := fs.Glob(fsys, pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range dirs {
		entries, err := fs.ReadDir(fsys, d)
		if err != nil {
			continue // a file
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".so") && !e.IsDir() {
				out = append(out, path.Join(d, e.Name()))
			}
		}
	}
	return out, nil
}

// readModule reads what a module says of itself; what is no module is passed over, and so is what cannot be read: Unread says
// of that beforehand that it is a leftover.
func readModule[T any](fsys fs.FS, name string, read func([]byte) (T, error)) (T, bool, error) {
	var none T
	if fi, err := fs.Stat(fsys, name); errors.Is(err, fs.ErrNotExist) || err == nil && !fi.Mode().IsRegular() {
		return none, false, nil
	}
	b, err := readLimited(fsys, name, largestModule)
	if err != nil {
		return none, false, err
	}
	v, err := read(b)
	return v, err == nil, nil
}

// unreadModules returns those of the patterns' modules that read does not understand, with the reasons.
func unreadModules[T any](patterns []string, read func([]byte) (T, error)) func(fs.FS) []string {
	return func(fsys fs.FS) []string {
		var out []string
		for _, p := range patterns {
			names, err := modulesIn(fsys, p)
			for _, n := range names {
				b, err := readLimited(fsys, n, largestModule)
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err == nil {
					_, err = read(b)
				}
				if err != nil && !errors.Is(err, modinfo.ErrNone) {
					out = append(out, "what /"+n+" says of itself: "+err.Error())
				}
			}
			if err != nil {
				out = append(out, err.Error())
			}
		}
		slices.Sort(out)
		return out
	}
}
