package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/internal/xfont"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// xfonts is update-fonts-alias, update-fonts-dir and update-fonts-scale(8).
func xfonts() Trigger {
	return Trigger{
		Name: "xfonts",
		Doc: "Scripts list the fonts of a directory of X: fonts.scale and fonts.alias of what packages put below /etc/X11/fonts, fonts.dir of " +
			"fonts.scale and of the names in bitmap fonts, and encodings.dir. The same, byte for byte, once all packages are there. Two fonts of one name: " +
			"the first by its file's name, where mkfontscale takes the first that the directory happens to give.",
		For:    []string{"deb"},
		Reads:  []string{xfontsDir + "/**", "etc/X11/fonts/**"},
		Duties: []hooks.Kind{hooks.XFonts},
		Run:    makeXFonts,
	}
}

const (
	xfontsDir   = "usr/share/fonts/X11"
	xfontsConf  = "etc/X11/fonts"
	xfontsCodes = xfontsDir + "/encodings"
	largestFont = 64 << 20
)

func makeXFonts(in Input) ([]Change, error) {
	asked := map[string]map[string][]hooks.Duty{}
	for _, d := range in.Duties {
		dir := strings.Trim(arg(d, 1), "/")
		if asked[dir] == nil {
			asked[dir] = map[string][]hooks.Duty{}
		}
		asked[dir][arg(d, 0)] = append(asked[dir][arg(d, 0)], d)
	}
	var out []Change
	for _, dir := range sortedKeys(asked) {
		scale, err := in.fontScale(dir, asked[dir]["scale"])
		if err != nil {
			return nil, err
		}
		if ds := asked[dir]["scale"]; len(ds) > 0 && len(scale) > 0 {
			out = append(out, because(ds, file(dir+"/fonts.scale", 0o644, counted(scale)))...)
		} else {
			scale = nil
		}
		if ds := asked[dir]["dir"]; len(ds) > 0 {
			cs, err := in.fontDir(dir, scale)
			if err != nil {
				return nil, err
			}
			out = append(out, because(ds, cs...)...)
		}
		if ds := asked[dir]["alias"]; len(ds) > 0 {
			b, err := in.fontAlias(dir, ds)
			if err != nil {
				return nil, err
			}
			if b != nil {
				out = append(out, because(ds, file(dir+"/fonts.alias", 0o644, b))...)
			}
		}
	}
	return slices.DeleteFunc(out, func(c Change) bool { return exists(in.FS, c.Node.Path) }), nil // what a package ships stays
}

// counted returns lines with their number before them.
func counted(lines []string) []byte {
	return []byte(strconv.Itoa(len(lines)) + "\n" + strings.Join(lines, "\n") + "\n")
}

// fontConf returns the files of a suffix that packages have for a directory, those of X11R7 last. They are conffiles, which come when their package
// is configured: those that dpkg configures after the last package that asks for the list are not in it.
func (in Input) fontConf(dir, suffix string, ds []hooks.Duty) ([]string, error) {
	late := map[string]bool{}
	order := in.configured()
	for n := len(order) - 1; n >= 0; n-- {
		p := in.Packages[order[n]]
		if slices.ContainsFunc(ds, func(d hooks.Duty) bool { return d.Package == p.Package.Name }) {
			break
		}
		for _, f := range p.Files {
			late[strings.TrimLeft(f, "./")] = true
		}
	}
	var out []string
	for _, d := range []string{xfontsConf + "/", xfontsConf + "/X11R7/"} {
		at := d + path.Base(dir)
		entries, err := fs.ReadDir(in.FS, at)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), suffix) && !strings.HasPrefix(e.Name(), ".") && !late[at+"/"+e.Name()] {
				out = append(out, at+"/"+e.Name())
			}
		}
	}
	return out, nil
}

// fontScale returns the lines for fonts that are there.
func (in Input) fontScale(dir string, ds []hooks.Duty) ([]string, error) {
	names, err := in.fontConf(dir, ".scale", ds)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range names {
		b, err := readLimited(in.FS, n, largestFont)
		if err != nil {
			return nil, err
		}
		for l := range strings.Lines(string(b)) {
			font, rest, _ := strings.Cut(strings.Trim(strings.ReplaceAll(l, "\t", " "), " \n"), " ")
			if fi, err := fs.Stat(in.FS, path.Join(dir, font)); font != "" && strings.HasSuffix(l, "\n") && err == nil && fi.Mode().IsRegular() {
				out = append(out, font+" "+strings.TrimLeft(rest, " "))
			}
		}
	}
	return out, nil
}

// fontAlias returns the files of aliases one after another; nil if there is none.
func (in Input) fontAlias(dir string, ds []hooks.Duty) ([]byte, error) {
	names, err := in.fontConf(dir, ".alias", ds)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	out := []byte("!! fonts.alias -- automatically generated file.  DO NOT EDIT.\n!! To modify, see update-fonts-alias(8).\n")
	for _, n := range names {
		b, err := readLimited(in.FS, n, largestFont)
		if err != nil {
			return nil, err
		}
		out = append(fmt.Appendf(out, "!! /%s\n", n), b...)
	}
	return out, nil
}

// fontDir lists the fonts of a directory; nothing if it has none.
func (in Input) fontDir(dir string, scale []string) ([]Change, error) {
	fonts := map[string]string{}
	for _, l := range scale {
		font, name, _ := strings.Cut(l, " ")
		if name = strings.ToLower(name); fonts[name] == "" {
			fonts[name] = font
		}
	}
	entries, err := fs.ReadDir(in.FS, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pcf") && !strings.HasSuffix(e.Name(), ".pcf.gz") {
			continue
		}
		b, err := readLimited(in.FS, dir+"/"+e.Name(), largestFont)
		if err != nil {
			return nil, err
		}
		name, err := xfont.Name(b)
		if name = strings.ToLower(name); err == nil && name != "" && fonts[name] == "" {
			fonts[name] = e.Name()
		}
	}
	if len(fonts) == 0 {
		return nil, nil
	}
	var lines []string
	for name, font := range fonts {
		lines = append(lines, font+" "+name)
	}
	slices.Sort(lines)
	out := []Change{file(dir+"/fonts.dir", 0o644, counted(lines))}
	if codes, err := in.encodings(); err != nil || len(codes) == 0 {
		return out, err
	} else {
		return append(out, file(dir+"/encodings.dir", 0o644, counted(codes))), nil
	}
}

// encodings lists the encodings by name; none where the large ones are not there.
func (in Input) encodings() ([]string, error) {
	var out []string
	for _, d := range []string{xfontsCodes, xfontsCodes + "/large"} {
		entries, err := fs.ReadDir(in.FS, d)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			b, err := readLimited(in.FS, d+"/"+e.Name(), largestFont)
			if err != nil {
				return nil, err
			}
			names, err := xfont.Encoding(b)
			if err != nil {
				return nil, fmt.Errorf("/%s/%s: %w", d, e.Name(), err)
			}
			for _, n := range names {
				out = append(out, n+" /"+d+"/"+e.Name())
			}
		}
	}
	slices.Sort(out)
	return out, nil
}
