// Package iconcache makes the icon-theme.cache of an icon theme, as gtk-update-icon-cache(1) does without image data.
//
// The file is a header (two 16-bit version numbers 1.0, the offsets of a hash table and of a list of directories), a table of chained
// buckets by icon name, and the names of the directories that have icons. Numbers are big-endian, strings end in NUL and are
// padded to four bytes; a string that is there already is pointed to. A bucket's node is the offset of the next one (all ones: none), of
// its name, and of a list of images: how many, then directory, suffixes and the offset of what a .icon file says for each.
//
// The order of nodes and images is that of the program's hash tables, which follows from the order in which it finds files. GTK 4
// sorts what it reads, and so does Debian's GTK 3; [Make] does.
package iconcache

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/ghash"
)

// The suffixes of an image, as flags of the format.
const (
	xpm = 1 << iota
	svg
	png
	icon
)

var suffixes = []struct {
	suffix string
	flag   uint16
}{{".png", png}, {".svg", svg}, {".xpm", xpm}, {".icon", icon}}

// maxFiles bounds what is found, which links that lead upwards multiply.
const maxFiles = 1 << 20

// image is an icon in one directory.
type image struct {
	dir   int
	flags uint16
	data  *data
	size  int // of data, where this image is the one it is written with
}

// scanner finds images as the program does: a directory gets its number when its first image is found.
type scanner struct {
	fsys  fs.FS
	base  string
	dirs  []string
	icons ghash.Map[[]*image]
	data  map[string]*data
	files int
}

// Make returns the cache of the theme in the directory base of fsys; nil if it has no icons, or one with a name that the program
// refuses in the end: it wants ASCII without blanks. What is unfinished then, .icon-theme.cache, is not made.
func Make(fsys fs.FS, base string) ([]byte, error) {
	s := &scanner{fsys: fsys, base: base, data: map[string]*data{}}
	if err := s.scan(""); err != nil {
		return nil, err
	}
	if s.icons.Len() == 0 || !s.valid() {
		return nil, nil
	}
	return encode(&s.icons, s.dirs), nil
}

// valid reports whether the program takes all that is to be written as strings.
func (s *scanner) valid() bool {
	if slices.ContainsFunc(s.dirs, notGraphic) {
		return false
	}
	for name, images := range s.icons.All() {
		if notGraphic(name) {
			return false
		}
		for _, im := range images {
			if im.data != nil && !im.data.valid() {
				return false
			}
		}
	}
	return true
}

// longest is the first length that a string may not have.
const longest = 1024

func notGraphic(s string) bool {
	return len(s) >= longest || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// scan finds what is in a directory of the theme and below it.
func (s *scanner) scan(sub string) error {
	entries, err := fs.ReadDir(s.fsys, path.Join(s.base, sub))
	if err != nil {
		return nil // as the program, which passes over it
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var found ghash.Map[*image]
	number := -1
	for _, e := range entries {
		name := path.Join(sub, e.Name())
		fi, err := fs.Stat(s.fsys, path.Join(s.base, name))
		if s.files++; s.files > maxFiles {
			return errors.New("too many files")
		}
		switch {
		case err != nil || !fi.IsDir() && !fi.Mode().IsRegular():
			continue // a link that leads nowhere
		case fi.IsDir():
			if err := s.scan(name); err != nil {
				return err
			}
			continue
		}
		short, flag := suffix(e.Name())
		if flag == 0 || sub == "" {
			continue
		}
		im, ok := found.Get(short)
		if !ok {
			if number < 0 {
				number = len(s.dirs)
				s.dirs = append(s.dirs, sub)
			}
			im = &image{dir: number}
			found.Set(short, im)
		}
		im.flags |= flag
		if flag == icon {
			if im.data, err = s.load(path.Join(s.base, name)); err != nil {
				return err
			}
		}
	}
	for name, im := range found.All() {
		if im.flags != icon {
			list, _ := s.icons.Get(name)
			s.icons.Set(name, append([]*image{im}, list...))
		}
	}
	return nil
}

// suffix returns a file's name without its suffix, and the flag of that; 0 if it is no image's.
func suffix(name string) (string, uint16) {
	for _, s := range suffixes {
		if short, ok := strings.CutSuffix(name, s.suffix); ok {
			return short, s.flag
		}
	}
	return name, 0
}
