package deb

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// statusFields are the fields that dpkg knows, in the order in which it writes
// them to its status file; others follow in the order of the control file. What it is
// asked to do with a field's value is in kind.
var statusFields = []struct {
	name string
	kind fieldKind
}{
	{"Package", verbatim},
	{"Essential", onlyYes},
	{"Protected", onlyYes},
	{"Status", ours},
	{"Priority", lower},
	{"Section", verbatim},
	{"Installed-Size", verbatim},
	{"Origin", verbatim},
	{"Maintainer", verbatim},
	{"Bugs", verbatim},
	{"Architecture", verbatim},
	{"Multi-Arch", notNo},
	{"Source", verbatim},
	{"Version", verbatim},
	{"Config-Version", ours},
	{"Replaces", relations},
	{"Provides", relations},
	{"Depends", relations},
	{"Pre-Depends", relations},
	{"Recommends", relations},
	{"Suggests", relations},
	{"Breaks", relations},
	{"Conflicts", relations},
	{"Enhances", relations},
	{"Conffiles", ours},
	{"Filename", ours},
	{"MSDOS-Filename", ours},
	{"Size", ours},
	{"MD5sum", ours},
	{"Description", verbatim},
	{"Triggers-Pending", ours},
	{"Triggers-Awaited", ours},
}

type fieldKind int

const (
	verbatim  fieldKind = iota
	onlyYes             // left out unless "yes"
	notNo               // left out where "no"
	lower               // in lower case
	relations           // in dpkg's spelling: "a (>= 1) | b, c"
	ours                // never taken from the control file
)

// appendStatus appends r's stanza and the blank line after it.
func (r *record) appendStatus(b []byte) ([]byte, error) {
	known := map[string]bool{}
	for _, f := range statusFields {
		known[strings.ToLower(f.name)] = true
		switch f.name {
		case "Status":
			b = append(b, "Status: install ok "+r.state()+"\n"...)
		case "Conffiles":
			list, err := r.conffileLines()
			if err != nil {
				return nil, err
			}
			b = append(b, list...)
		default:
			if v := f.kind.format(r.control.Get(f.name)); v != "" {
				b = fmt.Appendf(b, "%s: %s\n", f.name, v)
			}
		}
	}
	for _, f := range r.control.Stanza() {
		if known[strings.ToLower(f.Name)] {
			continue
		}
		if strings.HasPrefix(f.Value, "\n") {
			b = fmt.Appendf(b, "%s:%s\n", f.Name, f.Value)
		} else {
			b = fmt.Appendf(b, "%s: %s\n", f.Name, f.Value)
		}
	}
	return append(b, '\n'), nil
}

func (r *record) state() string {
	if r.Pending {
		return "unpacked"
	}
	return "installed"
}

// format returns value as dpkg writes it, or "" where it leaves the field out.
func (k fieldKind) format(value string) string {
	switch k {
	case ours:
		return ""
	case onlyYes:
		if value != "yes" {
			return ""
		}
	case notNo:
		if value == "no" {
			return ""
		}
	case lower:
		return strings.ToLower(value)
	case relations:
		return formatRelations(value)
	}
	return value
}

// formatRelations returns a relation field in dpkg's spelling; one that cannot be read stays as it is.
func formatRelations(value string) string {
	clauses, err := ParseRelations(value, false)
	if err != nil {
		return value
	}
	groups := make([]string, len(clauses))
	for i, c := range clauses {
		alternatives := make([]string, len(c.Any))
		for j, l := range c.Any {
			alternatives[j] = l.String()
		}
		groups[i] = strings.Join(alternatives, " | ")
	}
	return strings.Join(groups, ", ")
}

// conffile is a line of a conffiles member, deb-conffiles(5).
type conffile struct {
	path  string // with a leading slash
	flags string // "", or " remove-on-upgrade"
}

// readConffiles reads the conffiles member of control, if there is one.
func readConffiles(control fs.FS) ([]conffile, error) {
	b, err := fs.ReadFile(control, "conffiles")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var cs []conffile
	n := 0
	for l := range bytes.Lines(b) {
		n++
		c := conffile{path: strings.TrimRight(string(l), " \t\n")}
		if c.path == "" {
			continue
		}
		if flag, path, ok := strings.Cut(c.path, " "); ok && !strings.HasPrefix(flag, "/") {
			if flag != "remove-on-upgrade" {
				return nil, fmt.Errorf("line %d: unknown flag %q", n, flag)
			}
			c.path, c.flags = strings.TrimLeft(path, " "), " "+flag
		}
		if !strings.HasPrefix(c.path, "/") || strings.ContainsAny(c.path, "\x00\r") {
			return nil, fmt.Errorf("line %d: %s: not an absolute path", n, tree.Quote(c.path))
		}
		cs = append(cs, c)
	}
	return cs, nil
}

// conffileLines returns the Conffiles field with its line ends. Before a package is configured, and
// for what it does not ship, the place of the digest has a marker.
func (r *record) conffileLines() (string, error) {
	if len(r.conffiles) == 0 {
		return "", nil
	}
	var b strings.Builder
	b.WriteString("Conffiles:\n")
	for _, c := range r.conffiles {
		sum := "newconffile"
		if n := r.file(c.path); n != nil && !r.Pending && c.flags == "" {
			s, err := md5sum(n.Content)
			if err != nil {
				return "", fmt.Errorf("%s: %w", tree.Quote(c.path), err)
			}
			sum = s
		}
		fmt.Fprintf(&b, " %s %s%s\n", c.path, sum, c.flags)
	}
	return b.String(), nil
}

// md5sum returns the MD5 of c, which is no security: dpkg --verify and its conffile questions compare it.
func md5sum(c tree.Content) (string, error) {
	f, err := c.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := md5.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
