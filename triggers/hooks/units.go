package hooks

import (
	"path"
	"slices"
	"strings"
)

// unitHelper reads deb-systemd-helper(1p).
func unitHelper(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	scope := "system"
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "--user" {
			scope = "user"
		}
		args = args[1:]
	}
	if !ok || len(args) < 2 {
		w.leftover(c.line, c.name+" with arguments that are not known")
		return unknown, next
	}
	t := yes
	for _, unit := range args[1:] {
		unit = path.Base(unit)
		key := scope + " " + unit
		switch args[0] {
		case "unmask", "purge", "disable":
			if args[0] == "unmask" && !w.units["mask "+key] || args[0] != "unmask" && !w.units[key] {
				w.noop(c.line, "nothing was masked or enabled before")
				break
			}
			w.duty(Duty{Kind: Unit, Line: c.line, Args: []string{args[0], unit, scope}})
		case "was-enabled":
			w.noop(c.line, "a new unit counts as enabled")
		case "debian-installed", "is-enabled":
			w.noop(c.line, onlyReads)
			t = t.and(is(w.units[key]))
		case "enable", "update-state", "reenable", "mask":
			w.duty(Duty{Kind: Unit, Line: c.line, Args: []string{args[0], unit, scope}})
			if w.sure() {
				w.units[key] = true
				w.units["mask "+key] = args[0] == "mask"
			}
		default:
			w.leftover(c.line, c.name+" "+printable(args[0]))
			t = unknown
		}
	}
	return t, next
}

// systemctl without a running system does nothing but for units' links.
func systemctl(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	scope := "system"
	var words []string
	now := false
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--global" || a == "--user":
			scope = "user"
		case a == "--now":
			now = true
		case a == "-p" || a == "-t" || a == "--property" || a == "--type" || a == "-M":
			i++
		case strings.HasPrefix(a, "-"):
		default:
			words = append(words, a)
		}
	}
	_ = now
	if !ok && (len(c.args) == 0 || !slices.ContainsFunc(c.args, func(v value) bool { return slices.Contains(idle, v.text) })) {
		w.leftover(c.line, "systemctl with arguments that are not known")
		return unknown, next
	}
	if !ok || len(words) == 0 || slices.Contains(idle, words[0]) {
		w.noop(c.line, nothingRuns)
		w.unknownOutput()
		return unknown, next
	}
	switch words[0] {
	case "enable", "preset", "mask", "reenable", "set-default":
		for _, u := range words[1:] {
			w.duty(Duty{Kind: Unit, Line: c.line, Args: []string{"systemctl " + words[0], u, scope}})
		}
		return yes, next
	case "preset-all":
		w.duty(Duty{Kind: Unit, Line: c.line, Args: []string{"systemctl preset-all", "", scope}})
		return yes, next
	case "unmask", "disable":
		w.noop(c.line, "nothing was masked or enabled before")
		return yes, next
	case "is-enabled":
		w.unknownOutput()
		return unknown, next
	}
	w.leftover(c.line, "systemctl "+printable(words[0]))
	return unknown, next
}

// idle are the verbs of systemctl that ask for a running system.
var idle = []string{"daemon-reload", "daemon-reexec", "is-active", "is-failed", "is-system-running", "kill", "list-unit-files", "list-units",
	"reload", "reload-or-restart", "reset-failed", "restart", "show", "show-environment", "start", "status", "stop", "try-restart", "try-reload-or-restart", "isolate", "reload-or-try-restart", "set-property"}

// updateRC reads update-rc.d(8).
func updateRC(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	args = slices.DeleteFunc(args, func(s string) bool { return s == "-f" })
	if !ok || len(args) < 2 {
		w.leftover(c.line, "update-rc.d with arguments that are not known")
		return unknown, next
	}
	switch args[1] {
	case "remove":
		w.noop(c.line, "nothing was there before")
	case "defaults", "defaults-disabled", "enable", "disable", "start", "stop":
		action := args[1]
		if action == "start" || action == "stop" {
			action = "defaults"
		}
		if t := w.exists("/etc/init.d/" + args[0]); t != yes {
			if t == unknown {
				w.leftover(c.line, "update-rc.d of a script that may not be there")
			}
			return t, next
		}
		d := Duty{Kind: SysV, Line: c.line, Args: []string{args[0], action}}
		if action == "enable" || action == "disable" {
			d.Args = append(d.Args, args[2:]...) // runlevels
		}
		w.duty(d)
	default:
		w.leftover(c.line, "update-rc.d "+printable(args[1]))
		return unknown, next
	}
	return yes, next
}

// tmpfiles reads systemd-tmpfiles(8) --create.
func tmpfiles(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "create remove clean boot prefix: exclude-prefix: E graceful root: user")
	if !ok {
		return unknown, next
	}
	if !o.has("create") {
		w.noop(c.line, "nothing is there to clean")
		return yes, next
	}
	for _, f := range o.rest {
		v, t := w.readFile(known("/usr/lib/tmpfiles.d/" + path.Base(f)))
		if strings.HasPrefix(f, "/") {
			v, t = w.readFile(known(f))
		}
		if t == yes && v.known {
			w.tmpfilesFile(v.text)
		}
	}
	args := o.rest
	if o.has("prefix") {
		w.leftover(c.line, "systemd-tmpfiles --prefix")
		return unknown, next
	}
	w.duty(Duty{Kind: Tmpfiles, Line: c.line, Args: args})
	return yes, next
}

// tmpfilesFile notes what the trigger will make, for the scripts that follow.
func (w *walker) tmpfilesFile(text string) {
	for l := range strings.Lines(text) {
		f := quotedFields(l)
		if len(f) < 2 || !w.sure() || strings.ContainsAny(f[1], "%*?[") {
			continue
		}
		for len(f) < 7 {
			f = append(f, "-")
		}
		at, ok := w.locate(f[1], false)
		verb := strings.TrimRight(f[0], "!+-=~^$")
		if _, t := w.look(f[1], false); !ok || t == yes || strings.ContainsAny(f[0], "!") {
			continue
		}
		e := &entry{kind: directory, mode: 0o755, changed: true, other: "systemd-tmpfiles makes it", reading: w.reading}
		for i, p := range []*string{nil, nil, nil, &e.user, &e.group} {
			if p != nil && f[i] != "-" {
				*p = f[i]
			}
		}
		if m, ok := chmodTo(0, strings.TrimLeft(f[2], "~:"), false); ok {
			e.mode = m
		}
		switch verb {
		case "d", "D", "v", "q", "Q":
		case "f", "F":
			e.kind, e.written = file, true
		case "L":
			e.kind, e.target = link, f[6]
		default:
			continue
		}
		w.disk.nodes[at] = e
	}
}

// journal is journalctl --update-catalog; what else it does asks for a journal.
func journal(w *walker, c invocation) (truth, flow) {
	if len(c.args) > 0 && c.args[len(c.args)-1] == known("--update-catalog") {
		if !w.world.has("catalog") {
			w.leftover(c.line, "no generator yet: catalog")
		}
		w.served(c.line, "catalog")
		return yes, next
	}
	w.noop(c.line, nothingRuns)
	w.unknownOutput()
	return unknown, next
}

// machineID leaves an empty /etc/machine-id. Without one systemd takes the next boot for the first one and presets all units, which the
// postinst scripts have chosen already; with an empty one it makes an identity and leaves the units alone.
func machineID(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "root: image: commit print")
	if !ok {
		return unknown, next
	}
	const file = "/etc/machine-id"
	w.deferred(c.line, identity)
	w.unknownOutput()
	if o.has("commit") || w.exists(file) == yes {
		return yes, next
	}
	if !w.writeFile(known(file), known(""), false, c.line) {
		return unknown, next
	}
	return yes, next
}
