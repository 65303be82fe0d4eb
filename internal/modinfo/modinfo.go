// Package modinfo reads what modules of GdkPixbuf, GTK and GIO say of themselves, which programs load and call them for.
//
// Nothing is run, and amd64 and arm64 are read on any machine. A module says it with a function that is a straight line: it stores the addresses of constants. [Loader], [Methods] and
// [Extensions] follow such a function instruction by instruction over values that are known or not, in memory that the file
// and its relocations give, and read what is stored in the end. An instruction or a call that is not one of the few that compilers use for
// that is an error, never a guess.
package modinfo

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// largest bounds a module, many times the size of any.
const largest = 64 << 20

// Format is what a loader of GdkPixbuf says of itself (GdkPixbufFormat).
type Format struct {
	Name, Domain, Description, License string
	Flags                              uint32
	MIMETypes, Extensions              []string
	Patterns                           []Pattern
}

// Pattern is how files of a format begin.
type Pattern struct {
	Prefix, Mask string
	Relevance    int32
}

// Method is an input method of GTK (GtkIMContextInfo).
type Method struct{ ID, Name, Domain, Directory, Locales string }

// ErrNone says that a file is no module of the kind that is asked for: programs pass over it.
var ErrNone = errors.New("no such module")

// Loader reads a loader of GdkPixbuf.
func Loader(file []byte) (*Format, error) {
	im, err := load(file)
	if err != nil {
		return nil, err
	}
	if _, ok := im.functions["fill_vtable"]; !ok {
		return nil, ErrNone
	}
	m, err := im.call("fill_info")
	if err != nil {
		return nil, err
	}
	f, r := &Format{}, reader{m: m}
	f.Name, f.Description = r.text(r.field(0)), r.text(r.field(24))
	f.Domain, f.License = r.optional(r.field(16)), r.optional(r.field(56))
	f.MIMETypes, f.Extensions = r.texts(r.field(32)), r.texts(r.field(40))
	flags := m.load(value{kind: region, base: argument, n: 48}, 4)
	if flags.kind != number {
		r.fail("flags")
	}
	f.Flags = uint32(flags.n)
	for at := r.field(8); r.err == nil; at.n += 24 {
		p := m.load(at, 8)
		if p == (value{kind: number}) {
			break
		}
		relevance := m.load(at.plus(16), 4)
		f.Patterns = append(f.Patterns, Pattern{r.text(p), r.optional(m.load(at.plus(8), 8)), int32(relevance.n)})
		if relevance.kind != number || len(f.Patterns) > longestList {
			r.fail("a pattern")
		}
	}
	return f, r.err
}

// Methods reads a module with input methods of GTK 2 or 3.
func Methods(file []byte) ([]Method, error) {
	im, err := load(file)
	if err != nil {
		return nil, err
	}
	m, err := im.call("im_module_list")
	if err != nil {
		return nil, err
	}
	r := reader{m: m}
	list, n := r.field(0), m.load(value{kind: region, base: argument + 1}, 4)
	if n.kind != number || n.n > longestList {
		return nil, errors.New("a list of unknown length")
	}
	var out []Method
	for i := range n.n {
		at := m.load(list.plus(8*i), 8)
		field := func(k uint64) string { return r.text(m.load(at.plus(8*k), 8)) }
		out = append(out, Method{field(0), field(1), field(2), field(3), field(4)})
	}
	return out, r.err
}

// Extensions reads the extension points that a module of GIO implements; name is its file's.
func Extensions(file []byte, name string) ([]string, error) {
	im, err := load(file)
	if err != nil {
		return nil, err
	}
	query := "g_io_" + shortName(name) + "_query"
	if _, ok := im.functions[query]; !ok {
		query = "g_io_module_query"
	}
	m, err := im.call(query)
	if err != nil {
		return nil, err
	}
	if got := m.result(); got.kind == list {
		return m.lists[got.base], nil
	}
	return nil, errors.New("a result that is not known")
}

// shortName is the part of a module's name that its functions have in theirs: libgiofoo.so is foo.
func shortName(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(path.Base(name), "lib"), "gio")
	name, _, _ = strings.Cut(name, ".")
	return strings.ReplaceAll(name, "-", "_")
}

// longestList bounds what is read as a list.
const longestList = 1000

// reader reads constants, and remembers the first that is none.
type reader struct {
	m   *machine
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s that is not known", what)
	}
}

// field returns what is at an offset of the first argument.
func (r *reader) field(offset uint64) value {
	return r.m.load(value{kind: region, base: argument, n: offset}, 8)
}

// text returns a string by its address.
func (r *reader) text(v value) string {
	s, ok := r.m.text(v)
	if !ok {
		r.fail("a text")
	}
	return s
}

// optional is text of what may be no address.
func (r *reader) optional(v value) string {
	if v == (value{kind: number}) {
		return ""
	}
	return r.text(v)
}

// texts returns the strings of a list of addresses that ends in none.
func (r *reader) texts(at value) []string {
	out, ok := r.m.texts(at)
	if !ok {
		r.fail("a list of texts")
	}
	return out
}
