package triggers

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/unitfile"
)

// unit is a unit file as systemctl finds it.
type unit struct {
	name, path string // path begins with a slash
	install    unitfile.Install
}

// maxUnits bounds how many units one call reaches through Also=.
const maxUnits = 1000

// enable is systemctl enable NAME: links for the unit, and for those that it names in Also=.
func (m manager) enable(name string) error {
	seen := []string{name}
	for i := 0; i < len(seen); i++ {
		if i == maxUnits {
			return fmt.Errorf("the names in Also= of %s lead to more than %d units", name, maxUnits)
		}
		u, err := m.find(seen[i])
		if err != nil {
			return err
		}
		if u == nil {
			continue // there is no such unit, or it is masked
		}
		if err := m.install(u); err != nil {
			return err
		}
		for _, also := range u.install.Also {
			if also, ok := unitSpecifiers(also, u.name); ok && !slices.Contains(seen, also) {
				seen = append(seen, also)
			}
		}
	}
	return nil
}

// install makes the links of one unit.
func (m manager) install(u *unit) error {
	suffix := path.Ext(u.name)
	for _, a := range u.install.Alias {
		if a, ok := unitSpecifiers(a, u.name); ok && unitName(a) && a != u.name && path.Ext(a) == suffix {
			m.link(a, u.path)
		}
	}
	name, bare := u.name, false
	if stem, suffix, ok := template(u.name); ok {
		bare = u.install.DefaultInstance == ""
		if i, ok := unitSpecifiers(u.install.DefaultInstance, u.name); ok && !bare {
			name = stem + i + suffix
		}
	}
	if !unitName(name) {
		return nil
	}
	for _, l := range []struct {
		targets []string
		dir     string
	}{{u.install.WantedBy, ".wants"}, {u.install.RequiredBy, ".requires"}, {u.install.UpheldBy, ".upholds"}} {
		for _, t := range l.targets {
			t, ok := unitSpecifiers(t, u.name)
			if _, _, isTemplate := template(t); ok && unitName(t) && (!bare || isTemplate) {
				m.link(t+l.dir+"/"+name, u.path)
			}
		}
	}
	return nil
}

// link links below /etc/systemd, unless something is there.
func (m manager) link(at, target string) {
	if at = m.etc() + "/" + at; !m.taken(at) {
		m.make(at, target)
	}
}

// find returns the unit called name, of an instance its template; a link among the directories of units is
// followed. It is nil if there is none.
func (m manager) find(name string) (*unit, error) {
	full := name
	for range 8 {
		if !unitName(name) {
			return nil, nil
		}
		p, ok := m.lookup(name)
		if !ok {
			stem, suffix, instance := instanceOf(name)
			if !instance {
				return nil, nil
			}
			if p, ok = m.lookup(stem + suffix); !ok {
				return nil, nil
			}
		}
		if target, err := fs.ReadLink(m.fsys, p); err == nil {
			name = path.Base(target)
			full = name
			continue
		}
		if !m.isFile(p) || m.links[m.etc()+"/"+full] == "/dev/null" {
			return nil, nil
		}
		u := &unit{name: full, path: "/" + p}
		return u, m.read(u, p)
	}
	return nil, nil
}

// lookup returns the first path at which name is.
func (m manager) lookup(name string) (string, bool) {
	for _, d := range m.dirs() {
		if p := d + "/" + name; exists(m.fsys, p) {
			return p, true
		}
	}
	return "", false
}

// read reads the unit file p of u and its drop-ins, sorted by name.
func (m manager) read(u *unit, p string) error {
	files := map[string]string{}
	for _, d := range m.dirs() {
		d += "/" + path.Base(p) + ".d"
		entries, _ := fs.ReadDir(m.fsys, d)
		for _, e := range entries {
			if _, ok := files[e.Name()]; !ok && strings.HasSuffix(e.Name(), ".conf") {
				files[e.Name()] = d + "/" + e.Name()
			}
		}
	}
	all := []string{p}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		all = append(all, files[name])
	}
	for _, f := range all {
		if !m.isFile(f) {
			continue
		}
		b, err := fs.ReadFile(m.fsys, f)
		if err != nil {
			return err
		}
		if err := u.install.Read(b); err != nil {
			return fmt.Errorf("/%s: %w", f, err)
		}
	}
	return nil
}

// unitName reports whether s may be the name of a unit.
func unitName(s string) bool {
	ext := path.Ext(s)
	return len(s) < 256 && len(ext) > 1 && len(ext) < len(s) && s[0] != '@' && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("/*?[]\"'`$%&|;<>(){}", r)
	})
}

// template splits NAME@.SUFFIX into NAME@ and .SUFFIX.
func template(name string) (stem, suffix string, ok bool) {
	i := strings.IndexByte(name, '@')
	if i < 0 || i+1 >= len(name) || name[i+1] != '.' || strings.Contains(name[i+2:], ".") {
		return "", "", false
	}
	return name[:i+1], name[i+1:], true
}

// instanceOf splits NAME@INSTANCE.SUFFIX into NAME@ and .SUFFIX.
func instanceOf(name string) (stem, suffix string, ok bool) {
	i, j := strings.IndexByte(name, '@'), strings.LastIndexByte(name, '.')
	if i < 0 || j < i {
		return "", "", false
	}
	return name[:i+1], name[j:], true
}

// unitSpecifiers resolves those of systemd.unit(5) that mean the unit's name, and fails for others: they mean the host.
func unitSpecifiers(s, name string) (string, bool) {
	var b strings.Builder
	stem := strings.TrimSuffix(name, path.Ext(name))
	prefix, instance, _ := strings.Cut(stem, "@")
	for {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if after == "" {
			return "", false
		}
		switch after[0] {
		case 'n':
			b.WriteString(name)
		case 'N':
			b.WriteString(stem)
		case 'p':
			b.WriteString(prefix)
		case 'i':
			b.WriteString(instance)
		case 'j':
			b.WriteString(prefix[strings.LastIndexByte(prefix, '-')+1:])
		case '%':
			b.WriteByte('%')
		default:
			return "", false
		}
		s = after[1:]
	}
}
