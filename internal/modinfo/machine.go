package modinfo

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// value is what a register or a place in memory holds, as far as it is known.
type value struct {
	kind kind
	n    uint64 // a number, or the offset in a region
	base int    // of a region, or a list
	name string // of a symbol
}

type kind int

const (
	unknown kind = iota
	number       // also an address of the module
	region       // an address in an argument or on the stack
	symbol       // the address of another library's
	list         // texts that a function of GLib returned
	canary       // what guards the stack
	caller       // where a function returns to that nothing here calls
)

// The regions of memory: what the arguments point to begins with zeros, as callers give it.
const (
	stack = iota
	argument
)

func (v value) plus(n uint64) value {
	if v.kind != number && v.kind != region && n != 0 {
		return value{}
	}
	v.n += n
	return v
}

// part returns size bytes of a value of old bytes, from an offset.
func (v value) part(offset uint64, old, size int) value {
	switch {
	case size == old:
		return v
	case v.kind == number:
		return value{kind: number, n: v.n >> (8 * offset) & (1<<(8*size) - 1)}
	}
	return value{}
}

// place is an address in a region.
type place struct {
	base int
	at   uint64
}

// stored is what was written to a place.
type stored struct {
	v    value
	size int
}

// machine follows one call.
type machine struct {
	im     *image
	pc     uint64
	regs   [32]value
	wide   [32][2]value // vector registers, in two halves
	memory map[place]stored
	zero   value // number 1: the last comparison found equals; 0: not; else unknown
	lists  [][]string
	done   bool
}

// maxSteps bounds a call.
const maxSteps = 1000

// call follows a function with arguments that point to memory of zeros.
func (im *image) call(name string) (*machine, error) {
	at, ok := im.functions[name]
	if !ok {
		return nil, ErrNone
	}
	m := &machine{im: im, pc: at, memory: map[place]stored{}}
	step, sp, args := m.step, rsp, []int{rdi, rsi}
	if im.arch == elf.EM_AARCH64 {
		step, sp, args = m.stepARM, armSP, []int{0, 1}
		m.regs[armLR] = value{kind: caller}
	}
	m.regs[sp] = value{kind: region, base: stack, n: 1 << 32}
	for i, r := range args {
		m.regs[r] = value{kind: region, base: argument + i}
	}
	for range maxSteps {
		at := m.pc
		if err := step(); err != nil {
			return nil, fmt.Errorf("%s at %#x: %w", name, at, err)
		}
		if m.done {
			return m, nil
		}
	}
	return nil, fmt.Errorf("%s does not end", name)
}

// result is what the function returns: both architectures have it in their first register.
func (m *machine) result() value { return m.regs[0] }

// load reads memory.
func (m *machine) load(at value, size int) value {
	switch at.kind {
	case symbol:
		if at.name == "__stack_chk_guard" {
			return value{kind: canary}
		}
	case number:
		return m.im.word(at.n, size)
	case region:
		for p, s := range m.memory {
			if p.base == at.base && p.at <= at.n && at.n+uint64(size) <= p.at+uint64(s.size) {
				return s.v.part(at.n-p.at, s.size, size)
			}
		}
		if at.base == stack || m.overlaps(at, size) {
			return value{}
		}
		return value{kind: number}
	}
	return value{}
}

// overlaps reports whether something is written near an address of a region.
func (m *machine) overlaps(at value, size int) bool {
	for p, s := range m.memory {
		if p.base == at.base && p.at < at.n+uint64(size) && at.n < p.at+uint64(s.size) {
			return true
		}
	}
	return false
}

var errStore = errors.New("a store to a place that is not known")

// store writes memory.
func (m *machine) store(at, v value, size int) error {
	if at.kind != region {
		return errStore
	}
	if s, ok := m.memory[place{at.base, at.n}]; (!ok || s.size != size) && m.overlaps(at, size) {
		return errStore
	}
	m.memory[place{at.base, at.n}] = stored{v, size}
	return nil
}

// text returns a string by its address.
func (m *machine) text(v value) (string, bool) {
	if v.kind != number {
		return "", false
	}
	return m.im.text(v.n)
}

// texts returns the strings of a list of addresses that ends in none.
func (m *machine) texts(at value) ([]string, bool) {
	var out []string
	for range longestList {
		v := m.load(at, 8)
		if v == (value{kind: number}) {
			return out, true
		}
		s, ok := m.text(v)
		if !ok {
			return nil, false
		}
		out, at = append(out, s), at.plus(8)
	}
	return nil, false
}

// external is a call of another library's function with arguments.
func (m *machine) external(name string, args [3]value) (value, error) {
	switch name {
	case "g_strdup":
		return args[0], nil
	case "g_strdupv":
		if out, ok := m.texts(args[0]); ok {
			return m.list(out), nil
		}
	case "g_strsplit":
		s, ok1 := m.text(args[0])
		delimiter, ok2 := m.text(args[1])
		if ok1 && ok2 && delimiter != "" && args[2] == (value{kind: number}) {
			if s == "" {
				return m.list(nil), nil
			}
			return m.list(strings.Split(s, delimiter)), nil
		}
	}
	return value{}, fmt.Errorf("a call of %q", name)
}

func (m *machine) list(texts []string) value {
	m.lists = append(m.lists, texts)
	return value{kind: list, base: len(m.lists) - 1}
}
