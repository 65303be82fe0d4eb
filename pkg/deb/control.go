package deb

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// Field is one field of a stanza. Value is the text after the colon without the
// blanks around it; further lines keep their leading blank, so that "NAME: VALUE\n" is what was read.
type Field struct{ Name, Value string }

// Stanza is a paragraph of a control file, its fields in the order of the file. deb822(5) gives the grammar:
//
//	Package: hello
//	Description: example package
//	 The second line of the description.
type Stanza []Field

// Get returns the value of the field called name, whatever its case, or "".
func (s Stanza) Get(name string) string {
	for _, f := range s {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// ParseStanzas yields the stanzas of text, which blank lines separate. It is as strict as
// dpkg: a malformed line, a field that occurs twice, a carriage return, a NUL and a missing final
// newline are errors, which name the line and end the sequence.
func ParseStanzas(text string) iter.Seq2[Stanza, error] {
	return func(yield func(Stanza, error) bool) {
		var r stanzaReader
		line := 0
		for text != "" {
			line++
			l, rest, ok := strings.Cut(text, "\n")
			text = rest
			if !ok {
				yield(nil, fmt.Errorf("line %d: missing final newline", line))
				return
			}
			if l == "" {
				if s := r.end(); s != nil && !yield(s, nil) {
					return
				}
				continue
			}
			if err := r.addLine(l); err != nil {
				yield(nil, fmt.Errorf("line %d: %w", line, err))
				return
			}
		}
		if s := r.end(); s != nil {
			yield(s, nil)
		}
	}
}

// maxFields bounds the fields of a stanza; Debian's longest has some thirty.
const maxFields = 1000

// stanzaReader makes one stanza after the other from lines.
type stanzaReader struct {
	s    Stanza
	more []byte // further lines of the last field
}

// addLine adds one line, which is not empty.
func (r *stanzaReader) addLine(l string) error {
	if strings.ContainsAny(l, "\r\x00") {
		return fmt.Errorf("carriage return or NUL")
	}
	if l[0] == ' ' || l[0] == '\t' {
		if len(r.s) == 0 {
			return fmt.Errorf("continuation of no field")
		}
		if strings.Trim(l, " \t") == "" {
			return fmt.Errorf("field %s: blank line in value", r.s[len(r.s)-1].Name)
		}
		r.more = append(append(r.more, '\n'), l...)
		return nil
	}
	name, value, ok := strings.Cut(l, ":")
	if !ok {
		return fmt.Errorf("no colon")
	}
	if err := checkFieldName(name); err != nil {
		return err
	}
	if len(r.s) == maxFields {
		return fmt.Errorf("more than %d fields", maxFields)
	}
	for _, f := range r.s {
		if strings.EqualFold(f.Name, name) {
			return fmt.Errorf("field %s occurs twice", name)
		}
	}
	r.endField()
	r.s = append(r.s, Field{name, strings.TrimLeft(value, " \t")})
	return nil
}

// endField completes the last field, without the blanks at its end; those at the end of other lines are the value's own.
func (r *stanzaReader) endField() {
	if n := len(r.s); n > 0 {
		f := &r.s[n-1]
		f.Value = strings.TrimRight(f.Value+string(r.more), " \t")
		r.more = r.more[:0]
	}
}

// end returns the stanza, nil if there was no line.
func (r *stanzaReader) end() Stanza {
	r.endField()
	s := r.s
	r.s = nil
	return s
}

func checkFieldName(name string) error {
	if name == "" || name[0] == '-' || name[0] == '#' {
		return fmt.Errorf("malformed field name %q", name)
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f {
			return fmt.Errorf("malformed field name %q", name)
		}
	}
	return nil
}

// Control is a binary package's record: the control member of a .deb, or a
// stanza of an index. It is the Native record of this ecosystem's [pkg.Package], and immutable.
type Control struct {
	text      string // without the last newline
	multiArch string
	priority  int8
	essential bool
	protected bool
}

// ParseControl reads a file that holds exactly one stanza with the fields that every
// binary package has: Package, Version and Architecture. Errors name the line.
func ParseControl(data []byte) (*Control, error) {
	text := string(data)
	n := 0
	for s, err := range ParseStanzas(text) {
		if err != nil {
			return nil, err
		}
		if n++; n > 1 {
			return nil, fmt.Errorf("more than one stanza")
		}
		if err := checkIdentity(s.Get("Package"), s.Get("Version"), s.Get("Architecture")); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("no stanza")
	}
	return newControl(strings.Trim(text, "\n")), nil
}

// newControl makes the record of a stanza. Lines of text that are no fields are passed over.
func newControl(text string) *Control {
	c := &Control{text: text, priority: int8(priorityOf(fieldOf(text, "Priority")))}
	c.multiArch = fieldOf(text, "Multi-Arch")
	c.essential = fieldOf(text, "Essential") == "yes"
	c.protected = fieldOf(text, "Protected") == "yes" || fieldOf(text, "Important") == "yes"
	return c
}

// fieldOf returns the value of a field of a stanza's text without splitting the whole of it.
func fieldOf(text, name string) string {
	for text != "" {
		end := strings.IndexByte(text, '\n')
		if end < 0 {
			end = len(text)
		}
		if len(name) < end && text[len(name)] == ':' && strings.EqualFold(text[:len(name)], name) {
			for end+1 < len(text) && (text[end+1] == ' ' || text[end+1] == '\t') {
				next := strings.IndexByte(text[end+1:], '\n')
				if next < 0 {
					end = len(text)
					break
				}
				end += 1 + next
			}
			return strings.Trim(text[len(name)+1:end], " \t")
		}
		text = text[min(end+1, len(text)):]
	}
	return ""
}

// priorityOf returns the rank of a Priority field.
func priorityOf(name string) int {
	switch name {
	case "required":
		return 0
	case "important":
		return 1
	case "standard":
		return 2
	case "extra":
		return 4
	}
	return 3
}

// Get returns the value of the field called name, whatever its case, or "".
func (c *Control) Get(name string) string { return fieldOf(c.text, name) }

// Stanza returns all fields in the order of the file.
func (c *Control) Stanza() Stanza {
	var r stanzaReader
	for l := range strings.Lines(c.text) {
		if l = strings.TrimRight(l, "\n"); l != "" {
			_ = r.addLine(l) // a malformed line is left out, as newControl says
		}
	}
	return r.end()
}

// Essential reports whether the package is Essential: yes.
func (c *Control) Essential() bool { return c.essential }

// Protected reports whether the package is Protected: yes, or Important: yes as it was called before.
func (c *Control) Protected() bool { return c.protected }

// Priority returns 0 for required, then important, standard, optional (also where it is missing or unknown), and 4 for extra.
func (c *Control) Priority() int { return int(c.priority) }

// MultiArch returns "same", "foreign", "allowed", "no" or "".
func (c *Control) MultiArch() string { return c.multiArch }

// Source returns the source package's name and version, which are the binary
// package's own where it does not say otherwise.
func (c *Control) Source() (name, version string) {
	name, version = c.Get("Package"), c.Get("Version")
	src := c.Get("Source")
	if src == "" {
		return name, version
	}
	name, v, ok := strings.Cut(src, "(")
	if ok {
		version = strings.Trim(v, " \t)")
	}
	return strings.TrimSpace(name), version
}

// Package returns what the record says, without a repository. Its Path, Size and SHA256 are those
// of an index's record, and empty for a control member.
func (c *Control) Package() *pkg.Package {
	p := &pkg.Package{
		Format:  "deb",
		Name:    c.Get("Package"),
		Version: c.Get("Version"),
		Arch:    c.Get("Architecture"),
		Native:  c,
	}
	if kib, err := strconv.ParseUint(c.Get("Installed-Size"), 10, 40); err == nil {
		p.Installed = int64(kib) << 10
	}
	p.Parse = c.relations
	return p
}

// checkIdentity checks the three fields of which file names and paths are made.
func checkIdentity(name, version, arch string) error {
	if err := checkName("package name", name, "+-._"); err != nil {
		return err
	}
	if err := checkName("architecture", arch, "-"); err != nil {
		return err
	}
	return checkVersion(version)
}

// checkName accepts what dpkg does: a letter or digit, then also the characters of more.
func checkName(what, s, more string) error {
	if s == "" {
		return fmt.Errorf("no %s", what)
	}
	for i := range len(s) {
		c := s[i]
		if alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'; !alnum &&
			(i == 0 || strings.IndexByte(more, c) < 0) {
			return fmt.Errorf("malformed %s %q", what, s)
		}
	}
	return nil
}

// checkVersion accepts the characters of deb-version(7).
func checkVersion(v string) error {
	if v == "" {
		return fmt.Errorf("no version")
	}
	rest := v
	if epoch, after, ok := strings.Cut(v, ":"); ok {
		if _, err := strconv.ParseUint(epoch, 10, 31); err != nil {
			return fmt.Errorf("version %q: malformed epoch", v)
		}
		rest = after
	}
	if err := checkName("version", rest, ".+-~:"); err != nil || strings.HasSuffix(rest, "-") {
		return fmt.Errorf("malformed version %q", v)
	}
	return nil
}
