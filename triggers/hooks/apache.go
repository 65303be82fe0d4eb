package hooks

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// apacheKind is what one of a2enmod and its like switches.
type apacheKind struct {
	place  string // below /etc/apache2, before -available and -enabled
	marks  string // below /var/lib/apache2
	ending string // of its files
}

var apacheKinds = map[string]apacheKind{
	"mod":  {"mods", "module", ".load"},
	"conf": {"conf", "conf", ".conf"},
	"site": {"sites", "site", ".conf"},
}

func (k apacheKind) available(name string) string {
	return "/etc/apache2/" + k.place + "-available/" + name
}
func (k apacheKind) enabled(name string) string {
	return "/etc/apache2/" + k.place + "-enabled/" + name
}

// apacheSwitch is one of a2enmod(8), a2enconf(8), a2ensite(8) and their opposites on its way.
type apacheSwitch struct {
	*walker
	apacheKind
	name   string // of the command
	line   int
	on     bool
	maint  bool // -m: a package does it, says the state
	force  bool
	purge  bool
	visits int
}

// maxApache bounds how often dependencies of modules are followed.
const maxApache = 1000

// apache reads a2enmod(8) and its like: links, and the state that says who did it.
func apache(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "m|maintmode q|quiet f|force p|purge")
	if !ok {
		return unknown, next
	}
	what, on := strings.CutPrefix(c.name, "a2en")
	what = strings.TrimPrefix(what, "a2dis")
	s := &apacheSwitch{walker: w, apacheKind: apacheKinds[what], name: c.name, line: c.line, on: on,
		maint: o.has("m"), force: o.has("f"), purge: o.has("p")}
	if len(o.rest) == 0 || slices.ContainsFunc(o.rest, func(n string) bool { return strings.ContainsAny(n, "*?[{~/ ") }) {
		w.leftover(c.line, c.name+" of what its names match")
		return unknown, next
	}
	t := yes
	for _, name := range o.rest {
		if strings.HasSuffix(name, s.ending[1:]) && len(name) >= len(s.ending) { // the dot is any byte to the real one
			name = name[:len(name)-len(s.ending)]
		}
		t = t.and(s.do(name))
	}
	return t, next
}

// do switches one, and what it needs. It reports whether the real one would succeed.
func (s *apacheSwitch) do(name string) truth {
	if s.visits++; s.visits > maxApache {
		s.leftover(s.line, s.name+": too many dependencies")
		return unknown
	}
	if s.on && s.place == "mods" && name == "cgi" {
		switch threaded, t := s.apacheMPM(); {
		case t == unknown:
			s.leftover(s.line, "which module is enabled depends on what is not known")
			return unknown
		case threaded == "event" || threaded == "worker":
			name = "cgid"
		}
	}
	text, t := s.readFile(known(s.available(name + s.ending)))
	switch {
	case t == unknown || t == yes && !text.known:
		s.leftover(s.line, s.name+" of a file that is not known")
		return unknown
	case t == no && s.purge:
		return s.mark(name)
	case t == no:
		return no
	case s.on:
		return s.enable(name, text.text)
	}
	return s.disable(name)
}

func (s *apacheSwitch) enable(name, text string) truth {
	for _, dep := range apacheHeader(text, "Depends") {
		t := no
		if s.place == "mods" {
			t = s.do(dep)
		} else {
			t = s.exists(apacheKinds["mod"].enabled(dep + ".load"))
		}
		if t != yes {
			return s.sureOf(t)
		}
	}
	for _, other := range apacheHeader(text, "Conflicts") {
		if t := s.exists(s.enabled(other + s.ending)); s.place == "mods" && t != no {
			return s.sureOf(t.not())
		}
	}
	files := []string{name + s.ending}
	if s.place == "mods" {
		switch s.exists(s.available(name + ".conf")) {
		case yes:
			files = append(files, name+".conf")
		case unknown:
			return s.sureOf(unknown)
		}
	}
	linked := 0
	for i, f := range files {
		switch t := s.exists(s.enabled(f)); {
		case t == unknown:
			return s.sureOf(unknown)
		case t == yes && !s.isLink(s.enabled(f)):
			return no
		case t == yes:
			if i == 0 {
				linked++
			}
			continue
		}
		if !s.create(s.line, s.enabled(f), entry{kind: link, mode: 0o777, target: "../" + s.place + "-available/" + f}) {
			return unknown
		}
	}
	if linked > 0 { // whoever enabled it first stays the one
		return yes
	}
	return s.mark(name)
}

func (s *apacheSwitch) disable(name string) truth {
	if s.place == "mods" {
		needed, t := s.needs(name)
		if t != yes {
			return s.sureOf(t)
		}
		if len(needed) > 0 && !s.force {
			return no
		}
		for _, n := range needed {
			if t := s.do(n); t != yes {
				return t
			}
		}
	}
	at := s.enabled(name + s.ending)
	if _, t := s.look(at, false); t != yes {
		if t == no && s.purge {
			return s.mark(name)
		}
		return s.sureOf(t.not())
	}
	for _, f := range []string{at, s.enabled(name + ".conf")} {
		if s.isLink(f) && !s.remove(s.line, f) {
			return unknown
		}
	}
	return s.mark(name)
}

// needs returns the enabled modules that depend on one.
func (s *apacheSwitch) needs(name string) ([]string, truth) {
	names, ok := s.names(path.Dir(s.enabled("x")))
	if !ok {
		return nil, unknown
	}
	var out []string
	for _, n := range names {
		if mod, ok := strings.CutSuffix(n, ".load"); ok {
			v, _ := s.readFile(known(s.enabled(n)))
			if !v.known {
				return nil, unknown
			}
			if slices.Contains(apacheHeader(v.text, "Depends"), name) {
				out = append(out, mod)
			}
		}
	}
	return out, yes
}

// mark notes who switched it, instead of who did before.
func (s *apacheSwitch) mark(name string) truth {
	by := map[bool]string{true: "enabled_by_", false: "disabled_by_"}[s.on] + map[bool]string{true: "maint", false: "admin"}[s.maint]
	state := "/var/lib/apache2/" + s.marks
	if t := s.mkdir(s.line, state+"/"+by, "", true); t != yes {
		return t
	}
	for _, dir := range []string{"enabled_by_maint", "enabled_by_admin", "disabled_by_maint", "disabled_by_admin"} {
		if dir != by && !s.remove(s.line, state+"/"+dir+"/"+name) {
			return unknown
		}
	}
	if s.purge {
		return s.made(s.remove(s.line, state+"/"+by+"/"+name))
	}
	return s.made(s.writeFile(known(state+"/"+by+"/"+name), known(""), false, s.line))
}

// sureOf leaves a line over whose success is not known.
func (s *apacheSwitch) sureOf(t truth) truth {
	if t == unknown {
		s.leftover(s.line, s.name+" depends on a path that may not be there")
	}
	return t
}

var apacheComment = regexp.MustCompile(`^\s*(?:#.*)?$`)

// apacheHeader returns the words of a field of the comment that a file begins with.
func apacheHeader(text, field string) []string {
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if words, ok := strings.CutPrefix(l, "# "+field+":"); ok && strings.TrimLeft(words, " \t") != words {
			return strings.Fields(words)
		}
		if !apacheComment.MatchString(l) {
			break
		}
	}
	return nil
}

// apacheMPM returns which multi-processing module is enabled; no where it is not one.
func (w *walker) apacheMPM() (string, truth) {
	names, ok := w.names("/etc/apache2/mods-enabled")
	if !ok {
		return "", unknown
	}
	mpm := ""
	for _, n := range names {
		if m := apacheMPMs.FindStringSubmatch(n); m != nil {
			if mpm != "" {
				return "", no
			}
			mpm = m[1]
		}
	}
	return mpm, is(mpm != "")
}

var apacheMPMs = regexp.MustCompile(`^mpm_(event|worker|prefork)\.load$`)

// apacheQuery is a2query(1): what is enabled, and who switched it off. Of a list the order is a directory's to the real one, here that of names.
func apacheQuery(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	quiet := slices.Contains(args, "-q")
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-q" })
	if len(args) == 0 || len(args) > 2 || !ok {
		w.leftover(c.line, "a2query with other arguments")
		return unknown, next
	}
	w.noop(c.line, onlyReads)
	if args[0] == "-M" {
		mpm, t := w.apacheMPM()
		if t != yes || quiet {
			w.unknownOutput()
		} else {
			w.print(mpm + "\n")
		}
		return t, next
	}
	kind, ok := map[string]apacheKind{"-m": apacheKinds["mod"], "-c": apacheKinds["conf"], "-s": apacheKinds["site"]}[args[0]]
	if !ok {
		w.unknownOutput()
		return unknown, next
	}
	names, ok := w.names(path.Dir(kind.enabled("x")))
	if !ok {
		w.unknownOutput()
		return unknown, next
	}
	wanted := ""
	if len(args) == 2 {
		wanted = strings.TrimPrefix(args[1], "mod")
		if loc := apacheEnding.FindStringIndex(wanted); loc != nil {
			wanted = wanted[:loc[0]] + wanted[loc[1]:]
		}
	}
	return w.apacheState(kind, wanted, names, quiet)
}

var apacheEnding = regexp.MustCompile(`\.(conf|load)`)

// apacheState answers what of names is enabled, or why not.
func (w *walker) apacheState(kind apacheKind, wanted string, names []string, quiet bool) (truth, flow) {
	found := false
	for _, n := range names {
		name, ok := strings.CutSuffix(n, kind.ending)
		if !ok || wanted != "" && name != wanted {
			continue
		}
		found = true
		by, t := w.apacheBy(kind, "enabled", name)
		switch {
		case t == unknown:
			w.unknownOutput()
		case !quiet:
			w.print(name + " (enabled by " + by + ")\n")
		}
	}
	if found {
		return yes, next
	}
	by, t := w.apacheBy(kind, "disabled", wanted)
	switch {
	case wanted == "" || t == no:
		return no, next
	case t == unknown:
		return unknown, next
	case by == "maintainer script":
		w.code = known("33")
	default:
		w.code = known("32")
	}
	return no, next
}

// apacheBy returns who switched something, as a2query calls them; no where nobody did.
func (w *walker) apacheBy(kind apacheKind, what, name string) (string, truth) {
	state := "/var/lib/apache2/" + kind.marks + "/" + what + "_by_"
	for _, who := range [][2]string{{"maint", "maintainer script"}, {"admin", "site administrator"}} {
		if t := w.exists(state + who[0] + "/" + name); t != no {
			return who[1], t
		}
	}
	return "unknown", no
}
