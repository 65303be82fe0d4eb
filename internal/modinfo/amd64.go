package modinfo

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The registers by number.
const (
	rax = 0
	rdx = 2
	rbx = 3
	rsp = 4
	rbp = 5
	rsi = 6
	rdi = 7
)

// instruction is one that is being decoded.
type instruction struct {
	code         []byte
	n            int  // bytes read of code
	rep          byte // the prefix 0x66, 0xf2 or 0xf3; 0
	fs           bool
	w, r, x, b   bool // the bits of the REX prefix
	mod, reg, rm int
	address      value
	isReg        bool
}

var errCode = errors.New("code outside of the module")

// step follows one instruction.
func (m *machine) step() error {
	code, ok := m.im.bytes(m.pc, 1)
	for n := uint64(15); ok && n > 1; n-- {
		if long, fits := m.im.bytes(m.pc, n); fits {
			code = long
			break
		}
	}
	if !ok {
		return errCode
	}
	i := &instruction{code: append(code, make([]byte, 16)...)}
	for ; ; i.n++ {
		switch c := i.code[i.n]; {
		case c == 0x66 || c == 0xf2 || c == 0xf3:
			i.rep = c
			continue
		case c == 0x64:
			i.fs = true
			continue
		case c&0xf0 == 0x40:
			i.w, i.r, i.x, i.b = c&8 != 0, c&4 != 0, c&2 != 0, c&1 != 0
			i.n++
		}
		break
	}
	op := i.code[i.n]
	i.n++
	if op == 0x0f {
		op = i.code[i.n]
		i.n++
		return m.long(i, op)
	}
	return m.short(i, op)
}

// next ends an instruction that does not jump.
func (m *machine) next(i *instruction) { m.pc += uint64(i.n) }

// operands decodes the byte that says what an instruction works on; imm is how many bytes follow.
func (m *machine) operands(i *instruction, imm int) error {
	c := i.code[i.n]
	i.n++
	i.mod, i.reg, i.rm = int(c>>6), int(c>>3&7), int(c&7)
	if i.r {
		i.reg += 8
	}
	base := i.rm
	if i.b {
		i.rm += 8
	}
	switch {
	case i.mod == 3:
		i.isReg = true
		return nil
	case base == 4:
		sib := i.code[i.n]
		i.n++
		if i.fs && sib == 0x25 && i.mod == 0 && binary.LittleEndian.Uint32(i.code[i.n:]) == 0x28 {
			i.n += 4
			i.address = value{kind: canary}
			return nil
		}
		if sib&0x38 != 0x20 || i.x || i.mod == 0 && sib&7 == 5 {
			return errors.New("an address that is computed")
		}
		i.rm = int(sib & 7)
		if i.b {
			i.rm += 8
		}
	case base == 5 && i.mod == 0:
		d := int32(binary.LittleEndian.Uint32(i.code[i.n:]))
		i.n += 4
		i.address = value{kind: number, n: m.pc + uint64(i.n+imm) + uint64(int64(d))}
		return nil
	}
	if i.fs {
		return errors.New("an address of the thread")
	}
	d := int64(0)
	switch i.mod {
	case 1:
		d = int64(int8(i.code[i.n]))
		i.n++
	case 2:
		d = int64(int32(binary.LittleEndian.Uint32(i.code[i.n:])))
		i.n += 4
	}
	i.address = m.regs[i.rm].plus(uint64(d))
	return nil
}

// size is that of an operand.
func (i *instruction) size() int {
	if i.w {
		return 8
	}
	return 4
}

// get returns an instruction's operand in a register or in memory.
func (m *machine) get(i *instruction) value {
	switch {
	case i.isReg:
		return narrow(m.regs[i.rm], i.size())
	case i.address.kind == canary:
		return i.address
	}
	return m.load(i.address, i.size())
}

// put sets it.
func (m *machine) put(i *instruction, v value) error {
	if i.isReg {
		m.regs[i.rm] = narrow(v, i.size())
		return nil
	}
	return m.store(i.address, narrow(v, i.size()), i.size())
}

// narrow returns what a register of a size keeps of a value.
func narrow(v value, size int) value {
	switch {
	case size == 8:
		return v
	case v.kind == number:
		return value{kind: number, n: uint64(uint32(v.n))}
	}
	return value{}
}

// short follows an instruction of one byte.
func (m *machine) short(i *instruction, op byte) error {
	if i.rep == 0x66 {
		return fmt.Errorf("instruction 66 %02x", op)
	}
	switch {
	case op == 0x90:
	case op == 0xc3:
		return m.back()
	case op == 0xc9: // leave
		m.regs[rsp] = m.regs[rbp].plus(8)
		m.regs[rbp] = m.load(m.regs[rbp], 8)
	case op&0xf8 == 0x50 || op&0xf8 == 0x58:
		return m.push(i, op)
	case op&0xf8 == 0xb8 && !i.w:
		r := int(op & 7)
		if i.b {
			r += 8
		}
		m.regs[r] = value{kind: number, n: uint64(binary.LittleEndian.Uint32(i.code[i.n:]))}
		i.n += 4
	case op == 0xe8 || op == 0xe9 || op == 0xeb || op == 0x74 || op == 0x75:
		return m.jump(i, op)
	case op == 0xff:
		return m.indirect(i)
	case op == 0x8d || op == 0x89 || op == 0x8b || op == 0x31 || op == 0x33 || op == 0x29 || op == 0x2b || op == 0x3b || op == 0x39 || op == 0x85:
		if err := m.operands(i, 0); err != nil {
			return err
		}
		if err := m.move(i, op); err != nil {
			return err
		}
	case op == 0xc7 || op == 0x83 || op == 0x81:
		if err := m.immediate(i, op); err != nil {
			return err
		}
	default:
		return fmt.Errorf("instruction %02x", op)
	}
	m.next(i)
	return nil
}

// push is push, and pop.
func (m *machine) push(i *instruction, op byte) error {
	r := int(op & 7)
	if i.b {
		r += 8
	}
	m.next(i)
	if op&0xf8 == 0x50 {
		v := m.regs[r]
		m.regs[rsp] = m.regs[rsp].plus(^uint64(7))
		return m.store(m.regs[rsp], v, 8)
	}
	m.regs[r] = m.load(m.regs[rsp], 8)
	m.regs[rsp] = m.regs[rsp].plus(8)
	return nil
}

// move is an instruction of two operands.
func (m *machine) move(i *instruction, op byte) error {
	own := narrow(m.regs[i.reg], i.size())
	switch op {
	case 0x8d:
		if i.isReg || i.address.kind == canary || !i.w {
			return errors.New("an address of nothing")
		}
		m.regs[i.reg] = i.address
	case 0x89:
		return m.put(i, own)
	case 0x8b:
		m.regs[i.reg] = narrow(m.get(i), i.size())
		if i.address.kind == canary {
			m.regs[i.reg] = i.address
		}
	case 0x31, 0x33, 0x29, 0x2b: // what equals what is taken away comes to zero
		v, result := m.get(i), value{}
		m.zero = value{}
		if i.isReg && i.rm == i.reg || v.kind == canary && m.regs[i.reg].kind == canary {
			result, m.zero = value{kind: number}, value{kind: number, n: 1}
		}
		if op == 0x33 || op == 0x2b {
			m.regs[i.reg] = result
			return nil
		}
		return m.put(i, result)
	case 0x3b, 0x39, 0x85:
		m.zero = value{}
		if v := m.get(i); op != 0x85 && v.kind == canary && m.regs[i.reg].kind == canary {
			m.zero = value{kind: number, n: 1}
		}
	}
	return nil
}

// immediate is an instruction with a number: a store, or the making of room on the stack.
func (m *machine) immediate(i *instruction, op byte) error {
	imm := 4
	if op == 0x83 {
		imm = 1
	}
	if err := m.operands(i, imm); err != nil {
		return err
	}
	n := uint64(int64(int32(binary.LittleEndian.Uint32(i.code[i.n:]))))
	if op == 0x83 {
		n = uint64(int64(int8(i.code[i.n])))
	}
	i.n += imm
	m.zero = value{}
	switch kind := i.reg & 7; {
	case op == 0xc7 && kind == 0:
		return m.put(i, value{kind: number, n: n})
	case op != 0xc7 && kind == 0 && i.isReg && i.w:
		m.regs[i.rm] = m.regs[i.rm].plus(n)
	case op != 0xc7 && kind == 5 && i.isReg && i.w:
		m.regs[i.rm] = m.regs[i.rm].plus(-n)
	default:
		return fmt.Errorf("instruction %02x /%d", op, kind)
	}
	return nil
}

// jump is a call, a jump, or a jump on equality.
func (m *machine) jump(i *instruction, op byte) error {
	n := uint64(int64(int8(i.code[i.n])))
	if op == 0xe8 || op == 0xe9 {
		n = uint64(int64(int32(binary.LittleEndian.Uint32(i.code[i.n:]))))
		i.n += 4
	} else {
		i.n++
	}
	m.next(i)
	return m.follow(op, m.pc+n)
}

// follow goes to target as op says.
func (m *machine) follow(op byte, target uint64) error {
	switch {
	case op == 0x74 || op == 0x75:
		if m.zero.kind != number {
			return errors.New("a condition that is not known")
		}
		if (m.zero.n == 1) == (op == 0x75) {
			return nil
		}
	case op == 0xe8:
		m.regs[rsp] = m.regs[rsp].plus(^uint64(7))
		if err := m.store(m.regs[rsp], value{kind: number, n: m.pc}, 8); err != nil {
			return err
		}
	}
	m.pc = target
	return nil
}

// indirect is a jump or a call by an address in memory, as of another library's function.
func (m *machine) indirect(i *instruction) error {
	if err := m.operands(i, 0); err != nil {
		return err
	}
	i.w = true
	m.next(i)
	to, kind := m.get(i), i.reg&7
	if to.kind != symbol || kind != 2 && kind != 4 {
		return errors.New("a call of what is not known")
	}
	v, err := m.external(to.name, [3]value{m.regs[rdi], m.regs[rsi], m.regs[rdx]})
	if err != nil {
		return err
	}
	for r := range m.regs { // but those that functions preserve
		if r != rsp && r != rbx && r != rbp && (r < 12 || r > 15) {
			m.regs[r] = value{}
		}
	}
	m.regs[rax] = v
	m.wide = [32][2]value{}
	if kind == 2 {
		return nil
	}
	return m.back()
}

// back returns from a call.
func (m *machine) back() error {
	v := m.load(m.regs[rsp], 8)
	if m.regs[rsp] == (value{kind: region, base: stack, n: 1 << 32}) {
		m.done = true
		return nil
	}
	if v.kind != number {
		return errors.New("a return to nowhere")
	}
	m.regs[rsp] = m.regs[rsp].plus(8)
	m.pc = v.n
	return nil
}
