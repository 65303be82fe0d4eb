package solve

import (
	"cmp"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// control is the native record of the tests' packages.
type control struct {
	essential, protected bool
	priority             int
	multiArch            string
}

func (c control) Essential() bool   { return c.essential }
func (c control) Protected() bool   { return c.protected }
func (c control) Priority() int     { return c.priority }
func (c control) MultiArch() string { return c.multiArch }

// universe is a repository in memory.
type universe struct {
	named, providing map[string][]*pkg.Package
	names            []string
	mentions         map[string]int
}

func (u *universe) Named(name string) []*pkg.Package     { return u.named[name] }
func (u *universe) Providing(name string) []*pkg.Package { return u.providing[name] }
func (u *universe) Names() iter.Seq[string]              { return slices.Values(u.names) }
func (u *universe) Base(string) ([]string, error)        { return nil, errors.New("no base sets") }
func (u *universe) Verified() []pkg.Verified             { return nil }
func (u *universe) FirstMention(name string) int         { return u.mentions[name] }

// compareNumbers orders versions of numbers and dots.
func compareNumbers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return cmp.Compare(m, n)
	})
}

// readUniverse reads stanzas of a reduced control syntax: one line per field; Version defaults to 1,
// Architecture to amd64, Priority to optional.
func readUniverse(text string) *universe {
	u := &universe{named: map[string][]*pkg.Package{}, providing: map[string][]*pkg.Package{}, mentions: map[string]int{}}
	for stanza := range strings.SplitSeq(text, "\n\n") {
		if fields := readFields(stanza); fields["Package"] != "" {
			u.add(readPackage(fields))
		}
	}
	for _, l := range u.named {
		slices.SortStableFunc(l, func(a, b *pkg.Package) int { return compareNumbers(b.Version, a.Version) })
	}
	slices.Sort(u.names)
	u.names = slices.Compact(u.names)
	return u
}

func (u *universe) add(p *pkg.Package) {
	u.mention(p.Name)
	u.names = append(u.names, p.Name)
	u.named[p.Name] = append(u.named[p.Name], p)
	r := p.Relations()
	for _, cs := range [][]pkg.Clause{r.Depends, r.Conflicts, r.Recommends, r.Suggests} {
		for _, c := range cs {
			for _, l := range c.Any {
				u.mention(l.Name)
			}
		}
	}
	for _, pr := range r.Provides {
		u.mention(pr.Name)
		u.providing[pr.Name] = append(u.providing[pr.Name], p)
	}
}

func (u *universe) mention(name string) {
	if _, ok := u.mentions[name]; !ok {
		u.mentions[name] = len(u.mentions) + 1
	}
}

func readFields(stanza string) map[string]string {
	fields := map[string]string{}
	for l := range strings.Lines(stanza) {
		if name, value, ok := strings.Cut(l, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

func readPackage(f map[string]string) *pkg.Package {
	p := &pkg.Package{
		Format: "deb", Name: f["Package"],
		Version: cmp.Or(f["Version"], "1"), Arch: cmp.Or(f["Architecture"], "amd64"),
		Native: control{
			essential: f["Essential"] == "yes", protected: f["Protected"] == "yes", multiArch: f["Multi-Arch"],
			priority: slices.Index([]string{"required", "important", "standard", "optional", "extra"}, cmp.Or(f["Priority"], "optional")),
		},
	}
	p.Parse = func() *pkg.Relations {
		r := &pkg.Relations{Depends: readClauses(f["Pre-Depends"], false)}
		r.PreDepends = len(r.Depends)
		r.Depends = append(r.Depends, readClauses(f["Depends"], false)...)
		r.Conflicts = append(readClauses(f["Conflicts"], true), readClauses(f["Breaks"], true)...)
		r.Recommends, r.Suggests = readClauses(f["Recommends"], false), readClauses(f["Suggests"], false)
		for _, c := range readClauses(f["Provides"], false) {
			l := c.Any[0]
			if l.Arch != "" {
				l.Name += ":" + l.Arch
			}
			r.Provides = append(r.Provides, pkg.Provide{Name: l.Name, Version: l.Version})
		}
		return r
	}
	return p
}

func readClauses(field string, neg bool) []pkg.Clause {
	var out []pkg.Clause
	for group := range strings.SplitSeq(field, ",") {
		if group = strings.TrimSpace(group); group == "" {
			continue
		}
		c := pkg.Clause{Text: group}
		for alt := range strings.SplitSeq(group, "|") {
			l := readLiteral(alt)
			l.Neg = neg
			c.Any = append(c.Any, l)
		}
		out = append(out, c)
	}
	return out
}

// readLiteral reads "name[:arch] [(op version)]".
func readLiteral(s string) pkg.Literal {
	var l pkg.Literal
	name, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	l.Name, l.Arch, _ = strings.Cut(name, ":")
	if f := strings.Fields(strings.Trim(rest, "( )")); len(f) == 2 {
		l.Op, l.Version = pkg.Op(f[0]), f[1]
	}
	return l
}
