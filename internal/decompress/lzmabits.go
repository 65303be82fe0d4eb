package decompress

// The functions below read a few bits each. They share a form:
//
//   - Range and code are held in 64 bits, so that the borrow of a subtraction
//     is exact; code < range always holds.
//   - The probabilities of both possible successors are read before the bit is known.
//   - The outcome is chosen by conditional moves. The compiler makes them of
//     "if code < bound { four assignments }" only if no load address depends on the
//     assigned values. So the tree index comes from the borrow of bits.Sub64, not from
//     a variable assigned in the branch. A test counts the instructions.
//   - adj makes one update rule of two: for bit 1, q -= q>>5; for bit 0,
//     q += (2048-q)>>5, which is q -= (q-2017)>>5 with an arithmetic shift.

import "math/bits"

func (d *core) normalize() {
	d.rng <<= 8
	d.code = d.code<<8 | uint64(d.in[d.ip&ringMask])
	d.ip++
}

// bit decodes one bit with a branch: right for skewed odds.
func (d *core) bit(p *uint16) bool {
	if d.rng < rangeTop {
		d.normalize()
	}
	q := uint64(*p)
	bound := (d.rng >> 11) * q
	if d.code < bound {
		d.rng = bound
		*p = uint16(q + (2048-q)>>5)
		return false
	}
	d.rng -= bound
	d.code -= bound
	*p = uint16(q - q>>5)
	return true
}

// isMatch decodes whether the next symbol is a match.
func (d *core) isMatch(pos uint) bool {
	return d.bit(&d.model.isMatch[(d.state<<4|pos&d.pbMask)&255])
}

// literals decodes literals up to the next match or the end of out or of the
// input. It returns the new position and whether a match comes next.
// It needs a state below 7, in which literals do not depend on the last match.
func (d *core) literals(out []byte, pos, end uint) (uint, bool) {
	r, c, ip := d.rng, d.code, d.ip
	s := d.state
	prev := uint(0)
	if pos-1 < uint(len(out)) {
		prev = uint(out[pos-1])
	}
	for pos < uint(len(out)) && ip <= end {
		p := &d.model.isMatch[(s<<4|pos&d.pbMask)&255]
		q := uint64(*p)
		if r < rangeTop {
			r <<= 8
			c = c<<8 | uint64(d.in[ip&ringMask])
			ip++
		}
		bound := (r >> 11) * q
		if c >= bound {
			*p = uint16(q - q>>5)
			d.rng, d.code, d.ip, d.state = r-bound, c-bound, ip, s
			return pos, true
		}
		r = bound
		*p = uint16(q + (2048-q)>>5)
		if s < 4 {
			s = 0
		} else {
			s -= 3
		}
		t := &d.literal[((pos&d.lpMask)<<d.lc|prev>>(8-d.lc))&15]
		m := uint64(1)
		q = uint64(t[1])
		for range 8 {
			x := 2 * m & 254
			q0, q1 := uint64(t[x]), uint64(t[x+1])
			if r < rangeTop {
				r <<= 8
				c = c<<8 | uint64(d.in[ip&ringMask])
				ip++
			}
			b := (r >> 11) * q
			diff, borrow := bits.Sub64(c, b, 0)
			rest, next, adj := r-b, q1, uint64(0)
			if c < b {
				rest, diff, next, adj = b, c, q0, ^uint64(2017-1)
			}
			t[m&255] = uint16(q - uint64(int64(q+adj)>>5))
			r, c, q = rest, diff, next
			m = 2*m + 1 - borrow
		}
		prev = uint(m & 255)
		out[pos] = byte(m)
		pos++
	}
	d.rng, d.code, d.ip, d.state = r, c, ip, s
	return pos, false
}

// matchedLiteral decodes the literal after a match, whose model also looks at mb, the
// byte that would have continued the match.
func (d *core) matchedLiteral(t *[1024]uint16, mb uint64) byte {
	r, c, ip := d.rng, d.code, d.ip
	off, m := uint64(0x100), uint64(1)
	mb <<= 1
	i := off + mb&off + m
	q := uint64(t[i&1023])
	for range 8 {
		// The offset stays only while decoded bits equal those of mb.
		o1 := off & mb
		o0 := off &^ mb
		mb <<= 1
		i0, i1 := o0+mb&o0+2*m, o1+mb&o1+2*m+1
		q0, q1 := uint64(t[i0&1023]), uint64(t[i1&1023])
		if r < rangeTop {
			r <<= 8
			c = c<<8 | uint64(d.in[ip&ringMask])
			ip++
		}
		b := (r >> 11) * q
		diff, borrow := bits.Sub64(c, b, 0)
		rest, next, adj := r-b, q1, uint64(0)
		if c < b {
			rest, diff, next, adj = b, c, q0, ^uint64(2017-1)
		}
		t[i&1023] = uint16(q - uint64(int64(q+adj)>>5))
		r, c, q = rest, diff, next
		i = i1 ^ (i0^i1)&-borrow
		off = o1 ^ (o0^o1)&-borrow
		m = 2*m + 1 - borrow
	}
	d.rng, d.code, d.ip = r, c, ip
	return byte(m)
}

// match decodes a match or a repeated one, sets the distances and the state, and returns
// the length.
func (d *core) match(pos uint) uint {
	ps := pos & d.pbMask
	s := d.state
	after := uint(0) // added to the new state if the one before was not a literal's
	if s >= 7 {
		after = 3
	}
	if !d.bit(&d.isRep[s&15]) {
		d.state = 7 + after
		d.rep3, d.rep2, d.rep1 = d.rep2, d.rep1, d.rep0
		n := d.length(&d.matchLen, ps)
		d.rep0 = d.distance(min(n-2, 3))
		return n
	}
	if !d.bit(&d.isRepG0[s&15]) {
		if !d.bit(&d.isRep0Long[(s<<4|ps)&255]) {
			d.state = 9
			if s >= 7 {
				d.state = 11
			}
			return 1
		}
	} else if !d.bit(&d.isRepG1[s&15]) {
		d.rep0, d.rep1 = d.rep1, d.rep0
	} else if !d.bit(&d.isRepG2[s&15]) {
		d.rep0, d.rep1, d.rep2 = d.rep2, d.rep0, d.rep1
	} else {
		d.rep0, d.rep1, d.rep2, d.rep3 = d.rep3, d.rep0, d.rep1, d.rep2
	}
	d.state = 8 + after
	return d.length(&d.repLen, ps)
}

// length decodes a match length, 2 to 273.
func (d *core) length(l *lengthCoder, ps uint) uint {
	if !d.bit(&l.choice) {
		return 2 + d.tree(l.low[ps&15][:], 3)
	}
	if !d.bit(&l.choice2) {
		return 10 + d.tree(l.mid[ps&15][:], 3)
	}
	return 18 + d.tree(l.high[:], 8)
}

// tree decodes n bits, the highest first; t must hold 1<<n probabilities.
func (d *core) tree(t []uint16, n uint) uint {
	r, c, ip := d.rng, d.code, d.ip
	m := uint64(1)
	q := uint64(t[1])
	mask := uint64(1)<<n - 2
	for range n {
		x := 2 * m & mask
		q0, q1 := uint64(t[x]), uint64(t[x+1])
		if r < rangeTop {
			r <<= 8
			c = c<<8 | uint64(d.in[ip&ringMask])
			ip++
		}
		b := (r >> 11) * q
		diff, borrow := bits.Sub64(c, b, 0)
		rest, next, adj := r-b, q1, uint64(0)
		if c < b {
			rest, diff, next, adj = b, c, q0, ^uint64(2017-1)
		}
		t[m] = uint16(q - uint64(int64(q+adj)>>5))
		r, c, q = rest, diff, next
		m = 2*m + 1 - borrow
	}
	d.rng, d.code, d.ip = r, c, ip
	return uint(m) - 1<<n
}

// reverse decodes n bits, the lowest first.
func (d *core) reverse(t []uint16, n uint) uint64 {
	v, m := uint64(0), uint(1)
	for i := range n {
		b := uint(0)
		if d.bit(&t[m]) {
			b = 1
		}
		m = 2*m + b
		v |= uint64(b) << i
	}
	return v
}

// distance decodes a match distance less one; class is the smaller of 3 and the length
// less two.
func (d *core) distance(class uint) uint64 {
	slot := uint64(d.tree(d.slot[class&3][:], 6))
	if slot < 4 {
		return slot
	}
	n := uint(slot>>1 - 1)
	base := (2 | slot&1) << n
	if slot < 14 {
		return base + d.reverse(d.special[slot&15][:], n)
	}
	v := uint64(0)
	for range n - 4 {
		if d.rng < rangeTop {
			d.normalize()
		}
		d.rng >>= 1
		v <<= 1
		if d.code >= d.rng {
			d.code -= d.rng
			v |= 1
		}
	}
	return base + v<<4 + d.reverse(d.align[:], 4)
}
