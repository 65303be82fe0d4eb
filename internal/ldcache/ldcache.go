// Package ldcache makes ld.so.cache as glibc's ldconfig(8) does, from the files of a root alone.
//
// [ReadProgram] takes from the root's own ldconfig what is built into it: the machine, the standard directories
// and the string that it signs a cache with. [Program.Search] walks the directories of ld.so.conf and returns
// the libraries and the links that ldconfig would make, [Encode] writes the cache: the format "glibc-ld.so.cache1.1" without
// the old format in front, which is what glibc writes since 2.32. The rules are those of glibc 2.33 to 2.41; where 2.37 dropped
// support of old things (legacy hardware capabilities, libc5) the version of the program decides.
package ldcache

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// Entry is a library in the cache.
type Entry struct {
	Soname string
	Path   string // absolute
	Flags  int32  // the kind of library and its ABI
	HWCap  uint64 // bits of legacy hardware capabilities; 0 where Subdir is set
	Subdir string // below glibc-hwcaps; empty: none
	ISA    uint32 // the ISA level that the library needs; counts with Subdir only
}

const (
	magic          = "glibc-ld.so.cache1.1"
	headerSize     = 48
	entrySize      = 24
	extensionMagic = 0xeaa42174
	extensionBit   = 1 << 62 // in hwcap: the low half is an index of names below glibc-hwcaps
	tagGenerator   = 0
	tagSubdirs     = 1
)

// compare orders entries as the dynamic linker looks for them: names and flags descending, then
// those of glibc-hwcaps by name, then by hardware capabilities, most first.
func compare(a, b Entry) int {
	if c := CompareNames(b.Soname, a.Soname); c != 0 {
		return c
	}
	if c := cmp.Compare(b.Flags, a.Flags); c != 0 {
		return c
	}
	if (a.Subdir == "") != (b.Subdir == "") {
		if a.Subdir != "" {
			return -1
		}
		return 1
	}
	return cmp.Or(strings.Compare(a.Subdir, b.Subdir), cmp.Compare(ones(b.HWCap), ones(a.HWCap)), cmp.Compare(b.HWCap, a.HWCap))
}

func ones(n uint64) (count int) {
	for ; n != 0; n &= n - 1 {
		count++
	}
	return count
}

// CompareNames orders names of libraries: runs of digits by value, a digit after any other byte.
func CompareNames(a, b string) int {
	for a != "" {
		switch digitA, digitB := digit(a), digit(b); {
		case digitA && digitB:
			var x, y int32
			x, a = number(a)
			y, b = number(b)
			if x != y {
				return cmp.Compare(int(x), int(y))
			}
		case digitA:
			return 1
		case digitB:
			return -1
		case b == "":
			return 1
		case a[0] != b[0]:
			return cmp.Compare(a[0], b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	if b == "" {
		return 0
	}
	return -1
}

func digit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// number reads digits; long ones wrap, as they do there.
func number(s string) (n int32, rest string) {
	for digit(s) {
		n, s = n*10+int32(s[0]-'0'), s[1:]
	}
	return n, s
}

// Encode returns the file for entries in the order in which they were found; subdirs are all names seen below
// glibc-hwcaps, be they empty, generator the program's signature.
func Encode(order binary.AppendByteOrder, entries []Entry, subdirs []string, generator string) []byte {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, compare)
	texts := slices.Clone(subdirs)
	var used []string
	for _, e := range entries {
		texts = append(texts, e.Soname, e.Path)
		if e.Subdir != "" {
			used = append(used, e.Subdir)
		}
	}
	slices.Sort(used)
	used = slices.Compact(used)
	offsets, table := stringTable(texts, uint32(headerSize+entrySize*len(entries)))

	extension := headerSize + entrySize*len(entries) + len(table)
	extension = (extension + 3) &^ 3
	b := append(make([]byte, 0, extension+128), magic...)
	b = order.AppendUint32(b, uint32(len(entries)))
	b = order.AppendUint32(b, uint32(len(table)))
	b = append(b, endianness(order), 0, 0, 0)
	b = order.AppendUint32(b, uint32(extension))
	b = append(b, make([]byte, 12)...)
	for _, e := range entries {
		b = order.AppendUint32(b, uint32(e.Flags))
		b = order.AppendUint32(b, offsets[e.Soname])
		b = order.AppendUint32(b, offsets[e.Path])
		b = order.AppendUint32(b, 0) // was the version of the kernel
		hwcap := e.HWCap
		if e.Subdir != "" {
			i, _ := slices.BinarySearch(used, e.Subdir)
			hwcap = extensionBit | uint64(e.ISA)<<32 | uint64(i)
		}
		b = order.AppendUint64(b, hwcap)
	}
	b = append(b, table...)
	b = append(b, make([]byte, extension-len(b))...)
	return appendExtension(order, b, used, offsets, generator)
}

func endianness(order binary.AppendByteOrder) byte {
	if order.AppendUint32(nil, 1)[0] == 1 {
		return 2
	}
	return 3
}

// appendExtension adds the directory of sections, the names of subdirectories that are used, and the generator.
func appendExtension(order binary.AppendByteOrder, b []byte, used []string, offsets map[string]uint32, generator string) []byte {
	sections := 1
	if len(used) > 0 {
		sections = 2
	}
	data := uint32(len(b) + 8 + 16*sections)
	section := func(tag, offset, size uint32) {
		for _, n := range []uint32{tag, 0, offset, size} {
			b = order.AppendUint32(b, n)
		}
	}
	b = order.AppendUint32(b, extensionMagic)
	b = order.AppendUint32(b, uint32(sections))
	names := uint32(4 * len(used))
	section(tagGenerator, data+names, uint32(len(generator)))
	if len(used) > 0 {
		section(tagSubdirs, data, names)
	}
	for _, name := range used {
		b = order.AppendUint32(b, offsets[name])
	}
	return append(b, generator...)
}

// stringTable lays out texts so that one that ends another shares its bytes: sorted from their last byte, descending,
// the longer first. The offsets count from base.
func stringTable(texts []string, base uint32) (offsets map[string]uint32, table []byte) {
	slices.SortFunc(texts, compareTails)
	texts = slices.Compact(texts)
	offsets = make(map[string]uint32, len(texts))
	for i, s := range texts {
		if i > 0 && strings.HasSuffix(texts[i-1], s) {
			offsets[s] = base + uint32(len(table)-len(s)-1)
			continue
		}
		offsets[s] = base + uint32(len(table))
		table = append(append(table, s...), 0)
	}
	return offsets, table
}

func compareTails(a, b string) int {
	for i := 1; i <= min(len(a), len(b)); i++ {
		if x, y := a[len(a)-i], b[len(b)-i]; x != y {
			return cmp.Compare(y, x)
		}
	}
	return cmp.Compare(len(b), len(a))
}

// cstring returns what comes before the first NUL of b, if there is one.
func cstring(b []byte) (string, bool) {
	s, _, ok := bytes.Cut(b, []byte{0})
	return string(s), ok
}
