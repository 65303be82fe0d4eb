package ldcache

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// object is what the cache needs to know of a shared library.
type object struct {
	soname string // empty where it has none
	flags  int32
	isa    uint32
}

// Bounds of what is read of one file; real libraries stay far below.
const (
	mostSegments = 1024
	mostDynamic  = 1 << 20
	mostNotes    = 1 << 16
	mostName     = 4096
)

// errNotLibrary says that ldconfig would leave a file out.
var errNotLibrary = errors.New("no shared library of this machine")

// header is the part of an ELF header that counts.
type header struct {
	class   elf.Class
	machine elf.Machine
	flags   uint32
	phoff   int64
	phnum   int
	word    int64 // size of an address
}

type segment struct {
	kind                      elf.ProgType
	off, vaddr, filesz, align uint64
}

// file reads numbers and strings of an ELF file.
type file struct {
	r     io.ReaderAt
	order binary.ByteOrder
}

func (f file) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 {
		return nil, errNotLibrary
	}
	b := make([]byte, n)
	if got, err := f.r.ReadAt(b, off); int64(got) < n {
		if err == io.EOF || err == nil {
			err = errNotLibrary
		}
		return nil, err
	}
	return b, nil
}

// address reads an address from the start of b.
func (f file) address(h header, b []byte) uint64 {
	if h.word == 8 {
		return f.order.Uint64(b)
	}
	return uint64(f.order.Uint32(b))
}

// header reads the header of a shared object in the byte order of f.
func (f file) header() (h header, err error) {
	b, err := f.bytes(0, 64)
	if err != nil {
		return h, err
	}
	want := elf.ELFDATA2LSB
	if f.order == binary.BigEndian {
		want = elf.ELFDATA2MSB
	}
	if !bytes.HasPrefix(b, []byte(elf.ELFMAG)) || elf.Data(b[elf.EI_DATA]) != want {
		return h, errNotLibrary
	}
	h.class, h.machine = elf.Class(b[elf.EI_CLASS]), elf.Machine(f.order.Uint16(b[18:]))
	size := 0
	switch h.class {
	case elf.ELFCLASS32:
		h.word, h.phoff, h.flags = 4, int64(f.order.Uint32(b[28:])), f.order.Uint32(b[36:])
		size, h.phnum = int(f.order.Uint16(b[42:])), int(f.order.Uint16(b[44:]))
	case elf.ELFCLASS64:
		h.word, h.phoff, h.flags = 8, int64(f.order.Uint64(b[32:])), f.order.Uint32(b[48:])
		size, h.phnum = int(f.order.Uint16(b[54:])), int(f.order.Uint16(b[56:]))
	}
	if h.word == 0 || size != h.entry() || h.phnum > mostSegments || elf.Type(f.order.Uint16(b[16:])) != elf.ET_DYN {
		return h, errNotLibrary
	}
	return h, nil
}

// entry is the size of a program header.
func (h header) entry() int { return 8 + 6*int(h.word) }

func (f file) segments(h header) ([]segment, error) {
	b, err := f.bytes(h.phoff, int64(h.phnum*h.entry()))
	if err != nil {
		return nil, err
	}
	segments := make([]segment, h.phnum)
	for i := range segments {
		p := b[i*h.entry():]
		s := segment{kind: elf.ProgType(f.order.Uint32(p))}
		if h.word == 8 {
			s.off, s.vaddr, s.filesz, s.align = f.order.Uint64(p[8:]), f.order.Uint64(p[16:]), f.order.Uint64(p[32:]), f.order.Uint64(p[48:])
		} else {
			s.off, s.vaddr, s.filesz, s.align = f.address(h, p[4:]), f.address(h, p[8:]), f.address(h, p[16:]), f.address(h, p[28:])
		}
		segments[i] = s
	}
	return segments, nil
}

// read reads what p's ldconfig reads of a file; errNotLibrary where it would leave it out.
func (p *Program) read(r io.ReaderAt, wantISA bool) (o object, err error) {
	f := file{r, p.order}
	h, err := f.header()
	if err != nil {
		return o, err
	}
	flags, ok := p.flags(h)
	if !ok {
		return o, errNotLibrary
	}
	segments, err := f.segments(h)
	if err != nil {
		return o, err
	}
	var dynamic segment
	interpreter := ""
	for _, s := range segments {
		switch s.kind {
		case elf.PT_DYNAMIC:
			dynamic = s
		case elf.PT_INTERP:
			interpreter, _ = f.name(s.off)
		case elf.PT_GNU_PROPERTY:
			if wantISA && p.x86() {
				o.isa = f.isaLevel(h, s, o.isa)
			}
		}
	}
	if dynamic.filesz == 0 {
		return o, errNotLibrary
	}
	var needed []string
	if o.soname, needed, err = f.dynamic(h, segments, dynamic); err != nil {
		return o, err
	}
	if o.flags = flags; flags == libc6 && p.legacy && !isLibc6(interpreter, needed) {
		o.flags = plainELF
	}
	return o, nil
}

// dynamic reads the names in the dynamic segment.
func (f file) dynamic(h header, segments []segment, dynamic segment) (soname string, needed []string, err error) {
	b, err := f.bytes(int64(dynamic.off), int64(min(dynamic.filesz, mostDynamic)))
	if err != nil {
		return "", nil, err
	}
	var tags []elf.DynTag
	var values []uint64
	for ; int64(len(b)) >= 2*h.word; b = b[2*h.word:] {
		tag := elf.DynTag(f.address(h, b))
		if tag == elf.DT_NULL {
			break
		}
		tags, values = append(tags, tag), append(values, f.address(h, b[h.word:]))
	}
	found := false
	var table uint64
	for i, tag := range tags {
		if tag == elf.DT_STRTAB {
			table, found = values[i]-bias(segments, values[i]), true
			break
		}
	}
	if !found {
		return "", nil, errNotLibrary
	}
	for i, tag := range tags {
		if tag != elf.DT_SONAME && (tag != elf.DT_NEEDED || len(needed) > 64) {
			continue
		}
		name, err := f.name(table + values[i])
		switch {
		case err != nil:
			return "", nil, err
		case tag == elf.DT_NEEDED:
			needed = append(needed, name)
		case soname == "":
			soname = name
		}
	}
	return soname, needed, nil
}

// bias returns what to take from an address to get its place in the file; 0 where no segment has it.
func bias(segments []segment, address uint64) uint64 {
	for _, s := range segments {
		if s.kind == elf.PT_LOAD && address >= s.vaddr && address-s.vaddr < s.filesz {
			return s.vaddr - s.off
		}
	}
	return 0
}

// name reads a string that ends with NUL.
func (f file) name(off uint64) (string, error) {
	if off > 1<<62 {
		return "", errNotLibrary
	}
	for _, size := range []int{256, mostName} {
		b := make([]byte, size)
		n, err := f.r.ReadAt(b, int64(off))
		if s, ok := cstring(b[:n]); ok {
			return s, nil
		}
		if err != nil && err != io.EOF {
			return "", err
		}
	}
	return "", errNotLibrary
}

const (
	noteProperty    = 5          // NT_GNU_PROPERTY_TYPE_0
	propertyISAX86  = 0xc0008002 // GNU_PROPERTY_X86_ISA_1_NEEDED
	noteHeader      = 12
	propertyMinimum = 8
)

// isaLevel reads the ISA level that an x86 library needs from a segment of notes: the highest bit of its property. Notes
// that are malformed leave it at old.
func (f file) isaLevel(h header, s segment, old uint32) uint32 {
	if s.align != uint64(h.word) || s.filesz > mostNotes {
		return old
	}
	b, err := f.bytes(int64(s.off), int64(s.filesz))
	if err != nil {
		return old
	}
	word := int(h.word)
	for len(b) > noteHeader {
		names, size, kind := int(f.order.Uint32(b)), int(f.order.Uint32(b[4:])), f.order.Uint32(b[8:])
		if names > mostNotes || size > mostNotes {
			return old
		}
		start := up(noteHeader+names, word)
		end := up(start+size, word)
		if names == 4 && kind == noteProperty && bytes.HasPrefix(b[noteHeader:], []byte("GNU\x00")) {
			if size < propertyMinimum || size%word != 0 || noteHeader+4+size > len(b) {
				return old
			}
			return f.propertyLevel(b[noteHeader+4:noteHeader+4+size], word, old)
		}
		if end > len(b) {
			break
		}
		b = b[end:]
	}
	return old
}

func (f file) propertyLevel(b []byte, word int, old uint32) uint32 {
	last := uint32(0)
	for len(b) >= propertyMinimum {
		kind, size := f.order.Uint32(b), f.order.Uint32(b[4:])
		b = b[propertyMinimum:]
		if kind < last || kind > propertyISAX86 || int64(size) > int64(len(b)) {
			return old
		}
		if kind == propertyISAX86 {
			if size == 4 {
				if n := f.order.Uint32(b); n != 0 {
					return uint32(bits.Len32(n) - 1)
				}
			}
			return old
		}
		last = kind
		b = b[min(up(int(size), word), len(b)):]
	}
	return old
}

func up(n, to int) int { return (n + to - 1) / to * to }
