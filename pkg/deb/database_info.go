package deb

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// info adds info/NAME.list, every control member but the control file itself, and
// the md5sums that dpkg would make where the package has none.
func (db *database) info(r *record) error {
	base := "info/" + r.name() + "."
	db.put(base+"list", r.list(), 0o644)
	members, err := fs.ReadDir(r.Package.Control, ".")
	if err != nil {
		return err
	}
	shipped := false
	for _, m := range members {
		name := m.Name()
		if !m.Type().IsRegular() || name == "control" || name == "list" || strings.HasPrefix(name, ".") {
			continue
		}
		body, err := fs.ReadFile(r.Package.Control, name)
		if err != nil {
			return err
		}
		shipped = shipped || name == "md5sums"
		db.put(base+name, body, memberMode(m))
	}
	if shipped {
		return nil
	}
	sums, err := r.md5sums()
	if err == nil {
		db.put(base+"md5sums", sums, 0o644)
	}
	return err
}

// memberMode returns the mode that the archive gives a control member, as dpkg
// keeps it; a script that a later dpkg could not start is made executable.
func memberMode(m fs.DirEntry) fs.FileMode {
	perm := fs.FileMode(0o644)
	if fi, err := m.Info(); err == nil && fi.Mode().Perm() != 0 {
		perm = fi.Mode().Perm()
	}
	switch m.Name() {
	case "config", "preinst", "postinst", "prerm", "postrm":
		perm |= 0o111
	}
	return perm
}

// list returns info/NAME.list: a path per line, the root as "/.".
func (r *record) list() []byte {
	var b []byte
	for _, f := range r.Files {
		f = strings.Trim(f, "/")
		if f == "" {
			f = "."
		}
		b = append(append(append(b, '/'), f...), '\n')
	}
	return b
}

// md5sums returns what dpkg computes while unpacking: regular files, conffiles included, in the order of the list.
func (r *record) md5sums() ([]byte, error) {
	var b []byte
	for _, f := range r.Files {
		f = strings.Trim(f, "/")
		n := r.file(f)
		if n == nil {
			continue
		}
		sum, err := md5sum(n.Content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tree.Quote(f), err)
		}
		b = fmt.Appendf(b, "%s  %s\n", sum, f)
	}
	return b, nil
}

// interests adds triggers/File, which has the interests in paths ("PATH PACKAGE[/noawait]"), and
// one file per named trigger with the packages that are interested in it, deb-triggers(5).
func (db *database) interests(rs []*record) {
	var file []byte
	named := map[string][]byte{}
	var names []string
	seen := map[[2]string]bool{}
	for _, r := range rs {
		member, err := fs.ReadFile(r.Package.Control, "triggers")
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(member)) {
			trigger, who, ok := interest(l, r.name())
			if !ok || seen[[2]string{trigger, r.name()}] {
				continue
			}
			seen[[2]string{trigger, r.name()}] = true
			if strings.HasPrefix(trigger, "/") {
				file = fmt.Appendf(file, "%s %s\n", trigger, who)
				continue
			}
			if _, ok := named[trigger]; !ok {
				names = append(names, trigger)
			}
			named[trigger] = fmt.Appendf(named[trigger], "%s\n", who)
		}
	}
	db.put("triggers/File", file, 0o644)
	db.put("triggers/Unincorp", nil, 0o644)
	for _, n := range names {
		db.put("triggers/"+n, named[n], 0o644)
	}
}

// interest reads a line of a triggers member. It returns the trigger and how name is recorded, and
// false where the line is none, or where the trigger's name could not be a file's.
func interest(line, name string) (trigger, who string, ok bool) {
	f := strings.Fields(line)
	if len(f) != 2 {
		return "", "", false
	}
	switch f[0] {
	case "interest", "interest-await":
		who = name
	case "interest-noawait":
		who = name + "/noawait"
	default:
		return "", "", false
	}
	if strings.HasPrefix(f[1], "/") {
		return f[1], who, true
	}
	reserved := f[1] == "File" || f[1] == "Unincorp" || f[1] == "Lock"
	odd := strings.HasPrefix(f[1], ".") || strings.ContainsFunc(f[1], func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
	return f[1], who, !reserved && !odd
}
