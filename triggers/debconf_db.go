package triggers

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// debconfDB is what debconf knows: questions, and the templates that they are of.
type debconfDB struct {
	questions, templates map[string]*debconfItem
}

// debconfItem is a question or template.
type debconfItem struct {
	fields, variables map[string]string
	owners, flags     map[string]bool
}

func item(m *map[string]*debconfItem, name string) *debconfItem {
	if *m == nil {
		*m = map[string]*debconfItem{}
	}
	if (*m)[name] == nil {
		(*m)[name] = &debconfItem{map[string]string{}, map[string]string{}, map[string]bool{}, map[string]bool{}}
	}
	return (*m)[name]
}

// load adds the templates of b, debconf-devel(7), each with a question of its name. What an earlier
// package said of a template is forgotten, but that it owns the question too.
func (db *debconfDB) load(b []byte, owner string) error {
	for n, stanza := range bytes.Split(b, []byte("\n\n")) {
		stanza = bytes.Trim(stanza, "\n")
		if len(stanza) == 0 {
			continue
		}
		fields, err := debconfFields(string(stanza))
		if err != nil {
			return fmt.Errorf("stanza %d: %w", n+1, err)
		}
		name := fields["template"]
		if name == "" || strings.Contains(name, "\x00") {
			return fmt.Errorf("stanza %d: no name", n+1)
		}
		delete(fields, "template")
		q := item(&db.questions, name)
		q.owners[owner], q.fields["template"] = true, name
		t := item(&db.templates, name)
		t.owners[name], t.fields = true, fields
	}
	return nil
}

var debconfField = regexp.MustCompile(`^([-_@.A-Za-z0-9]*):[ \t\r\f\v]?(.*)$`)

// debconfFields reads one template: the fields in lower case, and as extended_NAME the text that follows a
// field's line, with paragraphs joined as debconf joins them.
func debconfFields(stanza string) (map[string]string, error) {
	const space = " \t\r\f\v\n"
	fields := map[string]string{}
	name, value, extended := "", "", ""
	save := func() error {
		if name == "" {
			return nil
		}
		if _, ok := fields[name]; ok {
			return fmt.Errorf("field %q comes twice", name)
		}
		fields[name] = value
		if e := strings.TrimRight(extended, "\n"); e != "" {
			fields["extended_"+name] = e
		}
		return nil
	}
	for line := range strings.SplitSeq(stanza, "\n") {
		switch m := debconfField.FindStringSubmatch(line); {
		case m != nil:
			if err := save(); err != nil {
				return nil, err
			}
			name, value, extended = strings.ToLower(m[1]), strings.TrimRight(m[2], space), ""
		case line == "" || !strings.ContainsRune(space, rune(line[0])):
			return nil, fmt.Errorf("%q is no field", line)
		case line[1:] == ".":
			extended += "\n\n"
		case len(line) > 1 && strings.ContainsRune(space, rune(line[1])):
			if extended != "" && !strings.HasSuffix(extended, "\n") && !strings.HasSuffix(extended, " ") {
				extended += "\n"
			}
			extended += strings.TrimRight(line[1:], space) + "\n"
		default:
			if extended != "" && !strings.HasSuffix(extended, "\n") && !strings.HasSuffix(extended, " ") {
				extended += " "
			}
			extended += strings.TrimRight(line[1:], space)
		}
	}
	return fields, save()
}

// answer does a Debconf duty: question, template, flags, answer; and variables with their values as slaves. Debconf refuses a question
// that no template that was loaded has.
func (db *debconfDB) answer(d hooks.Duty) {
	q := db.questions[arg(d, 0)]
	if t := arg(d, 1); q == nil && db.templates[t] != nil {
		q = item(&db.questions, arg(d, 0))
		q.fields["template"], q.owners[d.Package] = t, true
	}
	if q == nil {
		return
	}
	for f := range strings.SplitSeq(arg(d, 2), ",") {
		if f != "" {
			q.flags[f] = true
		}
	}
	if len(d.Args) > 3 {
		q.fields["value"] = arg(d, 3)
	}
	for _, v := range d.Slaves {
		if len(v) == 2 {
			q.variables[v[0]] = v[1]
		}
	}
}

// files returns config.dat, passwords.dat, which has the questions for passwords, and templates.dat.
func (db *debconfDB) files() (config, passwords, templates []byte) {
	for _, name := range slices.Sorted(maps.Keys(db.questions)) {
		q := db.questions[name]
		if t := db.templates[q.fields["template"]]; t != nil && t.fields["type"] == "password" {
			passwords = q.append(passwords, name)
		} else {
			config = q.append(config, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(db.templates)) {
		templates = db.templates[name].append(templates, name)
	}
	return config, passwords, templates
}

// append writes an item as debconf's format 822 does.
func (it *debconfItem) append(b []byte, name string) []byte {
	escape := func(s string) string { return strings.ReplaceAll(s, "\n", "\\n") }
	b = fmt.Appendf(b, "Name: %s\n", name)
	for _, f := range slices.Sorted(maps.Keys(it.fields)) {
		b = fmt.Appendf(b, "%s: %s\n", strings.ToUpper(f[:1])+f[1:], escape(it.fields[f]))
	}
	for _, l := range []struct {
		name string
		set  map[string]bool
	}{{"Owners", it.owners}, {"Flags", it.flags}} {
		if len(l.set) > 0 {
			b = fmt.Appendf(b, "%s: %s\n", l.name, strings.Join(slices.Sorted(maps.Keys(l.set)), ", "))
		}
	}
	if len(it.variables) > 0 {
		b = append(b, "Variables:\n"...)
		for _, v := range slices.Sorted(maps.Keys(it.variables)) {
			b = fmt.Appendf(b, " %s = %s\n", v, escape(it.variables[v]))
		}
	}
	return append(b, '\n')
}
