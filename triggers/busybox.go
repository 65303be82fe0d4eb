package triggers

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// busybox is busybox --install -s and bbsuid --install.
func busybox() Trigger {
	return Trigger{
		Name: "busybox",
		Doc: "busybox's post-install and trigger make a link for each program that it can be, bbsuid's first, never over what is there. " +
			"The same, from the lists in /etc/busybox-paths.d, else from the table of programs inside the binary; bbsuid's from its binary.",
		For:   []string{"apk"},
		Reads: []string{"etc/busybox-paths.d", "etc/busybox-paths.d/*"},
		Owns: []string{"bin/*", "sbin/*", "usr", "usr/bin", "usr/bin/*", "usr/sbin", "usr/sbin/*", "linuxrc",
			"bin", "sbin"},
		Run: makeBusybox,
	}
}

// suidApplets are the programs that bbsuid, which is set-uid root, starts busybox as, where the binary names none. Releases differ: that
// of Alpine 2.6 has ping, and su elsewhere.
var suidApplets = []string{"bin/mount", "bin/su", "bin/umount", "usr/bin/crontab", "usr/bin/passwd", "usr/bin/traceroute",
	"usr/bin/traceroute6", "usr/bin/vlock"}

// What a busybox may be: the real one has some 400 programs and, linked statically, 2 MB.
const (
	largestBusybox = 16 << 20
	largestApplets = 1 << 20 // of a list
	mostApplets    = 4096
	longestApplet  = 100 // bytes of its path
)

func makeBusybox(in Input) ([]Change, error) {
	m := &applets{in: in, made: map[string]bool{}}
	if exists(in.FS, "bin/bbsuid") {
		b, err := readLimited(in.FS, "bin/bbsuid", largestBusybox)
		if err != nil {
			return nil, err
		}
		for _, p := range suidPaths(b) {
			m.link(p, "/bin/bbsuid")
		}
	}
	lists, err := fs.ReadDir(in.FS, "etc/busybox-paths.d")
	listed := err == nil && len(lists) > 0
	for _, l := range lists {
		if !exists(in.FS, "bin/"+l.Name()) {
			continue
		}
		if err := m.list("etc/busybox-paths.d/"+l.Name(), "/bin/"+l.Name()); err != nil {
			return nil, err
		}
	}
	if !listed && exists(in.FS, "bin/busybox") {
		b, err := readLimited(in.FS, "bin/busybox", largestBusybox)
		if err != nil {
			return nil, err
		}
		for _, p := range appletPaths(b) {
			m.link(p, "/bin/busybox")
		}
	}
	return m.out, nil
}

// list makes the links that a file names.
func (m *applets) list(name, target string) error {
	b, err := readLimited(m.in.FS, name, largestApplets)
	if err != nil {
		return err
	}
	for word := range strings.FieldsSeq(string(b)) {
		p := strings.TrimPrefix(word, "/")
		switch {
		case len(p) > longestApplet:
			return fmt.Errorf("/%s: %.40q...: longer than %d bytes", tree.Quote(name), p, longestApplet)
		case !fs.ValidPath(p):
			return fmt.Errorf("/%s: %q is no path of a program", tree.Quote(name), word)
		}
		if m.named++; m.named > mostApplets {
			return fmt.Errorf("/%s: %q: more than %d programs", tree.Quote(name), p, mostApplets)
		}
		m.link(p, target)
	}
	return nil
}

// applets collects links.
type applets struct {
	in    Input
	named int // by lists
	made  map[string]bool
	out   []Change
}

// suidPaths returns the paths of programs that a bbsuid binary has among its strings.
func suidPaths(b []byte) (paths []string) {
	for s := range bytes.SplitSeq(b, []byte{0}) {
		p, ok := strings.CutPrefix(string(s[:min(len(s), longestApplet)]), "/")
		if ok && p != "bin/busybox" && p != "bin/bbsuid" && slices.Contains(programDirs, path.Dir(p)) && fs.ValidPath(p) && len(paths) < mostApplets {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return suidApplets
	}
	return paths
}

// programDirs are where links are made; and "linuxrc" in the root.
var programDirs = []string{"bin", "sbin", "usr/bin", "usr/sbin"}

// link makes a link unless its path is taken or lies where no programs are.
func (m *applets) link(p, target string) {
	d := path.Dir(p)
	if p != "linuxrc" && !slices.Contains(programDirs, d) || m.made[p] || exists(m.in.FS, p) {
		return
	}
	if d == "." {
		d = "bin"
	}
	for _, up := range []string{path.Dir(d), d} {
		if up != "." && !m.made[up] && !exists(m.in.FS, up) {
			m.out = append(m.out, dir(up, 0o755))
			m.made[up] = true
		}
	}
	m.made[p] = true
	m.out = append(m.out, link(p, target))
}

// appletDirs are what the numbers in a busybox binary mean.
var appletDirs = []string{"", "bin/", "sbin/", "usr/bin/", "usr/sbin/"}

// anchors are programs that every busybox has, with their directories: by them the table is found.
var anchors = map[string]byte{"[": 3, "ash": 1, "basename": 3, "cat": 1, "chroot": 4, "cp": 1, "env": 3, "ls": 1, "mount": 1, "sh": 1,
	"head": 3, "init": 2, "ifconfig": 2, "adduser": 4, "ln": 1, "wc": 3}

// appletPaths returns the paths of the programs that a busybox binary can be, sorted by name. The binary has their
// sorted names, ended by NULs, beginning with "[" and "[[", and elsewhere an array with the directory of each in half
// a byte, the lower half first. It returns nothing where there is not exactly one place that fits.
func appletPaths(b []byte) []string {
	names := appletNames(b)
	var known []int // the indexes of the anchors
	for i, name := range names {
		if _, ok := anchors[name]; ok {
			known = append(known, i)
		}
	}
	if len(known) < 8 {
		return nil
	}
	place, tries := -1, 0
	for off := 0; off+(len(names)+1)/2 <= len(b); off++ {
		if !fitsAnchors(b[off:], names, known) {
			continue
		}
		if tries++; tries > 1000 { // no program, but something made to keep us busy
			return nil
		}
		if fitsDirs(b[off:], len(names)) {
			if place >= 0 {
				return nil
			}
			place = off
		}
	}
	if place < 0 {
		return nil
	}
	var paths []string
	for i, name := range names {
		paths = append(paths, appletDirs[nibble(b[place:], i)]+name)
	}
	return paths
}

// appletNames returns the names of programs in a busybox binary, of at most 32 bytes each. What comes before the first need not be
// ended by a NUL: in old ones that is the array.
func appletNames(b []byte) []string {
	for range 16 {
		i := bytes.Index(b, []byte("[\x00[[\x00"))
		if i < 0 {
			break
		}
		b = b[i:]
		if names := sortedNames(b); len(names) > len(anchors)/2 {
			return names
		}
		b = b[1:]
	}
	return nil
}

// sortedNames returns the strings that b begins with, as long as each is more than the one before.
func sortedNames(b []byte) (names []string) {
	for len(names) < mostApplets {
		i := bytes.IndexByte(b[:min(len(b), 33)], 0)
		if i <= 0 || len(names) > 0 && string(b[:i]) <= names[len(names)-1] {
			break
		}
		names = append(names, string(b[:i]))
		b = b[i+1:]
	}
	return names
}

func nibble(b []byte, i int) byte { return b[i/2] >> (4 * (i % 2)) & 15 }

// fitsAnchors reports whether b may begin with the directories of names, going by those that are known.
func fitsAnchors(b []byte, names []string, known []int) bool {
	for _, i := range known {
		if nibble(b, i) != anchors[names[i]] {
			return false
		}
	}
	return true
}

// fitsDirs reports whether b begins with n directories.
func fitsDirs(b []byte, n int) bool {
	for i := range n {
		if int(nibble(b, i)) >= len(appletDirs) {
			return false
		}
	}
	return true
}
