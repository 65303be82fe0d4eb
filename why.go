package detinstall

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// Cause says why a package or a path is in a root.
type Cause struct {
	// Chain leads from the request, or the base set, to the package: of several ways the shortest, between equals the
	// first by name. It is nil for a path that a trigger made.
	Chain []string
	Path  string // absolute, or "" for a package
	// Below is the path for whose sake a directory is there that no package ships and no trigger asked for; what else the Cause
	// says is of that path.
	Below string
	// Changes are what triggers did to the path; the first may have made it.
	Changes []PathChange
}

// PathChange is what a trigger did to a path.
type PathChange struct {
	triggers.Applied
	// Lines are the lines of scripts that are behind it. Where there are none, Doc says what the trigger goes by.
	Lines []ScriptLine
	Doc   string
}

// ScriptLine is a line of a maintainer script.
type ScriptLine struct {
	hooks.Source
	// Text is the line; of a script that dpkg triggers would have run again, or that a recipe stands for, also what is known of it.
	Text string
}

// Explainer answers why for one root. It is not for concurrent use.
type Explainer struct {
	res     *Result
	origins map[string]string               // package by [pkg.Package.Origin]
	chains  map[string][]string             // by package
	changes map[string][]triggers.Applied   // by path
	served  map[string][]ScriptLine         // what a trigger does without a duty, by trigger
	scripts map[hooks.Source]*hooks.Reading // by line 0
	text    map[*hooks.Reading][]string     // lines
	below   map[string]string               // the first path in a directory
	docs    map[string]string               // by trigger
}

// Explain prepares answers about r; each costs no more than its length.
func Explain(r *Result) *Explainer {
	e := &Explainer{res: r, origins: map[string]string{}, changes: map[string][]triggers.Applied{}, served: map[string][]ScriptLine{},
		scripts: map[hooks.Source]*hooks.Reading{}, text: map[*hooks.Reading][]string{}, below: map[string]string{}, docs: map[string]string{}}
	e.chains = r.chains()
	for _, p := range r.packages {
		e.origins[p.Package.Origin()] = p.Package.Name
	}
	dir := ""
	for n := range r.Tree.All() {
		if dir != "" {
			e.below[dir] = n.Path // the order is depth-first
		}
		if dir = ""; n.Mode.IsDir() {
			dir = n.Path
		}
	}
	for _, a := range r.Applied {
		e.changes[a.Path] = append(e.changes[a.Path], a)
	}
	for _, t := range triggers.All() {
		e.docs[t.Name] = t.Doc
	}
	for i := range r.Hooks {
		e.script(&r.Hooks[i])
	}
	for _, f := range r.Fired {
		if f.Trigger != "" {
			e.served[f.Trigger] = append(e.served[f.Trigger], ScriptLine{hooks.Source{Package: f.Package, Phase: "postinst"},
				"triggered by " + strings.Join(f.Names, " ")})
		}
	}
	return e
}

// script takes in a script.
func (e *Explainer) script(r *hooks.Reading) {
	at := hooks.Source{Package: r.Package.Name, Phase: r.Script.Phase}
	e.scripts[at] = r
	for _, s := range r.Served {
		at.Line = s.Line
		l := ScriptLine{at, e.line(at)}
		if r.Recipe != "" {
			l = ScriptLine{hooks.Source{Package: at.Package, Phase: at.Phase}, "by recipe: " + r.Recipe}
		}
		if !slices.Contains(e.served[s.Trigger], l) {
			e.served[s.Trigger] = append(e.served[s.Trigger], l)
		}
	}
}

// line returns the text of a line of a script.
func (e *Explainer) line(s hooks.Source) string {
	n := s.Line
	s.Line = 0
	r := e.scripts[s]
	if r == nil {
		return ""
	}
	if e.text[r] == nil {
		e.text[r] = strings.Split(string(r.Script.Body), "\n")
	}
	if n < 1 || n > len(e.text[r]) {
		return ""
	}
	return hooks.Printable(e.text[r][n-1])
}

// Why explains a package by its NAME or a path by /PATH.
func (e *Explainer) Why(what string) (*Cause, error) {
	if !strings.HasPrefix(what, "/") {
		chain, ok := e.chains[what]
		if !ok {
			return nil, &SpecError{Reason: what + ": not installed in this root"}
		}
		return &Cause{Chain: chain}, nil
	}
	p := strings.TrimPrefix(path.Clean(what), "/")
	if p == "" {
		p = "."
	}
	n, ok := e.res.Tree.Lookup(p)
	if !ok {
		return nil, &SpecError{Reason: what + ": no such path in the root"}
	}
	c := &Cause{Path: what}
	if name, ok := e.origins[n.From]; ok {
		c.Chain = e.chains[name]
	}
	for _, a := range e.changes[n.Path] {
		c.Changes = append(c.Changes, e.change(a))
	}
	if below := e.below[n.Path]; below != "" && c.Chain == nil && len(c.Changes) == 0 {
		if c, err := e.Why("/" + below); err == nil {
			return &Cause{Chain: c.Chain, Path: what, Below: cmp.Or(c.Below, c.Path), Changes: c.Changes}, nil
		}
	}
	if c.Chain == nil && len(c.Changes) == 0 {
		c.Chain = []string{"made by " + n.From}
		if n.From == "merged-usr" {
			c.Chain[0] = "the lock's setting merged_usr links it into /usr"
		}
	}
	return c, nil
}

func (e *Explainer) change(a triggers.Applied) PathChange {
	c := PathChange{Applied: a, Doc: e.docs[a.Trigger]}
	for _, s := range a.By {
		c.Lines = append(c.Lines, ScriptLine{s, e.line(s)})
	}
	if len(c.Lines) == 0 {
		c.Lines = e.served[a.Trigger]
	}
	return c
}

// chains returns the chain of every package.
func (r *Result) chains() map[string][]string {
	byName := map[string]*pkg.Package{}
	var roots []string
	for i, p := range r.packages {
		byName[p.Package.Name] = p.Package
		if r.Packages[i].Requested {
			roots = append(roots, p.Package.Name)
		}
	}
	slices.Sort(roots)
	asked, base := ways(roots, byName), ways(baseRoots(byName), byName)
	out := map[string][]string{}
	for name := range byName {
		if chain := asked.to(name); chain != nil {
			root, _, _ := strings.Cut(chain[0], ",")
			out[name] = append([]string{"request: " + root}, chain...)
		} else if chain := base.to(name); chain != nil {
			out[name] = append([]string{"base set"}, chain...)
		} else {
			out[name] = []string{"base set", name}
		}
	}
	return out
}

// baseRoots are the essential packages.
func baseRoots(byName map[string]*pkg.Package) []string {
	var roots []string
	for name, p := range byName {
		if e, ok := p.Native.(interface{ Essential() bool }); ok && e.Essential() {
			roots = append(roots, name)
		}
	}
	slices.Sort(roots)
	return roots
}

// step is the last of a way: which package needs the next, and in which words.
type step struct{ from, text string }

// steps are the last steps of the shortest ways to packages, by name; that of a root is empty.
type steps map[string]step

// ways searches breadth-first from roots along dependencies.
func ways(roots []string, byName map[string]*pkg.Package) steps {
	came := steps{}
	queue := slices.Clone(roots)
	for _, n := range roots {
		came[n] = step{}
	}
	providers := providersOf(byName)
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, c := range byName[n].Relations().Depends {
			for _, l := range c.Any {
				for _, to := range providers[l.Name] {
					if _, seen := came[to]; !seen {
						came[to] = step{n, c.Text}
						queue = append(queue, to)
					}
				}
			}
		}
	}
	return came
}

// to returns the way to a package, one line for each: "NAME", and for all but the first "NAME, since X needs CLAUSE"; nil if there is none.
func (s steps) to(name string) []string {
	if _, ok := s[name]; !ok {
		return nil
	}
	var chain []string
	for ; s[name].from != ""; name = s[name].from {
		chain = append(chain, fmt.Sprintf("%s, since %s needs %s", name, s[name].from, s[name].text))
	}
	chain = append(chain, name)
	slices.Reverse(chain)
	return chain
}

// providersOf maps every name to the installed packages that have or provide it, sorted.
func providersOf(byName map[string]*pkg.Package) map[string][]string {
	m := map[string][]string{}
	for n, p := range byName {
		m[n] = append(m[n], n)
		for _, v := range p.Relations().Provides {
			if v.Name != n {
				m[v.Name] = append(m[v.Name], n)
			}
		}
	}
	for _, l := range m {
		slices.Sort(l)
	}
	return m
}
