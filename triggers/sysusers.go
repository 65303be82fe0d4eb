package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// sysusersDirs are where systemd-sysusers(8) looks, the strongest first. /run is empty in a root.
var sysusersDirs = []string{"etc/sysusers.d", "usr/local/lib/sysusers.d", "usr/lib/sysusers.d"}

// readSysusers adds the accounts of the sysusers.d(5) files that duties name: all files where one names none. Among
// files of one name the first directory's counts; files are read in the order of their names.
func (r *roster) readSysusers(files fs.FS, duties []hooks.Duty) error {
	have := map[string]string{}
	for _, dir := range sysusersDirs {
		entries, err := fs.ReadDir(files, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if _, ok := have[e.Name()]; !ok && strings.HasSuffix(e.Name(), ".conf") {
				have[e.Name()] = path.Join(dir, e.Name())
			}
		}
	}
	var names []string
	for _, d := range duties {
		if len(d.Args) == 0 {
			names = slices.Collect(maps.Keys(have))
			break
		}
		for _, a := range d.Args {
			names = append(names, path.Base(a))
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if have[name] == "" {
			return fmt.Errorf("sysusers.d: no file %q", name)
		}
		b, err := fs.ReadFile(files, have[name])
		if err != nil {
			return err
		}
		n := 0
		for l := range strings.Lines(string(b)) {
			n++
			if err := r.sysuser(strings.TrimSpace(l)); err != nil {
				return fmt.Errorf("/%s: line %d: %w", have[name], n, err)
			}
		}
	}
	for _, m := range r.joins { // after all lines: what no line makes is made for the member's sake
		r.addUser(&account{name: m[0], group: m[0], home: "/", shell: "/usr/sbin/nologin", system: true, declared: true})
		r.addGroup(&account{name: m[1], system: true, declared: true})
	}
	r.members = append(r.members, r.joins...)
	return nil
}

// sysuser reads one line: TYPE NAME ID GECOS HOME SHELL.
func (r *roster) sysuser(line string) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	f, err := sysuserFields(line)
	if err != nil {
		return err
	}
	if len(f) > 6 {
		return errors.New("more than six fields")
	}
	for len(f) < 6 {
		f = append(f, "")
	}
	for i := range f {
		if f[i] == "-" && i > 1 {
			f[i] = ""
		}
		if f[i], err = specifiers(f[i]); err != nil {
			return err
		}
	}
	id, group, paired := strings.Cut(f[2], ":")
	if id == "-" || strings.HasPrefix(id, "/") { // a path: the id of its owner, which is not known before there are ids
		id = ""
	}
	switch f[0] {
	case "u", "u!":
		u := &account{name: f[1], want: id, group: f[1], comment: f[3], home: f[4], shell: f[5], system: true, declared: true, expired: f[0] == "u!"}
		if paired && group != "" {
			u.group = group
		}
		if u.home == "" {
			u.home = "/"
		}
		if u.shell == "" {
			u.shell = "/usr/sbin/nologin"
		}
		r.addUser(u)
	case "g":
		r.addGroup(&account{name: f[1], want: id, system: true, declared: true})
	case "m":
		r.joins = append(r.joins, [2]string{f[1], f[2]})
	case "r":
	default:
		return fmt.Errorf("type %q", f[0])
	}
	return nil
}

// sysuserFields splits a line at white space; quotes keep a field together and a backslash keeps the next byte.
func sysuserFields(line string) ([]string, error) {
	var fields []string
	var b strings.Builder
	quote, open := byte(0), false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote, open = c, true
		case c == ' ' || c == '\t':
			if open {
				fields = append(fields, b.String())
				b.Reset()
				open = false
			}
		default:
			b.WriteByte(c)
			open = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote that does not end")
	}
	if open {
		fields = append(fields, b.String())
	}
	return fields, nil
}

// specifiers replaces %%, %T and %V. The others speak of the machine that boots.
func specifiers(s string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "%")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		if after == "" {
			return "", errors.New("a specifier without a letter")
		}
		switch after[0] {
		case '%':
			b.WriteByte('%')
		case 'T':
			b.WriteString("/tmp")
		case 'V':
			b.WriteString("/var/tmp")
		default:
			return "", fmt.Errorf("specifier %%%c is not known before the root boots", after[0])
		}
		s = after[1:]
	}
}
