package triggers

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/unitfile"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// systemd is deb-systemd-helper(1) and systemctl(1).
func systemd() Trigger {
	return Trigger{
		Name: "systemd",
		Doc: "deb-systemd-helper and systemctl link units into /etc/systemd as their [Install] sections and the presets say, and the former keeps a record. " +
			"The same links and the same record, duty by duty in dependency order.",
		For:    []string{"deb"},
		Reads:  []string{"etc/systemd/*-preset", "etc/systemd/*-preset/*", "lib/systemd/**", "usr/lib/systemd/**", "usr/bin/systemctl", "usr/local/lib/systemd/**"},
		Duties: []hooks.Kind{hooks.Unit, hooks.SysV},
		Owns:   []string{"etc/systemd/system/**", "etc/systemd/user/**", "var/lib/systemd/deb-systemd-*/**"},
		Run:    makeUnits,
	}
}

// units is the state of all units while duties are done.
type units struct {
	fsys   fs.FS
	links  map[string]string // the links made, by path
	record map[string][]byte // the files made, by path
	by     map[string][]hooks.Source
	now    []hooks.Source // of the duty at hand
	// systemctl is set if systemctl is there, slashLib if it is one that prefers /lib to /usr/lib: those before 255,
	// whose package has itself below /lib.
	systemctl, slashLib bool
	// early are the packages that are configured before systemctl is there.
	early map[string]bool
}

func makeUnits(in Input) ([]Change, error) {
	u := &units{fsys: in.FS, links: map[string]string{}, record: map[string][]byte{}, by: map[string][]hooks.Source{}, early: in.bootstrapped(), systemctl: exists(in.FS, "usr/bin/systemctl")}
	for _, p := range in.Packages {
		u.slashLib = u.slashLib || slices.Contains(p.Files, "bin/systemctl")
	}
	for _, d := range in.Duties {
		u.now = d.Sources()
		if err := u.do(d); err != nil {
			return nil, fmt.Errorf("%s %q of package %s: %w", d.Kind, d.Args, d.Package, err)
		}
	}
	var out []Change
	for _, p := range slices.Sorted(maps.Keys(u.links)) {
		c := link(p, u.links[p])
		c.By = u.by[p]
		out = append(out, c)
	}
	for _, p := range slices.Sorted(maps.Keys(u.record)) {
		c := file(p, 0o644, u.record[p])
		c.By = u.by[p]
		out = append(out, c)
	}
	return out, nil
}

// do does one duty. What a real tool would fail at, scripts ignore, and so is it here.
func (u *units) do(d hooks.Duty) error {
	if d.Kind == hooks.SysV { // update-rc.d toggles the unit of a script, too
		if d.Args[1] != "enable" && d.Args[1] != "disable" {
			return nil
		}
		d.Args = []string{"systemctl " + d.Args[1], d.Args[0] + ".service", "system"}
	}
	m := manager{units: u, name: cmp.Or(d.Args[2], "system")}
	if m.name != "system" && m.name != "user" {
		return fmt.Errorf("no manager is called %q", m.name)
	}
	tool, action, ok := strings.Cut(d.Args[0], " ")
	if !ok {
		tool, action = "deb-systemd-helper", d.Args[0]
	}
	if tool == "systemctl" {
		if !u.systemctl || u.early[d.Package] {
			return nil
		}
		return m.systemctlDo(action, d.Args[1])
	}
	return m.helperDo(action, d.Args[1], u.systemctl && !u.early[d.Package])
}

// linked reports whether a symbolic link is at p.
func (u *units) linked(p string) bool {
	if _, ok := u.links[p]; ok {
		return true
	}
	fi, err := fs.Lstat(u.fsys, p)
	return err == nil && fi.Mode()&fs.ModeSymlink != 0
}

// taken reports whether anything is at p.
func (u *units) taken(p string) bool {
	return u.linked(p) || exists(u.fsys, p)
}

// make makes a link.
func (u *units) make(at, target string) {
	u.links[at] = target
	u.by[at] = append(u.by[at], u.now...)
}

// drop takes back a link. One that a package ships stays.
func (u *units) drop(p string) {
	delete(u.links, p)
}

// isFile reports whether p is a regular file, through links.
func (u *units) isFile(p string) bool {
	fi, err := fs.Stat(u.fsys, p)
	return err == nil && fi.Mode().IsRegular()
}

// manager is a unit manager: all users', or the system's.
type manager struct {
	*units
	name string // "system" or "user"
}

func (m manager) etc() string { return "etc/systemd/" + m.name }

// dirs are the directories of units, the first first.
func (m manager) dirs() []string {
	lib := []string{m.etc(), "usr/local/lib/systemd/" + m.name, "usr/lib/systemd/" + m.name}
	if m.slashLib && m.name == "system" {
		lib = slices.Insert(lib, 2, "lib/systemd/system")
	}
	return lib
}

// systemctlDo is systemctl --root=/ ACTION NAME.
func (m manager) systemctlDo(action, name string) error {
	if !strings.Contains(name, ".") {
		name += ".service"
	}
	switch action {
	case "enable", "reenable":
		return m.enable(name)
	case "preset-all":
		return m.presetAll()
	case "set-default":
		if u, err := m.find(name); err != nil || u == nil {
			return err
		} else if at := m.etc() + "/default.target"; !exists(m.fsys, at) {
			m.make(at, u.path)
		}
	case "preset":
		return m.preset(name)
	case "disable":
		for p := range maps.Keys(m.links) {
			if path.Base(p) == name || path.Base(m.links[p]) == name {
				m.drop(p)
			}
		}
	case "mask":
		if !m.taken(m.etc() + "/" + name) {
			m.make(m.etc()+"/"+name, "/dev/null")
		}
	case "unmask":
		if m.links[m.etc()+"/"+name] == "/dev/null" {
			m.drop(m.etc() + "/" + name)
		}
	default:
		return fmt.Errorf("systemctl %s is not known", action)
	}
	return nil
}

// preset is systemctl --preset-mode=enable-only preset NAME.
func (m manager) preset(name string) error {
	rules, err := m.presets()
	if err != nil {
		return err
	}
	for _, r := range rules {
		if !unitfile.Match(r.Pattern, name) {
			continue
		}
		if r.Verb != "enable" {
			return nil
		}
		if stem, suffix, ok := template(name); ok && len(r.Instances) > 0 {
			for _, i := range r.Instances {
				if err := m.enable(stem + i + suffix); err != nil {
					return err
				}
			}
			return nil
		}
		break
	}
	return m.enable(name)
}

// presetAll is systemctl preset-all, which passes over names that are links.
func (m manager) presetAll() error {
	for _, d := range m.dirs() {
		entries, _ := fs.ReadDir(m.fsys, d)
		for _, e := range entries {
			if !e.Type().IsRegular() || !unitName(e.Name()) {
				continue
			}
			if err := m.preset(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// presets returns the rules of all preset files, which are sorted by name; of two with one name
// that in the first directory counts.
func (m manager) presets() ([]unitfile.Rule, error) {
	files := map[string]string{}
	for _, d := range m.dirs() {
		d += "-preset"
		entries, _ := fs.ReadDir(m.fsys, d)
		for _, e := range entries {
			if _, ok := files[e.Name()]; !ok && strings.HasSuffix(e.Name(), ".preset") {
				files[e.Name()] = d + "/" + e.Name()
			}
		}
	}
	var out []unitfile.Rule
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !m.isFile(files[name]) {
			continue // a link to /dev/null
		}
		b, err := fs.ReadFile(m.fsys, files[name])
		if err != nil {
			return nil, err
		}
		rules, err := unitfile.Presets(b)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", files[name], err)
		}
		out = append(out, rules...)
	}
	return out, nil
}
