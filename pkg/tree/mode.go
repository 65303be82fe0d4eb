package tree

import "io/fs"

// highBits are the bits that Go keeps elsewhere than chmod(2).
var highBits = []struct {
	bit  uint32
	mode fs.FileMode
}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}}

// ModeBits returns the twelve bits of a mode that chmod(2) knows.
func ModeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, s := range highBits {
		if m&s.mode != 0 {
			bits |= s.bit
		}
	}
	return bits
}

// FileMode is the inverse of [ModeBits]. Other bits, those of a type among them, count for nothing.
func FileMode(bits uint32) fs.FileMode {
	m := fs.FileMode(bits & 0o777)
	for _, s := range highBits {
		if bits&s.bit != 0 {
			m |= s.mode
		}
	}
	return m
}
