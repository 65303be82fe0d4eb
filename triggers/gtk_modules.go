package triggers

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/modinfo"
)

// gtkModules is gtk-query-immodules-3.0(1), which the postinst of GTK 3 runs, also when dpkg triggers it.
func gtkModules() Trigger {
	return Trigger{
		Name: "gtk-modules",
		Doc: "gtk-query-immodules-3.0 loads the modules with input methods and writes down what each says of itself. The same table, byte for " +
			"byte, of what is read in their code without running it. Runs with GTK 3 alone.",
		For:    []string{"deb"},
		Reads:  append([]string{"usr/lib/*/libgtk-3-0*/gtk-query-immodules-3.0"}, immodules("usr/lib/*", "/im-*.so")...),
		Owns:   []string{"usr/lib/*/gtk-3.0/3.0.0/immodules.cache"},
		Unread: unreadModules(immodules("usr/lib/*", ""), modinfo.Methods),
		Run:    makeGtkModules,
	}
}

// immodules are the directories in which GTK looks for modules, in its order.
func immodules(lib, suffix string) []string {
	var out []string
	for _, d := range []string{"3.0.0/linux/", "3.0.0/", "linux/", ""} {
		out = append(out, lib+"/gtk-3.0/"+d+"immodules"+suffix)
	}
	return out
}

func makeGtkModules(in Input) ([]Change, error) {
	name := "libgtk-3-0t64"
	version, ok := in.runs(name, "gtk-query-immodules-3.0")
	if !ok {
		name = "libgtk-3-0"
		version, ok = in.runs(name, "gtk-query-immodules-3.0")
	}
	programs, err := fs.Glob(in.FS, "usr/lib/*/"+name+"/gtk-query-immodules-3.0")
	if err != nil || !ok || len(programs) != 1 {
		return nil, err
	}
	lib := path.Dir(path.Dir(programs[0]))
	b := bytes.NewBufferString("# GTK+ Input Method Modules file\n# Automatically generated file, do not edit\n" +
		"# Created by /" + programs[0] + " from gtk+-" + upstream(version) + "\n#\n# ModulesPath = " +
		strings.Join(immodules("/"+lib, ""), ":") + "\n#\n")
	for _, dir := range immodules(lib, "") {
		names, err := modulesIn(in.FS, dir)
		if err != nil {
			return nil, err
		}
		for _, n := range slices.Sorted(slices.Values(names)) {
			methods, ok, err := readModule(in.FS, n, modinfo.Methods)
			if err != nil {
				return nil, err
			}
			if ok {
				writeMethods(b, "/"+n, methods)
			}
		}
	}
	return []Change{file(lib+"/gtk-3.0/3.0.0/immodules.cache", 0o644, b.Bytes())}, nil
}

func writeMethods(b *bytes.Buffer, name string, methods []modinfo.Method) {
	escape := strings.NewReplacer("\n", `\n`, `"`, `\"`)
	fmt.Fprintf(b, "\"%s\" \n", escape.Replace(name))
	for _, m := range methods {
		for _, s := range []string{m.ID, m.Name, m.Domain, m.Directory, m.Locales} {
			fmt.Fprintf(b, "\"%s\" ", escape.Replace(s))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}
