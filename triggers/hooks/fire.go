package hooks

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// Fired says that dpkg triggers would run a package's postinst again.
type Fired struct {
	Package string
	Names   []string // of the dpkg triggers, sorted
	// Trigger is the trigger that does the script's work; empty: the script was read.
	Trigger string
}

// generators says which trigger does what a dpkg trigger's postinst would do. It is sorted by name.
var generators = []struct{ name, trigger string }{
	{"/lib/udev/hwdb.d", "hwdb"},
	{"/usr/lib/udev/hwdb.d", "hwdb"},
	{"/usr/share/applications", "desktop"},
	{"/usr/share/debianutils/shells.d", "shells"},
	{"/usr/share/info", "info"},
	{"/usr/share/mime/packages", "mime"},
	{"ldconfig", "ldconfig"},
	{"update-ca-certificates", "ca-certificates"},
	{"update-ca-certificates-fresh", "ca-certificates"},
	{"update-ca-certificates-java", "java-cacerts"},
	{"update-ca-certificates-java-fresh", "java-cacerts"},
}

// notes are files in which a package notes what a trigger's postinst is to do. It takes them away when it has done it, for which it
// needs the program.
var notes = []struct{ trigger, program, file string }{
	{"java-cacerts", "java", "/var/lib/ca-certificates-java/fresh"},
}

// interest is what a package's control member triggers says.
type interest struct {
	interests, activates []string
}

func interestsOf(p *pkg.Unpacked) interest {
	var out interest
	if p.Control == nil {
		return out
	}
	b, err := fs.ReadFile(p.Control, "triggers")
	if err != nil {
		return out
	}
	for l := range strings.Lines(string(b)) {
		l, _, _ = strings.Cut(l, "#")
		f := strings.Fields(l)
		switch {
		case len(f) != 2:
		case strings.HasPrefix(f[0], "interest"):
			out.interests = append(out.interests, f[1])
		case strings.HasPrefix(f[0], "activate"):
			out.activates = append(out.activates, f[1])
		}
	}
	return out
}

// fire finds the packages whose dpkg triggers fire, and reads their postinst again.
func (s *state) fire() []Fired {
	all := make([]interest, len(s.packages))
	by := map[string][]int{}
	for i, p := range s.packages {
		all[i] = interestsOf(p)
		for _, a := range all[i].activates {
			by[a] = append(by[a], i)
		}
	}
	files := s.fileTriggers(all)
	var out []Fired
	for i, p := range s.packages {
		var names []string
		for _, n := range all[i].interests {
			other := func(j int) bool { return j != i }
			if s.fired[n] || slices.ContainsFunc(by[n], other) || slices.ContainsFunc(files[n], other) {
				names = append(names, n)
			}
		}
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		names = slices.Compact(names)
		f := Fired{Package: p.Package.Name, Names: names}
		if f.Trigger = generatorOf(names); f.Trigger == "" {
			s.phase(i, "postinst", names)
		} else if !s.world.has(f.Trigger) {
			s.missing(i, f)
		} else {
			s.takeAway(i, f)
		}
		out = append(out, f)
	}
	return out
}

// takeAway takes away the notes of a postinst that dpkg triggers run, whose work a trigger does.
func (s *state) takeAway(i int, f Fired) {
	for _, n := range notes {
		for _, sc := range s.packages[i].Scripts {
			if n.trigger != f.Trigger || sc.Phase != "postinst" {
				continue
			}
			w := newWalker(s, i, sc, nil)
			if _, found := w.which(n.program); found == yes && w.exists(n.file) == yes {
				w.remove(1, n.file)
			}
		}
	}
}

// missing notes that nothing does the work of a postinst that dpkg triggers run.
func (s *state) missing(i int, f Fired) {
	for _, sc := range s.packages[i].Scripts {
		if sc.Phase == "postinst" {
			w := newWalker(s, i, sc, nil)
			w.reading.Triggered = f.Names
			w.leftover(1, "no generator yet: "+f.Trigger)
			s.readings = append(s.readings, w.reading)
		}
	}
}

// generatorOf returns the one trigger that does the work of all of names, or "".
func generatorOf(names []string) string {
	trigger := ""
	for _, n := range names {
		i := slices.IndexFunc(generators, func(g struct{ name, trigger string }) bool { return g.name == n })
		if i < 0 || trigger != "" && trigger != generators[i].trigger {
			return ""
		}
		trigger = generators[i].trigger
	}
	return trigger
}

// fileTriggers returns which packages have files at or below the paths that packages are interested in.
func (s *state) fileTriggers(all []interest) map[string][]int {
	paths := map[string]string{} // by the place
	for _, t := range all {
		for _, n := range t.interests {
			if strings.HasPrefix(n, "/") {
				paths[merged(strings.Trim(n, "/"))] = n
			}
		}
	}
	out := map[string][]int{}
	for i, p := range s.packages {
		for _, n := range p.Nodes {
			at := merged(n.Path)
			for {
				if name, ok := paths[at]; ok && !slices.Contains(out[name], i) {
					out[name] = append(out[name], i)
				}
				j := strings.LastIndexByte(at, '/')
				if j < 0 {
					break
				}
				at = at[:j]
			}
		}
	}
	return out
}
