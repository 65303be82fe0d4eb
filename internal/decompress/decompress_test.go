package decompress

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
)

func gzipOf(t testing.TB, in []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func deflateOf(t testing.TB, in []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstdOf(t testing.TB, in []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(in, nil)
}

func lzmaOf(t testing.TB, in []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := lzma.WriterConfig{DictCap: 1 << 16, EOSMarker: true}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bzip2Of(t testing.TB, in []byte) []byte {
	t.Helper()
	path, err := exec.LookPath("bzip2")
	if err != nil {
		t.Skip("SKIPPED: bzip2 is not installed")
	}
	cmd := exec.Command(path, "-c")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compressors makes files of each kind.
var compressors = map[Kind]func(testing.TB, []byte) []byte{
	Gz:      gzipOf,
	Zst:     func(t testing.TB, in []byte) []byte { return zstdOf(t, in) },
	Lzma:    lzmaOf,
	Bz2:     bzip2Of,
	Deflate: deflateOf,
	Xz:      func(t testing.TB, in []byte) []byte { return runXz(t, in, "-zc") },
}

func TestStreams(t *testing.T) {
	in := text(300_000, 20)
	for kind, compress := range compressors {
		t.Run(string(kind), func(t *testing.T) {
			file := compress(t, in)
			same(t, mustRead(t, kind, file, Limits{}), in)
			same(t, mustRead(t, kind, file, Limits{Size: int64(len(in))}), in)
			if got := Sniff(file); got != kind && kind != Deflate {
				t.Errorf("sniffed %s", got)
			}
			for _, bad := range []struct {
				name string
				file []byte
			}{
				{"empty", nil},
				{"one byte", file[:1]},
				{"cut in half", file[:len(file)/2]},
				{"last byte missing", file[:len(file)-1]},
				{"zero after it", append(bytes.Clone(file), 0)},
				{"zeros after it", append(bytes.Clone(file), 0, 0, 0, 0, 0)},
				{"text after it", append(bytes.Clone(file), "more text"...)},
				{"another format", []byte("\xff of bytes that mean nothing")},
			} {
				_, err := read(kind, bad.file, Limits{})
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s: error %v, want ErrCorrupt", bad.name, err)
				}
			}
			if kind != Lzma && kind != Deflate { // their end markers end the file
				same(t, mustRead(t, kind, append(bytes.Clone(file), file...), Limits{}), append(bytes.Clone(in), in...))
			}
			if _, err := read(kind, file, Limits{Size: int64(len(in)) - 1}); !errors.Is(err, ErrLimit) {
				t.Errorf("one byte over the limit: error %v", err)
			}
		})
	}
	same(t, mustRead(t, None, in, Limits{}), in)
	same(t, mustRead(t, None, nil, Limits{}), nil)
	if _, err := read(None, in, Limits{Size: 10}); !errors.Is(err, ErrLimit) {
		t.Errorf("plain file over the limit: error %v", err)
	}
	if _, err := read("rar", in, Limits{}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("unknown format: error %v", err)
	}
}

// TestStreamLimit checks that nothing beyond the limit comes out, and all before it.
func TestStreamLimit(t *testing.T) {
	in := text(100_000, 21)
	for _, kind := range []Kind{Gz, Zst, Lzma, Bz2} {
		out, err := read(kind, compressors[kind](t, in), Limits{Size: 777})
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: error %v", kind, err)
		}
		same(t, out, in[:777])
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var a, b runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

// TestBombs checks that hostile files are refused, and that little memory is allocated for
// it.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 65<<20)
	lzmaFile := lzmaOf(t, zeros[:1<<20])
	lzmaDict := bytes.Clone(lzmaFile)
	binary.LittleEndian.PutUint32(lzmaDict[1:], 1<<30)
	lzmaSize := bytes.Clone(lzmaFile)
	binary.LittleEndian.PutUint64(lzmaSize[5:], 1<<40)
	end := []byte{0}
	for _, c := range []struct {
		name string
		kind Kind
		file []byte
		lim  Limits
		max  uint64 // MiB that may be allocated
	}{
		{"xz: dictionary of 1.5 GiB", Xz, wrapXz(end, 0, 37), Limits{}, 1},
		{"xz: dictionary of 4 GiB", Xz, wrapXz(end, 0, 40), Limits{}, 1},
		{"xz: dictionary of 96 MiB", Xz, wrapXz(end, 0, 29), Limits{}, 1},
		{"xz: dictionary over the caller's limit", Xz, wrapXz(end, 0, 1), Limits{Dict: 4096}, 1},
		{"xz: says 2^60 bytes", Xz, wrapXz(end, 1<<60, 0), Limits{}, 1},
		{"xz: says 65 MiB", Xz, wrapXz(end, 65<<20, 0), Limits{}, 1},
		{"xz: says 2000 bytes", Xz, wrapXz(end, 2000, 0), Limits{Size: 1999}, 1},
		{"xz: zeros", Xz, runXz(t, zeros, "-0zc"), Limits{}, 1},
		{"lzma: dictionary of 1 GiB", Lzma, lzmaDict, Limits{}, 1},
		{"lzma: says 1 TiB", Lzma, lzmaSize, Limits{}, 1},
		{"gz: zeros", Gz, gzipOf(t, zeros), Limits{}, 1},
		{"zst: zeros", Zst, zstdOf(t, zeros), Limits{}, 40},
		{"zst: window", Zst, zstdOf(t, zeros[:20<<20], zstd.WithWindowSize(16<<20)), Limits{Dict: 8 << 20}, 4},
		{"bz2: zeros", Bz2, bzip2Of(t, zeros), Limits{}, 8},
	} {
		for _, workers := range []int{1, 4} {
			var err error
			if c.lim.Workers = workers; workers > 1 && c.kind != Xz {
				continue
			}
			got := allocated(func() {
				var r io.ReadCloser
				r, err = NewReader(c.kind, bytes.NewReader(c.file), int64(len(c.file)), c.lim)
				if err == nil {
					_, err = io.Copy(io.Discard, r)
					r.Close()
				}
			})
			if !errors.Is(err, ErrLimit) {
				t.Errorf("%s: error %v, want ErrLimit", c.name, err)
			}
			if got > c.max<<20 {
				t.Errorf("%s: %d MiB allocated, more than %d", c.name, got>>20, c.max)
			}
		}
	}
	// The control: what is refused as a bomb can be read by those who ask for it.
	file := runXz(t, zeros, "-0zc")
	same(t, mustRead(t, Xz, file, Limits{Ratio: 1 << 20}), zeros)
	same(t, mustRead(t, Xz, wrapXz(end, 0, 29), Limits{Dict: 128 << 20}), nil)
}

// TestXzMemory bounds what one large block costs.
func TestXzMemory(t *testing.T) {
	file := runXz(t, make([]byte, 60<<20), "-zcT1", "--lzma2=preset=0,dict=8MiB")
	got := allocated(func() {
		r, err := NewReader(Xz, bytes.NewReader(file), int64(len(file)), Limits{Ratio: 1 << 20, Workers: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if n, err := io.Copy(io.Discard, r); n != 60<<20 || err != nil {
			t.Fatalf("%d bytes, error %v", n, err)
		}
	})
	if got > 20<<20 {
		t.Errorf("%d MiB allocated for a block of 60 MiB", got>>20)
	}
}

func TestClose(t *testing.T) {
	in := text(400_000, 22)
	xz := runXz(t, in, "-zc", "--block-size=20000")
	before := runtime.NumGoroutine()
	for n := range 60 {
		r, err := NewReader(Xz, bytes.NewReader(xz), int64(len(xz)), Limits{Workers: 1 + n%5})
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, n*5000)
		if _, err := io.ReadFull(r, buf); err != nil {
			t.Fatal(err)
		}
		same(t, buf, in[:len(buf)])
		for range 2 {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
			t.Fatalf("read after close: %d, %v", n, err)
		}
	}
	for kind, compress := range compressors {
		file := compress(t, in)
		r, err := NewReader(kind, bytes.NewReader(file), int64(len(file)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		r.Close()
		if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("%s: read after close: %v", kind, err)
		}
	}
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 100 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

var errDisk = errors.New("disk on fire")

// A brokenAt fails to read at the given byte.
type brokenAt struct {
	io.ReaderAt
	at int64
}

func (b brokenAt) ReadAt(p []byte, off int64) (int, error) {
	if off <= b.at && b.at < off+int64(len(p)) {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, off)
}

// TestReadErrors checks that errors of the file are not taken for damage of the data.
func TestReadErrors(t *testing.T) {
	in := text(20_000, 23)
	for kind, compress := range compressors {
		file := compress(t, in)
		for i := range file {
			if i > 60 && i < len(file)-60 && i%101 != 0 {
				continue
			}
			r, err := NewReader(kind, brokenAt{bytes.NewReader(file), int64(i)}, int64(len(file)), Limits{Workers: 2})
			if err == nil {
				_, err = io.ReadAll(r)
				r.Close()
			}
			if !errors.Is(err, errDisk) || errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: unreadable at %d: error %v", kind, i, err)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	for name, want := range map[string]Kind{
		"data.tar.xz": Xz, "data.tar.lzma": Lzma, "Packages.gz": Gz, "x.zst": Zst, "x.bz2": Bz2,
		"data.tar": None, "xz": None, "": None, "a.xz.asc": None,
	} {
		if got := KindOf(name); got != want {
			t.Errorf("KindOf(%q) = %s", name, got)
		}
	}
	for _, p := range []string{"", "x", "\xfd7zXZ", "BZ", "\x1f", strings.Repeat("\x00", 20)} {
		if got := Sniff([]byte(p)); got != None {
			t.Errorf("Sniff(%q) = %s", p, got)
		}
	}
}

// TestErrorText pins what a user reads.
func TestErrorText(t *testing.T) {
	_, err := read(Xz, wrapXz([]byte{0}, 0, 40), Limits{})
	want := "xz: block at byte 12: exceeds the limit: dictionary of 4294967295 bytes where 67108864 are allowed"
	if fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
