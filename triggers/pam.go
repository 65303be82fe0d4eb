package triggers

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pam is pam-auth-update(8).
func pam() Trigger {
	return Trigger{
		Name: "pam",
		Doc: "pam-auth-update --package merges the profiles in /usr/share/pam-configs that are on by default into the templates of /etc/pam.d/common-*. " +
			"The same for all profiles at once, with what it remembers in /var/lib/pam.",
		For:   []string{"deb"},
		Reads: []string{"usr/share/pam/common-*", pamProfiles, pamProfiles + "/*", "usr/sbin/pam-auth-update"},
		Owns:  []string{"etc/pam.d/common-*", "var/lib/pam/*"},
		Run:   makePAM,
	}
}

const pamProfiles = "usr/share/pam-configs"

// pamTypes are the stacks, each of which has a file, with the word that its lines begin with.
var pamTypes = []struct{ name, word string }{
	{"auth", "auth"}, {"account", "account"}, {"password", "password"}, {"session", "session"}, {"session-noninteractive", "session"},
}

func makePAM(in Input) ([]Change, error) {
	if !exists(in.FS, "usr/sbin/pam-auth-update") || !exists(in.FS, pamProfiles) || exists(in.FS, "etc/pam.d/common-auth") {
		return nil, nil
	}
	all, err := readProfiles(in.FS)
	if err != nil {
		return nil, err
	}
	enabled := enabledProfiles(all)
	seen := ""
	for _, p := range all {
		seen += p.file + "\n"
	}
	out := []Change{file("var/lib/pam/seen", 0o644, []byte(seen))}
	for _, t := range pamTypes {
		template, err := fs.ReadFile(in.FS, "usr/share/pam/common-"+t.name)
		if err != nil {
			return nil, err
		}
		s := stack{enabled, strings.ToUpper(t.name[:1]) + t.name[1:], t.word}
		body, err := s.fill(string(template))
		if err != nil {
			return nil, fmt.Errorf("/usr/share/pam/common-%s: %w", t.name, err)
		}
		out = append(out, file("etc/pam.d/common-"+t.name, 0o644, []byte(body)), file("var/lib/pam/"+t.name, 0o644, []byte(s.saved())))
	}
	return out, nil
}

// pamProfile is a file of [pamProfiles]: its name, and its fields.
type pamProfile struct {
	file      string
	fields    map[string]string
	conflicts []string
	priority  float64
}

// readProfiles returns the profiles, highest priority first, then the last name.
func readProfiles(fsys fs.FS) ([]*pamProfile, error) {
	entries, err := fs.ReadDir(fsys, pamProfiles)
	if err != nil {
		return nil, err
	}
	var out []*pamProfile
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, "~") || len(name) > 2 && name[0] == '#' && name[len(name)-1] == '#' {
			continue
		}
		b, err := fs.ReadFile(fsys, pamProfiles+"/"+name)
		if err != nil {
			return nil, err
		}
		if p, ok := parseProfile(name, string(b)); ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *pamProfile) int {
		if a.priority != b.priority {
			if a.priority > b.priority {
				return -1
			}
			return 1
		}
		return strings.Compare(b.file, a.file)
	})
	return out, nil
}

var pamField = regexp.MustCompile(`^([^ \t\r\n\v\f]+):[ \t\r\n\v\f]+(.*)`)

// parseProfile reads one profile. It is not ok if it uses the module pam_tally, which is no more.
func parseProfile(name, text string) (p *pamProfile, ok bool) {
	p, ok = &pamProfile{file: name, fields: map[string]string{}}, true
	field := ""
	for l := range strings.Lines(text) {
		m := pamField.FindStringSubmatch(l)
		switch {
		case m != nil && strings.TrimSuffix(m[1], "-Final") == "Conflicts":
			field = "Conflicts"
			p.conflicts = append(p.conflicts, strings.Split(m[2], ", ")...)
		case m != nil:
			field = strings.TrimSuffix(m[1], "-Final")
			p.fields[field] = m[2]
		case field == "":
		default:
			if l = strings.TrimSpace(l); l != "" && l != "0" { // "0" is nothing to Perl
				p.fields[field] += "\n" + l
			}
			ok = ok && !strings.Contains(p.fields[field], "pam_tally")
			p.fields[field] = strings.TrimLeft(p.fields[field], " \t\r\n\v\f")
		}
	}
	p.priority, _ = strconv.ParseFloat(strings.TrimSpace(p.fields["Priority"]), 64) // what is no number counts as 0
	if p.fields["Session-Interactive-Only"] != "yes" {
		for _, f := range []string{"-Type", "", "-Initial"} {
			p.fields["Session-noninteractive"+f] = p.fields["Session"+f]
		}
	}
	return p, ok
}

// enabledProfiles returns those that are on by default. Of two that conflict the one with the higher priority stays.
func enabledProfiles(all []*pamProfile) []*pamProfile {
	var on []*pamProfile
	for _, p := range all {
		if p.fields["Default"] == "yes" {
			on = append(on, p)
		}
	}
	for i := 0; i < len(on); i++ {
		conflicts := on[i].conflicts
		on = slices.DeleteFunc(on, func(q *pamProfile) bool { return slices.Contains(conflicts, q.file) })
	}
	return on
}

// stack makes one file.
type stack struct {
	profiles []*pamProfile
	field    string // the prefix of the fields: "Auth"
	word     string // what lines begin with: "auth"
}

// lines returns the lines of each profile in a block: "Primary" or "Additional". The first of a block may have its own.
func (s stack) lines(block string) (out []string, files []string) {
	for _, p := range s.profiles {
		kind := p.fields[s.field+"-Type"]
		if kind == "" || kind == "0" || kind != block {
			continue
		}
		text := p.fields[s.field]
		if first := p.fields[s.field+"-Initial"]; len(out) == 0 && first != "" {
			text = first
		}
		out, files = append(out, text), append(files, p.file)
	}
	return out, files
}

const (
	pamPrimary    = `# here are the per-package modules (the "Primary" block)`
	pamFallback   = "# here's the fallback if no module succeeds"
	pamAdditional = `# and here are more per-package modules (the "Additional" block)`
	pamEnd        = "# end of pam-auth-update config"
	pamPermit     = "[default=1]\t\t\tpam_permit.so\n"
)

// fill puts both blocks into the template, in the place of what stands there.
func (s stack) fill(template string) (string, error) {
	var b strings.Builder
	marks := []string{pamPrimary, pamFallback, pamAdditional, pamEnd}
	state := 0
	for l := range strings.Lines(template) {
		at := state < 4 && strings.HasPrefix(l, marks[state])
		if at || state%2 == 0 {
			b.WriteString(l)
		}
		if !at {
			continue
		}
		switch state {
		case 0:
			b.WriteString(s.block("Primary"))
		case 2:
			b.WriteString(s.block("Additional"))
		}
		state++
	}
	if state < 4 {
		return "", fmt.Errorf("no line begins with %q", marks[state])
	}
	return b.String(), nil
}

var (
	pamBreaks = regexp.MustCompile("\n+")
	pamModule = regexp.MustCompile(`^((?:\[[^\]]+\]|\w+)\s+\S+)\s*(.*)`)
)

// block returns the lines of a block. A jump to the "end" gets the number of lines that are left.
func (s stack) block(name string) string {
	texts, _ := s.lines(name)
	count := 0
	for _, t := range texts {
		if t != "" {
			count += len(pamBreaks.Split(t, -1))
		}
	}
	if name == "Additional" {
		count--
	}
	var b strings.Builder
	if name == "Primary" && count == 0 {
		b.WriteString(s.word + "\t" + pamPermit)
	}
	for _, t := range texts {
		if t == "" {
			continue
		}
		for _, l := range strings.Split(t, "\n") {
			var module, options string
			if m := pamModule.FindStringSubmatch(l); m != nil {
				module, options = m[1], strings.Join(strings.Fields(m[2]), " ")
			}
			b.WriteString(s.word + "\t" + strings.ReplaceAll(module, "end", strconv.Itoa(count)) + " " + options + "\n")
			count--
		}
	}
	return b.String()
}

// saved returns what pam-auth-update remembers of a file.
func (s stack) saved() string {
	var b strings.Builder
	for _, block := range []string{"Primary", "Additional"} {
		texts, files := s.lines(block)
		if block == "Primary" && len(texts) == 0 {
			b.WriteString("Module: null\n" + pamPermit)
		}
		for i, t := range texts {
			if t != "" {
				b.WriteString("Module: " + files[i] + "\n" + t + "\n")
			}
		}
	}
	return b.String()
}
