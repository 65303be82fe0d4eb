// Package gschema compiles GSettings schemas as glib-compile-schemas(1) does, byte for byte: the XML files and overrides of a
// directory to one GVDB file, in the order in which the program walks its hash tables.
package gschema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/internal/ghash"
)

// Source is a file of the directory of schemas.
type Source struct {
	Name string
	Body []byte
}

type compiler struct {
	schemas      ghash.Map[*schema]
	enums, flags map[string]*strinfo
}

type schema struct {
	extends                               *schema
	path, domain, extendsName, listOf     string
	hasPath, hasDomain, extended, hasList bool
	keys                                  ghash.Map[*key]
}

type key struct {
	child    string // all there is of a child
	t        *typ
	l10n     byte
	context  *string
	unparsed string
	value    *value
	names    strinfo
	tag      byte // of names
	min, max *value
	desktops *ghash.Map[value]
}

const (
	schemaSuffix   = ".gschema.xml"
	enumsSuffix    = ".enums.xml"
	overrideSuffix = ".gschema.override"
)

// Compile returns gschemas.compiled; nil without schemas. The sources need no order, those with other names are ignored. What
// the program would ignore with a message is an error, but for overrides that do not fit.
func Compile(sources []Source) ([]byte, error) {
	c := &compiler{enums: map[string]*strinfo{}, flags: map[string]*strinfo{}}
	sources = slices.Clone(sources)
	rank := func(s Source) int {
		if strings.HasSuffix(s.Name, enumsSuffix) {
			return 0
		}
		return 1
	}
	slices.SortFunc(sources, func(a, b Source) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a.Name, b.Name)) })
	files := 0
	for _, s := range sources {
		if !strings.HasSuffix(s.Name, schemaSuffix) && !strings.HasSuffix(s.Name, enumsSuffix) {
			continue
		}
		files++
		list, err := parseXML(s.Body)
		if err == nil {
			err = c.list(list)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if files == 0 {
		return nil, nil
	}
	for _, s := range sources {
		if strings.HasSuffix(s.Name, overrideSuffix) {
			if err := c.overrides(string(s.Body)); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
		}
	}
	return c.encode(), nil
}

func (c *compiler) list(list *element) error {
	for _, e := range list.kids {
		var err error
		switch e.name {
		case "schema":
			err = c.schema(e, list)
		case "enum":
			err = addEnum(c.enums, e, false)
		case "flags":
			err = addEnum(c.flags, e, true)
		default:
			err = fmt.Errorf("unexpected <%s>", e.name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.attrs["id"], err)
		}
	}
	return nil
}

func addEnum(to map[string]*strinfo, e *element, flags bool) error {
	if err := e.only([]string{"id"}); err != nil {
		return err
	}
	if to[e.attrs["id"]] != nil {
		return errors.New("is there already")
	}
	s, values := &strinfo{}, map[int64]bool{}
	for _, v := range e.kids {
		n, err := strconv.ParseInt(v.attrs["value"], 0, 64)
		nick := v.attrs["nick"]
		bad := n < -1<<31 || n > 1<<31-1
		if flags {
			bad = n < 0 || n > 1<<32-1 || n&(n-1) != 0
		}
		if v.name != "value" || err != nil || bad || len(nick) < 2 || values[n] {
			return fmt.Errorf("bad value %q", nick)
		}
		if flags && n == 0 {
			continue
		}
		values[n] = true
		if err := s.add(nick, n, 0xff); err != nil {
			return err
		}
	}
	if len(s.b) == 0 {
		return errors.New("no values")
	}
	to[e.attrs["id"]] = s
	return nil
}

func (c *compiler) schema(e, list *element) error {
	if err := e.only([]string{"id"}, "path", "gettext-domain", "extends", "list-of"); err != nil {
		return err
	}
	s := &schema{}
	s.path, s.hasPath = e.attrs["path"]
	if s.domain, s.hasDomain = e.attrs["gettext-domain"]; !s.hasDomain {
		s.domain, s.hasDomain = list.attrs["gettext-domain"]
	}
	s.listOf, s.hasList = e.attrs["list-of"]
	if s.extendsName, s.extended = e.attrs["extends"]; s.extended {
		var ok bool
		if s.extends, ok = c.schemas.Get(s.extendsName); !ok || s.extends.hasPath {
			return errors.New("extends none, or one with a path")
		}
		if !s.hasList {
			s.listOf, s.hasList = s.extends.listOf, s.extends.hasList
		}
	}
	if _, ok := c.schemas.Get(e.attrs["id"]); ok {
		return errors.New("is there already")
	}
	if s.hasPath && !(strings.HasPrefix(s.path, "/") && strings.HasSuffix(s.path, "/")) {
		return errors.New("bad path")
	}
	c.schemas.Set(e.attrs["id"], s)
	for _, k := range e.kids {
		name := k.attrs["name"]
		var err error
		switch k.name {
		case "key":
			err = c.key(s, k)
		case "child":
			if err = k.only([]string{"name", "schema"}); err == nil {
				s.keys.Set(name+"/", &key{child: k.attrs["schema"]})
			}
		case "override":
			err = s.override(k)
		default:
			err = fmt.Errorf("unexpected <%s>", k.name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (c *compiler) key(s *schema, e *element) (err error) {
	if err := e.only([]string{"name"}, "type", "enum", "flags"); err != nil {
		return err
	}
	if _, ok := s.keys.Get(e.attrs["name"]); ok || s.hasList || len(e.attrs) != 2 {
		return errors.New("is there already, or has no one type")
	}
	k := &key{tag: 'c'}
	text, ok := e.attrs["type"]
	if !ok {
		var names *strinfo
		if id, ok := e.attrs["enum"]; ok {
			names, text, k.tag = c.enums[id], "s", 'e'
		} else {
			names, text, k.tag = c.flags[e.attrs["flags"]], "as", 'f'
		}
		if names == nil {
			return errors.New("of an undefined enum")
		}
		k.names = names.clone()
	}
	if k.t, err = parseType(text); err != nil {
		return err
	}
	s.keys.Set(e.attrs["name"], k)
	for _, f := range e.kids {
		if err := k.field(f, s.hasDomain); err != nil {
			return err
		}
	}
	if k.value == nil {
		return errors.New("no default")
	}
	return k.check(*k.value)
}

// check reports a value outside of range or choices.
func (k *key) check(v value) error {
	if k.min != nil && (v.num < k.min.num || v.num > k.max.num) || k.min == nil && len(k.names.b) > 0 && !k.names.has(v.strs) {
		return errors.New("not of the range or the choices")
	}
	return nil
}

func (k *key) field(e *element, hasDomain bool) error {
	switch e.name {
	case "default":
		return k.fallback(e, hasDomain)
	case "range":
		return k.limit(e)
	case "choices":
		for _, c := range e.kids {
			if k.tag != 'c' || strings.TrimLeft(k.t.text, "am") != "s" || c.only([]string{"value"}) != nil {
				return errors.New("bad choice")
			}
			if err := k.names.add(c.attrs["value"], 0, 0xff); err != nil {
				return err
			}
		}
	case "aliases":
		for _, a := range e.kids {
			if err := a.only([]string{"value", "target"}); err != nil {
				return err
			}
			if err := k.names.alias(a.attrs["value"], a.attrs["target"]); err != nil {
				return err
			}
		}
	case "summary", "description":
	default:
		return fmt.Errorf("unexpected <%s>", e.name)
	}
	return nil
}

// fallback takes in <default>, or the same of <override>.
func (k *key) fallback(e *element, hasDomain bool) error {
	if l, ok := e.attrs["l10n"]; ok {
		if k.l10n = map[string]byte{"messages": 'm', "time": 't'}[l]; k.l10n == 0 || !hasDomain {
			return errors.New("bad l10n")
		}
	}
	if c, ok := e.attrs["context"]; ok {
		k.context = &c
		if k.l10n == 0 {
			return errors.New("context without l10n")
		}
	}
	v, err := parseValue(k.t, e.text)
	k.unparsed, k.value = e.text, &v
	return err
}

var limits = map[byte][2]string{'y': {"0", "255"}, 'n': {"-32768", "32767"}, 'q': {"0", "65535"}, 'i': {"-2147483648", "2147483647"},
	'u': {"0", "4294967295"}, 'x': {"-9223372036854775808", "9223372036854775807"}, 't': {"0", "18446744073709551615"}, 'd': {"-inf", "inf"}}

func (k *key) limit(e *element) error {
	l, ok := limits[k.t.kind]
	if !ok || k.min != nil {
		return errors.New("bad range")
	}
	for i, name := range []string{"min", "max"} {
		if v, ok := e.attrs[name]; ok {
			l[i] = v
		}
	}
	least, err := parseValue(k.t, l[0])
	if err != nil {
		return err
	}
	most, err := parseValue(k.t, l[1])
	k.min, k.max = &least, &most
	return err
}

func (s *schema) override(e *element) error {
	name := e.attrs["name"]
	if _, ok := s.keys.Get(name); ok {
		return errors.New("is there already")
	}
	for p := s.extends; p != nil; p = p.extends {
		if o, ok := p.keys.Get(name); ok {
			k := &key{t: o.t, names: o.names.clone(), tag: o.tag, min: o.min, max: o.max}
			s.keys.Set(name, k)
			if err := k.fallback(e, s.hasDomain); err != nil {
				return err
			}
			return k.check(*k.value)
		}
	}
	return errors.New("overrides nothing")
}
