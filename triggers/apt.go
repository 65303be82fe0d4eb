package triggers

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// apt is what apt keeps of an installation, and where it finds packages.
func apt() Trigger {
	return Trigger{
		Name: "apt",
		Doc: "apt marks what it installs only for others as automatic, and installers write its sources. " +
			"The same marks for all that was not requested; the sources of the example that the apt package ships, reduced to the suites and components of the lock.",
		For:  []string{"deb"},
		Owns: []string{"var/lib/apt", "var/lib/apt/extended_states", "etc/apt/sources.list", "etc/apt/sources.list.d/*.sources"},
		Run:  makeApt,
	}
}

func makeApt(in Input) ([]Change, error) {
	i := slices.IndexFunc(in.Packages, func(p Installed) bool { return p.Package.Name == "apt" })
	if i < 0 {
		return nil, nil
	}
	var out []Change
	if b := extendedStates(in); len(b) > 0 && !exists(in.FS, "var/lib/apt/extended_states") {
		out = append(out, file("var/lib/apt/extended_states", 0o644, b))
	}
	sources, err := aptSources(in.Packages[i], in.Lock.Sources)
	if err != nil {
		return nil, fmt.Errorf("package apt: %w", err)
	}
	if sources != nil && !exists(in.FS, sources.Node.Path) {
		out = append(out, *sources)
	}
	return out, nil
}

// extendedStates returns apt's marks, sorted by name. apt files packages for all architectures under the native one.
func extendedStates(in Input) []byte {
	var lines []string
	for _, p := range in.Packages {
		if p.Requested {
			continue
		}
		arch := p.Package.Arch
		if arch == "all" {
			arch = in.Arch
		}
		lines = append(lines, fmt.Sprintf("Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", p.Package.Name, arch))
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

// examples are where the apt package ships its sources, newest first, and where they belong.
var examples = []struct{ from, to string }{
	{"usr/share/doc/apt/examples/debian.sources", "etc/apt/sources.list.d/debian.sources"},
	{"usr/share/doc/apt/examples/ubuntu.sources", "etc/apt/sources.list.d/ubuntu.sources"},
	{"usr/share/doc/apt/examples/sources.list", "etc/apt/sources.list"},
}

// aptSources returns the first example that has a source of the lock, reduced to those of the lock, or nil.
func aptSources(p Installed, sources []lock.Source) (*Change, error) {
	for _, e := range examples {
		i := slices.IndexFunc(p.Nodes, func(n tree.Node) bool { return n.Path == e.from && n.Mode.IsRegular() })
		if i < 0 {
			continue
		}
		b, err := p.Nodes[i].Content.ReadAll(1 << 20)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", e.from, err)
		}
		reduced := reduceLines(string(b), sources)
		if path.Ext(e.from) == ".sources" {
			if reduced, err = reduceStanzas(string(b), sources); err != nil {
				return nil, fmt.Errorf("/%s: %w", e.from, err)
			}
		}
		if reduced != "" {
			c := file(e.to, 0o644, []byte(reduced))
			return &c, nil
		}
	}
	return nil, nil
}

// reduceStanzas keeps, of a file in the format of sources.list(5), "DEB822-STYLE", the stanzas with a suite of the lock.
func reduceStanzas(text string, sources []lock.Source) (string, error) {
	var plain strings.Builder
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "#") {
			plain.WriteString(l)
		}
	}
	var kept []string
	for s, err := range deb.ParseStanzas(plain.String()) {
		if err != nil {
			return "", err
		}
		suites, components := reduce(strings.Fields(s.Get("URIs")), strings.Fields(s.Get("Suites")), strings.Fields(s.Get("Components")), sources)
		if len(suites) == 0 {
			continue
		}
		var b strings.Builder
		for _, f := range s {
			switch strings.ToLower(f.Name) {
			case "suites":
				f.Value = strings.Join(suites, " ")
			case "components":
				f.Value = strings.Join(components, " ")
			}
			fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
		}
		kept = append(kept, b.String())
	}
	return strings.Join(kept, "\n"), nil
}

// reduceLines does the same with one-line sources without options.
func reduceLines(text string, sources []lock.Source) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) < 4 || f[0] != "deb" || strings.HasPrefix(f[1], "[") {
			continue
		}
		if suites, components := reduce(f[1:2], f[2:3], f[3:], sources); len(suites) > 0 {
			fmt.Fprintf(&b, "deb %s %s %s\n", f[1], suites[0], strings.Join(components, " "))
		}
	}
	return b.String()
}

// reduce returns the suites and components that sources has of the archive at uris, in the order of the example.
func reduce(uris, suites, components []string, sources []lock.Source) (s, c []string) {
	for _, suite := range suites {
		for _, src := range sources {
			if src.Suite == suite && slices.ContainsFunc(uris, func(u string) bool { return sameArchive(u, src.Base) }) {
				s = append(s, suite)
				c = append(c, src.Components...)
				break
			}
		}
	}
	return s, slices.DeleteFunc(slices.Clone(components), func(name string) bool { return !slices.Contains(c, name) })
}

// sameArchive reports whether two addresses mean the same archive of one distribution: hosts
// of one domain, and the same last element (snapshot.debian.org/archive/debian, deb.debian.org/debian).
func sameArchive(a, b string) bool {
	u, err := url.Parse(a)
	v, err2 := url.Parse(b)
	if err != nil || err2 != nil || u.Host == "" {
		return false
	}
	return domain(u.Hostname()) == domain(v.Hostname()) && path.Base(u.Path) == path.Base(v.Path)
}

func domain(host string) string {
	l := strings.Split(host, ".")
	return strings.Join(l[max(0, len(l)-2):], ".")
}
