package decompress

// The functions below read a few bits each. They share a form:
//
//   - Range and code are held in 64 bits, so that the borrow of a subtraction
//     is exact; code < range always holds.
//   - The probabilities of both possible successors are read before the bit is known.
//   - The outcome is chosen by conditional moves. The compiler makes them of
//     "if code < bound { four assignments }" only if no load address depends on the
//     assigned values. So the tree index comes from the borrow of bits.Sub64, not from
//     a variable assigned in the branch. TestConditionalMoves counts the instructions.
//   - adj makes one update rule of two: for bit 1, q -= q>>5; for bit 0,
//     q += (2048-q)>>5, which is q -= (q-2017)>>5 with an arithmetic shift.

import "math/bits"

// refill shifts in a byte if the range is below rangeTop.
func (d *core) refill(r, c uint64, ip uint) (uint64, uint64, uint) {
	if r < rangeTop {
		return r << 8, c<<8 | uint64(d.in[ip&ringMask]), ip + 1
	}
	return r, c, ip
}

// bit decodes one bit with a branch: right for skewed odds.
func bit(p *uint16, r, c uint64) (bool, uint64, uint64) {
	q := uint64(*p)
	b := (r >> 11) * q
	if c < b {
		*p = uint16(q + (2048-q)>>5)
		return false, b, c
	}
	*p = uint16(q - q>>5)
	return true, r - b, c - b
}

// choose decodes one bit without a branch. p is its probability, from which q has been read;
// q0 and q1 are those of the bit after it, for either outcome. It returns the range, the
// code, the next probability, and x plus the bit, where x is even: the next index.
func choose(p *uint16, q, q0, q1, r, c, x uint64) (rest, diff, next, i uint64) {
	b := (r >> 11) * q
	diff, borrow := bits.Sub64(c, b, 0)
	rest = r - b
	next = q1
	adj := uint64(0)
	if c < b {
		rest, diff, next, adj = b, c, q0, ^uint64(2016)
	}
	*p = uint16(q - uint64(int64(q+adj)>>5))
	i, _ = bits.Sub64(x+1, 0, borrow)
	return rest, diff, next, i
}

// afterLiteral is the state after a literal.
var afterLiteral = [16]uint{4: 1, 5: 2, 6: 3, 7: 4, 8: 5, 9: 6, 10: 4, 11: 5}

// literals decodes literals up to the next match or the end of out or of the
// input. It returns the new position and whether a match comes next.
// It needs a state below 7, in which literals do not depend on the last match.
func (d *core) literals(out []byte, pos, end uint, r, c uint64, ip uint) (uint, uint64, uint64, uint, bool) {
	prev := uint(0)
	if pos-1 < uint(len(out)) {
		prev = uint(out[pos-1])
	}
	for pos < uint(len(out)) && ip <= end {
		r, c, ip = d.refill(r, c, ip)
		var match bool
		match, r, c = bit(d.isMatchAt(pos), r, c)
		if match {
			return pos, r, c, ip, true
		}
		d.state = max(d.state, 3) - 3
		out[pos], r, c, ip = d.literal(d.literalAt(pos, prev), r, c, ip)
		prev = uint(out[pos])
		pos++
	}
	return pos, r, c, ip, false
}

// literal decodes the eight bits of a literal.
func (d *core) literal(t *[1024]uint16, r, c uint64, ip uint) (byte, uint64, uint64, uint) {
	i, q := uint64(1), uint64(t[1])
	x := 2 * i & 254
	q0, q1 := uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, _, i = choose(&t[i&255], q, q0, q1, r, c, x)
	return byte(i), r, c, ip
}

// matchedLiteral decodes the literal after a match. Its model also looks at mb, the byte
// that would have continued the match: as long as the bits equal those of mb, each has the
// probability at h, an index that depends on mb alone, and from the first difference on
// that of a plain literal.
func (d *core) matchedLiteral(t *[1024]uint16, mb, r, c uint64, ip uint) (byte, uint64, uint64, uint) {
	mb |= 0x100
	i, m := 0x101+mb<<1&0x100, uint64(1)
	mb <<= 2
	q := uint64(t[i&1023])
	for range 8 {
		x := 2 * m & 254
		q0, q1 := uint64(t[x]), uint64(t[x+1])
		p := mb >> 9 // the next index if all bits equal those of mb
		h := 0x100 + p + mb&0x100
		mb <<= 1
		qh := uint64(t[h&1023])
		r, c, ip = d.refill(r, c, ip)
		r, c, q, m = choose(&t[i&1023], q, q0, q1, r, c, x)
		if i = m; m == p {
			i, q = h, qh
		}
	}
	return byte(m), r, c, ip
}

// match decodes a match or a repeated one, sets the distances and the state, and returns
// the length.
func (d *core) match(pos uint, r, c uint64, ip uint) (uint, uint64, uint64, uint) {
	ps := pos & d.pbMask
	s := d.state
	after := uint(0) // added to the new state if the one before was not a literal's
	if s >= 7 {
		after = 3
	}
	var b bool
	r, c, ip = d.refill(r, c, ip)
	if b, r, c = bit(&d.isRep[s&15], r, c); !b {
		d.state = 7 + after
		d.rep3, d.rep2, d.rep1 = d.rep2, d.rep1, d.rep0
		var n uint
		n, r, c, ip = d.length(&d.matchLen, ps, r, c, ip)
		d.rep0, r, c, ip = d.distance(min(n-2, 3), r, c, ip)
		return n, r, c, ip
	}
	r, c, ip = d.refill(r, c, ip)
	if b, r, c = bit(&d.isRepG0[s&15], r, c); !b {
		r, c, ip = d.refill(r, c, ip)
		if b, r, c = bit(&d.isRep0Long[(s<<4|ps)&255], r, c); !b {
			d.state = 9
			if s >= 7 {
				d.state = 11
			}
			return 1, r, c, ip
		}
	} else {
		r, c, ip = d.older(s, r, c, ip)
	}
	d.state = 8 + after
	return d.length(&d.repLen, ps, r, c, ip)
}

// older decodes which of the three older distances is repeated, and moves it to the front.
func (d *core) older(s uint, r, c uint64, ip uint) (uint64, uint64, uint) {
	var b bool
	r, c, ip = d.refill(r, c, ip)
	if b, r, c = bit(&d.isRepG1[s&15], r, c); !b {
		d.rep0, d.rep1 = d.rep1, d.rep0
		return r, c, ip
	}
	r, c, ip = d.refill(r, c, ip)
	if b, r, c = bit(&d.isRepG2[s&15], r, c); !b {
		d.rep0, d.rep1, d.rep2 = d.rep2, d.rep0, d.rep1
	} else {
		d.rep0, d.rep1, d.rep2, d.rep3 = d.rep3, d.rep0, d.rep1, d.rep2
	}
	return r, c, ip
}

// length decodes a match length, 2 to 273.
func (d *core) length(l *lengthCoder, ps uint, r, c uint64, ip uint) (uint, uint64, uint64, uint) {
	var b bool
	t, base := &l.low[ps&15], uint(2)
	r, c, ip = d.refill(r, c, ip)
	if b, r, c = bit(&l.choice, r, c); b {
		r, c, ip = d.refill(r, c, ip)
		if b, r, c = bit(&l.choice2, r, c); b {
			return d.tree8(&l.high, 18, r, c, ip)
		}
		t, base = &l.mid[ps&15], 10
	}
	i, q := uint64(1), uint64(t[1])
	x := 2 * i & 6
	q0, q1 := uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&7], q, q0, q1, r, c, x)
	x = 2 * i & 6
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&7], q, q0, q1, r, c, x)
	x = 2 * i & 6
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, _, i = choose(&t[i&7], q, q0, q1, r, c, x)
	return uint(i)&7 + base, r, c, ip
}

// tree8 decodes eight bits, the highest first, and adds base.
func (d *core) tree8(t *[256]uint16, base uint, r, c uint64, ip uint) (uint, uint64, uint64, uint) {
	i, q := uint64(1), uint64(t[1])
	x := 2 * i & 254
	q0, q1 := uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&255], q, q0, q1, r, c, x)
	x = 2 * i & 254
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, _, i = choose(&t[i&255], q, q0, q1, r, c, x)
	return uint(i)&255 + base, r, c, ip
}

// distance decodes a match distance less one; class is the smaller of 3 and the length
// less two.
func (d *core) distance(class uint, r, c uint64, ip uint) (uint64, uint64, uint64, uint) {
	t := &d.slot[class&3]
	i, q := uint64(1), uint64(t[1])
	x := 2 * i & 62
	q0, q1 := uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&63], q, q0, q1, r, c, x)
	x = 2 * i & 62
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&63], q, q0, q1, r, c, x)
	x = 2 * i & 62
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&63], q, q0, q1, r, c, x)
	x = 2 * i & 62
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&63], q, q0, q1, r, c, x)
	x = 2 * i & 62
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&63], q, q0, q1, r, c, x)
	x = 2 * i & 62
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, _, i = choose(&t[i&63], q, q0, q1, r, c, x)
	slot := uint(i & 63)
	if slot < 4 {
		return uint64(slot), r, c, ip
	}
	n := slot>>1 - 1
	dist := uint64(2|slot&1) << (n & 63)
	if slot >= 14 {
		return d.far(dist, n-4, r, c, ip)
	}
	u := &d.special[slot&15]
	i, q = 1, uint64(u[1])
	for k := range n {
		x = 2 * i & 30
		q0, q1 = uint64(u[x]), uint64(u[x+1])
		r, c, ip = d.refill(r, c, ip)
		r, c, q, i = choose(&u[i&31], q, q0, q1, r, c, x)
		dist += i & 1 << (k & 63)
	}
	return dist, r, c, ip
}

// far decodes the rest of a large distance: n bits of equal odds, then four of a tree, the
// lowest first.
func (d *core) far(dist uint64, n uint, r, c uint64, ip uint) (uint64, uint64, uint64, uint) {
	v := uint64(0)
	for range n {
		r, c, ip = d.refill(r, c, ip)
		r >>= 1
		diff, borrow := bits.Sub64(c, r, 0)
		c = diff + r&-borrow
		v = v<<1 + 1 - borrow
	}
	dist += v << 4
	t := &d.align
	i, q := uint64(1), uint64(t[1])
	x := 2 * i & 14
	q0, q1 := uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&15], q, q0, q1, r, c, x)
	dist += i & 1 << 0
	x = 2 * i & 14
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&15], q, q0, q1, r, c, x)
	dist += i & 1 << 1
	x = 2 * i & 14
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, q, i = choose(&t[i&15], q, q0, q1, r, c, x)
	dist += i & 1 << 2
	x = 2 * i & 14
	q0, q1 = uint64(t[x]), uint64(t[x+1])
	r, c, ip = d.refill(r, c, ip)
	r, c, _, i = choose(&t[i&15], q, q0, q1, r, c, x)
	dist += i & 1 << 3
	return dist, r, c, ip
}
