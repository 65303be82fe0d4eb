package tree

import (
	"io/fs"
	"testing"
)

// TestModeBits: all modes that chmod(2) can give, there and back, and what is none of them.
func TestModeBits(t *testing.T) {
	for bits := range uint32(0o10000) {
		m := FileMode(bits)
		if got := ModeBits(m); got != bits {
			t.Fatalf("%o: %v, and back %o", bits, m, got)
		}
		if got := ModeBits(m | fs.ModeDir); got != bits {
			t.Fatalf("%o of a directory: %o", bits, got)
		}
		if got := FileMode(bits | 0o100000); got != m {
			t.Fatalf("%o of a regular file: %v", bits, got)
		}
	}
	if got, want := FileMode(0o6751), fs.ModeSetuid|fs.ModeSetgid|0o751; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := FileMode(0o1777), fs.ModeSticky|0o777; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
