package decompress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"
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
	for i, dict := range []string{"4KiB", "8MiB"} {
		file := runXz(t, in, "-zcT1", "--lzma2=preset=0,dict="+dict)
		same(t, mustRead(t, Xz, file, Limits{Workers: 1 + i}), in)
	}
	// Small blocks around a large one.
	file := runXz(t, in, "-zcT1", "-0", "--block-list=1MiB,25MiB,1MiB,100KiB,0")
	for _, workers := range []int{1, 3} {
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
