// Package infodir adds manuals to the top menu of Info (the file "dir") as GNU install-info does with a file and no options.
package infodir

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Empty is the menu that install-info begins with.
const Empty = "This is the file .../info/dir, which contains the\n" +
	"topmost node of the Info hierarchy, called (dir)Top.\n" +
	"The first time you invoke Info you start off looking at this node.\n" +
	"\x1f\n" +
	"File: dir,\tNode: Top\tThis is the top of the INFO tree\n\n" +
	"  This (the Directory node) gives a menu of major topics.\n" +
	"  Typing \"q\" exits, \"H\" lists all Info commands, \"d\" returns here,\n" +
	"  \"h\" gives a primer for first-timers,\n" +
	"  \"mEmacs<Return>\" visits the Emacs manual, etc.\n\n" +
	"  In Emacs, you can click mouse button 2 on a menu item or cross reference\n" +
	"  to select it.\n\n" +
	"* Menu:\n"

// ErrUnbalanced says that a manual begins an entry and does not end it.
var ErrUnbalanced = errors.New("START-INFO-DIR-ENTRY without END-INFO-DIR-ENTRY")

// Where descriptions begin, where their further lines do, and where lines end; in columns from 0.
const (
	column, further         = 32, 34
	columnWide, furtherWide = 48, 50
	width                   = 79
	wideSection             = "Individual utilities"
	defaultSection          = "Miscellaneous"
)

// entry is an item for the menu.
type entry struct {
	text     string // "* NAME: (FILE)NODE.  DESCRIPTION\n", formatted
	sections []string
}

func (e entry) in(section string) bool { return slices.Contains(e.sections, section) }

// name is what entries are ordered by.
func (e entry) name() string {
	name, _, _ := strings.Cut(e.text, ":")
	return name
}

// wanted is a section that a manual names.
type wanted struct {
	name    string
	missing bool
}

// line is one of the menu, with what comes in front of it.
type line struct {
	text     string
	deleted  bool
	entries  []entry
	sections []*wanted
}

// section is a part of the menu: the lines from its heading up to end.
type section struct {
	name       string
	start, end int
}

// Add returns menu with the entries of a manual; without change if it has none.
func Add(menu, manual string) (string, error) {
	sections, entries, err := parseManual(manual)
	if err != nil || len(entries) == 0 {
		return menu, err
	}
	lines, parts := parseMenu(menu)
	for i := range parts {
		addEntries(lines, &parts[i], sections, entries)
	}
	for _, w := range sections {
		if w.missing {
			at := place(lines, parts, w.name)
			lines[at].sections = append(lines[at].sections, w)
		}
	}
	return output(lines, entries), nil
}

// parseManual returns the sections and entries of a manual, both the last first, as install-info keeps them: it shows in the
// order of what sorts alike. An entry is for the sections named after the entries before it.
func parseManual(text string) (sections []*wanted, entries []entry, err error) {
	const mark = "INFO-DIR-SECTION "
	tail, reset := 0, false
	var body []string
	inside := false
	finish := func() {
		var names []string
		for _, w := range sections[:len(sections)-tail] {
			names = append(names, w.name)
		}
		entries = slices.Insert(entries, 0, entry{strings.Join(body, ""), names})
		body = nil
	}
	for l := range strings.Lines(text) {
		bare := strings.TrimSuffix(l, "\n")
		switch {
		case strings.HasPrefix(l, mark):
			if reset {
				tail, reset = len(sections), false
			}
			sections = slices.Insert(sections, 0, &wanted{bare[len(mark):], true})
		case bare == "START-INFO-DIR-ENTRY":
			if inside {
				return nil, nil, ErrUnbalanced
			}
			if len(sections) == 0 {
				sections = []*wanted{{defaultSection, true}}
			}
			inside, reset = true, true
		case bare == "END-INFO-DIR-ENTRY" && inside:
			finish()
			inside = false
		case inside:
			if strings.HasPrefix(l, "* ") && body != nil {
				finish()
			}
			body = append(body, l)
		}
	}
	if inside {
		return nil, nil, ErrUnbalanced
	}
	for i := range entries {
		entries[i].text = format(entries[i])
	}
	return sections, entries, nil
}

// format lays out an entry.
func format(e entry) string {
	name, description, ok := splitEntry(e.text)
	if !ok {
		return e.text
	}
	first, next := column, further
	if e.in(wideSection) {
		first, next = columnWide, furtherWide
	}
	var out strings.Builder
	out.WriteString(name)
	switch {
	case len(description) <= 2:
		out.WriteByte('\n')
		return out.String()
	case len(name) > first-1:
		out.WriteString("\n" + strings.Repeat(" ", first))
	default:
		out.WriteString(strings.Repeat(" ", first-len(name)))
	}
	wrap(&out, description, first, next)
	return out.String()
}

// wrap writes text from column at; lines after the first are indented, which counts for nothing in their width.
func wrap(out *strings.Builder, text string, at, indent int) {
	var pending []byte
	for i := 0; i < len(text); {
		c := text[i]
		if c == '\n' {
			out.Write(append(pending, c))
			pending, at = nil, 0
			i++
			continue
		}
		if at = advance(at, c); at <= width || len(pending) == 0 {
			pending = append(pending, c)
			i++
			continue
		}
		blank := strings.LastIndexAny(string(pending), " \t")
		if blank < 0 {
			out.Write(append(pending, '\n'))
			pending, at = nil, 0
			continue
		}
		out.Write(pending[:blank+1])
		out.WriteString("\n" + strings.Repeat(" ", indent))
		pending, at = slices.Clone(pending[blank+1:]), 0
		for _, c := range pending {
			at = advance(at, c)
		}
	}
	out.Write(pending)
}

func advance(at int, c byte) int {
	switch c {
	case '\b':
		return max(0, at-1)
	case '\r':
		return 0
	case '\t':
		return at + 8 - at%8
	}
	return at + 1
}

// splitEntry takes an entry apart at the first period before white space. The lines of the description are joined: after a
// period by two blanks.
func splitEntry(text string) (name, description string, ok bool) {
	i := 0
	for ; i+1 < len(text) && (text[i] != '.' || !strings.ContainsRune(" \t\n", rune(text[i+1]))); i++ {
	}
	if i+1 >= len(text) {
		return "", "", false
	}
	name, rest := text[:i+1], text[i+1:]
	const white = " \t\n\v\f\r"
	var b strings.Builder
	for rest = strings.TrimLeft(rest, white); rest != ""; rest = strings.TrimLeft(rest, white) {
		var l string
		var more bool
		l, rest, more = strings.Cut(rest, "\n")
		b.WriteString(l)
		if more && len(l) > 1 && rest != "" {
			switch last := l[len(l)-1]; {
			case last == '.':
				b.WriteString("  ")
			case !strings.ContainsRune(white, rune(last)):
				b.WriteString(" ")
			}
		}
	}
	return name, b.String() + "\n", true
}

// parseMenu returns the lines of a menu, one empty at the end, and its sections, each without empty lines at its end.
func parseMenu(menu string) (lines []line, parts []section) {
	inMenu := false
	for l := range strings.Lines(menu) {
		i := len(lines)
		l = strings.TrimSuffix(l, "\n")
		lines = append(lines, line{text: l})
		inMenu = inMenu || strings.HasPrefix(l, "* Menu:")
		if inMenu && l != "" && !strings.ContainsRune("* \t\x1f", rune(l[0])) {
			parts = append(parts, section{l, i, 0})
		}
	}
	for i := range parts {
		end := len(lines)
		if i+1 < len(parts) {
			end = parts[i+1].start
		}
		for end > parts[i].start+1 && lines[end-1].text == "" {
			end--
		}
		parts[i].end = end
	}
	return append(lines, line{}), parts
}

// addEntries puts the entries for a section that is there before the first line with a greater name, in the place of
// those with the same name. One that is greater than all goes where the one before it went.
func addEntries(lines []line, part *section, sections []*wanted, entries []entry) {
	i := slices.IndexFunc(sections, func(w *wanted) bool { return w.name == part.name })
	if i < 0 {
		return
	}
	sections[i].missing = false
	at := part.end
	for _, e := range entries {
		if !e.in(part.name) {
			continue
		}
		for i := part.end - 1; i >= part.start; i-- {
			if !strings.HasPrefix(lines[i].text, "*") {
				continue
			}
			if sameName(e.text, lines[i].text) && !lines[i].deleted {
				lines[i].deleted = true
				for j := i + 1; j < part.end && !strings.HasPrefix(lines[j].text, "*"); j++ {
					lines[j].deleted = true
				}
			}
			if lessName(e.text, lines[i].text) {
				at = i
			}
		}
		j := slices.IndexFunc(lines[at].entries, func(o entry) bool { return lessName(e.text, o.text) })
		if j < 0 {
			j = len(lines[at].entries)
		}
		lines[at].entries = slices.Insert(lines[at].entries, j, e)
	}
}

// lessName orders items by name in bytes, what another begins with before it.
func lessName(a, b string) bool {
	for i := range min(len(a), len(b)) {
		if (a[i] == ':') != (b[i] == ':') {
			return a[i] == ':'
		}
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func sameName(a, b string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return false
		}
		if a[i] == ':' {
			return true
		}
	}
	return true
}

// place returns the line before which a new section goes: after the last section before the first with a greater name.
func place(lines []line, parts []section, name string) int {
	i := slices.IndexFunc(parts, func(s section) bool { return lower(name) < lower(s.name) })
	switch {
	case i < 0:
		return len(lines) - 1
	case i == 0:
		return parts[0].start - 1
	}
	return parts[i-1].end
}

// lower changes ASCII letters only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func output(lines []line, entries []entry) string {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b entry) int {
		x, y := lower(a.name()), lower(b.name())
		n := min(len(x), len(y))
		return cmp.Compare(x[:n], y[:n])
	})
	var b strings.Builder
	for i, l := range lines {
		for _, e := range l.entries {
			b.WriteString(e.text)
		}
		slices.SortStableFunc(l.sections, func(x, y *wanted) int { return cmp.Compare(x.name, y.name) })
		for _, w := range l.sections {
			b.WriteString("\n" + w.name + "\n")
			for _, e := range sorted {
				if e.in(w.name) {
					b.WriteString(e.text)
				}
			}
		}
		if i < len(lines)-1 && !l.deleted {
			b.WriteString(l.text + "\n")
		}
	}
	return b.String()
}
