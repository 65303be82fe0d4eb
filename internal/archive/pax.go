package archive

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// ustarMost is the largest size that a ustar header's eleven octal digits hold.
const ustarMost = 1<<33 - 1

// extended is what comes before an entry's own header.
type extended struct {
	any    bool
	bytes  int64
	seen   map[string]bool // keys of pax records, and "L", "K", "x"
	values map[string]string
	xattrs []tree.Xattr
	rest   []tree.Xattr
}

// take reads the body of an extended header of the given kind.
func (e *extended) take(kind byte, b []byte) error {
	if e.seen == nil {
		e.seen, e.values = map[string]bool{}, map[string]string{}
	}
	if e.seen[string(kind)] {
		return refuse("", "two extended headers of kind %q for one entry", kind)
	}
	if kind != 'g' {
		e.seen[string(kind)] = true
	}
	switch kind {
	case 'L':
		return e.value("path", cstring(b))
	case 'K':
		return e.value("linkpath", cstring(b))
	}
	return e.records(kind, b)
}

// value keeps what takes the place of a field of the header.
func (e *extended) value(key, value string) error {
	if _, both := e.values[key]; both {
		return refuse("", "%s both as a pax record and in the way of GNU tar", key)
	}
	e.values[key] = value
	return nil
}

// records reads "LENGTH KEY=VALUE\n" again and again; LENGTH is decimal and counts the whole record.
func (e *extended) records(kind byte, b []byte) error {
	for len(b) > 0 {
		sp := bytes.IndexByte(b[:min(len(b), 8)], ' ')
		if sp < 0 {
			return refuse("", "malformed length of a pax record")
		}
		n, err := strconv.ParseUint(string(b[:sp]), 10, 31)
		if err != nil || n < uint64(sp)+4 || n > uint64(len(b)) || b[n-1] != '\n' {
			return refuse("", "malformed length %q of a pax record", b[:sp])
		}
		key, value, ok := strings.Cut(string(b[sp+1:n-1]), "=")
		if !ok || key == "" {
			return refuse("", "malformed pax record %q", key)
		}
		if kind == 'g' && key != "comment" {
			return refuse("", "pax record %q for all entries", key)
		}
		if err := e.record(key, value); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// record takes in one pax record.
func (e *extended) record(key, value string) error {
	switch key {
	case "comment", "atime", "ctime", "charset", "hdrcharset":
		return nil
	}
	if e.seen["="+key] {
		return refuse("", "pax record %q twice", key)
	}
	e.seen["="+key] = true
	switch key {
	case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime":
		return e.value(key, value)
	}
	name, isXattr := strings.CutPrefix(key, "SCHILY.xattr.")
	switch {
	case isXattr && tree.HostXattr(name):
		return nil
	case isXattr:
		e.xattrs = append(e.xattrs, tree.Xattr{Name: name, Value: value})
	case strings.HasPrefix(key, "GNU.sparse."):
		return refuse("", "sparse file (%s)", key)
	case strings.HasPrefix(key, "SCHILY.acl."):
		return refuse("", "access control list (%s)", key)
	default:
		e.rest = append(e.rest, tree.Xattr{Name: key, Value: value})
	}
	return nil
}

// apply puts the extended values in the place of h's own.
func (e *extended) apply(h *header) error {
	if !e.any {
		return nil
	}
	for _, f := range []struct {
		key string
		to  *string
	}{{"path", &h.name}, {"linkpath", &h.link}, {"uname", &h.uname}, {"gname", &h.gname}} {
		if v, ok := e.values[f.key]; ok {
			*f.to = v
		}
	}
	for _, f := range []struct {
		key string
		to  *uint32
	}{{"uid", &h.uid}, {"gid", &h.gid}} {
		if v, ok := e.values[f.key]; ok {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				return refuse(h.name, "malformed pax %s %q", f.key, v)
			}
			*f.to = uint32(n)
		}
	}
	if err := e.applyTime(h); err != nil {
		return err
	}
	return e.applySize(h)
}

// applySize takes the pax size where the header's own has the same number or cannot hold it. Where they
// disagree readers do too, and one of them takes a file's bytes for headers.
func (e *extended) applySize(h *header) error {
	v, ok := e.values["size"]
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return refuse(h.name, "malformed pax size %q", v)
	}
	if n != h.size && n <= ustarMost {
		return refuse(h.name, "two sizes: %d in the header, %d in its pax record", h.size, n)
	}
	h.size = n
	return nil
}

// applyTime reads seconds with a fraction.
func (e *extended) applyTime(h *header) error {
	v, ok := e.values["mtime"]
	if !ok {
		return nil
	}
	whole, frac, _ := strings.Cut(v, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(frac, "0123456789") != "" || sec == math.MinInt64 {
		return refuse(h.name, "malformed pax mtime %q", v)
	}
	nsec, _ := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
	if nsec > 0 && strings.HasPrefix(whole, "-") {
		sec, nsec = sec-1, 1e9-nsec
	}
	h.mtime, h.nsec = sec, nsec
	return nil
}
