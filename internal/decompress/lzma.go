package decompress

import "encoding/binary"

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
	choice  uint32
	choice2 uint32
	low     [16][8]uint32
	mid     [16][8]uint32
	high    [256]uint32
}

// model holds every adaptive probability. Arrays are powers of two so that a
// masked index needs no bounds check. Why they have 32 bits, and in which order trees are
// stored, is said in lzmatrees.go.
type model struct {
	isMatch    [256]uint32 // state<<4 | position state
	isRep0Long [256]uint32 // the same
	isRep      [16]uint32
	isRepG0    [16]uint32
	isRepG1    [16]uint32
	isRepG2    [16]uint32
	slot       [4][64]uint32
	special    [16][32]uint32 // one reverse tree for each slot 4..13
	align      [32]uint32     // 16 used
	matchLen   lengthCoder
	repLen     lengthCoder
	lit        [16][1024]uint32 // 0x300 used: 0x100 plain, then matched
}

// core is the state of one LZMA decoder.
type core struct {
	in [ringSize]byte // compressed bytes, a ring indexed by absolute offsets
	model

	state                  uint
	rep0, rep1, rep2, rep3 uint64 // last distances, less one

	hist []byte // the history and what is being decoded

	litShift, litMask uint // make the index of a literal's model of position<<8 | byte before
	pbMask            uint // mask of the position for the rest
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
	d.litShift, d.litMask, d.pbMask = 8-lc, 1<<(lc+lp)-1, 1<<pb-1
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
	for i := range d.litMask + 1 {
		fill(m.lit[i&15][:0x300])
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

func fill(p []uint32) {
	for i := range p {
		p[i] = probInit
	}
}

// decode decodes symbols to out[pos:], which it must fill exactly, from the
// ring between ip and end, which it must reach exactly. out[:pos] is the history that
// matches may refer to, as far back as dict bytes. It reports whether the data
// was valid.
func (d *core) decode(out []byte, pos, ip, end, dict uint) bool {
	d.hist = out
	r, c := uint64(1<<32-1), uint64(0)
	for i := range uint(5) {
		c = c<<8 | uint64(d.in[(ip+i)&ringMask])
	}
	if ip += 5; ip > end || c >= r {
		return false // the first byte is always zero, and a code of all ones is never written
	}
	for pos < uint(len(out)) && ip <= end {
		var match bool
		if d.state < 7 {
			pos, r, c, ip, match = d.literals(out, pos, end, r, c, ip)
			if !match {
				break
			}
		} else {
			r, c, ip = d.refill(r, c, ip)
			match, r, c = bit(d.isMatchAt(pos), r, c)
			if !match {
				if d.rep0 >= uint64(pos) || pos > uint(len(out)) {
					return false // cannot be: the match before was checked
				}
				t := d.literalAt(pos, uint(out[pos-1]))
				out[pos], r, c, ip = d.matchedLiteral(t, out[pos-1-uint(d.rep0)], r, c, ip)
				pos++
				d.state = afterLiteral[d.state&15]
				continue
			}
		}
		var n uint
		n, r, c, ip = d.match(pos, r, c, ip)
		dist := d.rep0 + 1
		if n > uint(len(out))-pos || dist > uint64(min(pos, dict)) {
			return false
		}
		copyMatch(out, pos, uint(dist), n)
		pos += n
	}
	_, c, ip = d.refill(r, c, ip)
	return pos == uint(len(out)) && ip == end && c == 0
}

// isMatchAt returns the probability that a literal comes at pos, not a match.
func (d *core) isMatchAt(pos uint) *uint32 {
	return &d.isMatch[(d.state<<4|pos&d.pbMask)&255]
}

// literalAt selects the probabilities of the literal at pos by the high bits of the
// byte before it and the low bits of the position.
func (d *core) literalAt(pos uint, prev uint) *[1024]uint32 {
	return &d.lit[(pos<<8|prev)>>(d.litShift&15)&d.litMask&15]
}

// copyMatch copies n bytes that start dist bytes before pos to pos; the two
// ranges may overlap. It needs 0 < n <= len(out)-pos and 0 < dist <= pos. Bytes after
// the match may be overwritten, which are yet to be decoded.
func copyMatch(out []byte, pos, dist, n uint) {
	src, dst := out[pos-dist:], out[pos:]
	if dist < 8 || uint(len(dst)) < n+8 {
		dst = dst[:n]
		for i := range dst {
			dst[i] = src[i]
		}
		return
	}
	for {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src))
		if n <= 8 {
			return
		}
		n -= 8
		src, dst = src[8:], dst[8:]
	}
}
