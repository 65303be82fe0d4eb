package triggers

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// phpmods is phpenmod(8), as packages of modules call it.
func phpmods() Trigger {
	return Trigger{
		Name: "phpmods",
		Doc: "The scripts of PHP modules call phpenmod, for one interpreter (SAPI) or for all that are installed. " +
			"The same for each module that has its .ini in /etc/php/*/mods-available.",
		For:    []string{"deb"},
		Duties: []hooks.Kind{hooks.PHPModule},
		Reads:  []string{"usr/lib/php/*/sapi/*", "etc/php/*/mods-available/*"},
		Owns:   []string{"etc/php/*/*/conf.d/*", "var/lib/php/modules/**"},
		Run:    makePHP,
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
			if !ok || len(in.enablePHP(v.Name(), "", mod)) == 0 {
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
			out = append(out, because(in.enablePHP(v.Name(), "", mod), file(state+"registry/"+mod, 0o644, nil))...)
			for _, s := range sapis {
				if ds := in.enablePHP(v.Name(), s.Name(), mod); len(ds) > 0 {
					out = append(out, because(ds, link("etc/php/"+v.Name()+"/"+s.Name()+"/conf.d/"+priority+"-"+ini.Name(), "/"+available+"/"+ini.Name()),
						file(state+s.Name()+"/enabled_by_maint/"+mod, 0o644, nil))...)
				}
			}
		}
	}
	return out, nil
}

// enablePHP returns the duties that enable a module of a version for an interpreter; for any if that is empty.
func (in Input) enablePHP(version, sapi, mod string) []hooks.Duty {
	return slices.DeleteFunc(slices.Clone(in.Duties), func(d hooks.Duty) bool {
		return arg(d, 0) != version && arg(d, 0) != "ALL" || arg(d, 2) != mod || sapi != "" && arg(d, 1) != sapi && arg(d, 1) != "ALL"
	})
}
