package archive

import (
	"bytes"
	"io/fs"
	"math"

	"github.com/detinstall/detinstall/pkg/tree"
)

// header is a header block, decoded; pax records are applied to it afterwards.
//
//	name 100, mode 8, uid 8, gid 8, size 12, mtime 12, checksum 8, type 1, link 100,
//	magic 6, version 2, uname 32, gname 32, major 8, minor 8, prefix 155
type header struct {
	name, link   string
	uname, gname string
	mode         int64
	uid, gid     uint32
	size         int64
	mtime, nsec  int64
	major, minor uint32
	kind         byte
}

// parseHeader decodes b, which is not all zeros.
func parseHeader(b *[blockSize]byte) (*header, error) {
	h := &header{name: cstring(b[:100]), link: cstring(b[157:257]), kind: b[156]}
	if h.kind == 0 {
		h.kind = '0'
	}
	sum := int64(8 * ' ')
	for i, c := range b {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	if want, ok := number(b[148:156]); !ok || want != sum {
		return nil, refuse(h.name, "checksum of the header is wrong")
	}
	f := fields{h: h}
	h.mode = f.int("mode", b[100:108])
	h.uid = f.uint32("uid", b[108:116])
	h.gid = f.uint32("gid", b[116:124])
	h.size = f.int("size", b[124:136])
	h.mtime = f.int("mtime", b[136:148])
	switch magic := string(b[257:265]); {
	case magic == "ustar\x0000":
		if prefix := cstring(b[345:500]); prefix != "" {
			h.name = prefix + "/" + h.name
		}
		fallthrough
	case magic == "ustar  \x00":
		h.uname, h.gname = cstring(b[265:297]), cstring(b[297:329])
		if h.kind == '3' || h.kind == '4' {
			h.major, h.minor = f.uint32("major", b[329:337]), f.uint32("minor", b[337:345])
		}
	case bytes.HasPrefix(b[257:], []byte("ustar")):
		return nil, refuse(h.name, "unknown kind of tar header")
	}
	return h, f.err
}

// fields collects the first error of a header's numbers.
type fields struct {
	h   *header
	err error
}

func (f *fields) int(what string, b []byte) int64 {
	n, ok := number(b)
	if !ok && f.err == nil {
		f.err = refuse(f.h.name, "malformed %s %q", what, b)
	}
	return n
}

func (f *fields) uint32(what string, b []byte) uint32 {
	n := f.int(what, b)
	if (n < 0 || n > math.MaxUint32) && f.err == nil {
		f.err = refuse(f.h.name, "%s %d is out of range", what, n)
	}
	return uint32(n)
}

// number reads octal digits with blanks before and blanks or NULs after (nothing at all is 0), or
// GNU's big-endian two's complement in base 256, told by the first bit.
func number(b []byte) (int64, bool) {
	if b[0]&0x80 != 0 {
		return base256(b)
	}
	b = bytes.TrimLeft(b, " ")
	if i := bytes.IndexAny(b, " \x00"); i >= 0 {
		if len(bytes.Trim(b[i:], " \x00")) != 0 {
			return 0, false
		}
		b = b[:i]
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n<<3 | int64(c-'0')
	}
	return n, true
}

func base256(b []byte) (int64, bool) {
	n := int64(b[0] & 0x7f)
	if b[0]&0x40 != 0 {
		n -= 0x80
	}
	for _, c := range b[1:] {
		if n > math.MaxInt64>>8 || n < math.MinInt64>>8 {
			return 0, false
		}
		n = n<<8 | int64(c)
	}
	return n, true
}

// cstring returns b up to its first NUL.
func cstring(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// fileMode returns the type and the permissions. The type is the header's: type bits in the mode, which
// some writers set, are passed over; anything else beyond 07777 is refused.
func (h *header) fileMode() (fs.FileMode, error) {
	if h.mode&^0o177777 != 0 {
		return 0, refuse(h.name, "mode %#o has bits beyond 07777", h.mode)
	}
	m := tree.FileMode(uint32(h.mode))
	switch h.kind {
	case '0':
		if len(h.name) > 0 && h.name[len(h.name)-1] == '/' { // the way of before 1988
			h.kind = '5'
			return m | fs.ModeDir, nil
		}
		return m, nil
	case '1':
		return m, nil
	case '2':
		return m | fs.ModeSymlink, nil
	case '3':
		return m | fs.ModeDevice | fs.ModeCharDevice, nil
	case '4':
		return m | fs.ModeDevice, nil
	case '5':
		return m | fs.ModeDir, nil
	case '6':
		return m | fs.ModeNamedPipe, nil
	case 'S':
		return 0, refuse(h.name, "sparse file")
	}
	return 0, refuse(h.name, "unsupported type %q", h.kind)
}
