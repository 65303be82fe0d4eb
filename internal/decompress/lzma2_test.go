package decompress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A chunk of LZMA2 and the uncompressed size it states.
type chunk struct {
	data []byte
	size int
}

// stored returns uncompressed chunk with the given control byte.
func stored(control byte, s string) chunk {
	return chunk{append([]byte{control, byte((len(s) - 1) >> 8), byte(len(s) - 1)}, s...), len(s)}
}

// chunksOf returns the chunks of the only block of an .xz file.
func chunksOf(t testing.TB, file []byte) []chunk {
	var out []chunk
	p := file[xzEdge+(int(file[xzEdge])+1)*4:]
	for p[0] != 0 {
		size, n := int(binary.BigEndian.Uint16(p[1:]))+1, 3
		if p[0] >= 0x80 {
			size += int(p[0]&0x1f) << 16
			n = 5 + int(binary.BigEndian.Uint16(p[3:])) + 1
			if p[0] >= 0xc0 {
				n++
			}
		} else {
			n += size
		}
		out = append(out, chunk{p[:n:n], size})
		p = p[n:]
	}
	return out
}

func putVli(p []byte, v int) []byte { return binary.AppendUvarint(p, uint64(v)) }

// wrapXz makes an .xz file without checks of one block of LZMA2 data.
func wrapXz(data []byte, size int, dict byte) []byte {
	sum := func(p []byte, from int) []byte {
		return binary.LittleEndian.AppendUint32(p, crc32.ChecksumIEEE(p[from:]))
	}
	pad := func(p []byte) []byte {
		for len(p)%4 != 0 {
			p = append(p, 0)
		}
		return p
	}
	f := sum([]byte(xzMagic+"\x00\x00"), 6)[:8]
	f = binary.LittleEndian.AppendUint32(f, crc32.ChecksumIEEE(f[6:8]))
	block := len(f)
	f = sum(append(f, 2, 0, 0x21, 1, dict, 0, 0, 0), block)
	f = append(f, data...)
	unpadded := len(f) - block
	f = pad(f)
	index := len(f)
	f = putVli(putVli(append(f, 0, 1), unpadded), size)
	f = sum(pad(f), index)
	foot := binary.LittleEndian.AppendUint32(nil, uint32((len(f)-index)/4-1))
	foot = append(foot, 0, 0)
	f = binary.LittleEndian.AppendUint32(f, crc32.ChecksumIEEE(foot))
	return append(append(f, foot...), "YZ"...)
}

// with returns c with another control byte, dropping its properties where they do not belong.
func with(c chunk, control byte) chunk {
	d := bytes.Clone(c.data)
	d[0] = control | d[0]&0x1f
	if control < 0xc0 {
		d = append(d[:5:5], d[6:]...)
	}
	return chunk{d, c.size}
}

// TestLzma2Chunks checks which sequences of chunks are valid, against liblzma.
func TestLzma2Chunks(t *testing.T) {
	lz := func(in []byte) chunk {
		c := chunksOf(t, runXz(t, in, "-zc", "--lzma2=lc=0,pb=0")) // no context from before the chunk
		if len(c) != 1 || c[0].data[0] < 0xe0 {
			t.Fatalf("%d chunks, the first with control %#x", len(c), c[0].data[0])
		}
		return c[0]
	}
	a := lz([]byte(strings.Repeat("abcabcabd", 30)))
	b := lz([]byte(strings.Repeat("hello, world ", 20)))
	for _, c := range []struct {
		name   string
		chunks []chunk
		want   bool
	}{
		{"nothing", nil, true},
		{"one", []chunk{a}, true},
		{"two resets", []chunk{a, b}, true},
		{"stored first", []chunk{stored(1, "xyz"), with(b, 0xc0)}, true},
		{"stored first, reset", []chunk{stored(1, "xyz"), b}, true},
		{"stored between", []chunk{a, stored(2, "xyz"), with(b, 0xa0)}, true},
		{"stored between, new properties", []chunk{a, stored(2, "xyz"), with(b, 0xc0)}, true},
		{"reset within, odd position", []chunk{stored(1, "x"), stored(1, "12345"), with(b, 0xc0), a}, true},
		{"no dictionary reset", []chunk{with(a, 0xc0)}, false},
		{"no dictionary reset, stored", []chunk{stored(2, "xyz")}, false},
		{"no properties", []chunk{stored(1, "xyz"), with(b, 0xa0)}, false},
		{"no properties after a stored reset", []chunk{a, stored(1, "xyz"), with(b, 0xa0)}, false},
		{"no properties, no state", []chunk{a, stored(1, "xyz"), with(b, 0x80)}, false},
		{"control 3", []chunk{a, stored(3, "xyz")}, false},
		{"control 0x7f", []chunk{a, stored(0x7f, "xyz")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var data []byte
			size := 0
			for _, x := range c.chunks {
				data = append(data, x.data...)
				size += x.size
			}
			file := wrapXz(append(data, 0), size, 12)
			want, xzErr := tryXz(t, file, "-dc")
			if (xzErr == nil) != c.want {
				t.Errorf("xz itself says %v", xzErr)
			}
			out, err := read(Xz, file, Limits{})
			if c.want && err != nil || !c.want && !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v, want valid: %t", err, c.want)
			}
			if c.want && !cmp.Equal(out, want) {
				t.Errorf("got %q\nxz has %q", out, want)
			}
		})
	}
}

// TestLzma2Mutations changes LZMA2 data at random, below any check, and compares verdict
// and output with liblzma.
func TestLzma2Mutations(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	chunks := chunksOf(t, runXz(t, append(text(3000, 10), noise(400)...), "-zc", "--lzma2=dict=4KiB,lc=1,lp=1"))
	accepted := 0
	for i := range 400 {
		var data []byte
		size := 0
		for _, c := range chunks {
			d := bytes.Clone(c.data)
			for range rng.IntN(3) {
				// Late bytes, so that some of what comes out is still valid.
				d[len(d)-1-rng.IntN(min(len(d)-7, 1+i))] ^= 1 << rng.IntN(8)
			}
			data = append(data, d...)
			size += c.size
		}
		file := wrapXz(append(data, 0), size, byte(rng.IntN(5)))
		want, xzErr := tryXz(t, file, "-dc")
		out, err := read(Xz, file, Limits{})
		if (err == nil) != (xzErr == nil) {
			t.Fatalf("mutation %d: error %v, xz has %v", i, err, xzErr)
		}
		if err == nil {
			accepted++
			same(t, out, want)
		}
	}
	if accepted == 0 || accepted == 400 {
		t.Errorf("%d of 400 mutations are valid: the test tests nothing", accepted)
	}
}
