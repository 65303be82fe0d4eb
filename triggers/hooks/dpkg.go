package hooks

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// dpkgItself is dpkg(1): comparisons of versions, and queries.
func dpkgItself(w *walker, c invocation) (truth, flow) {
	texts, ok := c.texts()
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "--" || s == "--no-pager" })
	if !ok || len(texts) == 0 {
		w.leftover(c.line, "dpkg with arguments that are not known")
		return unknown, next
	}
	w.noop(c.line, onlyReads)
	switch texts[0] {
	case "--compare-versions":
		return w.compareVersions(texts[1:]), next
	case "--print-architecture":
		w.print(w.world.Arch + "\n")
		return is(w.world.Arch != "").or(unknown), next
	case "--print-foreign-architectures":
		return yes, next
	case "-L", "--listfiles":
		return w.listFiles(texts[1:]), next
	case "-s", "--status":
		t := yes
		for _, p := range texts[1:] {
			there := is(w.find(p) >= 0)
			if t = t.and(there); there == yes {
				w.unknownOutput()
			}
		}
		return t, next
	case "-S", "--search":
		return w.search(texts[1:]), next
	case "-l", "--list", "--get-selections", "--validate-version", "--audit", "--assert-multi-arch", "--assert-working-epoch", "--version":
		w.unknownOutput()
		return unknown, next
	}
	w.leftover(c.line, "dpkg "+printable(texts[0]))
	return unknown, next
}

// find returns the index of an installed package, or -1.
func (w *walker) find(name string) int {
	name, arch, qualified := strings.Cut(name, ":")
	i, ok := w.installed[name]
	if !ok {
		return -1
	}
	if a := w.packages[i].Package.Arch; qualified && arch != a && arch != "any" && (a != "all" || arch != w.world.Arch) {
		return -1
	}
	return i
}

func (w *walker) compareVersions(args []string) truth {
	if len(args) != 3 {
		return no
	}
	a, op, b := args[0], args[1], args[2]
	order := 0
	switch {
	case a == "" && b == "":
	case (a == "") != strings.HasSuffix(op, "-nl") && (a == "" || b == ""):
		order = -1 // no version is before all others, and with -nl after them
	case a == "" || b == "":
		order = 1
	case w.world.Compare == nil:
		return unknown
	default:
		order = w.world.Compare(a, b)
	}
	switch strings.TrimSuffix(op, "-nl") {
	case "lt", "<<":
		return is(order < 0)
	case "le", "<=", "<":
		return is(order <= 0)
	case "eq", "=":
		return is(order == 0)
	case "ne":
		return is(order != 0)
	case "ge", ">=", ">":
		return is(order >= 0)
	case "gt", ">>":
		return is(order > 0)
	}
	return unknown
}

func (w *walker) listFiles(names []string) truth {
	t := yes
	for _, n := range names {
		i := w.find(n)
		if i < 0 {
			t = no
			continue
		}
		for _, node := range w.packages[i].Nodes {
			if node.Path == "." {
				w.print("/.\n")
			} else {
				w.print("/" + node.Path + "\n")
			}
		}
	}
	return t
}

// search prints who ships paths.
func (w *walker) search(paths []string) truth {
	t := no
	for _, p := range paths {
		at, ok := w.locate(p, false)
		if !ok || hasWildcards(p) || !strings.HasPrefix(p, "/") {
			w.unknownOutput()
			return unknown
		}
		var names []string
		if s := w.disk.shipped[at]; s != nil {
			for _, i := range s.by {
				names = append(names, w.packages[i].Package.Name)
			}
			w.print(strings.Join(names, ", ") + ": " + p + "\n")
			t = yes
		}
	}
	return t
}

// query reads dpkg-query(1) -W.
func query(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	o := parseOptions(args, "W|show f|showformat: L|listfiles s|status l|list S|search no-pager p c|control-path admindir: load-avail")
	if ok && o.has("L") && o.bad == "" {
		return w.listFiles(o.rest), next
	}
	if ok && o.has("c") && o.bad == "" && len(o.rest) > 0 && w.find(o.rest[0]) < 0 {
		return no, next
	}
	if ok && o.has("S") && o.bad == "" {
		return w.search(o.rest), next
	}
	if !ok || o.bad != "" || !o.has("W") || slices.ContainsFunc(o.rest, hasWildcards) {
		w.unknownOutput()
		if ok && o.bad == "" && o.has("s") && len(o.rest) == 1 {
			return is(w.find(o.rest[0]) >= 0), next
		}
		return unknown, next
	}
	t := yes
	for _, n := range o.rest {
		i := w.find(n)
		if i < 0 {
			t = no
			continue
		}
		format := strings.TrimPrefix(o.set["f"], "=")
		if !o.has("f") {
			format = "${binary:Package}\t${Version}\n"
		}
		w.show(i, format)
	}
	if len(o.rest) == 0 {
		w.unknownOutput()
	}
	return t, next
}

// show prints what dpkg-query says of a package.
func (w *walker) show(i int, format string) {
	p := w.packages[i].Package
	state := "unpacked"
	switch {
	case w.state.config[i]:
		state = "installed"
	case i == w.index && w.reading.Script.Phase == "postinst":
		state = "half-configured"
	case w.reading.Script.Phase == "preinst" && i >= w.index:
		w.unknownOutput()
		return
	}
	for format != "" {
		before, rest, ok := strings.Cut(format, "${")
		w.print(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(before))
		if !ok {
			return
		}
		var field string
		field, format, _ = strings.Cut(rest, "}")
		switch field {
		case "Package":
			w.print(p.Name)
		case "Version":
			w.print(p.Version)
		case "Architecture":
			w.print(p.Arch)
		case "Status":
			w.print("install ok " + state)
		case "db:Status-Status":
			w.print(state)
		case "db:Status-Abbrev":
			w.print(map[string]string{"unpacked": "iU ", "installed": "ii ", "half-configured": "iF "}[state])
		case "db:Status-Want":
			w.print("install")
		case "db:Status-Eflag":
			w.print("ok")
		default:
			w.unknownOutput()
		}
	}
}

// dpkgTrigger notes the trigger.
func dpkgTrigger(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "no-await await by-package: check-supported no-act admindir:")
	if !ok {
		return unknown, next
	}
	for _, n := range o.rest {
		if !w.sure() {
			w.leftover(c.line, "dpkg-trigger under a condition that is not known")
			return unknown, next
		}
		w.fired[n] = true
	}
	w.noop(c.line, "the trigger is looked at later")
	return yes, next
}

// statoverride reads dpkg-statoverride(1).
func statoverride(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "add update list remove force quiet force-all force-statoverride-add force-statoverride-remove")
	if !ok {
		return unknown, next
	}
	switch {
	case o.has("list"):
		w.noop(c.line, onlyReads)
		return w.listOverrides(o.rest), next
	case o.has("remove"):
		if len(o.rest) == 1 && w.overrides[o.rest[0]] == "" {
			w.noop(c.line, "there is none")
			return is(o.has("force") || o.has("force-all")), next
		}
	case o.has("add") && len(o.rest) == 4:
		user, grp, mode, p := o.rest[0], o.rest[1], o.rest[2], o.rest[3]
		m, ok := chmodTo(0, mode, false)
		if !ok || w.overrides[p] != "" && !o.has("force") {
			break
		}
		w.duty(Duty{Kind: Statoverride, Line: c.line, Args: []string{user, grp, mode, p}})
		if w.sure() {
			w.overrides[p] = user + " " + grp + " " + mode + " " + p
		}
		if o.has("update") && w.exists(p) != no {
			return w.setOwner(c.line, p, user, grp, m), next
		}
		return yes, next
	}
	w.leftover(c.line, "dpkg-statoverride with other arguments")
	return unknown, next
}

// listOverrides prints the overrides of paths that match.
func (w *walker) listOverrides(patterns []string) truth {
	t := is(len(patterns) == 0 && len(w.overrides) > 0)
	for _, p := range slices.Sorted(maps.Keys(w.overrides)) {
		for _, pattern := range patterns {
			if m, ok := matchPattern(pattern, p); !ok {
				w.unknownOutput()
				return unknown
			} else if m {
				w.print(w.overrides[p] + "\n")
				t = yes
				break
			}
		}
	}
	if len(patterns) == 0 {
		w.unknownOutput()
	}
	return t
}

// setOwner gives p an owner and a mode.
func (w *walker) setOwner(line int, p, user, grp string, m fs.FileMode) truth {
	return w.made(w.change(line, p, true, func(e *entry) { e.user, e.group, e.mode, e.owned = user, grp, m, true }))
}

// architecture reads dpkg-architecture(1) -q.
func architecture(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "i386": "i386-linux-gnu", "armhf": "arm-linux-gnueabihf",
		"armel": "arm-linux-gnueabi", "ppc64el": "powerpc64le-linux-gnu", "riscv64": "riscv64-linux-gnu", "s390x": "s390x-linux-gnu"}[w.world.Arch]
	name := strings.TrimPrefix(strings.Join(args, ""), "-q")
	switch {
	case !ok || triplet == "":
	case name == "DEB_HOST_MULTIARCH" || name == "DEB_BUILD_MULTIARCH":
		w.print(triplet + "\n")
		return yes, next
	case name == "DEB_HOST_ARCH" || name == "DEB_BUILD_ARCH":
		w.print(w.world.Arch + "\n")
		return yes, next
	}
	w.unknownOutput()
	return unknown, next
}

// uname answers for the target: a kernel's release is not known.
func uname(w *walker, c invocation) (truth, flow) {
	args, ok := c.texts()
	w.noop(c.line, onlyReads)
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "i386": "i686", "ppc64el": "ppc64le", "riscv64": "riscv64", "s390x": "s390x"}[w.world.Arch]
	switch flag := strings.Join(args, ""); {
	case ok && (flag == "" || flag == "-s"):
		w.print("Linux\n")
	case ok && flag == "-m" && machine != "":
		w.print(machine + "\n")
	case ok && flag == "-o":
		w.print("GNU/Linux\n")
	default:
		w.unknownOutput()
	}
	return yes, next
}
