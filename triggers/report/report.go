// Package report shows people what the scripts of an installation come to, and who does it: as data, which is the JSON of
// `detinstall hooks --json`, as text, and as one page of HTML.
//
//	r := report.New(report.Input{Arch: a, Readings: readings, Fired: fired})
//	err := r.WriteText(os.Stdout, false)
//
// It judges nothing: what a script comes to, package hooks says; what became of it, package triggers. The same input gives the same bytes.
package report

import (
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// Input is what a report is made of.
type Input struct {
	Arch     *lock.Arch
	Readings []hooks.Reading
	Fired    []hooks.Fired
	// Applied are the changes that took the scripts' place, for the page. Failed says why there are none.
	Applied []triggers.Applied
	Failed  error
}

// Report is what scripts come to. Packages are in the order of the lock, scripts in that of an installation.
type Report struct {
	Summary  Summary   `json:"summary"`
	Packages []Package `json:"packages"` // those with scripts
	Triggers []Fired   `json:"triggers"`
	Recipes  []Recipe  `json:"recipes"`

	arch    *lock.Arch
	paths   paths
	failed  error
	reading []*hooks.Reading // by the order of all scripts
}

// Summary counts. A package counts by its worst script, one without scripts as covered.
type Summary struct {
	Packages    int `json:"packages"`
	WithScripts int `json:"with_scripts"`
	Covered     int `json:"covered"`
	Deferred    int `json:"deferred"`
	Pending     int `json:"pending"`
	// The following count lines.
	Duties    int `json:"duties"`
	Noops     int `json:"noops"`
	Later     int `json:"deferred_lines"`
	Leftovers int `json:"leftovers"`
}

// Package is a package with scripts.
type Package struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Scripts []Script `json:"scripts"`
}

// Script is one run of a script.
type Script struct {
	Phase       string `json:"phase"`
	Interpreter string `json:"interpreter"`
	SHA256      string `json:"sha256"`
	Verdict     string `json:"verdict"`
	// Triggered are the dpkg triggers that would have it run again; none: its first run.
	Triggered []string `json:"triggered,omitempty"`
	Recipe    string   `json:"recipe,omitempty"` // why its leftovers do not count
	Duties    []Duty   `json:"duties"`
	Noops     []Note   `json:"noops"`
	Deferred  []Note   `json:"deferred"`
	Pending   []Note   `json:"pending"`
}

// Duty is something that a trigger does in a script's place.
type Duty struct {
	Kind string   `json:"kind"`
	Args []string `json:"args"`
	Line int      `json:"line"`
	By   []Line   `json:"by,omitempty"` // the other lines that it is the sum of
}

// Line is a line of a script.
type Line struct {
	Package string `json:"package"`
	Phase   string `json:"phase"`
	Line    int    `json:"line"`
}

// Note is a line that is no duty, with the reason.
type Note struct {
	Line   int    `json:"line"`
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

// Fired says that dpkg triggers would have run a package's postinst again.
type Fired struct {
	Package string   `json:"package"`
	Names   []string `json:"names"`
	// Generator is the trigger that does the script's work; empty: the script was read, and stands among those of its package.
	Generator string `json:"generator,omitempty"`
}

// Recipe accounts for the leftovers of one script.
type Recipe struct {
	Package string `json:"package"`
	Phase   string `json:"phase"`
	SHA256  string `json:"sha256"`
	Why     string `json:"why"`
}

// New makes a report.
func New(in Input) *Report {
	r := &Report{Packages: []Package{}, Triggers: []Fired{}, Recipes: []Recipe{}, arch: in.Arch, paths: pathsOf(in.Applied), failed: in.Failed}
	byName := map[string][]*hooks.Reading{}
	for i := range in.Readings {
		x := &in.Readings[i]
		byName[x.Package.Name] = append(byName[x.Package.Name], x)
	}
	for _, p := range in.Arch.Packages {
		r.Summary.Packages++
		if len(byName[p.Name]) == 0 {
			r.Summary.Covered++
			continue
		}
		r.add(Package{Name: p.Name, Version: p.Version}, byName[p.Name])
	}
	for _, f := range in.Fired {
		r.Triggers = append(r.Triggers, Fired{f.Package, f.Names, f.Trigger})
	}
	return r
}

// add adds a package with its scripts.
func (r *Report) add(p Package, readings []*hooks.Reading) {
	worst := hooks.Covered
	for _, x := range readings {
		if v := x.Verdict(); worst == hooks.Covered || v == hooks.Pending {
			worst = v
		}
		s := scriptOf(x)
		p.Scripts = append(p.Scripts, s)
		r.reading = append(r.reading, x)
		r.Summary.Duties += len(s.Duties)
		r.Summary.Noops += len(s.Noops)
		r.Summary.Later += len(s.Deferred)
		r.Summary.Leftovers += len(s.Pending)
		if s.Recipe != "" && len(s.Triggered) == 0 {
			r.Recipes = append(r.Recipes, Recipe{p.Name, s.Phase, s.SHA256, s.Recipe})
		}
	}
	r.Packages = append(r.Packages, p)
	r.Summary.WithScripts++
	switch worst {
	case hooks.Pending:
		r.Summary.Pending++
	case hooks.Deferred:
		r.Summary.Deferred++
	default:
		r.Summary.Covered++
	}
}

func scriptOf(x *hooks.Reading) Script {
	s := Script{Phase: string(x.Script.Phase), Interpreter: x.Script.Interpreter, SHA256: tree.Sum(x.Script.Body).Hex(), Verdict: string(x.Verdict()),
		Triggered: x.Triggered, Recipe: x.Recipe, Duties: []Duty{}, Noops: notes(x.Noops), Deferred: notes(x.Deferred), Pending: notes(x.Pending)}
	for _, d := range x.Duties {
		out := Duty{Kind: string(d.Kind), Args: d.Args, Line: d.Line}
		for _, b := range d.By {
			out.By = append(out.By, Line{b.Package, string(b.Phase), b.Line})
		}
		s.Duties = append(s.Duties, out)
	}
	return s
}

func notes(ns []hooks.Note) []Note {
	out := []Note{}
	for _, n := range ns {
		out = append(out, Note(n))
	}
	return out
}

// title says in a few words what a script's run is.
func (s Script) title() string {
	if len(s.Triggered) > 0 {
		return s.Phase + " triggered " + strings.Join(s.Triggered, " ")
	}
	return s.Phase
}
