package decompress

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// fuzzLimits keep a fuzzing process small.
var fuzzLimits = Limits{Size: 8 << 20, Dict: 1 << 20, Workers: 2}

// FuzzXz compares whole files: what we accept, ulikunitz/xz decodes to the same bytes.
func FuzzXz(f *testing.F) {
	for _, args := range [][]string{
		{"-zc", "--lzma2=dict=4KiB"}, {"-zc", "--lzma2=dict=64KiB", "--check=crc32", "--block-size=100"},
		{"-zc", "--lzma2=dict=4KiB,lc=0,lp=4,pb=4", "--check=sha256"}, {"-zc", "--lzma2=dict=4KiB", "--check=none"},
	} {
		f.Add(runXz(f, text(1000, 30), args...))
	}
	f.Add(runXz(f, nil, "-zc"))
	f.Add(wrapXz([]byte{1, 0, 2, 'a', 'b', 'c', 2, 0, 0, 'd', 0}, 4, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := read(Xz, file, fuzzLimits)
		if err != nil {
			return
		}
		lim := fuzzLimits
		lim.Workers = 1
		same(t, mustRead(t, Xz, file, lim), got)
		r, err := xz.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("ulikunitz/xz refuses what we accept: %v", err)
		}
		want, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("ulikunitz/xz refuses what we accept: %v", err)
		}
		same(t, got, want)
	})
}

// lzma2Size adds up the sizes that the chunks state.
func lzma2Size(p []byte) (size int, ok bool) {
	for len(p) > 0 && p[0] != 0 {
		if len(p) < 6 {
			return 0, false
		}
		n := int(binary.BigEndian.Uint16(p[1:])) + 1
		size += n
		skip := 3 + n
		if p[0] >= 0x80 {
			size += int(p[0]&0x1f) << 16
			skip = 5 + int(binary.BigEndian.Uint16(p[3:])) + 1 + int(p[0]>>6&1)
		}
		if skip > len(p) {
			return 0, false
		}
		p = p[skip:]
	}
	return size, len(p) == 1
}

// FuzzLzma2 compares LZMA2 data below all checks.
func FuzzLzma2(f *testing.F) {
	for _, in := range [][]byte{text(600, 31), text(3000, 32), []byte("a"), make([]byte, 500)} {
		for _, c := range []string{"--lzma2=dict=4KiB", "--lzma2=dict=4KiB,lc=1,lp=3,pb=0"} {
			var data []byte
			for _, c := range chunksOf(f, runXz(f, in, "-zc", c)) {
				data = append(data, c.data...)
			}
			f.Add(append(data, 0))
		}
	}
	f.Add([]byte{1, 0, 2, 'a', 'b', 'c', 2, 0, 0, 'd', 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		size, ok := lzma2Size(data)
		if !ok || size > 4<<20 {
			return
		}
		got, err := read(Xz, wrapXz(data, size, 0), fuzzLimits)
		if err != nil {
			return
		}
		r, err := lzma.Reader2Config{DictCap: 4096}.NewReader2(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("ulikunitz/xz refuses what we accept: %v", err)
		}
		same(t, got, want)
	})
}

// FuzzRoundTrip decodes what ulikunitz/xz has encoded.
func FuzzRoundTrip(f *testing.F) {
	for _, in := range [][]byte{nil, text(600, 34), text(9000, 35), noise(100), make([]byte, 2000)} {
		f.Add(in, byte(3), byte(0), byte(2), uint16(4000))
		f.Add(in, byte(0), byte(4), byte(4), uint16(0))
	}
	f.Fuzz(func(t *testing.T, in []byte, lc, lp, pb byte, block uint16) {
		p := lzma.Properties{LC: int(lc % 5), LP: int(lp % 5), PB: int(pb % 5)}
		if p.LC+p.LP > 4 {
			p.LP = 4 - p.LC
		}
		checks := [...]byte{xz.CRC32, xz.CRC64, xz.SHA256}
		cfg := xz.WriterConfig{
			Properties: &p, DictCap: 4096 + int(lc)*16, BlockSize: int64(block)*8 + 1000,
			CheckSum: checks[int(pb)%len(checks)],
		}
		var b bytes.Buffer
		w, err := cfg.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(in); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, mustRead(t, Xz, b.Bytes(), fuzzLimits), in)
	})
}

// FuzzStreams looks for panics, endless loops and broken limits in the other formats.
func FuzzStreams(f *testing.F) {
	for _, k := range []Kind{Gz, Zst, Lzma, Bz2, Deflate} {
		f.Add(string(k), compressors[k](f, text(300, 33)))
	}
	f.Fuzz(func(t *testing.T, kind string, file []byte) {
		out, err := read(Kind(kind), file, fuzzLimits)
		if int64(len(out)) > fuzzLimits.Size {
			t.Errorf("%d bytes are over the limit", len(out))
		}
		if err == nil && len(file) == 0 && Kind(kind) != None {
			t.Error("an empty file is accepted")
		}
	})
}
