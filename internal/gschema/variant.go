package gschema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// typ is a type of GVariant.
type typ struct {
	text  string
	kind  byte // its first letter
	elems []*typ
	align int
	size  int // 0: not fixed
}

var basics = map[byte][2]int{'b': {1, 1}, 'y': {1, 1}, 'n': {2, 2}, 'q': {2, 2}, 'i': {4, 4}, 'u': {4, 4}, 'h': {4, 4},
	'x': {8, 8}, 't': {8, 8}, 'd': {8, 8}, 's': {1, 0}, 'o': {1, 0}, 'g': {1, 0}, 'v': {8, 0}}

// parseType reads a type string whole.
func parseType(s string) (*typ, error) {
	t, rest, err := cutType(s, 0)
	if err == nil && rest != "" {
		err = fmt.Errorf("type %q is more than one", s)
	}
	return t, err
}

func cutType(s string, depth int) (*typ, string, error) {
	if s == "" || depth > 64 {
		return nil, "", errors.New("bad type string")
	}
	t := &typ{kind: s[0], align: 1}
	rest := s[1:]
	var err error
	if b, ok := basics[t.kind]; ok {
		t.align, t.size, t.text = b[0], b[1], s[:1]
		return t, rest, nil
	}
	end := map[byte]byte{'(': ')', '{': '}'}[t.kind]
	switch {
	case t.kind == 'a' || t.kind == 'm':
		t.elems = make([]*typ, 1)
		t.elems[0], rest, err = cutType(rest, depth+1)
	case end != 0:
		for err == nil && rest != "" && rest[0] != end {
			var e *typ
			e, rest, err = cutType(rest, depth+1)
			t.elems = append(t.elems, e)
		}
		if rest == "" || t.kind == '{' && len(t.elems) != 2 {
			err = errors.New("bad type string")
		} else {
			rest = rest[1:]
		}
	default:
		err = fmt.Errorf("no type %q", t.kind)
	}
	if err != nil {
		return nil, "", err
	}
	t.text = s[:len(s)-len(rest)]
	for _, e := range t.elems {
		t.align = max(t.align, e.align)
	}
	if end != 0 {
		t.size = t.fixed()
	}
	return t, rest, nil
}

// fixed returns the size of a tuple whose members all have one, else 0.
func (t *typ) fixed() int {
	n := 0
	for _, e := range t.elems {
		if e.size == 0 {
			return 0
		}
		n = up(n, e.align) + e.size
	}
	return max(up(n, t.align), 1)
}

func up(n, align int) int { return (n + align - 1) / align * align }

// value is a value in GVariant's serialized form, of little-endian numbers.
type value struct {
	t    *typ
	b    []byte
	num  float64  // of a number, to compare; exact up to 2**53, which is enough for ranges in use
	strs []string // all strings in it
}

func stringValue(s string) value {
	return value{t: &typ{text: "s", kind: 's', align: 1}, b: append([]byte(s), 0), strs: []string{s}}
}

// pack serializes members of a container.
func pack(t *typ, members []value) value {
	v := value{t: t}
	var ends []int
	for i, m := range members {
		for len(v.b)%m.t.align != 0 {
			v.b = append(v.b, 0)
		}
		v.b = append(v.b, m.b...)
		v.strs = append(v.strs, m.strs...)
		if m.t.size == 0 && (t.kind == 'a' || i < len(members)-1) {
			ends = append(ends, len(v.b))
		}
	}
	switch {
	case t.kind == 'm':
		if len(members) == 1 && t.elems[0].size == 0 {
			v.b = append(v.b, 0)
		}
		return v
	case t.size > 0:
		v.b = append(v.b, make([]byte, t.size-len(v.b))...)
		return v
	}
	width := 1
	for width < 8 && uint64(len(v.b)+width*len(ends)) > 1<<(8*width)-1 {
		width *= 2
	}
	for i := range ends {
		end := ends[i]
		if t.kind != 'a' {
			end = ends[len(ends)-1-i] // those of tuples are backwards
		}
		v.b = append(v.b, binary.LittleEndian.AppendUint64(nil, uint64(end))[:width]...)
	}
	return v
}

// tuple packs members of any types.
func tuple(members ...value) value {
	text := "("
	for _, m := range members {
		text += m.t.text
	}
	t, err := parseType(text + ")")
	if err != nil {
		panic(err) // of types that were parsed
	}
	return pack(t, members)
}

// variant wraps a value.
func variant(v value) value {
	return value{t: &typ{text: "v", kind: 'v', align: 8}, b: append(append(append([]byte(nil), v.b...), 0), v.t.text...), strs: v.strs}
}

// text is what is left to parse.
type text struct{ s string }

var errVariant = errors.New("no value of its type, or of a notation that is not supported")

// parseValue reads a value of a type in GVariant's text format. Values in <> and bytestrings are not supported.
func parseValue(t *typ, s string) (value, error) {
	in := &text{s}
	v, err := in.value(t)
	if err == nil && in.peek() != 0 {
		err = errVariant
	}
	if err != nil {
		return value{}, fmt.Errorf("%q of type %s: %w", s, t.text, err)
	}
	return v, nil
}

// peek returns the next byte that is no space, 0 at the end.
func (in *text) peek() byte {
	in.s = strings.TrimLeft(in.s, " \t\n\r\v\f")
	if in.s == "" {
		return 0
	}
	return in.s[0]
}

func (in *text) take(c byte) bool {
	if in.peek() != c {
		return false
	}
	in.s = in.s[1:]
	return true
}

// word takes what is no punctuation.
func (in *text) word() string {
	in.peek()
	n := strings.IndexFunc(in.s, func(r rune) bool { return strings.ContainsRune(" \t\n\r\v\f,:()[]{}<>'\"@", r) })
	if n < 0 {
		n = len(in.s)
	}
	w := in.s[:n]
	in.s = in.s[n:]
	return w
}

var keywords = map[string]string{"boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u", "handle": "h",
	"int64": "x", "uint64": "t", "double": "d", "string": "s", "objectpath": "o", "signature": "g"}

func (in *text) value(t *typ) (value, error) {
	if in.take('@') {
		named, rest, err := cutType(in.s, 0)
		if err != nil || named.text != t.text {
			return value{}, errVariant
		}
		in.s = rest
	}
	switch t.kind {
	case 's':
		s, err := in.str()
		return stringValue(s), err
	case 'a':
		if t.elems[0].kind == '{' {
			return in.list(t, '{', '}')
		}
		return in.list(t, '[', ']')
	case '(':
		return in.list(t, '(', ')')
	case 'b', 'y', 'n', 'q', 'i', 'u', 'h', 'x', 't', 'd':
		w := in.word()
		if keywords[w] == string(t.kind) {
			w = in.word()
		}
		return scalar(t, w)
	}
	return value{}, errVariant
}

// list reads an array, a dictionary or a tuple.
func (in *text) list(t *typ, open, end byte) (value, error) {
	if !in.take(open) {
		return value{}, errVariant
	}
	var members []value
	for !in.take(end) {
		if len(members) > 0 {
			if !in.take(',') {
				return value{}, errVariant
			}
			if t.kind == '(' && len(members) == 1 && len(t.elems) == 1 && in.take(end) {
				break
			}
		}
		e := t.elems[0]
		if t.kind == '(' {
			if len(members) == len(t.elems) {
				return value{}, errVariant
			}
			e = t.elems[len(members)]
		}
		m, err := in.member(e)
		if err != nil {
			return value{}, err
		}
		members = append(members, m)
	}
	if t.kind == '(' && len(members) != len(t.elems) {
		return value{}, errVariant
	}
	return pack(t, members), nil
}

func (in *text) member(t *typ) (value, error) {
	if t.kind != '{' {
		return in.value(t)
	}
	k, err := in.value(t.elems[0])
	if err != nil || !in.take(':') {
		return value{}, errVariant
	}
	v, err := in.value(t.elems[1])
	return pack(t, []value{k, v}), err
}

func scalar(t *typ, w string) (value, error) {
	v := value{t: t}
	le := binary.LittleEndian
	switch t.kind {
	case 'b':
		if w != "true" && w != "false" {
			return v, errVariant
		}
		v.b = []byte{0}
		if w == "true" {
			v.b[0] = 1
		}
		return v, nil
	case 'd':
		f, err := strconv.ParseFloat(w, 64)
		if err != nil || strings.ContainsAny(w, "xX_pP") || math.IsNaN(f) {
			return v, errVariant
		}
		v.b, v.num = le.AppendUint64(nil, math.Float64bits(f)), f
		return v, nil
	case 'y', 'q', 'u', 't':
		n, err := strconv.ParseUint(w, 0, 8*t.size)
		if err != nil || strings.ContainsAny(w, "_oObB") && !strings.HasPrefix(strings.ToLower(w), "0x") {
			return v, errVariant
		}
		v.b, v.num = le.AppendUint64(nil, n)[:t.size], float64(n)
		return v, nil
	}
	n, err := strconv.ParseInt(w, 0, 8*t.size)
	if err != nil || strings.ContainsAny(w, "_oObB") && !strings.Contains(strings.ToLower(w), "0x") {
		return v, errVariant
	}
	v.b, v.num = le.AppendUint64(nil, uint64(n))[:t.size], float64(n)
	return v, nil
}

// str reads a quoted string.
func (in *text) str() (string, error) {
	quote := in.peek()
	if quote != '\'' && quote != '"' {
		return "", errVariant
	}
	in.s = in.s[1:]
	var b []byte
	for in.s != "" {
		c := in.s[0]
		in.s = in.s[1:]
		switch {
		case c == quote:
			if !utf8.Valid(b) {
				return "", errVariant
			}
			return string(b), nil
		case c != '\\':
			b = append(b, c)
			continue
		case in.s == "":
			return "", errVariant
		}
		c, in.s = in.s[0], in.s[1:]
		digits := map[byte]int{'u': 4, 'U': 8}[c]
		switch i := strings.IndexByte("abfnrtv", c); {
		case digits > 0:
			if len(in.s) < digits {
				return "", errVariant
			}
			n, err := strconv.ParseUint(in.s[:digits], 16, 31)
			if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
				return "", errVariant
			}
			b, in.s = utf8.AppendRune(b, rune(n)), in.s[digits:]
		case i >= 0:
			b = append(b, "\a\b\f\n\r\t\v"[i])
		case c != '\n':
			b = append(b, c)
		}
	}
	return "", errVariant
}
