package decompress

// The LZMA decoder proper: range coder, bit trees, literals, matches. It
// decodes one LZMA2 chunk at a time; lzma2.go feeds it. Written from the
// public-domain LZMA description (7-Zip's lzma-specification) alone.

// Sizes of the input ring. A chunk holds at most 64 KiB of compressed data,
// so a ring of 128 KiB always has room for a whole chunk, and a masked index
// can never leave it: the decoder may run past a chunk's end by a symbol, which
// is noticed afterwards.
const (
	ringSize = 1 << 17
	ringMask = ringSize - 1
)

// rangeTop is the range below which the coder shifts in another byte.
const rangeTop = 1 << 24

// probInit is the probability of a fresh model: one half, in units of 1/2048.
const probInit = 1 << 10

// lengthCoder is the model of match lengths for one kind of match.
type lengthCoder struct {
	choice  uint16
	choice2 uint16
	low     [16][8]uint16
	mid     [16][8]uint16
	high    [256]uint16
}

// model holds every adaptive probability. Arrays are powers of two so that a
// masked index needs no bounds check.
type model struct {
	isMatch    [256]uint16 // state<<4 | position state
	isRep0Long [256]uint16 // the same
	isRep      [16]uint16
	isRepG0    [16]uint16
	isRepG1    [16]uint16
	isRepG2    [16]uint16
	slot       [4][64]uint16
	special    [16][32]uint16 // one reverse tree for each slot 4..13
	align      [16]uint16
	matchLen   lengthCoder
	repLen     lengthCoder
	literal    [16][1024]uint16 // 0x300 used: plain, then matched bit 0 and 1
}

// core is the state of one LZMA decoder.
type core struct {
	in [ringSize]byte // compressed bytes, a ring indexed by absolute offsets
	model

	// Position of the range coder; kept between calls of one chunk only.
	rng, code uint64
	ip        uint // next byte of the ring

	state                  uint
	rep0, rep1, rep2, rep3 uint64 // last distances, less one

	lc             uint // literal context bits
	lpMask, pbMask uint // masks of the position for literals and the rest
}

// setProps sets the literal and position parameters from an LZMA2 properties
// byte and reports whether it is a valid one.
func (d *core) setProps(b byte) bool {
	if b >= 9*5*5 {
		return false
	}
	lc, lp, pb := uint(b%9), uint(b/9%5), uint(b/45)
	if lc+lp > 4 {
		return false
	}
	d.lc, d.lpMask, d.pbMask = lc, 1<<lp-1, 1<<pb-1
	return true
}

// resetState forgets everything learnt from earlier chunks.
func (d *core) resetState() {
	d.state = 0
	d.rep0, d.rep1, d.rep2, d.rep3 = 0, 0, 0, 0
	m := &d.model
	fill(m.isMatch[:])
	fill(m.isRep0Long[:])
	fill(m.isRep[:])
	fill(m.isRepG0[:])
	fill(m.isRepG1[:])
	fill(m.isRepG2[:])
	for i := range m.slot {
		fill(m.slot[i][:])
	}
	for i := range m.special {
		fill(m.special[i][:])
	}
	fill(m.align[:])
	m.matchLen.reset()
	m.repLen.reset()
	for i := range (d.lpMask + 1) << d.lc {
		fill(m.literal[i&15][:0x300])
	}
}

func (l *lengthCoder) reset() {
	l.choice, l.choice2 = probInit, probInit
	for i := range l.low {
		fill(l.low[i][:])
		fill(l.mid[i][:])
	}
	fill(l.high[:])
}

func fill(p []uint16) {
	for i := range p {
		p[i] = probInit
	}
}

// startChunk primes the range coder from its five bytes at ip. It reports
// whether they are possible: the first is always zero, and a code of all ones is
// not below the range.
func (d *core) startChunk(ip uint) bool {
	d.rng = 1<<32 - 1
	d.code = 0
	for i := range uint(5) {
		d.code = d.code<<8 | uint64(d.in[(ip+i)&ringMask])
	}
	d.ip = ip + 5
	return d.code < d.rng
}

// decode decodes symbols to out[pos:], which it must fill exactly, from the
// ring up to end, which it must reach exactly. out[:pos] is the history that
// matches may refer to, as far back as dict bytes. It reports whether the data
// was valid.
func (d *core) decode(out []byte, pos uint, end, dict uint) bool {
	for pos < uint(len(out)) && d.ip <= end {
		if d.state < 7 {
			var match bool
			if pos, match = d.literals(out, pos, end); !match {
				continue
			}
		} else if !d.isMatch(pos) {
			if pos-1 >= uint(len(out)) || d.rep0 >= uint64(pos) { // the latter was checked by the match before
				return false
			}
			prev, ref := out[pos-1], out[pos-1-uint(d.rep0)]
			out[pos] = d.matchedLiteral(d.literalModel(pos, prev), uint64(ref))
			pos++
			if d.state < 10 {
				d.state -= 3
			} else {
				d.state -= 6
			}
			continue
		}
		n := d.match(pos)
		dist := d.rep0 + 1
		if n > uint(len(out))-pos || dist > uint64(min(pos, dict)) {
			return false
		}
		copyMatch(out, pos, uint(dist), n)
		pos += n
	}
	if d.rng < rangeTop {
		d.normalize()
	}
	return pos == uint(len(out)) && d.ip == end && d.code == 0
}

// literalModel selects the probabilities of the literal at pos by the high bits of the
// byte before it and the low bits of the position.
func (d *core) literalModel(pos uint, prev byte) *[1024]uint16 {
	return &d.literal[((pos&d.lpMask)<<d.lc|uint(prev)>>(8-d.lc))&15]
}

// copyMatch copies n bytes that start dist bytes before pos to pos; the two
// ranges may overlap. It needs n <= len(out)-pos and 0 < dist <= pos.
func copyMatch(out []byte, pos, dist, n uint) {
	src := out[pos-dist:]
	dst := out[pos:]
	if dist >= 8 && uint(len(dst)) >= n+8 {
		for i := uint(0); i < n; i += 8 {
			copy(dst[i:i+8], src[i:i+8])
		}
		return
	}
	if n > uint(len(dst)) {
		return
	}
	for i := range dst[:n] {
		dst[i] = src[i]
	}
}
