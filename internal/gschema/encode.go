package gschema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/detinstall/detinstall/internal/ghash"
)

// overrides takes in a key file: [SCHEMA] or [SCHEMA:DESKTOP], and KEY=VALUE.
func (c *compiler) overrides(body string) error {
	type entry struct{ key, value string }
	var order []string
	groups := map[string][]entry{}
	group := ""
	for l := range strings.Lines(body) {
		l = strings.TrimSpace(l)
		k, v, ok := strings.Cut(l, "=")
		switch {
		case l == "" || l[0] == '#':
		case l[0] == '[' && strings.HasSuffix(l, "]"):
			group = l[1 : len(l)-1]
			if _, ok := groups[group]; !ok {
				order, groups[group] = append(order, group), nil
			}
		case !ok || group == "":
			return fmt.Errorf("%q: no key and value in a group", l)
		default:
			groups[group] = append(groups[group], entry{strings.TrimSpace(k), strings.TrimSpace(v)})
		}
	}
	for _, g := range order {
		name, desktop, perDesktop := strings.Cut(g, ":")
		s, ok := c.schemas.Get(name)
		if !ok {
			continue
		}
		for _, e := range groups[g] {
			k, ok := s.keys.Get(e.key)
			if !ok || k.t == nil || perDesktop && k.l10n != 0 {
				continue
			}
			v, err := parseValue(k.t, e.value)
			if err != nil {
				return errors.Join(fmt.Errorf("%s: %s", g, e.key), err)
			}
			if k.check(v) != nil {
				continue
			}
			if !perDesktop {
				k.value = &v
				continue
			}
			if k.desktops == nil {
				k.desktops = &ghash.Map[value]{}
			}
			k.desktops.Set(desktop, v)
		}
	}
	return nil
}

func (c *compiler) encode() []byte {
	root := newTable()
	for id, s := range c.schemas.All() {
		t, l10n := newTable(), false
		root.add(&item{key: id, child: true, table: t})
		for name, k := range s.keys.All() {
			v := k.serialize()
			t.add(&item{key: name, child: true, value: &v})
			l10n = l10n || k.l10n != 0
		}
		for _, x := range []struct {
			key, value string
			has        bool
		}{{".path", s.path, s.hasPath}, {".extends", s.extendsName, s.extended}, {".list-of", s.listOf, s.hasList}, {".gettext-domain", s.domain, l10n}} {
			if x.has {
				v := stringValue(x.value)
				t.add(&item{key: x.key, value: &v})
			}
		}
	}
	return root.encode()
}

// serialize is a tuple of the default and of what else there is, each with a tag.
func (k *key) serialize() value {
	if k.t == nil {
		return stringValue(k.child)
	}
	members := []value{*k.value}
	if k.l10n != 0 {
		s := strings.Trim(k.unparsed, " \t\n\r\v\f")
		if k.context != nil {
			s = *k.context + "\x04" + s
		}
		members = append(members, tuple(letter('l'), tuple(letter(k.l10n), stringValue(s))))
	}
	if len(k.names.b) > 0 {
		members = append(members, tuple(letter(k.tag), value{t: mustType("au"), b: k.names.b}))
	}
	if k.min != nil {
		members = append(members, tuple(letter('r'), tuple(*k.min, *k.max)))
	}
	if k.desktops != nil {
		var all []value
		for d, v := range k.desktops.All() {
			all = append(all, pack(mustType("a{sv}").elems[0], []value{stringValue(d), variant(v)}))
		}
		members = append(members, tuple(letter('d'), pack(mustType("a{sv}"), all)))
	}
	return tuple(members...)
}

func letter(b byte) value { return value{t: mustType("y"), b: []byte{b}} }

func mustType(s string) *typ {
	t, err := parseType(s)
	if err != nil {
		panic(err)
	}
	return t
}
