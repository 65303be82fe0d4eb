package hooks

import (
	"slices"
	"strings"
)

// asked is a command about a question that is there.
func (w *walker) asked(line int, verb string, q *question, name string, args []string) truth {
	switch verb {
	case "get":
		w.assign("RET", q.value)
	case "set", "reset":
		w.touch(line, q)
		v := known(strings.Join(args[1:], " "))
		if verb == "reset" {
			v = known(q.fields["default"])
			delete(q.flags, "seen")
		}
		if !w.sure() {
			v = value{}
		}
		q.value, q.answered = v, true
	case "fset":
		if len(args) == 3 {
			w.touch(line, q)
			w.setFlag(q, args[1], args[2])
		}
	case "fget":
		v := "false"
		if len(args) == 2 && q.flags[args[1]] != "" {
			v = q.flags[args[1]]
		}
		w.assign("RET", value{text: v, known: q.unclear == ""})
	case "input":
		w.assign("RET", value{})
		w.inputs = append(w.inputs, q)
		if q.kind == "error" || q.flags["seen"] != "true" && (args[0] == "high" || args[0] == "critical") {
			w.shown = append(w.shown, q)
		}
		if q.kind != "error" {
			w.code = known("30") // the noninteractive frontend shows nothing
			return no
		}
	case "subst":
		w.touch(line, q)
		q.subst = true
		if len(args) > 1 {
			if q.variables == nil {
				q.variables = map[string]string{}
			}
			q.variables[args[1]] = strings.Join(args[2:], " ")
		}
	case "metaget":
		w.assign("RET", value{})
		if len(args) == 2 {
			w.assign("RET", w.meta(q, strings.ToLower(args[1])))
		}
	case "exist":
		w.assign("RET", known("true"))
	}
	return yes
}

func (w *walker) setFlag(q *question, name, v string) {
	if name == "seen" {
		w.shown = slices.DeleteFunc(w.shown, func(s *question) bool { return s == q })
	}
	if q.flags == nil {
		q.flags = map[string]string{}
	}
	q.flags[name] = v
}

// meta returns a field of a question, or of its template, by its name in small letters, as far as we know it.
func (w *walker) meta(q *question, field string) value {
	text, ok := q.fields[field]
	switch {
	case field == "owners":
		return w.owners(q)
	case field == "type":
		return known(q.kind)
	case field == "choices" || strings.HasPrefix(field, "choices-"):
		if !ok {
			text = q.choices
		}
		return q.filledIn(text)
	}
	return value{}
}

// owners returns the packages whose templates have a question, as far as they are in the database by now: sorted, with commas. Those that are
// Multi-Arch: same go by two names, with and without their architecture, which is not known here.
func (w *walker) owners(q *question) value {
	var names []string
	for _, i := range q.owners {
		p := w.packages[i].Package
		if !w.debconf.loaded[i] {
			continue
		}
		if n, ok := p.Native.(interface{ MultiArch() string }); ok && n.MultiArch() == "same" {
			return value{}
		}
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return known(strings.Join(names, ", "))
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
		n.flags, n.variables, n.answered, n.template, n.unclear = nil, nil, false, template, ""
		n.value = known(t.fields["default"])
		w.debconf.questions[name] = &n
		w.touch(line, &n)
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
			q = &question{kind: f[2], owner: -1}
			w.debconf.questions[f[1]] = q
		}
		w.touch(c.line, q)
		q.value, q.answered = known(strings.Join(slices.Clone(f[3:]), " ")), true
		if !w.sure() {
			q.value = value{}
		}
	}
	w.noop(c.line, "debconf")
	return yes, next
}
