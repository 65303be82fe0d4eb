package iconcache

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxData bounds a .icon file.
const maxData = 1 << 20

// data is what a .icon file says of an icon: a key file with a group [Icon Data].
type data struct {
	rectangle []uint16 // where text is put: four numbers, or none
	points    []uint16 // where emblems are put, in pairs
	names     []string // language and name, in turn
	counted   bool     // it has its place in the file, at
	at        int
}

// load reads a .icon file, once however many links lead to it; nil if it is no key file.
func (s *scanner) load(name string) (*data, error) {
	real := s.real(name)
	if d, ok := s.data[real]; ok {
		return d, nil
	}
	fi, err := fs.Stat(s.fsys, name)
	if err != nil || fi.Size() > maxData {
		return nil, errors.Join(err, errors.New("/"+name+": no .icon file of less than 1 MiB"))
	}
	b, err := fs.ReadFile(s.fsys, name)
	if err != nil {
		return nil, err
	}
	d := parse(string(b))
	s.data[real] = d
	return d, nil
}

// real follows links of a file's last component, as the program does.
func (s *scanner) real(name string) string {
	for range 40 {
		target, err := fs.ReadLink(s.fsys, name)
		if err != nil {
			break
		}
		if path.IsAbs(target) {
			name = strings.TrimPrefix(path.Clean(target), "/")
		} else {
			name = path.Join(path.Dir(name), target)
		}
	}
	return name
}

// parse reads a key file; nil if it is none.
func parse(text string) *data {
	d, group := &data{}, ""
	for l := range strings.Lines(text) {
		l = strings.TrimLeft(strings.TrimRight(l, "\r\n"), " \t")
		k, v, ok := strings.Cut(l, "=")
		k, v = strings.TrimRight(k, " \t"), strings.TrimLeft(v, " \t")
		switch {
		case l == "" || l[0] == '#':
		case l[0] == '[' && strings.HasSuffix(l, "]"):
			group = l[1 : len(l)-1]
		case !ok || k == "" || group == "":
			return nil
		case group != "Icon Data":
		case k == "EmbeddedTextRectangle":
			d.rectangle = numbers(strings.Split(strings.TrimSuffix(v, ","), ","))
		case k == "AttachPoints":
			d.points = points(unescape(v))
		case k == "DisplayName":
			d.names = append(d.names, "C", unescape(v))
		case strings.HasPrefix(k, "DisplayName[") && strings.HasSuffix(k, "]"):
			d.names = append(d.names, k[len("DisplayName["):len(k)-1], unescape(v))
		}
	}
	return d
}

// valid reports whether the program takes the names: languages as names of icons, and names of UTF-8.
func (d *data) valid() bool {
	for i, s := range d.names {
		if i%2 == 0 && notGraphic(s) || len(s) >= longest || !utf8.ValidString(s) {
			return false
		}
	}
	return true
}

// numbers returns four numbers, or nothing.
func numbers(words []string) []uint16 {
	var out []uint16
	for _, w := range words {
		n, err := strconv.Atoi(strings.TrimSpace(w))
		if err != nil {
			return nil
		}
		out = append(out, uint16(n))
	}
	if len(out) != 4 {
		return nil
	}
	return out
}

// points reads X,Y|X,Y.
func points(v string) []uint16 {
	var out []uint16
	for p := range strings.SplitSeq(v, "|") {
		x, y, _ := strings.Cut(p, ",")
		out = append(out, uint16(leading(x)), uint16(leading(y)))
	}
	return out
}

// leading is atoi(3).
func leading(s string) int {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

// unescape undoes what key files escape.
func unescape(s string) string {
	return strings.NewReplacer(`\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`).Replace(s)
}

// size returns what an image takes up besides its place in the list. What a .icon file says is counted once, with the first image.
func (e *encoder) size(im *image) int {
	d := im.data
	if d == nil {
		return 0
	}
	if !d.counted {
		d.counted = true
		im.size = e.dataSize(d)
	}
	return 8 + im.size
}

func (e *encoder) dataSize(d *data) int {
	size := 2*len(d.rectangle) + 2*len(d.points)
	if len(d.points) > 0 {
		size += 4
	}
	if len(d.names) > 0 {
		size += 4 + 4*len(d.names)
	}
	for _, s := range d.names {
		if e.pool[s] == 0 {
			size += padded(s)
			e.pool[s] = -1
		}
	}
	if size > 0 {
		size += 12
	}
	return size
}

// image writes where an image's data is: pixels, of which there are none, and what a .icon file says.
func (e *encoder) image(im *image) {
	d := im.data
	if d == nil {
		return
	}
	if im.size > 0 {
		d.at = len(e.out) + 8
	}
	e.u32(0, uint32(d.at))
	if im.size > 0 {
		e.data(d)
	}
}

func (e *encoder) data(d *data) {
	at := len(e.out) + 12
	place := func(list int, size int) uint32 {
		if list == 0 {
			return 0
		}
		at += size
		return uint32(at - size)
	}
	e.u32(place(len(d.rectangle), 8), place(len(d.points), 4+2*len(d.points)), place(len(d.names), 0))
	e.u16(d.rectangle...)
	if len(d.points) > 0 {
		e.u32(uint32(len(d.points) / 2))
		e.u16(d.points...)
	}
	if len(d.names) > 0 {
		e.u32(uint32(len(d.names) / 2))
		e.strings(d.names)
	}
}
