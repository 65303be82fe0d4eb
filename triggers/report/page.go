package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// WriteHTML writes r as one page that needs nothing else: no script, no font, no network. It is well-formed XML too.
func (r *Report) WriteHTML(w io.Writer) error {
	return pageTemplate.Execute(w, r.page())
}

// page is what the template shows.
type page struct {
	Style     template.CSS
	Arch      string
	Requested string
	Summary   Summary
	Failed    string
	Columns   []column
	Rows      []row
	Leftovers []remark
	Later     []remark
	Triggers  []Fired
	Recipes   []Recipe
	Bare      []string // packages without scripts
}

// row is a package of the matrix.
type row struct {
	Name, Version, Verdict string
	Cells                  []cell
}

// cell is what the scripts of a package have of one column.
type cell struct {
	column
	Package string
	Count   int
	Groups  []group
}

// group is a place in a script with what came of it.
type group struct {
	Script string // of which script and run
	Lines  []line
	Also   []remark // lines of other scripts that had a part in it
	Duties []string
	Paths  []path
	More   int // paths that are left out
	Reason string
}

// remark is a line of a script, with a reason.
type remark struct {
	Package, Script string
	Line            int
	Text, Reason    string
}

func (r *Report) page() *page {
	p := &page{Style: template.CSS(pageStyle), Arch: r.arch.Name, Summary: r.Summary, Triggers: r.Triggers, Recipes: r.Recipes}
	if r.failed != nil {
		p.Failed = clean(r.failed.Error())
	}
	p.columns(r)
	var requested []string
	scripted := map[string]bool{}
	next := 0
	for _, x := range r.Packages {
		scripted[x.Name] = true
		p.Rows = append(p.Rows, r.row(x, r.reading[next:next+len(x.Scripts)], p.Columns))
		next += len(x.Scripts)
		for _, s := range x.Scripts {
			p.Leftovers = append(p.Leftovers, remarks(x, s, s.Pending)...)
			p.Later = append(p.Later, remarks(x, s, s.Deferred)...)
		}
	}
	for _, x := range r.arch.Packages {
		if x.Requested {
			requested = append(requested, x.Name)
		}
		if !scripted[x.Name] {
			p.Bare = append(p.Bare, x.Name)
		}
	}
	slices.Sort(requested)
	slices.Sort(p.Bare)
	p.Requested = strings.Join(requested, ", ")
	return p
}

func remarks(p Package, s Script, notes []Note) []remark {
	var out []remark
	for _, n := range notes {
		out = append(out, remark{p.Name, clean(s.title()), n.Line, clean(n.Text), clean(n.Reason)})
	}
	return out
}

// row lays out a package in the given columns. readings are those of its scripts.
func (r *Report) row(p Package, readings []*hooks.Reading, columns []column) row {
	out := row{Name: p.Name, Version: p.Version, Verdict: string(hooks.Covered)}
	for _, x := range readings {
		if v := x.Verdict(); v == hooks.Pending || v == hooks.Deferred && out.Verdict == string(hooks.Covered) {
			out.Verdict = string(v)
		}
	}
	for _, c := range columns {
		out.Cells = append(out.Cells, r.cell(c, p, readings))
	}
	return out
}

func (r *Report) cell(c column, p Package, readings []*hooks.Reading) cell {
	out := cell{column: c, Package: p.Name}
	for i, x := range readings {
		s := p.Scripts[i]
		if c.Class == "duty" {
			n, groups := r.dutiesOf(c.Name, s, x)
			out.Count += n
			out.Groups = append(out.Groups, groups...)
			continue
		}
		notes, around := s.Noops, 0
		switch c.Class {
		case "left":
			notes, around = s.Pending, 2
		case "later":
			notes, around = s.Deferred, 1
		}
		out.Count += len(notes)
		for _, n := range notes {
			out.Groups = append(out.Groups, group{Script: clean(s.title()), Lines: excerpt(x.Script.Body, around, n.Line), Reason: clean(n.Reason)})
		}
	}
	return out
}

// maxPaths bounds the paths that are shown beside one line.
const maxPaths = 200

// dutiesOf returns the number of a script's duties of a kind, and the places where they stand, by line.
func (r *Report) dutiesOf(kind string, s Script, x *hooks.Reading) (int, []group) {
	byLine := map[int][]hooks.Duty{}
	var lines []int
	n := 0
	for _, d := range x.Duties {
		if string(d.Kind) != kind {
			continue
		}
		n++
		if byLine[d.Line] == nil {
			lines = append(lines, d.Line)
		}
		byLine[d.Line] = append(byLine[d.Line], d)
	}
	slices.Sort(lines)
	var out []group
	for _, l := range lines {
		out = append(out, r.group(s, x, byLine[l]))
	}
	return n, out
}

// group shows duties of one kind on one line.
func (r *Report) group(s Script, x *hooks.Reading, ds []hooks.Duty) group {
	g := group{Script: clean(s.title())}
	hits := []int{ds[0].Line}
	seen := map[hooks.Source]bool{}
	for _, d := range ds {
		g.Duties = append(g.Duties, describe(d, len(ds) == 1))
		for _, b := range d.By {
			if b.Package == d.Package && b.Phase == d.Phase {
				hits = append(hits, b.Line)
			} else if !seen[b] {
				seen[b] = true
				g.Also = append(g.Also, remark{Package: b.Package, Script: string(b.Phase), Line: b.Line, Text: r.lineAt(b)})
			}
		}
	}
	g.Lines = excerpt(x.Script.Body, 1, hits...)
	g.Paths = r.paths.of(ds)
	if n := len(g.Paths); n > maxPaths {
		g.Paths, g.More = g.Paths[:maxPaths], n-maxPaths
	}
	return g
}

// describe says in one line what a duty is; alone is one whose path stands below it.
func describe(d hooks.Duty, alone bool) string {
	args := d.Args
	if alone && len(args) > 1 && len(d.Owns()) == 1 && d.Owns()[0] == args[0] {
		args = args[1:]
	}
	var words []string
	for _, a := range args {
		if a == "" {
			a = "–"
		}
		words = append(words, a)
	}
	s := strings.Join(words, " ")
	if len(d.Slaves) > 0 {
		s += fmt.Sprintf(" and %d slaves", len(d.Slaves))
	}
	return clean(s)
}

// lineAt returns the text of a line of a script.
func (r *Report) lineAt(at hooks.Source) string {
	for _, x := range r.reading {
		if x.Package.Name == at.Package && x.Script.Phase == at.Phase {
			for _, l := range excerpt(x.Script.Body, 0, at.Line) {
				if l.Hit {
					return strings.TrimSpace(l.Text)
				}
			}
		}
	}
	return ""
}
