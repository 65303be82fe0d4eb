package hooks

import (
	"crypto/md5"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

func base(p string) string { return path.Base(p) }

func md5Of(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// alternative reads update-alternatives(1).
func alternative(w *walker, c invocation) (truth, flow) {
	fail := func(why string) (truth, flow) {
		w.leftover(c.line, why)
		return unknown, next
	}
	args, ok := c.texts()
	if !ok {
		return fail("update-alternatives with arguments that are not known")
	}
	for len(args) > 0 && slices.Contains([]string{"--force", "--quiet", "--skip-auto", "--verbose", "--debug"}, args[0]) {
		args = args[1:]
	}
	if len(args) == 0 {
		return fail("update-alternatives")
	}
	switch args[0] {
	case "--auto":
		w.noop(c.line, "alternatives are automatic")
		return yes, next
	case "--display", "--get-selections", "--list", "--query":
		w.noop(c.line, onlyReads)
		w.unknownOutput()
		if len(args) == 2 && !slices.ContainsFunc(w.alternatives(), func(d Duty) bool { return d.Args[1] == args[1] }) {
			w.code = known("2")
			return no, next
		}
		return unknown, next
	case "--remove", "--remove-all":
		declared := func(d Duty) bool {
			return len(args) > 1 && d.Args[1] == args[1] && (len(args) < 3 || d.Args[2] == args[2])
		}
		if slices.ContainsFunc(w.alternatives(), declared) {
			return fail("update-alternatives " + args[0])
		}
		w.noop(c.line, "there is nothing to remove")
		return yes, next
	case "--install":
	default:
		return fail("update-alternatives " + printable(args[0]))
	}
	d, ok := install(args[1:])
	if !ok {
		return fail("update-alternatives --install with malformed arguments")
	}
	d.Line = c.line
	switch w.exists(d.Args[2]) {
	case no:
		w.noop(c.line, "the alternative is not there")
		w.code = known("2")
		return no, next
	case unknown:
		return fail("update-alternatives of a path that may not be there")
	}
	w.duty(d)
	if w.sure() {
		w.alternativeLink(d)
	}
	return yes, next
}

// alternatives returns the duties so far.
func (w *walker) alternatives() []Duty {
	var out []Duty
	for _, r := range w.readings {
		for _, d := range r.Duties {
			if d.Kind == Alternative {
				out = append(out, d)
			}
		}
	}
	return out
}

// alternativeLink notes the links that the trigger makes, for the scripts that follow.
func (w *walker) alternativeLink(d Duty) {
	const why = "trigger alternatives makes it"
	at, ok := w.locate(d.Args[0], false)
	if !ok {
		return
	}
	through := "etc/alternatives/" + d.Args[1]
	if _, t := w.look(d.Args[0], false); t != yes {
		w.disk.nodes[at] = &entry{kind: link, mode: 0o777, target: "/" + through, changed: true, other: why, reading: w.reading}
	}
	w.disk.nodes[through] = &entry{kind: link, mode: 0o777, target: d.Args[2], changed: true, other: why, reading: w.reading}
}

// install reads LINK NAME PATH PRIORITY [--slave LINK NAME PATH]...
func install(args []string) (Duty, bool) {
	if len(args) < 4 || len(args)%4 != 0 {
		return Duty{}, false
	}
	d := Duty{Kind: Alternative, Args: args[:4:4]}
	if _, err := strconv.ParseInt(args[3], 10, 32); err != nil || !group(args[:3]) {
		return Duty{}, false
	}
	for rest := args[4:]; len(rest) > 0; rest = rest[4:] {
		if rest[0] != "--slave" && rest[0] != "--follower" || !group(rest[1:4]) {
			return Duty{}, false
		}
		d.Slaves = append(d.Slaves, rest[1:4:4])
	}
	return d, true
}

// group reports whether args are a link, a name and a path that update-alternatives takes.
func group(args []string) bool {
	return absolute(args[0]) && absolute(args[2]) && args[1] != "" && args[1] != "." && args[1] != ".." &&
		len(args[1]) < 200 && !strings.ContainsAny(args[1], "/ \t\n\x00")
}

// absolute reports whether path begins with a slash and is clean.
func absolute(path string) bool {
	return strings.HasPrefix(path, "/") && path != "/." && tree.CheckPath(path[1:]) == nil && !strings.Contains(path, "\n")
}

// divert reads dpkg-divert(1).
func divert(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	if !ok {
		w.leftover(c.line, "dpkg-divert with arguments that are not known")
		return unknown, next
	}
	d := Duty{Kind: Diversion, Line: c.line, Args: []string{"", "", w.reading.Package.Name}}
	remove := false
	for i := 0; i < len(args); i++ {
		a, v, inline := strings.Cut(args[i], "=")
		if slices.Contains([]string{"--package", "--divert"}, a) && !inline && i+1 < len(args) {
			i++
			v = args[i]
		}
		switch a {
		case "--package":
			d.Args[2] = v
		case "--divert":
			d.Args[1] = v
		case "--local":
			d.Args[2] = ""
		case "--add", "--quiet", "--rename", "--no-rename":
		case "--remove":
			remove = true
		case "--list", "--listpackage", "--truename":
			w.noop(c.line, onlyReads)
			return w.listDiversions(a, args[i+1:]), next
		default:
			if !absolute(args[i]) || d.Args[0] != "" {
				w.leftover(c.line, "dpkg-divert "+printable(args[i]))
				return unknown, next
			}
			d.Args[0] = args[i]
		}
	}
	if d.Args[1] == "" {
		d.Args[1] = d.Args[0] + ".distrib"
	}
	if !absolute(d.Args[0]) || !absolute(d.Args[1]) || strings.ContainsAny(d.Args[2], " \t\n\x00") {
		w.leftover(c.line, "dpkg-divert with malformed arguments")
		return unknown, next
	}
	w.undivert(d, remove)
	return yes, next
}

// undivert records that d is added or removed.
func (w *walker) undivert(d Duty, remove bool) {
	if !remove {
		w.duty(d)
		return
	}
	if !w.sure() {
		w.leftover(d.Line, "dpkg-divert --remove under a condition that is not known")
		return
	}
	w.noop(d.Line, "takes back a diversion, or finds none")
	for _, r := range w.readings {
		for j, old := range r.Duties {
			if old.Kind == Diversion && old.Args[0] == d.Args[0] {
				r.Duties = slices.Delete(slices.Clone(r.Duties), j, j+1)
				r.note(&r.Noops, old.Line, "a later script takes the diversion back")
				return
			}
		}
	}
}

// listDiversions is dpkg-divert --list and its like.
func (w *walker) listDiversions(op string, args []string) truth {
	if len(args) != 1 || hasWildcards(args[0]) {
		w.unknownOutput()
		return unknown
	}
	for _, r := range w.readings {
		for _, d := range r.Duties {
			if d.Kind != Diversion || d.Args[0] != args[0] {
				continue
			}
			switch owner := d.Args[2]; op {
			case "--truename":
				w.print(d.Args[1] + "\n")
			case "--listpackage":
				setDefault(&owner, "LOCAL")
				w.print(owner + "\n")
			default:
				w.unknownOutput()
			}
			return yes
		}
	}
	if op == "--truename" {
		w.print(args[0] + "\n")
	}
	return yes
}
