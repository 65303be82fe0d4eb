package mimedb

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// magic is a rule of contents, or of the files of a volume.
type magic struct {
	typ      string
	priority int
	none     bool
	matches  []*match
}

type match struct {
	start, length int64
	word          int
	data, mask    []byte
	matches       []*match

	path  string   // of a volume
	flags []string // its kind of file first
}

// compareMagic sorts those that delete first, then by priority, then by media and subtype.
func compareMagic(a, b *magic) int {
	if a.none || b.none {
		return btoi(b.none) - btoi(a.none)
	}
	am, as, _ := strings.Cut(a.typ, "/")
	bm, bs, _ := strings.Cut(b.typ, "/")
	return cmp.Or(b.priority-a.priority, strings.Compare(am, bm), strings.Compare(as, bs))
}

func parseMagic(typ string, e *node, parse func(*node) ([]*match, error)) (*magic, error) {
	priority, err := percent(e, "priority")
	if err != nil {
		return nil, err
	}
	ms, err := parse(e)
	return &magic{typ: typ, priority: priority, matches: ms}, err
}

func parseMatches(parent *node) ([]*match, error) {
	var ms []*match
	for _, e := range parent.elements() {
		if e.space != freedesktop || e.name != "match" {
			return nil, fmt.Errorf("<%s> instead of <match>", e.name)
		}
		m := &match{length: 1, word: 1}
		if err := m.offset(e); err != nil {
			return nil, err
		}
		if err := m.value(e); err != nil {
			return nil, err
		}
		var err error
		if m.matches, err = parseMatches(e); err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func (m *match) offset(e *node) (err error) {
	v, _ := e.get("offset")
	from, to, isRange := strings.Cut(v, ":")
	if m.start, err = strconv.ParseInt(from, 10, 64); err != nil || !isRange {
		return err
	}
	last, err := strconv.ParseInt(to, 10, 32)
	if err != nil || m.start < 0 || last < m.start {
		return fmt.Errorf("bad offset %q", v)
	}
	m.length = last - m.start + 1
	return nil
}

func (m *match) value(e *node) (err error) {
	kind, _ := e.get("type")
	value, _ := e.get("value")
	mask, masked := e.get("mask")
	if value == "" {
		return errors.New("no value")
	}
	size, big := 0, true
	switch kind {
	case "string":
		if m.data = unescape(value); masked {
			m.mask, err = hexMask(mask, len(m.data))
		}
		return err
	case "byte":
		size = 1
	case "host16":
		size, m.word = 2, 2
	case "host32":
		size, m.word = 4, 4
	case "big16", "little16":
		size, big = 2, kind == "big16"
	case "big32", "little32":
		size, big = 4, kind == "big32"
	default:
		return fmt.Errorf("unknown type %q", kind)
	}
	n, err := number(value)
	if err != nil || size < 4 && n>>(8*size) != 0 {
		return fmt.Errorf("bad number %q", value)
	}
	if m.data = place(n, size, big); masked {
		if n, err = number(mask); err == nil {
			m.mask = place(n, size, big)
		}
	}
	return err
}

// number is C's strtoul with base 0.
func number(s string) (uint64, error) {
	digits, negative := strings.CutPrefix(s, "-")
	base := 10
	if rest, ok := strings.CutPrefix(strings.ToLower(digits), "0x"); ok {
		digits, base = rest, 16
	} else if strings.HasPrefix(digits, "0") {
		base = 8
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if negative {
		n = -n
	}
	return n, err
}

func place(n uint64, size int, big bool) []byte {
	b := make([]byte, size)
	for i := range b {
		if big {
			b[i] = byte(n >> (8 * (size - i - 1)))
		} else {
			b[i] = byte(n >> (8 * i))
		}
	}
	return b
}

// hexMask reads a mask as long as its value; what it does not say is 0.
func hexMask(s string, size int) ([]byte, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) > 2*size || size == 0 {
		return nil, fmt.Errorf("bad mask %q", s)
	}
	b := make([]byte, size)
	for i := range len(digits) {
		n, err := strconv.ParseUint(digits[i:i+1], 16, 8)
		if err != nil {
			return nil, err
		}
		b[i/2] |= byte(n) << (4 * (1 - i%2))
	}
	return b, nil
}

// unescape resolves the escapes of C: \n, up to three octal digits, \x and up to two others; another byte is itself.
func unescape(s string) []byte {
	var b []byte
	for len(s) > 0 {
		c := s[0]
		s = s[1:]
		if c != '\\' {
			b = append(b, c)
			continue
		}
		if s == "" {
			break
		}
		c, s = s[0], s[1:]
		digits, base, most := "01234567", 8, 2
		switch i := strings.IndexByte("nrbtfv", c); {
		case i >= 0:
			b = append(b, "\n\r\b\t\f\v"[i])
			continue
		case c == 'x':
			digits, base = "0123456789abcdefABCDEF", 16
		case '0' <= c && c <= '7':
			most, s = 3, string(c)+s
		default:
			b = append(b, c)
			continue
		}
		n := 0
		for n < most && n < len(s) && strings.IndexByte(digits, s[n]) >= 0 {
			n++
		}
		v := uint64('x')
		if n > 0 {
			v, _ = strconv.ParseUint(s[:n], base, 16)
		}
		b, s = append(b, byte(v)), s[n:]
	}
	return b
}

func parseTreeMatches(parent *node) ([]*match, error) {
	var ms []*match
	for _, e := range parent.elements() {
		if e.space != freedesktop || e.name != "treematch" {
			return nil, fmt.Errorf("<%s> instead of <treematch>", e.name)
		}
		m := &match{}
		var ok bool
		if m.path, ok = e.get("path"); !ok {
			return nil, errors.New("no path")
		}
		kind, ok := e.get("type")
		if !ok {
			kind = "any"
		} else if kind != "file" && kind != "directory" && kind != "link" {
			return nil, fmt.Errorf("bad type %q", kind)
		}
		m.flags = []string{kind}
		for _, f := range []string{"match-case", "executable", "non-empty"} {
			if isTrue(e, f) {
				m.flags = append(m.flags, f)
			}
		}
		if t, ok := e.get("mimetype"); ok {
			m.flags = append(m.flags, t)
		}
		var err error
		if m.matches, err = parseTreeMatches(e); err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}
