package triggers

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// phpmods is phpenmod(8), as packages of modules call it.
func phpmods() Trigger {
	return Trigger{
		Name: "phpmods",
		Doc: "The scripts of PHP modules call phpenmod for all interpreters (SAPIs) that are installed. " +
			"The same for each module that has its .ini in /etc/php/*/mods-available and that a script which makes this call names.",
		For:   []string{"deb"},
		Reads: []string{"usr/lib/php/*/sapi/*", "etc/php/*/mods-available/*"},
		Owns:  []string{"etc/php/*/*/conf.d/*", "var/lib/php/modules/**"},
		Run:   makePHP,
	}
}

var phpPriority = regexp.MustCompile(`(?m)^;[ \t]*priority[ \t]*=[ \t]*([0-9]+)[ \t]*$`)

func makePHP(in Input) ([]Change, error) {
	var out []Change
	versions, _ := fs.ReadDir(in.FS, "etc/php") // none: no PHP
	for _, v := range versions {
		available := "etc/php/" + v.Name() + "/mods-available"
		inis, _ := fs.ReadDir(in.FS, available)
		sapis, _ := fs.ReadDir(in.FS, "usr/lib/php/"+v.Name()+"/sapi")
		for _, ini := range inis {
			mod, ok := strings.CutSuffix(ini.Name(), ".ini")
			if !ok || !in.enablesPHP(v.Name(), mod) {
				continue
			}
			b, err := fs.ReadFile(in.FS, available+"/"+ini.Name())
			if err != nil {
				return nil, err
			}
			priority := "20"
			if m := phpPriority.FindSubmatch(b); m != nil {
				priority = string(m[1])
			}
			state := "var/lib/php/modules/" + v.Name() + "/"
			out = append(out, file(state+"registry/"+mod, 0o644, nil))
			for _, s := range sapis {
				out = append(out, link("etc/php/"+v.Name()+"/"+s.Name()+"/conf.d/"+priority+"-"+ini.Name(), "/"+available+"/"+ini.Name()),
					file(state+s.Name()+"/enabled_by_maint/"+mod, 0o644, nil))
			}
		}
	}
	return out, nil
}

// enablesPHP reports whether a script enables a module of a version for all interpreters.
func (in Input) enablesPHP(version, mod string) bool {
	word := func(r rune) bool { return strings.ContainsRune(" \t\n;'\"", r) }
	return slices.ContainsFunc(in.Packages, func(p Installed) bool {
		return p.scripted("postinst", "php_invoke enmod "+version+" ALL ") && slices.ContainsFunc(p.Scripts, func(s pkg.Script) bool {
			return s.Phase == "postinst" && slices.Contains(strings.FieldsFunc(string(s.Body), word), mod)
		})
	})
}
