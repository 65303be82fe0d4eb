package triggers

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// desktop is update-desktop-database(1), which desktop-file-utils' postinst runs, also when dpkg triggers it.
func desktop() Trigger {
	return Trigger{
		Name: "desktop",
		Doc: "update-desktop-database lists the MIME types of the .desktop files in /usr/share/applications. " +
			"The same, byte for byte. Runs with desktop-file-utils alone.",
		For:   []string{"deb"},
		Reads: []string{desktopDir + "/**"},
		Owns:  []string{desktopDir + "/mimeinfo.cache"},
		Run:   makeDesktop,
	}
}

const desktopDir = "usr/share/applications"

func makeDesktop(in Input) ([]Change, error) {
	if _, ok := in.runs("desktop-file-utils", "update-desktop-database"); !ok || !exists(in.FS, desktopDir) {
		return nil, nil
	}
	all := map[string][]string{}
	if err := addDesktopFiles(in.FS, desktopDir, "", all); err != nil {
		return nil, err
	}
	var types []string
	for t := range all {
		types = append(types, t)
	}
	slices.Sort(types)
	cache := bytes.NewBufferString("[MIME Cache]\n")
	for _, t := range types {
		slices.Sort(all[t])
		cache.WriteString(t + "=" + strings.Join(slices.Compact(all[t]), ";") + ";\n")
	}
	return []Change{file(desktopDir+"/mimeinfo.cache", 0o644, cache.Bytes())}, nil
}

// addDesktopFiles adds those of a directory and below it, where names get those of their directories before them. A link
// that leads out of the directory of all, or to a directory, is not followed.
func addDesktopFiles(fsys fs.FS, dir, prefix string, to map[string][]string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			if err := addDesktopFiles(fsys, name, prefix+e.Name()+"-", to); err != nil {
				return err
			}
			continue
		}
		if !strings.HasSuffix(e.Name(), ".desktop") || !within(fsys, name, desktopDir) {
			continue
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		for _, t := range desktopTypes(string(b)) {
			to[t] = append(to[t], prefix+e.Name())
		}
	}
	return nil
}

// within reports whether name is a regular file in dir, be it by links.
func within(fsys fs.FS, name, dir string) bool {
	for range 8 {
		fi, err := fs.Lstat(fsys, name)
		if err != nil {
			return false
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			return fi.Mode().IsRegular()
		}
		target := fi.Sys().(tree.Node).Link
		if path.IsAbs(target) {
			name = strings.TrimPrefix(path.Clean(target), "/")
		} else {
			name = path.Join(path.Dir(name), target)
		}
		if !strings.HasPrefix(name, dir+"/") {
			return false
		}
	}
	return false
}

// desktopTypes returns the valid types of a desktop file; none if it is hidden or no key file.
func desktopTypes(body string) []string {
	keys, err := desktopEntry(body)
	if err != nil || keys["Hidden"] == "true" || keys["Hidden"] == "1" {
		return nil
	}
	var types []string
	for _, t := range strings.Split(keys["MimeType"], ";") {
		if t = strings.TrimRight(t, " \t"); validType(t) {
			types = append(types, t)
		}
	}
	return types
}

// desktopEntry returns the keys of the group [Desktop Entry].
func desktopEntry(body string) (map[string]string, error) {
	keys := map[string]string{}
	group := ""
	for l := range strings.Lines(body) {
		l = strings.TrimLeft(strings.TrimRight(l, "\r\n"), " \t")
		k, v, ok := strings.Cut(l, "=")
		switch {
		case l == "" || l[0] == '#':
		case l[0] == '[':
			end := strings.IndexByte(l, ']')
			if end < 0 {
				return nil, errors.New("unended group")
			}
			group = l[1:end]
		case !ok || k == "" || group == "":
			return nil, errors.New("no key in a group")
		case group == "Desktop Entry":
			keys[strings.TrimRight(k, " \t")] = strings.TrimSpace(v)
		}
	}
	return keys, nil
}

// medias are the media types that desktop-file-utils knows, besides those of x-.
var medias = []string{"inode", "x-content", "x-scheme-handler", "chemical", "application", "audio", "font", "image", "model", "text", "video", "message", "multipart"}

// validType reports whether desktop-file-utils lists a type.
func validType(t string) bool {
	media, sub, ok := strings.Cut(t, "/")
	if !ok || sub == "" || !validToken(sub) {
		return false
	}
	if len(media) >= 2 && strings.EqualFold(media[:2], "x-") {
		return validToken(media)
	}
	zz, windows := strings.CutPrefix(t, "zz-application/zz-winassoc-")
	return slices.Contains(medias, media) || t == "misc/ultravox" || t == "flv-application/octet-stream" ||
		windows && slices.Contains([]string{"123", "cab", "cdr", "doc", "hlp", "ini", "lwp", "lzh", "mdb", "uu", "xls"}, zz)
}

func validToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 127 || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return true
}
