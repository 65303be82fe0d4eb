package ldcache

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Program is what an ldconfig has built in.
type Program struct {
	Machine   elf.Machine
	Generator string   // "ldconfig (Debian GLIBC 2.41-12) stable release version 2.41"
	Dirs      []string // standard directories, absolute, without a slash at the end
	Order     binary.AppendByteOrder

	order  binary.ByteOrder
	legacy bool // glibc before 2.37
}

// Flags of entries.
const (
	plainELF = 1
	libc6    = 3
)

// ErrNotProgram says that a file is no ldconfig of glibc: a script, say.
var ErrNotProgram = errors.New("not an ldconfig of glibc 2.33 or later")

// ReadProgram reads the bytes of a root's ldconfig. It looks for two things in its constants: the text
// "ldconfig ... release version N", and the list of trusted directories, which ends with /lib/ and /usr/lib/.
func ReadProgram(b []byte) (*Program, error) {
	if len(b) < 64 || !bytes.HasPrefix(b, []byte(elf.ELFMAG)) {
		return nil, ErrNotProgram
	}
	p := &Program{order: binary.LittleEndian, Order: binary.LittleEndian}
	if elf.Data(b[elf.EI_DATA]) == elf.ELFDATA2MSB {
		p.order, p.Order = binary.BigEndian, binary.BigEndian
	}
	p.Machine = elf.Machine(p.order.Uint16(b[18:]))
	if _, ok := p.flags(header{machine: p.Machine, class: elf.ELFCLASS64, flags: 4}); !ok && p.Machine != elf.EM_386 {
		return nil, fmt.Errorf("ldconfig for %v: the marks of its libraries are not known here", p.Machine)
	}
	for rest := b; p.Generator == ""; {
		i := bytes.Index(rest, []byte("ldconfig "))
		if i < 0 {
			return nil, ErrNotProgram
		}
		rest = rest[i:]
		if s, ok := cstring(rest[:min(len(rest), 256)]); ok && strings.Contains(s, " release version ") {
			p.Generator = s
		}
		rest = rest[1:]
	}
	_, version, _ := strings.Cut(p.Generator, " release version ")
	p.legacy = minor(version) < 37
	p.Dirs = trustedDirs(b)
	return p, nil
}

// minor returns N of version 2.N.
func minor(version string) int {
	version, _ = strings.CutPrefix(version, "2.")
	version, _, _ = strings.Cut(version, ".")
	n, err := strconv.Atoi(version)
	if err != nil {
		return 1 << 20
	}
	return n
}

// trustedDirs finds the list of strings that ends with /lib/ and /usr/lib/.
func trustedDirs(b []byte) []string {
	end := []byte("\x00/lib/\x00/usr/lib/\x00")
	dirs := []string{"/usr/lib", "/lib"}
	i := bytes.Index(b, end)
	for range 8 {
		if i <= 0 {
			break
		}
		start := bytes.LastIndexByte(b[max(0, i-256):i], 0)
		if start < 0 {
			break
		}
		start += max(0, i-256)
		s := string(b[start+1 : i])
		if !strings.HasPrefix(s, "/") || !strings.HasSuffix(s, "/") {
			break
		}
		dirs = append(dirs, strings.TrimSuffix(s, "/"))
		i = start
	}
	slices.Reverse(dirs)
	return dirs
}

func (p *Program) x86() bool { return p.Machine == elf.EM_X86_64 || p.Machine == elf.EM_386 }

// flags returns the mark that p gives a library, and whether it takes it at all. ARM's ldconfig
// looks at the class alone.
func (p *Program) flags(h header) (int32, bool) {
	wide := h.class == elf.ELFCLASS64
	switch p.Machine {
	case elf.EM_X86_64, elf.EM_386:
		switch {
		case h.machine == elf.EM_X86_64 && wide:
			return 0x0300 | libc6, true
		case h.machine == elf.EM_X86_64:
			return 0x0800 | libc6, true
		}
		return libc6, h.machine == elf.EM_386 && !wide
	case elf.EM_AARCH64, elf.EM_ARM:
		const eabi, eabi5, hard, soft = 0xff000000, 0x05000000, 0x400, 0x200
		switch {
		case wide:
			return 0x0a00 | libc6, true
		case h.flags&eabi == eabi5 && h.flags&hard != 0:
			return 0x0900 | libc6, true
		case h.flags&eabi == eabi5 && h.flags&soft != 0:
			return 0x0b00 | libc6, true
		}
		return libc6, true
	case elf.EM_PPC64, elf.EM_PPC:
		return wideFlag(wide, 0x0500), true
	case elf.EM_S390:
		return wideFlag(wide, 0x0400), true
	case elf.EM_RISCV:
		const float, double, supported = 0x6, 0x4, 0x7
		if h.flags&^supported != 0 {
			return 0, false
		}
		switch h.flags & float {
		case 0:
			return 0x0f00 | libc6, true
		case double:
			return 0x1000 | libc6, true
		}
	}
	return 0, false
}

func wideFlag(wide bool, flag int32) int32 {
	if wide {
		return flag | libc6
	}
	return libc6
}

// isLibc6 is how glibc before 2.37 told libraries of libc6 from those of libc5.
func isLibc6(interpreter string, needed []string) bool {
	known := []string{"/lib/ld-linux.so.2", "/lib64/ld-linux-x86-64.so.2", "/libx32/ld-linux-x32.so.2", "/lib/ld.so.1", "/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"}
	return slices.Contains(known, interpreter) || slices.Contains(needed, "libc.so.6") || slices.Contains(needed, "libm.so.6")
}

// legacyBit returns the bit of the directory called name in what was the set of hardware capabilities before glibc 2.37.
func (p *Program) legacyBit(name string) (bit int, ok bool) {
	if !p.legacy {
		return 0, false
	}
	if name == "tls" {
		return 63, true
	}
	names := map[string]int{}
	switch {
	case p.x86():
		names = map[string]int{"sse2": 0, "x86_64": 1, "avx512_1": 2, "i586": 48, "i686": 49, "haswell": 50, "xeon_phi": 51}
	case p.Machine == elf.EM_AARCH64:
		names = map[string]int{"atomics": 8}
	}
	bit, ok = names[name]
	return bit, ok
}
