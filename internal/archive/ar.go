package archive

import (
	"io"
	"strconv"
	"strings"
)

// Member is a file in an ar archive.
type Member struct {
	Name         string
	Offset, Size int64
}

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	arMost   = 64 // members; a .deb has three
)

// Ar lists the members of the ar archive in the first size bytes of r, which holds nothing else:
//
//	!<arch>\n
//	debian-binary   1700000000  0     0     100644  4         `\n     name 16, date 12, uid 6, gid 6, mode 8, size 10
//	2.0\n                                                             and one newline after an odd size
//
// Names with a slash inside, long names of the GNU and BSD kinds, names that come twice, sizes that are
// not decimal or over what is left, and more than 64 members are refused. A trailing slash of a
// name, as GNU ar writes it, is taken off.
//
// It is our own because the customary module (blakesmith/ar, unmaintained since
// 2019) takes sizes and names unchecked; checks around it would be longer than a reader.
func Ar(r io.ReaderAt, size int64) ([]Member, error) {
	var magic [len(arMagic)]byte
	if err := arRead(r, magic[:], 0, size); err != nil {
		return nil, err
	}
	if string(magic[:]) != arMagic {
		if strings.HasPrefix(string(magic[:]), "0.93") {
			return nil, refuse("", "the old format of .deb files (0.939000) is not supported")
		}
		return nil, refuse("", "not an ar archive")
	}
	var ms []Member
	seen := map[string]bool{}
	for off := int64(len(arMagic)); off < size; {
		m, err := arMember(r, off, size)
		if err != nil {
			return nil, err
		}
		if seen[m.Name] {
			return nil, refuse(m.Name, "member comes twice")
		}
		if len(ms) == arMost {
			return nil, refuse(m.Name, "more than %d members", arMost)
		}
		seen[m.Name] = true
		ms = append(ms, m)
		off = m.Offset + m.Size
		if m.Size%2 == 1 {
			var pad [1]byte
			if err := arRead(r, pad[:], off, size); err != nil {
				return nil, err
			}
			if pad[0] != '\n' {
				return nil, refuse(m.Name, "no newline after an odd size")
			}
			off++
		}
	}
	return ms, nil
}

// arMember reads the header at off.
func arMember(r io.ReaderAt, off, size int64) (Member, error) {
	var h [arHeader]byte
	if err := arRead(r, h[:], off, size); err != nil {
		return Member{}, err
	}
	name := strings.TrimSuffix(strings.TrimRight(string(h[:16]), " "), "/")
	if string(h[58:]) != "`\n" {
		return Member{}, refuse("", "malformed header of an ar member at byte %d", off)
	}
	if name == "" || strings.ContainsAny(name, "/\x00 ") {
		return Member{}, refuse(string(h[:16]), "unsupported name of an ar member")
	}
	field := strings.TrimRight(string(h[48:58]), " ")
	n, err := strconv.ParseUint(field, 10, 62)
	if err != nil {
		return Member{}, refuse(name, "malformed size %q of an ar member", field)
	}
	if n > uint64(size-off-arHeader) {
		return Member{}, refuse(name, "ar member of %d bytes: only %d are left", n, size-off-arHeader)
	}
	return Member{Name: name, Offset: off + arHeader, Size: int64(n)}, nil
}

// arRead fills b from off. The archive's end is no error of r but of the archive.
func arRead(r io.ReaderAt, b []byte, off, size int64) error {
	if int64(len(b)) > size-off {
		return refuse("", "ar archive is cut short at byte %d", size)
	}
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return refuse("", "ar archive is cut short at byte %d", off+int64(n))
	}
	return err
}
