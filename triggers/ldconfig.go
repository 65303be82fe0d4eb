package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/detinstall/detinstall/internal/ldcache"
)

// ldconfig is ldconfig(8), which libc-bin's postinst runs.
func ldconfig() Trigger {
	return Trigger{
		Name: "ldconfig",
		Doc: "ldconfig caches the libraries of the directories in ld.so.conf, and links a SONAME that has no file. " +
			"The same cache, byte for byte; no aux-cache, which holds inode numbers; links that are shipped stay, be they dangling.",
		For:   []string{"deb"},
		Reads: slices.Concat([]string{"etc/ld.so.conf", "etc/ld.so.conf.d/*", "**/*.so*", "**/glibc-hwcaps/*"}, ldconfigs),
		Owns:  append([]string{"etc/ld.so.cache"}, sonameLinks...),
		Run:   makeLdCache,
	}
}

// ldconfigs are the places of the program; where there is an .real, the other is a script that calls it.
var ldconfigs = []string{"usr/sbin/ldconfig.real", "usr/sbin/ldconfig"}

// sonameLinks is where a SONAME without a file gets a link. Packages of Debian always ship theirs (policy 8.1).
// The directories of an architecture are not among them: alternatives look there for
// their choices, so they would wait for ldconfig, which waits for them.
var sonameLinks = []string{"usr/lib/lib*.so*", "usr/local/lib/lib*.so*", "opt/**/lib*.so*"}

// largestLdconfig is a bound, many times the size of any.
const largestLdconfig = 64 << 20

func makeLdCache(in Input) ([]Change, error) {
	program, err := readLdconfig(in.FS)
	if program == nil || err != nil {
		return nil, err
	}
	found, err := program.Search(in.FS)
	if err != nil {
		return nil, err
	}
	cache := ldcache.Encode(program.Order, found.Entries, found.Subdirs, program.Generator)
	out := []Change{file("etc/ld.so.cache", 0o644, cache)}
	owns := patterns(sonameLinks)
	for _, l := range found.Links {
		if !matchAny(owns, l.Path) {
			return nil, fmt.Errorf("/%s: ldconfig would link it to %s; no package ships the link", l.Path, l.Target)
		}
		out = append(out, link(l.Path, l.Target))
	}
	return out, nil
}

// readLdconfig reads the root's program; nil if it has none.
func readLdconfig(fsys fs.FS) (*ldcache.Program, error) {
	for _, name := range ldconfigs {
		fi, err := fs.Stat(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if fi.Size() > largestLdconfig {
			return nil, fmt.Errorf("/%s: larger than %d bytes", name, largestLdconfig)
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		program, err := ldcache.ReadProgram(b)
		if errors.Is(err, ldcache.ErrNotProgram) {
			continue // a script
		}
		return program, err
	}
	return nil, nil
}
