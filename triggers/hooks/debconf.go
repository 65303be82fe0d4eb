package hooks

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// debconf is debconf's database: the templates of all packages, and the answers.
type debconf struct {
	questions map[string]*question
	loaded    map[int]bool // packages, by index, whose templates are in the database by now
}

type question struct {
	fields        map[string]string // by the name in small letters
	kind, choices string
	value         value // what db_get says: the answer, else the default
	flags         map[string]string
	subst         bool // variables were put into its texts

	template  string // that it was registered with, if it is not its name
	owner     int    // index of the package that has the template
	owners    []int  // indexes of all that have it
	answered  bool   // value is the answer
	variables map[string]string
	unclear   string   // why not all of it is known
	reading   *Reading // of the last script that changed it
	line      int
}

func newDebconf(ps []*pkg.Unpacked, answers map[string]string) *debconf {
	d := &debconf{questions: map[string]*question{}, loaded: map[int]bool{}}
	for i, p := range ps {
		if p.Control == nil {
			continue
		}
		b, err := fs.ReadFile(p.Control, "templates")
		if err != nil || len(b) > 4<<20 {
			continue
		}
		d.load(string(b), i)
	}
	for q, v := range answers {
		if d.questions[q] == nil {
			d.questions[q] = &question{kind: "string", owner: -1}
		}
		d.questions[q].value, d.questions[q].answered = known(v), true
		d.questions[q].flags = map[string]string{"seen": "true"}
	}
	return d
}

// load reads a file of templates (debconf-devel(7)) of a package.
func (d *debconf) load(text string, owner int) {
	var name string
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		field, v, ok := strings.Cut(l, ":")
		if !ok || strings.HasPrefix(l, " ") {
			continue
		}
		v = strings.TrimSpace(v)
		switch {
		case strings.EqualFold(field, "Template"):
			if name = v; d.questions[name] == nil {
				d.questions[name] = &question{value: known(""), fields: map[string]string{}, owner: owner}
			}
			d.questions[name].owners = append(d.questions[name].owners, owner)
			continue
		case name == "":
			continue
		case strings.EqualFold(field, "Type"):
			d.questions[name].kind = v
		case strings.EqualFold(field, "Default"):
			d.questions[name].value = known(v)
		case strings.EqualFold(field, "Choices"):
			d.questions[name].choices = v
		}
		d.questions[name].fields[strings.ToLower(field)] = v
	}
}

// startDebconf is what happens where a script sources the module: the templates of its package are loaded, and the
// request's answers to them stand.
func (w *walker) startDebconf(line int) {
	w.noop(line, "debconf answers")
	if !w.sure() {
		return
	}
	w.debconf.loaded[w.index] = true
	if w.world.does(Debconf) {
		w.duty(Duty{Kind: Debconf, Line: line, Args: []string{""}})
	}
	for _, q := range w.debconf.questions {
		if q.owner == w.index && q.answered && q.reading == nil {
			q.line, q.reading = line, w.reading
		}
	}
}

// unread notes that a package's config script is not read: what its questions come to is not known then, but for those that the
// request answers.
func (w *walker) unread() {
	if w.reading.Script.Phase != "config" || w.reading.Recipe != "" {
		return
	}
	for _, q := range w.debconf.questions {
		if q.owner == w.index && q.flags["seen"] != "true" {
			q.value = value{}
		}
	}
}

// touch notes that a script is about to change a question.
func (w *walker) touch(line int, q *question) {
	if !w.sure() {
		before := *q
		before.flags, before.variables = maps.Clone(q.flags), maps.Clone(q.variables)
		w.undo = append(w.undo, func() { *q = before })
	}
	q.line, q.reading = line, w.reading
	if !w.sure() {
		q.unclear = "debconf under a condition that is not known"
	}
}

// foldDebconf adds a duty for each question that scripts changed, sorted.
func (s *state) foldDebconf() {
	if !s.world.does(Debconf) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.debconf.questions)) {
		q := s.debconf.questions[name]
		switch {
		case q.reading == nil:
			continue
		case q.answered && !q.value.known && q.unclear == "":
			q.unclear = "an answer for debconf that is not known"
		}
		if q.unclear != "" {
			list := &q.reading.Pending
			if q.kind == "password" {
				list = &q.reading.Deferred
			}
			q.reading.note(list, q.line, q.unclear+": "+printable(name))
			continue
		}
		d := Duty{Kind: Debconf, Line: q.line, Args: []string{name, q.template, q.flagged()}}
		if q.answered {
			d.Args = append(d.Args, q.value.text)
		}
		for _, v := range slices.Sorted(maps.Keys(q.variables)) {
			d.Slaves = append(d.Slaves, []string{v, q.variables[v]})
		}
		s.final(q.reading, d)
	}
}

// flagged returns the flags that are set, separated by commas.
func (q *question) flagged() string {
	var on []string
	for _, f := range slices.Sorted(maps.Keys(q.flags)) {
		if q.flags[f] == "true" {
			on = append(on, f)
		}
	}
	return strings.Join(on, ",")
}

// debconfCommand reads a command of confmodule(3).
func debconfCommand(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	verb := strings.TrimPrefix(c.name, "db_")
	w.noop(c.line, "debconf")
	switch verb {
	case "go":
		w.answerAsked(c.line)
		fallthrough
	case "beginblock", "endblock", "title", "settitle", "progress", "info", "stop", "purge", "unregister", "clear", "data", "x_loadtemplatefile", "version", "capb":
		if verb == "clear" {
			w.inputs = nil
		}
		w.assign("RET", known(""))
		if verb == "capb" || verb == "version" {
			w.assign("RET", value{})
		}
		return yes, next
	}
	if !ok && (verb == "subst" || verb == "set") && len(c.args) > 0 && c.args[0].known {
		if q := w.debconf.questions[c.args[0].text]; q != nil {
			w.touch(c.line, q)
			q.subst = q.subst || verb == "subst"
			if q.unclear == "" {
				q.unclear = "a value for debconf that is not known"
			}
			if verb == "set" {
				q.value, q.answered, q.unclear = value{}, true, ""
			}
		}
		return yes, next
	}
	if later := c.notKnown().later; verb == "set" && later != "" && len(c.args) > 1 && c.args[0].known {
		if q := w.debconf.questions[c.args[0].text]; q != nil {
			q.value = value{later: later}
			w.deferred(c.line, later)
			return yes, next
		}
	}
	if !ok || len(args) == 0 {
		w.leftover(c.line, c.name+" with arguments that are not known")
		w.assign("RET", value{})
		return unknown, next
	}
	name := args[0]
	if verb == "input" && len(args) == 2 {
		name = args[1]
	}
	if verb == "register" && len(args) == 2 {
		return w.register(c.line, args[0], args[1]), next
	}
	q := w.debconf.questions[name]
	if q == nil {
		w.assign("RET", known(name+" doesn't exist"))
		if w.tolerate == 0 && (verb == "get" || verb == "metaget" || verb == "set") {
			w.leftover(c.line, "debconf question "+printable(name)+" is not set")
		}
		w.code = known("10")
		return no, next
	}
	return w.asked(c.line, verb, q, name, args), next
}

// answerAsked is db_go: the noninteractive frontend takes what a question has as its answer, and of a list the first where that is not on it.
func (w *walker) answerAsked(line int) {
	for _, q := range w.inputs {
		w.touch(line, q)
		q.answered = true
		switch {
		case q.kind == "error":
			q.value = known("")
		case q.kind == "select":
			q.value = w.firstChoice(q, q.values())
		}
	}
	w.inputs = nil
}

// markSeen is the end of a script: what it showed counts as seen, since bootstrappers set DEBCONF_NONINTERACTIVE_SEEN.
func (w *walker) markSeen() {
	for _, q := range w.shown {
		if q.answered && !slices.Contains(w.inputs, q) {
			if q.flags == nil {
				q.flags = map[string]string{}
			}
			q.flags["seen"] = "true"
		}
	}
}

// values returns what a question's answer may be, with its variables put in: Choices are for people where there is Choices-C.
func (q *question) values() value {
	text, ok := q.fields["choices-c"]
	if !ok {
		text = q.choices
	}
	return q.filledIn(text)
}

// variable is where the text of a template has a variable's value.
var variable = regexp.MustCompile(`(\\?)\$\{([^{}]+)\}`)

// filledIn returns a text of a question with its variables put in; one that is not set is empty.
func (q *question) filledIn(text string) value {
	if q.unclear != "" && strings.Contains(text, "${") {
		return value{}
	}
	return known(variable.ReplaceAllStringFunc(text, func(s string) string {
		if escaped, ok := strings.CutPrefix(s, `\`); ok {
			return escaped
		}
		return q.variables[s[len("${"):len(s)-len("}")]]
	}))
}

// firstChoice returns the value of a list, which has to be on it.
func (w *walker) firstChoice(q *question, choices value) value {
	if !choices.known || !q.value.known || strings.Contains(choices.text, `\`) {
		return value{}
	}
	first := ""
	for i, c := range strings.Split(choices.text, ",") {
		if c = strings.TrimSpace(c); c == q.value.text {
			return q.value
		} else if i == 0 {
			first = c
		}
	}
	return known(first)
}
