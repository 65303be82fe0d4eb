package triggers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// alternatives is update-alternatives(1).
func alternatives() Trigger {
	return Trigger{
		Name: "alternatives",
		Doc: "update-alternatives --install keeps a list of choices per name and links the best. " +
			"The same, call by call in dependency order: links, /etc/alternatives, and the administrative files.",
		For:    []string{"deb"},
		Duties: []hooks.Kind{hooks.Alternative},
		Owns:   []string{"etc/alternatives/*", alternativesAdmin + "/*"},
		Run:    makeAlternatives,
	}
}

const alternativesAdmin = "var/lib/dpkg/alternatives"

// alternative is a name with its choices.
type alternative struct {
	name, link string
	slaves     []slave // sorted by name
	choices    []choice
	best       string // path of the choice that is linked
	duties     []hooks.Duty
}

type slave struct{ name, link string }

// choice is one --install.
type choice struct {
	path     string
	priority int
	slaves   map[string]string // path by the slave's name
}

func makeAlternatives(in Input) ([]Change, error) {
	var list []*alternative
	for _, d := range in.Duties {
		if !exists(in.FS, d.Args[2][1:]) {
			continue // a filter left it out; the real tool fails here
		}
		i := slices.IndexFunc(list, func(a *alternative) bool { return a.name == d.Args[1] })
		if i < 0 {
			i = len(list)
			list = append(list, &alternative{name: d.Args[1]})
		}
		if err := list[i].install(d); err != nil {
			return nil, err
		}
	}
	var out []Change
	for _, a := range list {
		a.sort()
		out = append(out, because(a.duties, file(alternativesAdmin+"/"+a.name, 0o644, a.file()))...)
		out = append(out, because(a.duties, a.links(in)...)...)
	}
	return out, nil
}

// install adds or replaces a choice, then links the best: of several with the highest priority the
// one that was linked before, else the first. Slaves that no choice has any more are dropped.
func (a *alternative) install(d hooks.Duty) error {
	priority, err := strconv.Atoi(d.Args[3])
	if err != nil {
		return fmt.Errorf("alternative %s: %w", tree.Quote(a.name), err)
	}
	a.sort()
	a.link, a.duties = d.Args[0], append(a.duties, d)
	c := choice{d.Args[2], priority, map[string]string{}}
	for _, s := range d.Slaves {
		c.slaves[s[1]] = s[2]
		i := slices.IndexFunc(a.slaves, func(o slave) bool { return o.name == s[1] })
		if i < 0 {
			a.slaves = append(a.slaves, slave{name: s[1], link: s[0]})
		} else {
			a.slaves[i].link = s[0]
		}
	}
	if i := slices.IndexFunc(a.choices, func(o choice) bool { return o.path == c.path }); i >= 0 {
		a.choices[i] = c
	} else {
		a.choices = append(a.choices, c)
	}
	best := a.choices[max(0, slices.IndexFunc(a.choices, func(c choice) bool { return c.path == a.best }))]
	for _, c := range a.choices {
		if c.priority > best.priority {
			best = c
		}
	}
	a.best = best.path
	a.slaves = slices.DeleteFunc(a.slaves, func(s slave) bool {
		return !slices.ContainsFunc(a.choices, func(c choice) bool { return c.slaves[s.name] != "" })
	})
	return nil
}

// sort brings a into the order of its file.
func (a *alternative) sort() {
	slices.SortFunc(a.slaves, func(x, y slave) int { return strings.Compare(x.name, y.name) })
	slices.SortFunc(a.choices, func(x, y choice) int { return strings.Compare(x.path, y.path) })
}

// file returns the administrative file: status and link, name and link of each slave, an empty line; for
// each choice path, priority and the path of each slave (an empty line for none); an empty line.
func (a *alternative) file() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "auto\n%s\n", a.link)
	for _, s := range a.slaves {
		fmt.Fprintf(&b, "%s\n%s\n", s.name, s.link)
	}
	b.WriteByte('\n')
	for _, c := range a.choices {
		fmt.Fprintf(&b, "%s\n%d\n", c.path, c.priority)
		for _, s := range a.slaves {
			b.WriteString(c.slaves[s.name] + "\n")
		}
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

// links returns the links of the best choice. A file in the place of a link
// stays, and a slave whose path is not there has none.
func (a *alternative) links(in Input) []Change {
	best := a.choices[slices.IndexFunc(a.choices, func(c choice) bool { return c.path == a.best })]
	var out []Change
	add := func(name, at, path string) {
		target := "etc/alternatives/" + name
		out = append(out, link(target, path))
		if !exists(in.FS, at[1:]) {
			out = append(out, link(at[1:], "/"+target))
		}
	}
	add(a.name, a.link, best.path)
	for _, s := range a.slaves {
		if path := best.slaves[s.name]; path != "" && exists(in.FS, path[1:]) {
			add(s.name, s.link, path)
		}
	}
	return out
}
