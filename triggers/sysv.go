package triggers

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// sysv is update-rc.d(8) where no insserv is installed.
func sysv() Trigger {
	return Trigger{
		Name: "sysv",
		Doc: "update-rc.d links init scripts into /etc/rc?.d for the runlevels that their LSB headers name. " +
			"The same, duty by duty; every number is 01, as without insserv, with which a root is refused.",
		For:    []string{"deb"},
		Reads:  []string{"etc/init.d/*", "etc/insserv.conf", "usr/lib/insserv/insserv"},
		Duties: []hooks.Kind{hooks.SysV},
		Owns:   []string{"etc/rc?.d/*"},
		Run:    makeRunlevels,
	}
}

func makeRunlevels(in Input) ([]Change, error) {
	if len(in.Duties) > 0 && exists(in.FS, "usr/lib/insserv/insserv") && exists(in.FS, "etc/insserv.conf") {
		return nil, fmt.Errorf("insserv is installed, and the order that it gives to init scripts is not known")
	}
	links := map[string]string{}
	for _, d := range in.Duties {
		script := d.Args[0]
		if script == "" || strings.ContainsAny(script, "/\n*?[") {
			return nil, fmt.Errorf("init script %q of package %s: not a file name", script, d.Package)
		}
		switch d.Args[1] {
		case "defaults", "start", "stop", "defaults-disabled":
			if err := runlevels(in.FS, links, script, d.Args[1] == "defaults-disabled"); err != nil {
				return nil, err
			}
		case "remove":
			maps.DeleteFunc(links, func(p, _ string) bool { return runs(p, script) })
		case "enable", "disable":
			if err := toggle(in.FS, links, d); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("update-rc.d %q of package %s is not known", d.Args[1], d.Package)
		}
	}
	var out []Change
	for _, p := range slices.Sorted(maps.Keys(links)) {
		if !exists(in.FS, p) {
			c := link(p, links[p])
			for _, d := range in.Duties {
				if runs(p, d.Args[0]) {
					c.By = append(c.By, d.Sources()...)
				}
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// runs reports whether the link p, etc/rcL.d/XNNSCRIPT, is one of script.
func runs(p, script string) bool { return p[len("etc/rcL.d/XNN"):] == script }

// runlevels makes the links of a script, if it has none: those to start it as S, or as K if it is disabled,
// those to stop it as K. A script that is not there has none.
func runlevels(fsys fs.FS, links map[string]string, script string, disabled bool) error {
	for p := range links {
		if runs(p, script) {
			return nil
		}
	}
	start, stop, err := lsb(fsys, script)
	if err != nil {
		return err
	}
	first := "S"
	if disabled {
		first = "K"
	}
	for _, l := range start {
		links["etc/rc"+l+".d/"+first+"01"+script] = "../init.d/" + script
	}
	for _, l := range stop {
		links["etc/rc"+l+".d/K01"+script] = "../init.d/" + script
	}
	return nil
}

// toggle is update-rc.d SCRIPT enable|disable [RUNLEVEL]...
func toggle(fsys fs.FS, links map[string]string, d hooks.Duty) error {
	levels := d.Args[2:]
	if len(levels) == 0 {
		var err error
		if levels, _, err = lsb(fsys, d.Args[0]); err != nil {
			return err
		}
	}
	from, to := "K", "S"
	if d.Args[1] == "disable" {
		from, to = "S", "K"
	}
	for _, l := range levels {
		old := "etc/rc" + l + ".d/" + from + "01" + d.Args[0]
		if target, ok := links[old]; ok && strings.Contains("S2345", l) {
			delete(links, old)
			links["etc/rc"+l+".d/"+to+"01"+d.Args[0]] = target
		}
	}
	return nil
}

var lsbRunlevels = regexp.MustCompile(`^# Default-(Start|Stop):(.*)`)

// lsb returns the runlevels of Default-Start and Default-Stop in the header of an init script.
func lsb(fsys fs.FS, script string) (start, stop []string, err error) {
	fi, err := fs.Stat(fsys, "etc/init.d/"+script)
	if err != nil || !fi.Mode().IsRegular() {
		return nil, nil, nil // update-rc.d fails
	}
	b, err := fs.ReadFile(fsys, "etc/init.d/"+script)
	if err != nil {
		return nil, nil, err
	}
	header := false
	for l := range strings.Lines(string(b)) {
		l = strings.TrimSuffix(l, "\n")
		switch m := lsbRunlevels.FindStringSubmatch(l); {
		case strings.TrimRight(l, " \t\r") == "### BEGIN INIT INFO":
			header = true
		case strings.TrimRight(l, " \t\r") == "### END INIT INFO":
			return start, stop, nil
		case !header || m == nil:
		case m[1] == "Start":
			start = levels(m[2])
		default:
			stop = levels(m[2])
		}
	}
	return start, stop, nil
}

// levels returns the runlevels of a list, which are single bytes.
func levels(s string) []string {
	return slices.DeleteFunc(strings.Fields(s), func(l string) bool { return !strings.Contains("0123456789S", l) || len(l) != 1 })
}
