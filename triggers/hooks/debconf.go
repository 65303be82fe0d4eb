package hooks

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// debconf is debconf's database: the templates of all packages, and the answers.
type debconf struct {
	questions map[string]*question
}

type question struct {
	fields        map[string]string // by the name in small letters
	kind, choices string
	value         value
	flags         map[string]string
	subst         bool // variables were put into its texts
}

func newDebconf(ps []*pkg.Unpacked, answers map[string]string) *debconf {
	d := &debconf{questions: map[string]*question{}}
	for _, p := range ps {
		if p.Control == nil {
			continue
		}
		b, err := fs.ReadFile(p.Control, "templates")
		if err != nil || len(b) > 4<<20 {
			continue
		}
		d.load(string(b))
	}
	for q, v := range answers {
		if d.questions[q] == nil {
			d.questions[q] = &question{kind: "string"}
		}
		d.questions[q].value = known(v)
		d.questions[q].flags = map[string]string{"seen": "true"}
	}
	return d
}

// load reads a file of templates (debconf-devel(7)).
func (d *debconf) load(text string) {
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
				d.questions[name] = &question{value: known(""), fields: map[string]string{}}
			}
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

// debconfCommand reads a command of confmodule(3).
func debconfCommand(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	verb := strings.TrimPrefix(c.name, "db_")
	w.noop(c.line, "debconf")
	switch verb {
	case "go", "beginblock", "endblock", "title", "settitle", "progress", "info", "stop", "purge", "unregister", "clear", "data", "x_loadtemplatefile", "version", "capb":
		w.assign("RET", known(""))
		if verb == "capb" || verb == "version" {
			w.assign("RET", value{})
		}
		return yes, next
	}
	if !ok && verb == "subst" {
		if q := w.debconf.questions[c.args[0].text]; q != nil && c.args[0].known {
			q.subst = true
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
		w.assign("RET", value{})
		if w.tolerate == 0 && (verb == "get" || verb == "metaget" || verb == "set") {
			w.leftover(c.line, "debconf question "+printable(name)+" is not set")
		}
		w.code = known("10")
		return no, next
	}
	return w.asked(c.line, verb, q, name, args), next
}

// asked is a command about a question that is there.
func (w *walker) asked(line int, verb string, q *question, name string, args []string) truth {
	switch verb {
	case "get":
		w.assign("RET", q.value)
	case "set", "reset":
		v := known(strings.Join(args[1:], " "))
		if verb == "reset" {
			v = value{}
		}
		if !w.sure() {
			v = value{}
		}
		if q.value = v; v.known && w.world.Kinds != nil && w.world.does(Debconf) && w.sure() {
			w.duty(Duty{Kind: Debconf, Line: line, Args: []string{name, v.text}})
		}
	case "fset":
		if len(args) == 3 && w.sure() {
			if q.flags == nil {
				q.flags = map[string]string{}
			}
			q.flags[args[1]] = args[2]
		}
	case "fget":
		v := "false"
		if len(args) == 2 && q.flags[args[1]] != "" {
			v = q.flags[args[1]]
		}
		w.assign("RET", known(v))
	case "input":
		w.assign("RET", value{})
		if q.kind != "error" {
			w.code = known("30") // the noninteractive frontend shows nothing
			return no
		}
	case "subst":
		q.subst = true
	case "metaget":
		w.assign("RET", value{})
		switch {
		case len(args) == 2 && strings.EqualFold(args[1], "choices") && !q.subst && !strings.Contains(q.choices, "${"):
			w.assign("RET", known(q.choices))
		case len(args) == 2 && strings.EqualFold(args[1], "type"):
			w.assign("RET", known(q.kind))
		case len(args) == 2 && !q.subst && strings.HasPrefix(strings.ToLower(args[1]), "choices-"):
			v, ok := q.fields[strings.ToLower(args[1])]
			if !ok {
				v = q.choices
			}
			w.assign("RET", value{text: v, known: !strings.Contains(v, "${")})
		}
	case "exist":
		w.assign("RET", known("true"))
	}
	return yes
}

// register makes a question of a template.
func (w *walker) register(line int, template, name string) truth {
	t := w.debconf.questions[template]
	if t == nil {
		w.leftover(line, "debconf template "+printable(template)+" is not there")
		return unknown
	}
	if w.debconf.questions[name] == nil && w.sure() {
		n := *t
		n.flags = nil
		w.debconf.questions[name] = &n
	}
	return yes
}

// selections is debconf-set-selections, whose lines set answers.
func selections(w *walker, c invocation) (truth, flow) {
	v := w.in.all()
	if !v.known || len(c.args) > 0 {
		w.leftover(c.line, c.name)
		return unknown, next
	}
	for l := range strings.Lines(v.text) {
		f := strings.Fields(l)
		if len(f) < 3 {
			continue
		}
		q := w.debconf.questions[f[1]]
		if q == nil {
			q = &question{kind: f[2]}
			w.debconf.questions[f[1]] = q
		}
		q.value = known(strings.Join(slices.Clone(f[3:]), " "))
		if !w.sure() {
			q.value = value{}
		}
	}
	w.noop(c.line, "debconf")
	return yes, next
}
