package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// debconf is debconf's database.
func debconf() Trigger {
	return Trigger{
		Name: "debconf",
		Doc: "A script that starts debconf has the templates of its package loaded, and sets answers. The same three files, so that " +
			"debconf-show and dpkg-reconfigure know the questions; no backups (config.dat-old).",
		For:    []string{"deb"},
		Duties: []hooks.Kind{hooks.Debconf, hooks.Ucf},
		Reads:  []string{"usr/share/debconf/confmodule", "usr/share/*/*", pamProfiles, pamProfiles + "/*"},
		Owns:   []string{"var/cache/debconf", "var/cache/debconf/*"},
		Run:    makeDebconf,
	}
}

func makeDebconf(in Input) ([]Change, error) {
	if !exists(in.FS, "usr/share/debconf/confmodule") || exists(in.FS, "var/cache/debconf/config.dat") {
		return nil, nil
	}
	db := &debconfDB{}
	for _, phase := range []pkg.Phase{"preinst", "postinst"} {
		for _, p := range in.Packages {
			if !in.loadsTemplates(p, phase) {
				continue
			}
			owner := p.Package.Name
			if c, ok := p.Package.Native.(*deb.Control); ok && phase == "postinst" && c.MultiArch() == "same" {
				owner += ":" + p.Package.Arch // debconf takes the name of the script's file
			}
			if err := db.loadPackage(p, owner); err != nil {
				return nil, err
			}
		}
	}
	for _, d := range in.Duties {
		if d.Kind == hooks.Ucf {
			for _, p := range in.Packages {
				if p.Package.Name == "ucf" { // ucf loads its own as soon as it runs
					if err := db.loadPackage(p, "ucf"); err != nil {
						return nil, err
					}
				}
			}
			break
		}
	}
	for _, d := range in.Duties {
		if d.Kind == hooks.Debconf {
			db.answer(d)
		}
	}
	if exists(in.FS, pamProfiles) {
		ps, err := readProfiles(in.FS)
		if err != nil {
			return nil, err
		}
		db.askPAM(ps)
	}
	config, passwords, templates := db.files()
	return because(in.Duties,
		file("var/cache/debconf/config.dat", 0o644, config),
		file("var/cache/debconf/passwords.dat", 0o600, passwords),
		file("var/cache/debconf/templates.dat", 0o644, templates)), nil
}

// askPAM leaves what pam-auth-update asks: which profiles there are, and which are on.
func (db *debconfDB) askPAM(all []*pamProfile) {
	list := func(ps []*pamProfile, f func(*pamProfile) string) string {
		var out []string
		for _, p := range ps {
			out = append(out, f(p))
		}
		return strings.Join(out, ", ")
	}
	name := func(p *pamProfile) string { return p.file }
	db.answer(hooks.Duty{Args: []string{"libpam-runtime/override", "", "", "false"}})
	db.answer(hooks.Duty{Args: []string{"libpam-runtime/profiles", "", "", list(enabledProfiles(all), name)}, Slaves: [][]string{
		{"profile_names", list(all, name)}, {"profiles", list(all, func(p *pamProfile) string { return p.fields["Name"] })}}})
}

// confmodule finds where a script becomes a client of debconf, sourced where it finds what else a script reads.
var (
	confmodule = regexp.MustCompile(`(?m)^[^#\n]*(?:\.|source)[ \t]+"?/usr/share/debconf/confmodule|^use Debconf::Client::ConfModule`)
	sourced    = regexp.MustCompile(`(?m)^[ \t]*\.[ \t]+/(usr/share/[^/\s"';]+/[^/\s"';]+)`)
)

// loadsTemplates reports whether a package's script of a phase starts debconf. Where the duties say it, a duty without
// a question being the mark, they count; else the text does.
func (in Input) loadsTemplates(p Installed, phase pkg.Phase) bool {
	said := false
	for _, d := range in.Duties {
		if d.Kind == hooks.Debconf && arg(d, 0) == "" {
			said = true
			if d.Package == p.Package.Name && d.Phase == phase {
				return true
			}
		}
	}
	if said {
		return false
	}
	for _, s := range p.Scripts {
		if s.Phase != phase {
			continue
		}
		if confmodule.Match(s.Body) {
			return true
		}
		for _, m := range sourced.FindAllSubmatch(s.Body, -1) {
			if b, err := fs.ReadFile(in.FS, path.Clean(string(m[1]))); err == nil && confmodule.Match(b) {
				return true
			}
		}
	}
	return false
}

// loadPackage loads the templates of a package, if it has any.
func (db *debconfDB) loadPackage(p Installed, owner string) error {
	b, err := fs.ReadFile(p.Control, "templates")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = db.load(b, owner)
	}
	if err != nil {
		return fmt.Errorf("package %s: templates: %w", p.Package.Name, err)
	}
	return nil
}
