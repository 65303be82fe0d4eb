package decompress

//go:generate go run gentrees.go

// Single bits, and the order in which a match is read. The functions in lzmatrees.go
// decode bits that come in groups.

// refill shifts in a byte if the range is below rangeTop.
func (d *core) refill(r, c uint64, ip uint) (uint64, uint64, uint) {
	if r < rangeTop {
		return r << 8, c<<8 | uint64(d.in[ip&ringMask]), ip + 1
	}
	return r, c, ip
}

// bit decodes one bit with a branch: right for skewed odds.
func bit(p *uint32, r, c uint64) (bool, uint64, uint64) {
	q := uint64(*p)
	b := (r >> 11) * q
	if c < b {
		*p = uint32(q + (2048-q)>>5)
		return false, b, c
	}
	*p = uint32(q - q>>5)
	return true, r - b, c - b
}

// afterLiteral is the state after a literal.
var afterLiteral = [16]uint{4: 1, 5: 2, 6: 3, 7: 4, 8: 5, 9: 6, 10: 4, 11: 5}

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
