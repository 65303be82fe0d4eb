// Package mimedb makes the shared MIME database of freedesktop.org as update-mime-database(1) does, byte for byte: the text files and
// the cache of the Shared MIME-info Database specification 0.21, in the order in which the program walks its hash tables.
package mimedb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/internal/ghash"
)

// Source is a file of the packages directory.
type Source struct {
	Name string
	Body []byte
}

const freedesktop = "http://www.freedesktop.org/standards/shared-mime-info"

// database is what all sources say.
type database struct {
	types        ghash.Map[*node] // what is written of each
	globs        ghash.Map[[]glob]
	namespaces   ghash.Map[string] // "URI NAME" to type
	subclasses   ghash.Map[[]string]
	aliases      ghash.Map[string]
	icons        ghash.Map[string]
	genericIcons ghash.Map[string]
	magic        []*magic
	treeMagic    []*magic
}

type glob struct {
	typ, pattern string
	weight       int
	none, cased  bool
}

// Make returns the files of the database by their paths below the directory, for a version of the program. The sources need no order.
// What the program only warns of is left out as it leaves it; a source that is no XML is an error.
func Make(sources []Source, version string) (map[string][]byte, error) {
	sources = slices.Clone(sources)
	slices.SortFunc(sources, func(a, b Source) int {
		last := func(s Source) int { return btoi(path.Base(s.Name) == "Override.xml") }
		return cmp.Or(last(a)-last(b), strings.Compare(a.Name, b.Name))
	})
	db := &database{}
	for _, s := range sources {
		root, err := parseXML(s.Body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		if root.space == freedesktop && root.name == "mime-info" {
			db.add(root)
		}
	}
	slices.SortStableFunc(db.magic, compareMagic)
	slices.SortStableFunc(db.treeMagic, compareMagic)
	files := db.texts()
	files["version"] = []byte(version + "\n")
	for name, out := range db.types.All() {
		file := lower(name) + ".xml"
		if _, ok := files[file]; ok {
			return nil, fmt.Errorf("type %s: another differs by case alone", name)
		}
		b := bytes.NewBufferString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n")
		out.write(b, 0, true)
		files[file] = append(b.Bytes(), '\n')
	}
	var err error
	files["mime.cache"], err = db.cache()
	return files, err
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (db *database) add(root *node) {
	for _, e := range root.elements() {
		name, ok := e.get("type")
		if e.space != freedesktop || e.name != "mime-type" || !ok || strings.Count(name, "/") != 1 {
			continue
		}
		out, ok := db.types.Get(name)
		if !ok {
			out = &node{name: "mime-type", declares: []attr{{value: freedesktop}}, attrs: []attr{{name: "type", value: name}},
				kids: []*node{{comment: true, text: "Created automatically by update-mime-database. DO NOT EDIT!"}}}
			db.types.Set(name, out)
		}
		for _, field := range e.elements() {
			keep := true
			if field.space == freedesktop {
				var err error
				if keep, err = db.field(name, field); err != nil {
					break // the program warns, and leaves the rest of the type
				}
			}
			if keep {
				out.replace(field)
			}
		}
	}
}

// replace adds a copy of field; a comment takes the place of that of its language.
func (n *node) replace(field *node) {
	c := *field
	if field.space == freedesktop {
		if c.prefix == "" {
			c.declares = nil
		}
		if field.name == "comment" {
			lang, has := field.attr("xml", "lang")
			n.kids = slices.DeleteFunc(n.kids, func(k *node) bool {
				l, ok := k.attr("xml", "lang")
				return k.space == freedesktop && k.name == "comment" && ok == has && l == lang
			})
		}
	}
	bare := c.prefix == "" && (c.space == freedesktop || c.space == "")
	if !bare && !slices.ContainsFunc(c.declares, func(d attr) bool { return d.prefix == c.prefix }) {
		c.declares = append(slices.Clone(c.declares), attr{prefix: c.prefix, value: c.space})
	}
	n.kids = append(n.kids, &c)
}

// field takes in a field of a type, and reports whether the type's file has it too.
func (db *database) field(typ string, e *node) (keep bool, err error) {
	switch e.name {
	case "comment", "acronym", "expanded-acronym":
		return true, nil
	case "glob":
		return true, db.glob(typ, e)
	case "glob-deleteall":
		db.addGlob(glob{typ: typ, pattern: "__NOGLOBS__", none: true})
		return true, nil
	case "magic-deleteall":
		db.magic = append(db.magic, &magic{typ: typ, none: true, matches: []*match{{length: 1, word: 1, data: []byte("__NOMAGIC__")}}})
	case "magic":
		m, err := parseMagic(typ, e, parseMatches)
		if err != nil {
			return false, err
		}
		if len(m.matches) == 0 {
			return false, errors.New("empty magic")
		}
		db.magic = append(db.magic, m)
	case "treemagic":
		m, err := parseMagic(typ, e, parseTreeMatches)
		if err != nil {
			return false, err
		}
		db.treeMagic = append(db.treeMagic, m)
	case "alias", "sub-class-of":
		other, _ := e.get("type")
		if !strings.Contains(other, "/") {
			return false, errors.New("no type")
		}
		if e.name == "alias" {
			db.aliases.Set(other, typ)
		} else {
			above, _ := db.subclasses.Get(typ)
			db.subclasses.Set(typ, append(above, other))
		}
		return true, nil
	case "root-XML":
		uri, ok := e.get("namespaceURI")
		local, ok2 := e.get("localName")
		if !ok || !ok2 || uri+local == "" || strings.ContainsAny(uri+local, " \n") {
			return false, errors.New("bad namespace")
		}
		db.namespaces.Set(uri+" "+local, typ)
	case "icon", "generic-icon":
		icon, ok := e.get("name")
		if ok && e.name == "icon" {
			db.icons.Set(typ, icon)
		} else if ok {
			db.genericIcons.Set(typ, icon)
		}
		return ok, nil
	}
	return false, nil
}

func (db *database) glob(typ string, e *node) error {
	g := glob{typ: typ}
	var err error
	g.weight, err = percent(e, "weight")
	g.cased = isTrue(e, "case-sensitive")
	g.pattern, _ = e.get("pattern")
	if g.pattern == "" {
		return errors.New("no pattern")
	}
	if !g.cased {
		g.pattern = lower(g.pattern)
	}
	db.addGlob(g)
	return err
}

func (db *database) addGlob(g glob) {
	gs, _ := db.globs.Get(g.pattern)
	db.globs.Set(g.pattern, append(gs, g))
}

// lower makes only ASCII lower case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func isTrue(e *node, name string) bool {
	v, _ := e.get(name)
	return v == "true"
}

// percent returns a number of 0 to 100; without the attribute 50.
func percent(e *node, name string) (int, error) {
	v, ok := e.get(name)
	if !ok {
		return 50, nil
	}
	p, err := strconv.Atoi(strings.TrimLeft(v, " "))
	if err != nil || p < 0 || p > 100 {
		return -1, fmt.Errorf("bad %s %q", name, v)
	}
	return p, nil
}
