package modinfo

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// image is a module as it lies in memory, at address 0.
type image struct {
	arch      elf.Machine
	parts     []part
	functions map[string]uint64
	words     map[uint64]value // by relocations
}

type part struct {
	at   uint64
	body []byte // what the file has of it
	size uint64
}

// load reads a shared library of 64 bits.
func load(file []byte) (*image, error) {
	if len(file) > largest {
		return nil, errors.New("too large for a module")
	}
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	kinds, ok := relocations[f.Machine]
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || !ok {
		return nil, fmt.Errorf("a module for %v", f.Machine)
	}
	im := &image{arch: f.Machine, functions: map[string]uint64{}, words: map[uint64]value{}}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Off > uint64(len(file)) || p.Filesz > uint64(len(file))-p.Off || p.Filesz > p.Memsz {
			return nil, errors.New("a segment outside of the file")
		}
		im.parts = append(im.parts, part{p.Vaddr, file[p.Off : p.Off+p.Filesz], p.Memsz})
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF {
			im.functions[s.Name] = s.Value
		}
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return nil, err
		}
		im.relocate(b, symbols, kinds)
	}
	return im, nil
}

// kindsOf are the kinds of relocations of an architecture that matter here: of an address of the module, of a symbol with an addend, and of a
// symbol alone, as data or as a function.
type kindsOf struct{ relative, absolute, data, function uint32 }

var relocations = map[elf.Machine]kindsOf{
	elf.EM_X86_64:  {uint32(elf.R_X86_64_RELATIVE), uint32(elf.R_X86_64_64), uint32(elf.R_X86_64_GLOB_DAT), uint32(elf.R_X86_64_JMP_SLOT)},
	elf.EM_AARCH64: {uint32(elf.R_AARCH64_RELATIVE), uint32(elf.R_AARCH64_ABS64), uint32(elf.R_AARCH64_GLOB_DAT), uint32(elf.R_AARCH64_JUMP_SLOT)},
}

// relocate notes what a dynamic linker would write.
func (im *image) relocate(b []byte, symbols []elf.Symbol, kinds kindsOf) {
	for ; len(b) >= 24; b = b[24:] {
		at, info, addend := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
		v := value{kind: number, n: addend}
		switch kind := uint32(info); kind {
		case kinds.relative:
		case kinds.absolute, kinds.data, kinds.function:
			i := info >> 32
			if i == 0 || i > uint64(len(symbols)) {
				v = value{}
				break
			}
			s := symbols[i-1]
			if kind != kinds.absolute {
				v.n = 0
			}
			if s.Section == elf.SHN_UNDEF {
				v = value{kind: symbol, name: s.Name}
			} else {
				v.n += s.Value
			}
		default:
			v = value{}
		}
		im.words[at] = v
	}
}

// bytes returns n bytes at an address.
func (im *image) bytes(at, n uint64) ([]byte, bool) {
	for _, p := range im.parts {
		if at < p.at || at-p.at > p.size || n > p.size-(at-p.at) {
			continue
		}
		out := make([]byte, n)
		if off := at - p.at; off < uint64(len(p.body)) {
			copy(out, p.body[off:])
		}
		return out, true
	}
	return nil, false
}

// word returns what is at an address, after relocation.
func (im *image) word(at uint64, size int) value {
	if v, ok := im.words[at]; ok {
		if size < 8 {
			return value{}
		}
		return v
	}
	for i := uint64(1); i < 8; i++ {
		if _, ok := im.words[at-i]; ok {
			return value{}
		}
		if _, ok := im.words[at+i]; ok && i < uint64(size) {
			return value{}
		}
	}
	b, ok := im.bytes(at, uint64(size))
	if !ok {
		return value{}
	}
	return value{kind: number, n: binary.LittleEndian.Uint64(append(b, 0, 0, 0, 0)[:8])}
}

// longest bounds a text.
const longest = 1 << 16

func (im *image) text(at uint64) (string, bool) {
	for _, p := range im.parts {
		if at < p.at || at-p.at >= uint64(len(p.body)) {
			continue
		}
		b := p.body[at-p.at:]
		i := bytes.IndexByte(b[:min(len(b), longest)], 0)
		if i < 0 {
			return "", false
		}
		return string(b[:i]), true
	}
	return "", false
}
