package triggers

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// busybox is busybox --install -s and bbsuid --install.
func busybox() Trigger {
	return Trigger{
		Name: "busybox",
		Doc: "busybox's post-install and trigger make a link for each program that it can be, bbsuid's first, never over what is there. " +
			"The same, from the lists in /etc/busybox-paths.d, else from the table of programs inside the binary.",
		For:   []string{"apk"},
		Reads: []string{"etc/busybox-paths.d", "etc/busybox-paths.d/*"},
		Owns: []string{"bin/*", "sbin/*", "usr", "usr/bin", "usr/bin/*", "usr/sbin", "usr/sbin/*", "linuxrc",
			"bin", "sbin"},
		Run: makeBusybox,
	}
}

// suidApplets are the programs that bbsuid, which is set-uid root, starts busybox as.
var suidApplets = []string{"bin/mount", "bin/su", "bin/umount", "usr/bin/crontab", "usr/bin/passwd", "usr/bin/traceroute",
	"usr/bin/traceroute6", "usr/bin/vlock"}

func makeBusybox(in Input) ([]Change, error) {
	m := &applets{in: in, made: map[string]bool{}}
	if exists(in.FS, "bin/bbsuid") {
		for _, p := range suidApplets {
			m.link(p, "/bin/bbsuid")
		}
	}
	lists, err := fs.ReadDir(in.FS, "etc/busybox-paths.d")
	listed := err == nil && len(lists) > 0
	for _, l := range lists {
		if !exists(in.FS, "bin/"+l.Name()) {
			continue
		}
		b, err := fs.ReadFile(in.FS, "etc/busybox-paths.d/"+l.Name())
		if err != nil {
			return nil, err
		}
		for p := range strings.FieldsSeq(string(b)) {
			m.link(strings.TrimPrefix(p, "/"), "/bin/"+l.Name())
		}
	}
	if !listed && exists(in.FS, "bin/busybox") {
		b, err := fs.ReadFile(in.FS, "bin/busybox")
		if err != nil {
			return nil, err
		}
		for _, p := range appletPaths(b) {
			m.link(p, "/bin/busybox")
		}
	}
	return m.out, nil
}

// applets collects links.
type applets struct {
	in   Input
	made map[string]bool
	out  []Change
}

// link makes a link unless its path is taken or lies where no programs are.
func (m *applets) link(p, target string) {
	dirs := []string{"bin", "sbin", "usr/bin", "usr/sbin"}
	d := path.Dir(p)
	if p != "linuxrc" && !slices.Contains(dirs, d) || path.Base(p) == "." || m.made[p] || exists(m.in.FS, p) {
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
	at := bytes.Index(b, []byte("\x00[\x00[[\x00"))
	if at < 0 {
		return nil
	}
	var names []string
	for rest := b[at+1:]; ; {
		i := bytes.IndexByte(rest, 0)
		if i <= 0 || i > 32 || len(names) > 0 && string(rest[:i]) <= names[len(names)-1] {
			break
		}
		names = append(names, string(rest[:i]))
		rest = rest[i+1:]
	}
	place := -1
	for off := 0; off+(len(names)+1)/2 <= len(b); off++ {
		if fitsApplets(b[off:], names) {
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

func nibble(b []byte, i int) byte { return b[i/2] >> (4 * (i % 2)) & 15 }

func fitsApplets(b []byte, names []string) bool {
	found := 0
	for i, name := range names {
		n := nibble(b, i)
		want, anchor := anchors[name]
		if int(n) >= len(appletDirs) || anchor && n != want {
			return false
		}
		if anchor {
			found++
		}
	}
	return found >= 8
}
