package hooks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// command says what the reader makes of a command: nothing, with the reason, or what run does.
type command struct {
	name   string
	noop   string // the reason why it needs no duty on a fresh installation
	status truth  // of a no-op
	run    func(*walker, invocation) (truth, flow)
}

const (
	onlyReads   = "only reads"
	onlyPrints  = "only prints"
	nothingRuns = "nothing runs"
)

// commands is sorted by name.
var commands = []command{
	{name: ".", run: unreadShell},
	{name: ":", noop: "does nothing", status: yes},
	{name: "[", run: test},
	{name: "basename", noop: onlyReads},
	{name: "break", run: breaks},
	{name: "cat", noop: onlyReads, status: yes},
	{name: "cmp", noop: onlyReads},
	{name: "command", run: lookup},
	{name: "continue", run: breaks},
	{name: "cut", noop: onlyReads},
	{name: "date", noop: onlyReads},
	{name: "db_stop", noop: "ends debconf", status: yes},
	{name: "deb-systemd-invoke", noop: nothingRuns},
	{name: "diff", noop: onlyReads},
	{name: "dirname", noop: onlyReads},
	{name: "dpkg", run: dpkgItself},
	{name: "dpkg-divert", run: divert},
	{name: "dpkg-maintscript-helper", noop: "there is no older version", status: yes},
	{name: "dpkg-query", noop: onlyReads},
	{name: "echo", noop: onlyPrints, status: yes},
	{name: "egrep", noop: onlyReads},
	{name: "eval", run: unreadShell},
	{name: "exec", run: unreadShell},
	{name: "exit", run: exit},
	{name: "export", run: declare},
	{name: "false", noop: "does nothing", status: no},
	{name: "fgrep", noop: onlyReads},
	{name: "getent", noop: onlyReads},
	{name: "grep", noop: onlyReads},
	{name: "head", noop: onlyReads},
	{name: "id", noop: onlyReads},
	{name: "invoke-rc.d", noop: nothingRuns},
	{name: "local", run: declare},
	{name: "ls", noop: onlyReads},
	{name: "md5sum", noop: onlyReads},
	{name: "printf", noop: onlyPrints, status: yes},
	{name: "pwd", noop: onlyReads},
	{name: "read", run: reads},
	{name: "readlink", noop: onlyReads},
	{name: "readonly", run: declare},
	{name: "return", run: exit},
	{name: "set", run: set},
	{name: "sha256sum", noop: onlyReads},
	{name: "shadowconfig", noop: "trigger accounts turns shadow passwords on", status: yes},
	{name: "shift", run: shift},
	{name: "sleep", noop: nothingRuns, status: yes},
	{name: "source", run: unreadShell},
	{name: "stat", noop: onlyReads},
	{name: "systemctl", run: systemctl},
	{name: "tail", noop: onlyReads},
	{name: "test", run: test},
	{name: "tr", noop: onlyReads},
	{name: "true", noop: "does nothing", status: yes},
	{name: "umask", noop: "changes the shell", status: yes},
	{name: "uname", noop: onlyReads},
	{name: "unset", run: reads},
	{name: "update-alternatives", run: alternative},
	{name: "wc", noop: onlyReads},
	{name: "which", noop: onlyReads},
}

// alternative reads update-alternatives(1).
func alternative(w *walker, c invocation) (truth, flow) {
	fail := func(why string) (truth, flow) {
		w.leftover(c.line, w.text(c.line), why)
		return unknown, next
	}
	args, ok := c.texts()
	if !ok || c.env {
		return fail("update-alternatives with arguments that are not known")
	}
	for len(args) > 0 && slices.Contains([]string{"--force", "--quiet", "--skip-auto", "--verbose", "--debug"}, args[0]) {
		args = args[1:]
	}
	if len(args) == 0 {
		return fail("update-alternatives")
	}
	switch args[0] {
	case "--auto", "--display", "--get-selections", "--list", "--query":
		w.noop(c.line, "alternatives are automatic")
		return unknown, next
	case "--remove", "--remove-all":
		declared := func(d Duty) bool { return d.Kind == Alternative && len(args) > 1 && d.Args[1] == args[1] }
		if slices.ContainsFunc(w.reading.Duties, declared) {
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
	w.duty(d)
	return yes, next
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
	if !ok || c.env {
		w.leftover(c.line, w.text(c.line), "dpkg-divert with arguments that are not known")
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
			return unknown, next
		default:
			if !absolute(args[i]) || d.Args[0] != "" {
				w.leftover(c.line, w.text(c.line), "dpkg-divert "+printable(args[i]))
				return unknown, next
			}
			d.Args[0] = args[i]
		}
	}
	if d.Args[1] == "" {
		d.Args[1] = d.Args[0] + ".distrib"
	}
	if !absolute(d.Args[0]) || !absolute(d.Args[1]) || strings.ContainsAny(d.Args[2], " \t\n\x00") {
		w.leftover(c.line, w.text(c.line), "dpkg-divert with malformed arguments")
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
		w.leftover(d.Line, w.text(d.Line), "dpkg-divert --remove under a condition that is not known")
		return
	}
	w.noop(d.Line, "takes back a diversion, or finds none")
	w.removed = append(w.removed, d)
}
