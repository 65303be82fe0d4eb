package modinfo

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Registers with a purpose.
const (
	armLR = 30
	armSP = 31 // as a base and of add and sub; elsewhere 31 is zero
)

// word is an instruction.
type word uint32

func (w word) bits(high, low int) uint32 { return uint32(w) >> low & (1<<(high-low+1) - 1) }
func (w word) signed(high, low int) uint64 {
	n := high - low + 1
	return uint64(int64(int32(w.bits(high, low)<<(32-n)) >> (32 - n)))
}
func (w word) rd() int { return int(w.bits(4, 0)) }
func (w word) rn() int { return int(w.bits(9, 5)) }
func (w word) rm() int { return int(w.bits(20, 16)) }

// size is that of an instruction's registers.
func (w word) size() int { return 4 << w.bits(31, 31) }

// stepARM follows one instruction of arm64.
func (m *machine) stepARM() error {
	b, ok := m.im.bytes(m.pc, 4)
	if !ok {
		return errCode
	}
	w := word(binary.LittleEndian.Uint32(b))
	at := m.pc
	m.pc += 4
	switch {
	case w&0xfffff01f == 0xd503201f: // nop, bti, paciasp, autiasp
	case w&0x1f000000 == 0x10000000: // adr, adrp
		d := w.signed(23, 5)<<2 | uint64(w.bits(30, 29))
		if w.bits(31, 31) == 1 {
			at, d = at&^0xfff, d<<12
		}
		m.set(w.rd(), value{kind: number, n: at + d}, 8)
	case w&0x1f000000 == 0x11000000:
		return m.addARM(w)
	case w&0x7fe0ffe0 == 0x2a0003e0: // mov
		m.set(w.rd(), m.get31(w.rm(), w.size()), w.size())
	case w&0x1f800000 == 0x12800000:
		return m.moveWide(w)
	case w&0x7f200000 == 0x6b000000: // subs
		m.zero = value{}
		if m.get31(w.rn(), 8).kind == canary && m.get31(w.rm(), 8).kind == canary {
			m.zero = value{kind: number, n: 1}
		}
		m.set(w.rd(), value{}, 8)
	case w&0x3a000000 == 0x28000000:
		return m.pair(w)
	case w&0x3a000000 == 0x38000000:
		return m.single(w)
	case w&0xffffffe0 == 0x6f00e400 || w&0xffffffe0 == 0x4f000400: // movi of zero
		m.wide[w.rd()] = [2]value{{kind: number}, {kind: number}}
	default:
		return m.branch(w, at)
	}
	return nil
}

// get31 returns a register, of which the last is zero.
func (m *machine) get31(r, size int) value {
	if r == 31 {
		return value{kind: number}
	}
	return narrow(m.regs[r], size)
}

// set sets a register, if it is not the last.
func (m *machine) set(r int, v value, size int) {
	if r != 31 {
		m.regs[r] = narrow(v, size)
	}
}

// addARM is add or sub of a number.
func (m *machine) addARM(w word) error {
	n := uint64(w.bits(21, 10)) << (12 * w.bits(22, 22))
	if w.bits(30, 30) == 1 {
		n = -n
	}
	v := narrow(m.regs[w.rn()].plus(n), w.size())
	if w.bits(29, 29) == 1 { // and sets the flags
		m.zero = value{}
		m.set(w.rd(), v, w.size())
		return nil
	}
	m.regs[w.rd()] = v
	return nil
}

// moveWide is movz, movn or movk.
func (m *machine) moveWide(w word) error {
	shift := 16 * w.bits(22, 21)
	n := uint64(w.bits(20, 5)) << shift
	switch w.bits(30, 29) {
	case 0:
		m.set(w.rd(), value{kind: number, n: ^n}, w.size())
	case 2:
		m.set(w.rd(), value{kind: number, n: n}, w.size())
	case 3:
		v := m.get31(w.rd(), w.size())
		if v.kind == number {
			v.n = v.n&^(0xffff<<shift) | n
		} else {
			v = value{}
		}
		m.set(w.rd(), v, w.size())
	default:
		return fmt.Errorf("instruction %08x", uint32(w))
	}
	return nil
}

// transfer loads or stores a register of 4, 8 or, of vectors, 8 or 16 bytes.
func (m *machine) transfer(at value, r, size int, vector, load bool) error {
	switch {
	case vector && load:
		m.wide[r] = [2]value{m.load(at, 8), {kind: number}}
		if size == 16 {
			m.wide[r][1] = m.load(at.plus(8), 8)
		}
	case vector:
		if err := m.store(at, m.wide[r][0], 8); err != nil || size == 8 {
			return err
		}
		return m.store(at.plus(8), m.wide[r][1], 8)
	case load:
		m.set(r, m.load(at, size), size)
	default:
		return m.store(at, m.get31(r, size), size)
	}
	return nil
}

// The ways in which an address is formed of a register and a number.
const (
	after  = 1 // the register alone, and the number is added to it then
	before = 3 // both, and the register keeps the sum
)

// address forms an address.
func (m *machine) address(r int, n uint64, way uint32) value {
	base := m.regs[r]
	sum := base.plus(n)
	if way == after || way == before {
		m.regs[r] = sum
	}
	if way == after {
		return base
	}
	return sum
}

// pair is a load or a store of two registers.
func (m *machine) pair(w word) error {
	vector, load := w.bits(26, 26) == 1, w.bits(22, 22) == 1
	size := map[uint32]int{0: 4, 2: 8}[w.bits(31, 30)]
	if vector {
		size = map[uint32]int{1: 8, 2: 16}[w.bits(31, 30)]
	}
	if size == 0 {
		return fmt.Errorf("instruction %08x", uint32(w))
	}
	at := m.address(w.rn(), w.signed(21, 15)*uint64(size), w.bits(24, 23))
	if err := m.transfer(at, w.rd(), size, vector, load); err != nil {
		return err
	}
	return m.transfer(at.plus(uint64(size)), int(w.bits(14, 10)), size, vector, load)
}

// single is a load or a store of one register.
func (m *machine) single(w word) error {
	vector, opc, log := w.bits(26, 26) == 1, w.bits(23, 22), int(w.bits(31, 30))
	if vector && opc >= 2 && log == 0 {
		log, opc = 4, opc-2
	}
	if opc > 1 || !vector && log < 2 || vector && log < 3 {
		return fmt.Errorf("instruction %08x", uint32(w))
	}
	size := 1 << log
	var at value
	switch {
	case w.bits(24, 24) == 1:
		at = m.address(w.rn(), uint64(w.bits(21, 10))<<log, 0)
	case w.bits(21, 21) == 0 && w.bits(11, 10) != 2:
		at = m.address(w.rn(), w.signed(20, 12), w.bits(11, 10))
	default:
		return fmt.Errorf("instruction %08x", uint32(w))
	}
	return m.transfer(at, w.rd(), size, vector, opc == 1)
}

// branch is a jump, a call, or a return.
func (m *machine) branch(w word, at uint64) error {
	switch {
	case w&0x7c000000 == 0x14000000: // b, bl
		if w.bits(31, 31) == 1 {
			m.regs[armLR] = value{kind: number, n: m.pc}
		}
		m.pc = at + w.signed(25, 0)<<2
	case w&0xff00001e == 0x54000000: // b.eq, b.ne
		if m.zero.kind != number {
			return errors.New("a condition that is not known")
		}
		if (m.zero.n == 1) == (w.bits(0, 0) == 0) {
			m.pc = at + w.signed(23, 5)<<2
		}
	case w&0xff9ffc1f == 0xd61f0000: // br, blr, ret
		to, kind := m.get31(w.rn(), 8), w.bits(22, 21)
		if kind == 1 {
			m.regs[armLR] = value{kind: number, n: m.pc}
		}
		switch {
		case to.kind == symbol && kind != 2:
			return m.externalARM(to.name)
		case to.kind == number && kind == 2:
			m.pc = to.n
		case to.kind == caller && kind == 2:
			m.done = true
		default:
			return errors.New("a jump to what is not known")
		}
	default:
		return fmt.Errorf("instruction %08x", uint32(w))
	}
	return nil
}

// externalARM calls another library's function, and returns from there.
func (m *machine) externalARM(name string) error {
	v, err := m.external(name, [3]value{m.regs[0], m.regs[1], m.regs[2]})
	if err != nil {
		return err
	}
	for r := range 19 { // the others functions preserve
		m.regs[r] = value{}
	}
	m.regs[0] = v
	m.wide = [32][2]value{}
	switch back := m.regs[armLR]; back.kind {
	case number:
		m.pc = back.n
	case caller:
		m.done = true
	default:
		return errors.New("a return to nowhere")
	}
	return nil
}
