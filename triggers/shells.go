package triggers

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// shells is debianutils' update-shells(8), then add-shell(8).
func shells() Trigger {
	return Trigger{
		Name: "shells",
		Doc: "debianutils' update-shells lists the shells of /usr/share/debianutils/shells.d with what their directories really are, add-shell adds more. " +
			"The same, with the state file by which update-shells knows later what the administrator removed.",
		For:    []string{"deb"},
		Duties: []hooks.Kind{hooks.Shell},
		Reads:  append([]string{shellsDir + "/shells", shellsDir + "/shells.d/*", "usr/sbin/update-shells", usrmerge}, shellPlaces...),
		Owns:   []string{"etc/shells", "var/lib/shells.state"},
		Run:    makeShells,
	}
}

// shellPlaces are directories that shells lie in, which may be links.
var shellPlaces = []string{"*", "usr/*", "opt/*", "opt/*/*"}

const (
	shellsDir = "usr/share/debianutils"
	usrmerge  = "usr/lib/usrmerge/convert-usrmerge"
)

func makeShells(in Input) ([]Change, error) {
	if exists(in.FS, "etc/shells") {
		return nil, nil
	}
	var text []string // of etc/shells, a line each
	var known []string
	template := exists(in.FS, shellsDir+"/shells")
	if template {
		var err error
		if known, err = shellsOfPackages(in.FS); err != nil {
			return nil, err
		}
		b, err := fs.ReadFile(in.FS, shellsDir+"/shells")
		if err != nil {
			return nil, err
		}
		var listed []string
		for _, l := range terminated(b) {
			shell, _, _ := strings.Cut(l, "#")
			if shell == "" || !slices.Contains(listed, shell) {
				text, listed = append(text, l), append(listed, shell)
			}
		}
		first, err := in.shellsBeforeMerge()
		if err != nil {
			return nil, err
		}
		for _, s := range first {
			if !slices.Contains(listed, s) {
				text, listed = append(text, s), append(listed, s)
			}
		}
		for _, s := range known {
			if !slices.Contains(listed, s) {
				text = append(text, s)
			}
		}
	}
	for _, d := range in.Duties {
		for _, s := range []string{arg(d, 0), realShell(in.FS, arg(d, 0))} {
			if !slices.Contains(text, s) {
				text = append(text, s)
			}
		}
	}
	var out []Change
	if len(text) > 0 {
		out = append(out, because(in.Duties, file("etc/shells", 0o644, lines(text)))...)
	}
	if template {
		out = append(out, file("var/lib/shells.state", 0o644, lines(known)))
	}
	return out, nil
}

// shellsBeforeMerge returns what update-shells finds on its first run where the package usrmerge makes /bin a link afterwards: only what is
// extracted before any script runs, by the names that its files have.
func (in Input) shellsBeforeMerge() ([]string, error) {
	if !exists(in.FS, usrmerge) {
		return nil, nil
	}
	files := []string{shellsDir + "/shells"}
	early := in.bootstrapped()
	for _, p := range in.Packages {
		for _, f := range p.Files {
			f = path.Clean(strings.TrimPrefix(f, "/"))
			if early[p.Package.Name] && path.Dir(f) == shellsDir+"/shells.d" {
				files = append(files, f)
			}
		}
	}
	slices.Sort(files[1:])
	var out []string
	for _, f := range files {
		b, err := fs.ReadFile(in.FS, f)
		if err != nil {
			return nil, err
		}
		for _, l := range terminated(b) {
			if shell, _, _ := strings.Cut(l, "#"); shell != "" && !slices.Contains(out, shell) {
				out = append(out, shell)
			}
		}
	}
	return out, nil
}

// shellsOfPackages returns what debianutils' own list and shells.d name, each followed by what it really is. Versions of
// update-shells before 5.8 list a shell as often as it is named; which one it is is seen from the program.
func shellsOfPackages(fsys fs.FS) ([]string, error) {
	files := []string{shellsDir + "/shells"}
	entries, err := fs.ReadDir(fsys, shellsDir+"/shells.d")
	if err == nil {
		for _, e := range entries {
			files = append(files, path.Join(shellsDir, "shells.d", e.Name()))
		}
	}
	program, _ := fs.ReadFile(fsys, "usr/sbin/update-shells")
	once := !bytes.Contains(program, []byte(`[ "$line" != "$realshell" ]`))
	var known []string
	for _, f := range files {
		b, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, err
		}
		for _, l := range terminated(b) {
			shell, _, _ := strings.Cut(l, "#")
			if shell == "" {
				continue
			}
			if real := realShell(fsys, shell); once {
				for _, s := range []string{shell, real} {
					if !slices.Contains(known, s) {
						known = append(known, s)
					}
				}
			} else {
				known = append(known, shell)
				if real != shell {
					known = append(known, real)
				}
			}
		}
	}
	return known, nil
}

// terminated returns the lines of b but what follows the last line feed, as the shell's read does.
func terminated(b []byte) []string {
	ls := strings.Split(string(b), "\n")
	return ls[:len(ls)-1]
}

// realShell returns shell in the directory that its own really is. It looks at no other places than shellPlaces.
func realShell(fsys fs.FS, shell string) string {
	dir := strings.Trim(path.Dir(shell), "/")
	if !matchAny(patterns(shellPlaces), dir) {
		return shell
	}
	if fi, err := fs.Stat(fsys, dir); err == nil {
		dir = fi.Sys().(tree.Node).Path
	}
	return path.Join("/", dir, path.Base(shell))
}

func lines(ls []string) []byte {
	var b []byte
	for _, l := range ls {
		b = append(append(b, l...), '\n')
	}
	return b
}
