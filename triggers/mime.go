package triggers

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/mimedb"
	"github.com/detinstall/detinstall/pkg"
)

// mime is update-mime-database(1), which shared-mime-info's postinst runs, also when dpkg triggers it.
func mime() Trigger {
	return Trigger{
		Name: "mime",
		Doc: "update-mime-database makes the MIME database of the XML files in /usr/share/mime/packages. " +
			"The same, byte for byte. Runs with shared-mime-info alone.",
		For:   []string{"deb"},
		Reads: []string{mimeDir + "/packages", mimeDir + "/packages/*.xml"},
		Owns:  []string{mimeDir + "/*", mimeDir + "/*/*.xml"},
		Run:   makeMime,
	}
}

const mimeDir = "usr/share/mime"

func makeMime(in Input) ([]Change, error) {
	version, ok := in.runs("shared-mime-info", "update-mime-database")
	if !ok {
		return nil, nil
	}
	entries, err := fs.ReadDir(in.FS, mimeDir+"/packages")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var sources []mimedb.Source
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".xml") {
			continue
		}
		b, err := fs.ReadFile(in.FS, mimeDir+"/packages/"+e.Name())
		if err != nil {
			return nil, err
		}
		sources = append(sources, mimedb.Source{Name: "/" + mimeDir + "/packages/" + e.Name(), Body: b})
	}
	files, err := mimedb.Make(sources, upstream(version))
	if err != nil {
		return nil, err
	}
	var out []Change
	var dirs []string
	for name, body := range files {
		out = append(out, file(mimeDir+"/"+name, 0o644, body))
		if d := path.Dir(name); d != "." && !slices.Contains(dirs, d) && !exists(in.FS, mimeDir+"/"+d) {
			dirs = append(dirs, d)
			out = append(out, dir(mimeDir+"/"+d, 0o755))
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Node.Path, b.Node.Path) })
	return out, nil
}

// runs reports whether the named package is there and its postinst calls a program; and its version.
func (in Input) runs(name, program string) (version string, ok bool) {
	for _, p := range in.Packages {
		if p.Package.Name == name && p.scripted(pkg.Phase("postinst"), program) {
			return p.Package.Version, true
		}
	}
	return "", false
}

// upstream is a Debian version without epoch and revision.
func upstream(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		version = version[:i]
	}
	return version
}
