package modinfo

import (
	"encoding/binary"
	"fmt"
)

// long follows an instruction whose first byte is 0x0f: those that move two words at once, and few others.
func (m *machine) long(i *instruction, op byte) error {
	if op == 0x1e && i.rep == 0xf3 && i.code[i.n] == 0xfa { // endbr64
		i.n++
		m.next(i)
		return nil
	}
	if op == 0x84 || op == 0x85 {
		n := uint64(int64(int32(binary.LittleEndian.Uint32(i.code[i.n:]))))
		i.n += 4
		m.next(i)
		return m.follow(op-0x10, m.pc+n)
	}
	if err := m.operands(i, 0); err != nil {
		return err
	}
	m.next(i)
	key := uint16(i.rep)<<8 | uint16(op)
	switch key {
	case 0x1f, 0x661f: // nop
	case 0x10, 0x28, 0x6610, 0x6628, 0x666f, 0xf36f: // movups and its like
		m.wide[i.reg] = m.getWide(i)
	case 0x11, 0x29, 0x6611, 0x6629, 0x667f, 0xf37f:
		return m.putWide(i)
	case 0xf37e: // movq
		m.wide[i.reg] = [2]value{m.half(i), {kind: number}}
	case 0x66d6:
		if i.isReg {
			m.wide[i.rm] = [2]value{m.wide[i.reg][0], {kind: number}}
			return nil
		}
		return m.store(i.address, m.wide[i.reg][0], 8)
	case 0x666e:
		if !i.w {
			return fmt.Errorf("instruction 66 0f 6e of a short word")
		}
		m.wide[i.reg] = [2]value{m.get(i), {kind: number}}
	case 0x666c: // punpcklqdq
		m.wide[i.reg][1] = m.half(i)
	case 0x16, 0x6616: // movhps; movlhps
		m.wide[i.reg][1] = m.half(i)
	case 0x57, 0x6657, 0x66ef: // xor
		v := [2]value{}
		if i.isReg && i.rm == i.reg {
			v = [2]value{{kind: number}, {kind: number}}
		}
		m.wide[i.reg] = v
	default:
		return fmt.Errorf("instruction %02x 0f %02x", i.rep, op)
	}
	return nil
}

// half returns the lower half of an operand.
func (m *machine) half(i *instruction) value {
	if i.isReg {
		return m.wide[i.rm][0]
	}
	return m.load(i.address, 8)
}

func (m *machine) getWide(i *instruction) [2]value {
	if i.isReg {
		return m.wide[i.rm]
	}
	return [2]value{m.load(i.address, 8), m.load(i.address.plus(8), 8)}
}

func (m *machine) putWide(i *instruction) error {
	if i.isReg {
		m.wide[i.rm] = m.wide[i.reg]
		return nil
	}
	if err := m.store(i.address, m.wide[i.reg][0], 8); err != nil {
		return err
	}
	return m.store(i.address.plus(8), m.wide[i.reg][1], 8)
}
