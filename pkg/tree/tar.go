package tree

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// The canonical tar is what GNU tar 1.34 writes for the same root with
//
//	LC_ALL=C tar -b1 --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' \
//	  --pax-option=exthdr.name=%d/PaxHeaders.0/%f,delete=atime,delete=ctime -C ROOT -cf - .
//
// byte for byte, as long as no inode has two xattrs (GNU tar writes them in the file system's order, here they are
// sorted) and no more than regular files are hard-linked. It is POSIX.1-2001 pax interchange format; archive/tar does not
// write it so: it splits names into the ustar prefix, and differs in the headers of extended headers.
//
// An entry is an extended header where a record is needed, the header, and a regular file's body, each padded with
// zeros to 512 bytes; two blocks of zeros end the archive. Names start with "./", those of directories end with "/". Records, in
// this order: linkpath (more than 100 bytes; what bytes does not matter), path (a name of more than 100 bytes, or with a byte
// over 0x7f), uid and gid (over 2097151), size (8 GiB and over), mtime (fractions, before 1970, from 2^33 on),
// SCHILY.xattr.NAME ('%' and '=' in NAME as %25 and %3D). Hard links have no xattrs.

const (
	blockSize = 512
	nameSize  = 100
	max7      = 1<<21 - 1 // in a field of seven octal digits
	max11     = 1<<33 - 1 // in a field of eleven
)

// encoder makes headers. It keeps its buffers between entries.
type encoder struct {
	out, pax, name, link []byte
}

// header returns the headers of n, valid until the next call.
func (e *encoder) header(n *Node) []byte {
	e.name = append(e.name[:0], "./"...)
	if n.Path != "." {
		e.name = append(e.name, n.Path...)
		if n.Mode.IsDir() {
			e.name = append(e.name, '/')
		}
	}
	e.link = e.link[:0]
	if n.IsHardLink() {
		e.link = append(e.link, "./"...)
	}
	e.link = append(e.link, n.Link...)

	e.out = e.out[:0]
	if e.records(n); len(e.pax) > 0 {
		sec, _ := unixTime(n.ModTime)
		h := e.block()
		ext := "./PaxHeaders.0/" + base(n.Path)
		if dir := parent(n.Path); dir != "." {
			ext = "./" + dir + "/PaxHeaders.0/" + base(n.Path)
		}
		copy(h[:nameSize], ext)
		octal(h[100:108], 0o644)
		octal(h[108:116], 0)
		octal(h[116:124], 0)
		octal(h[124:136], int64(len(e.pax)))
		octal(h[136:148], min(max(sec, 0), max11))
		finish(h, 'x')
		e.out = append(e.out, e.pax...)
		e.out = append(e.out, zeros[:padding(int64(len(e.pax)))]...)
	}
	e.ustar(n)
	return e.out
}

// ustar appends the header proper. Numbers that do not fit are zero in it.
func (e *encoder) ustar(n *Node) {
	sec, _ := unixTime(n.ModTime)
	h := e.block()
	copy(h[:nameSize], e.name)
	octal(h[100:108], int64(ModeBits(n.Mode)))
	octal(h[108:116], fits(int64(n.User.ID), max7))
	octal(h[116:124], fits(int64(n.Group.ID), max7))
	octal(h[124:136], fits(n.Content.Size, max11))
	octal(h[136:148], fits(sec, max11))
	copy(h[157:157+nameSize], e.link)
	octal(h[329:337], int64(n.Major))
	octal(h[337:345], int64(n.Minor))
	finish(h, typeFlag(n))
}

// records collects the records of n's extended header.
func (e *encoder) records(n *Node) {
	e.pax = e.pax[:0]
	if len(e.link) > nameSize {
		e.record("linkpath", "", string(e.link))
	}
	if len(e.name) > nameSize || !ascii(e.name) {
		e.record("path", "", string(e.name))
	}
	if n.User.ID > max7 {
		e.record("uid", "", strconv.FormatInt(int64(n.User.ID), 10))
	}
	if n.Group.ID > max7 {
		e.record("gid", "", strconv.FormatInt(int64(n.Group.ID), 10))
	}
	if n.Content.Size > max11 {
		e.record("size", "", strconv.FormatInt(n.Content.Size, 10))
	}
	if sec, nsec := unixTime(n.ModTime); nsec != 0 || fits(sec, max11) != sec {
		e.record("mtime", "", formatTime(n.ModTime))
	}
	if n.IsHardLink() {
		return
	}
	for _, x := range n.Xattrs {
		e.record("SCHILY.xattr.", xattrKeyword.Replace(x.Name), x.Value)
	}
}

var xattrKeyword = strings.NewReplacer("%", "%25", "=", "%3D")

// record appends "LENGTH KEY=VALUE\n", where LENGTH counts itself.
func (e *encoder) record(prefix, key, value string) {
	rest := len(prefix) + len(key) + len(value) + len(" =\n")
	size := rest + 1
	for size != rest+len(strconv.Itoa(size)) {
		size = rest + len(strconv.Itoa(size))
	}
	e.pax = strconv.AppendInt(e.pax, int64(size), 10)
	e.pax = append(e.pax, ' ')
	e.pax = append(e.pax, prefix...)
	e.pax = append(e.pax, key...)
	e.pax = append(e.pax, '=')
	e.pax = append(e.pax, value...)
	e.pax = append(e.pax, '\n')
}

var zeros [2 * blockSize]byte

// block appends an empty header and returns it.
func (e *encoder) block() []byte {
	e.out = append(e.out, zeros[:blockSize]...)
	return e.out[len(e.out)-blockSize:]
}

// finish sets what all headers have, and the checksum.
func finish(h []byte, flag byte) {
	h[156] = flag
	copy(h[257:], "ustar\x0000")
	copy(h[148:156], "        ")
	var sum int64
	for _, c := range h {
		sum += int64(c)
	}
	octal(h[148:155], sum)
}

// octal writes v as digits that fill field but for its last byte, which is left NUL.
func octal(field []byte, v int64) {
	for i := len(field) - 2; i >= 0; i-- {
		field[i] = '0' + byte(v&7)
		v >>= 3
	}
	field[len(field)-1] = 0
}

// fits returns v, or 0 if v is not in [0, limit].
func fits(v, limit int64) int64 {
	if v < 0 || v > limit {
		return 0
	}
	return v
}

// padding returns how many bytes are missing to a whole block.
func padding(size int64) int64 { return -size & (blockSize - 1) }

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func typeFlag(n *Node) byte {
	switch n.Mode & typeBits {
	case fs.ModeDir:
		return '5'
	case fs.ModeSymlink:
		return '2'
	case fs.ModeDevice | fs.ModeCharDevice:
		return '3'
	case fs.ModeDevice:
		return '4'
	case fs.ModeNamedPipe:
		return '6'
	}
	if n.IsHardLink() {
		return '1'
	}
	return '0'
}

// unixTime returns seconds since 1970, rounded down, and the rest.
func unixTime(t time.Time) (sec, nsec int64) { return t.Unix(), int64(t.Nanosecond()) }

// formatTime writes seconds since 1970 with as many decimals as are needed.
func formatTime(t time.Time) string {
	sec, nsec := unixTime(t)
	if nsec == 0 {
		return strconv.FormatInt(sec, 10)
	}
	sign := ""
	if sec < 0 {
		// -1.75 is kept as -2 and 0.25.
		sign, sec, nsec = "-", -sec-1, 1e9-nsec
	}
	frac := strconv.FormatInt(1e9+nsec, 10)[1:]
	return sign + strconv.FormatInt(sec, 10) + "." + strings.TrimRight(frac, "0")
}
