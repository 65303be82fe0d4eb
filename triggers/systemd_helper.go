package triggers

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/unitfile"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// helper is the path of deb-systemd-helper's record called kind ("enabled", "masked").
func (m manager) helper(kind string) string {
	if m.name == "user" {
		return "var/lib/systemd/deb-systemd-user-helper-" + kind
	}
	return "var/lib/systemd/deb-systemd-helper-" + kind
}

// list is the record of the links of a unit.
func (m manager) list(name string) string {
	return m.helper("enabled") + "/" + path.Base(name) + ".dsh-also"
}

// helperDo is deb-systemd-helper ACTION NAME.
func (m manager) helperDo(action, name string, systemctl bool) error {
	if name == "" || strings.ContainsAny(name, "/\n") || name == "." || name == ".." {
		return fmt.Errorf("not the name of a unit")
	}
	switch action {
	case "enable":
		return m.helperEnable(name, systemctl)
	case "reenable":
		m.remove(name, false)
		return m.helperLinks(name, true)
	case "disable", "purge":
		m.remove(name, action == "purge")
	case "update-state":
		links, err := m.closure(name, nil)
		if err != nil || links == nil {
			return err
		}
		delete(m.record, m.list(name))
		m.note(m.list(name))
		for _, l := range links {
			m.record[m.list(name)] = append(m.record[m.list(name)], l.at+"\n"...)
		}
	case "mask":
		if at := m.etc() + "/" + name; !m.taken(at) {
			m.make(at, "/dev/null")
			m.note(m.helper("masked") + "/" + name)
		}
	case "unmask":
		at, state := m.etc()+"/"+name, m.helper("masked")+"/"+name
		if _, ok := m.record[state]; ok && m.links[at] == "/dev/null" {
			m.drop(at)
			delete(m.record, state)
		}
	case "is-enabled", "was-enabled", "debian-installed":
	default:
		return fmt.Errorf("deb-systemd-helper %s is not known", action)
	}
	return nil
}

// helperEnable leaves the links to the presets at the first time, if systemctl is there, else makes them itself.
func (m manager) helperEnable(name string, systemctl bool) error {
	create := true
	if systemctl {
		create = false
		if _, ok := m.record[m.list(name)]; !ok {
			if err := m.preset(name); err != nil {
				return err
			}
		} else {
			links, err := m.closure(name, nil)
			if err != nil {
				return err
			}
			create = slices.ContainsFunc(links, func(l helperLink) bool { return m.linked(l.at[1:]) })
		}
	}
	return m.helperLinks(name, create)
}

// helperLinks records the links of a unit, and makes them.
func (m manager) helperLinks(name string, create bool) error {
	links, err := m.closure(name, nil)
	if err != nil {
		return err
	}
	for _, l := range links {
		list := m.list(name)
		m.note(list)
		if !slices.Contains(strings.Split(string(m.record[list]), "\n"), l.at) {
			m.record[list] = append(m.record[list], l.at+"\n"...)
		}
		state := m.helper("enabled") + strings.TrimPrefix(l.at, "/"+m.etc())
		if _, ok := m.record[state]; ok {
			continue
		}
		if create && !m.taken(l.at[1:]) {
			m.make(l.at[1:], l.target)
		}
		m.note(state)
	}
	return nil
}

// note makes an empty file of the record.
func (m manager) note(p string) {
	if _, ok := m.record[p]; !ok {
		m.record[p] = []byte{}
	}
	m.by[p] = append(m.by[p], m.now...)
}

// remove takes back what was recorded for a unit.
func (m manager) remove(name string, purge bool) {
	for _, at := range strings.Fields(string(m.record[m.list(name)])) {
		if purge || m.linked(at[1:]) {
			delete(m.record, m.helper("enabled")+strings.TrimPrefix(at, "/"+m.etc()))
		}
		m.drop(at[1:])
	}
	if purge {
		delete(m.record, m.list(name))
	}
}

// helperLink is a link as the helper sees it.
type helperLink struct{ at, target string }

// locate returns the path of a unit as the helper spells it.
func (m manager) locate(name string) (string, bool) {
	for _, d := range []string{m.etc(), "lib/systemd/" + m.name, "usr/lib/systemd/" + m.name} {
		if p := d + "/" + name; m.isFile(p) {
			return p, true
		}
	}
	return "", false
}

// closure returns the links of a unit and of those that it names in Also=, which come first. It is nil if there
// is no such unit: the helper fails then.
func (m manager) closure(name string, visited []string) ([]helperLink, error) {
	p, ok := m.locate(name)
	if !ok {
		return nil, nil
	}
	b, err := fs.ReadFile(m.fsys, p)
	if err != nil {
		return nil, err
	}
	lines, err := unitfile.Helper(b)
	if err != nil {
		return nil, fmt.Errorf("/%s: %w", p, err)
	}
	etc := "/" + m.etc() + "/"
	links, wanted, wants := []helperLink{}, name, []string{}
	for _, l := range lines {
		if stem, suffix, ok := template(name); ok && l.Key == "DefaultInstance" {
			wanted = stem + l.Value + suffix
		}
		for _, w := range l.Words {
			switch {
			case l.Key == "WantedBy" || l.Key == "RequiredBy":
				wants = append(wants, etc+w.Name+map[string]string{"WantedBy": ".wants", "RequiredBy": ".requires"}[w.Seen]+"/")
			case l.Key == "Alias" && w.Name != name:
				links = append(links, helperLink{etc + w.Seen, "/" + p})
			case l.Key == "Also" && w.Name != name && !slices.Contains(visited, w.Name):
				if len(visited) > 100 {
					return nil, fmt.Errorf("/%s: Also= leads too far", p)
				}
				visited = append(slices.Clip(visited), w.Name)
				more, err := m.closure(w.Name, visited)
				if err != nil || more == nil {
					return nil, err
				}
				links = append(links, more...)
			}
		}
	}
	for _, w := range wants {
		links = append(links, helperLink{w + wanted, "/" + p})
	}
	return links, nil
}

// bootstrapped returns the names of [hooks.Bootstrapped]'s packages. All others see what any other package unpacks.
func (in Input) bootstrapped() map[string]bool {
	ps := make([]*pkg.Package, len(in.Packages))
	for i, p := range in.Packages {
		ps[i] = p.Package
	}
	early := map[string]bool{}
	for i := range hooks.Bootstrapped(ps) {
		early[ps[i].Name] = true
	}
	return early
}
