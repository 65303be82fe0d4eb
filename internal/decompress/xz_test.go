package decompress

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"encoding/binary"

	"github.com/google/go-cmp/cmp"
)

// runXz runs the system's xz, or skips the test.
func runXz(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	out, err := tryXz(t, in, args...)
	if err != nil {
		t.Fatalf("xz %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func tryXz(t testing.TB, in []byte, args ...string) ([]byte, error) {
	t.Helper()
	path, err := exec.LookPath("xz")
	if err != nil {
		t.Skip("SKIPPED: the oracle xz is not installed")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(in)
	return cmd.Output()
}

// read decodes data and returns what came out before the error, which is nil at the end.
func read(k Kind, data []byte, lim Limits) ([]byte, error) {
	r, err := NewReader(k, bytes.NewReader(data), int64(len(data)), lim)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func mustRead(t testing.TB, k Kind, data []byte, lim Limits) []byte {
	t.Helper()
	out, err := read(k, data, lim)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same fails without printing megabytes.
func same(t testing.TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Fatalf("%d bytes where %d are right; the first difference is at %d", len(got), len(want), i)
}

// text returns n bytes that compress like a program: words repeated at all distances, with
// noise between.
func text(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, 0, n+64)
	for len(out) < n {
		switch k := rng.IntN(10); {
		case k < 5 && len(out) > 100:
			d := 1 + rng.IntN(min(len(out), 1<<rng.IntN(24)))
			for range 2 + rng.IntN(40) {
				out = append(out, out[len(out)-d])
			}
		case k < 9:
			out = fmt.Appendf(out, "%x ", rng.IntN(5000))
		default:
			for range rng.IntN(8) {
				out = append(out, byte(rng.Uint32()))
			}
		}
	}
	return out[:n]
}

func noise(n int) []byte {
	var seed [32]byte
	out := make([]byte, n)
	rand.NewChaCha8(seed).Read(out)
	return out
}

func inputs() map[string][]byte {
	mixed := append(text(200_000, 1), noise(70_000)...)
	mixed = append(mixed, make([]byte, 2_200_000)...) // longer than any chunk
	return map[string][]byte{
		"empty": {}, "one": {'x'}, "short": []byte("hello, hello\n"),
		"text": text(400_000, 2), "random": noise(150_000), "zeros": make([]byte, 3_000_000),
		"mixed": append(mixed, text(100_000, 3)...),
	}
}

func TestXzOptions(t *testing.T) {
	options := []string{
		"-0", "-6", "-9e --lzma2=dict=1MiB",
		"--lzma2=preset=6,lc=0,lp=0,pb=0", "--lzma2=preset=6,lc=4,lp=0,pb=4", "--lzma2=preset=6,lc=0,lp=4,pb=0",
		"--lzma2=preset=6,lc=2,lp=2,pb=3", "--lzma2=preset=6,lc=1,lp=3,pb=1",
		"--lzma2=dict=4KiB", "--lzma2=dict=6KiB,nice=273", "--lzma2=dict=1536KiB,mode=fast,mf=hc3",
		"--block-size=10000", "-T2 --block-size=65536", "--block-list=1,2,3,100000,17,0",
		"--check=none", "--check=crc32", "--check=crc64", "--check=sha256", "--check=sha256 --block-size=40001",
	}
	for name, in := range inputs() {
		for _, o := range options {
			t.Run(name+"/"+o, func(t *testing.T) {
				t.Parallel()
				file := runXz(t, in, append([]string{"-zc"}, strings.Fields(o)...)...)
				for _, workers := range []int{0, 1, 3} {
					same(t, mustRead(t, Xz, file, Limits{Workers: workers, Size: int64(len(in))}), in)
				}
			})
		}
	}
}

// TestXzWindow decodes blocks that are too large to be kept whole.
func TestXzWindow(t *testing.T) {
	in := bytes.Repeat(text(5<<20+12345, 4), 5) // repeats within reach of the largest dictionary
	in = append(in, make([]byte, 3<<20)...)
	in = append(in, text(1<<20, 11)...)
	for _, dict := range []string{"4KiB", "8MiB"} {
		file := runXz(t, in, "-zcT1", "--lzma2=preset=0,dict="+dict)
		for _, workers := range []int{1, 2} {
			same(t, mustRead(t, Xz, file, Limits{Workers: workers}), in)
		}
	}
	// Small blocks around a large one.
	file := runXz(t, in, "-zcT1", "-0", "--block-list=1MiB,25MiB,1MiB,100KiB,0")
	for _, workers := range []int{1, 2, 5} {
		same(t, mustRead(t, Xz, file, Limits{Workers: workers}), in)
	}
}

func TestXzStreams(t *testing.T) {
	a, b := text(50_000, 5), []byte("second\n")
	x := runXz(t, a, "-zc", "--block-size=7000")
	y := runXz(t, b, "-zc", "--check=sha256")
	empty := runXz(t, nil, "-zc")
	pad := func(n int) []byte { return make([]byte, n) }
	for _, c := range []struct {
		name  string
		parts [][]byte
		want  [][]byte // nil: corrupt
	}{
		{"two", [][]byte{x, y}, [][]byte{a, b}},
		{"padding", [][]byte{x, pad(4), y, pad(8192), x, pad(12)}, [][]byte{a, b, a}},
		{"empty streams", [][]byte{empty, empty, pad(4), y, empty}, [][]byte{b}},
		{"odd padding", [][]byte{x, pad(3)}, nil},
		{"odd padding between", [][]byte{x, pad(2), y, pad(2)}, nil},
		{"leading padding", [][]byte{pad(4), x}, nil},
		{"only padding", [][]byte{pad(64)}, nil},
		{"nothing", nil, nil},
		{"garbage after", [][]byte{x, []byte("abcd")}, nil},
		{"garbage before", [][]byte{[]byte("abcd"), x}, nil},
		{"garbage between", [][]byte{x, []byte("abcdefgh"), y}, nil},
	} {
		file := bytes.Join(c.parts, nil)
		for workers := range 4 {
			out, err := read(Xz, file, Limits{Workers: workers})
			switch {
			case c.want == nil && !errors.Is(err, ErrCorrupt):
				t.Errorf("%s: error %v, want ErrCorrupt", c.name, err)
			case c.want != nil && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.want != nil:
				same(t, out, bytes.Join(c.want, nil))
			}
		}
		if _, err := tryXz(t, file, "-dc"); (err == nil) != (c.want != nil) {
			t.Errorf("%s: xz itself says %v", c.name, err)
		}
	}
}

func TestXzFilters(t *testing.T) {
	in := text(5000, 6)
	for _, c := range []struct{ args, want string }{
		{"--x86 --lzma2", "x86"}, {"--delta=dist=4 --lzma2", "delta"}, {"--arm --lzma2", "arm"},
		{"--delta --x86 --lzma2", "delta"},
	} {
		file := runXz(t, in, append([]string{"-zc"}, strings.Fields(c.args)...)...)
		_, err := read(Xz, file, Limits{})
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.want+" filter") {
			t.Errorf("xz %s: error %v, want ErrUnsupported naming the %s filter", c.args, err, c.want)
		}
	}
}

// TestXzDamage cuts a small file everywhere and flips every bit of it: no such file is
// accepted.
func TestXzDamage(t *testing.T) {
	in := text(900, 7)
	for _, args := range []string{"--check=crc32", "--check=crc64", "--check=sha256", "--check=crc64 --block-size=300"} {
		file := runXz(t, in, append([]string{"-zc"}, strings.Fields(args)...)...)
		same(t, mustRead(t, Xz, file, Limits{}), in) // the control
		for _, workers := range []int{1, 3} {
			lim := Limits{Workers: workers}
			for n := range file {
				if _, err := read(Xz, file[:n], lim); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%s cut to %d bytes: error %v", args, n, err)
				}
				// The same with the full size promised.
				r, err := NewReader(Xz, bytes.NewReader(file[:n]), int64(len(file)), lim)
				if err == nil {
					_, err = io.ReadAll(r)
					r.Close()
				}
				if !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%s ending early after %d bytes: error %v", args, n, err)
				}
			}
			for i := range 8 * len(file) {
				bad := bytes.Clone(file)
				bad[i/8] ^= 1 << (i % 8)
				if _, err := read(Xz, bad, lim); err == nil {
					t.Fatalf("%s: flipping bit %d of byte %d goes unnoticed", args, i%8, i/8)
				} else if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrLimit) {
					t.Fatalf("%s: flipping bit %d of byte %d: error of no kind: %v", args, i%8, i/8, err)
				}
			}
		}
	}
}

// TestXzReads checks that the size of reads and the number of workers do not matter.
func TestXzReads(t *testing.T) {
	in := text(60_000, 8)
	file := runXz(t, in, "-zc", "--block-size=2000")
	for workers := range 6 {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with error": iotest.DataErrReader,
		} {
			r, err := NewReader(Xz, bytes.NewReader(file), int64(len(file)), Limits{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(wrap(r))
			if err != nil {
				t.Fatalf("%d workers, %s: %v", workers, name, err)
			}
			same(t, out, in)
			if n, err := r.Read(make([]byte, 10)); n != 0 || err != io.EOF {
				t.Errorf("read after the end: %d, %v", n, err)
			}
			r.Close()
		}
	}
	r, err := NewReader(Xz, bytes.NewReader(file), int64(len(file)), Limits{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(r, in); err != nil {
		t.Error(err)
	}
}

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

// TestLzma2Chunks checks which sequences of chunks are valid, against liblzma.
func TestLzma2Chunks(t *testing.T) {
	lz := func(in []byte) chunk {
		c := chunksOf(t, runXz(t, in, "-zc", "--lzma2=lc=0,pb=0")) // no context from before the chunk
		if len(c) != 1 || c[0].data[0] < 0xe0 {
			t.Fatalf("%d chunks, the first with control %#x", len(c), c[0].data[0])
		}
		return c[0]
	}
	with := func(c chunk, control byte) chunk {
		d := bytes.Clone(c.data)
		d[0] = control | d[0]&0x1f
		if control < 0xc0 {
			d = append(d[:5:5], d[6:]...)
		}
		return chunk{d, c.size}
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
