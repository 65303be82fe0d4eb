package tree_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"golang.org/x/sys/unix"
)

// benchTree has the shape of a Debian root: 20,000 files of 500 MB in 2,000 directories, half of the
// files under 2 KB. Bodies are slices of one buffer.
func benchTree(b *testing.B) *tree.Tree {
	b.Helper()
	buf := make([]byte, 4<<20)
	for i := range buf {
		buf[i] = byte(i * i >> 7)
	}
	sizes := []int{200, 700, 1500, 1900, 2000, 4000, 9000, 20000, 60000, 150000}
	contents := make([]tree.Content, len(sizes))
	for i, size := range sizes {
		contents[i] = tree.Bytes(buf[i : i+size])
	}
	t := tree.New()
	put := func(n tree.Node) {
		if err := t.Put(n); err != nil {
			b.Fatal(err)
		}
	}
	for d := range 2000 {
		dir := fmt.Sprintf("usr/share/doc/package-%d", d*7919%2000)
		put(tree.Node{Path: dir, Mode: fs.ModeDir | 0o755, User: tree.Root, Group: tree.Root})
		for f := range 10 {
			put(tree.Node{Path: fmt.Sprintf("%s/file-%d", dir, f*7%10), Mode: 0o644, User: tree.Root, Group: tree.Root,
				ModTime: tree.Epoch(1_600_000_000), Content: contents[f], From: "deb:package=1"})
		}
	}
	return t
}

func BenchmarkPut(b *testing.B) {
	defer cpu(b)()
	for b.Loop() {
		benchTree(b)
	}
}

func BenchmarkSeal(b *testing.B) {
	t := benchTree(b)
	defer cpu(b)()
	for b.Loop() {
		if _, err := t.Seal(tree.Epoch(1_700_000_000), tree.IDs{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteTar writes from memory: each body is hashed, and the archive (which is what GB/s counts).
func BenchmarkWriteTar(b *testing.B) {
	t := benchTree(b)
	defer cpu(b)()
	for b.Loop() {
		s, err := t.Seal(tree.Epoch(1_700_000_000), tree.IDs{})
		if err != nil {
			b.Fatal(err)
		}
		writeBench(b, s)
	}
}

// BenchmarkWriteTarDir writes the same from files below BENCH_DIR (a tmpfs, best).
func BenchmarkWriteTarDir(b *testing.B) {
	dir := os.Getenv("BENCH_DIR")
	if dir == "" {
		b.Skip("SKIPPED: BENCH_DIR is not set")
	}
	dir = filepath.Join(dir, "detinstall-bench")
	if _, err := os.Stat(dir); err != nil {
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		s, err := benchTree(b).Seal(tree.Epoch(1_700_000_000), tree.IDs{})
		if err != nil {
			b.Fatal(err)
		}
		materialize(b, s, dir)
	}
	b.Run("FromDir", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			if _, err := tree.FromDir(dir); err != nil {
				b.Fatal(err)
			}
		}
	})
	s, err := tree.FromDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, again := range []bool{false, true} {
		b.Run(fmt.Sprint("WriteTar known=", again), func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				fresh := s
				if !again {
					fresh = tree.Fresh(s)
				}
				writeBench(b, fresh)
			}
		})
	}
}

// cpu reports the processor time of each round, which unlike the wall time does not depend on who else is busy.
func cpu(b *testing.B) func() {
	used := func() (user, sys float64) {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Nano()) / 1e6, float64(r.Stime.Nano()) / 1e6
	}
	u0, s0 := used()
	return func() {
		u, s := used()
		b.ReportMetric((u-u0)/float64(b.N), "user-ms/op")
		b.ReportMetric((s-s0)/float64(b.N), "sys-ms/op")
	}
}

// count counts what is written to it. It is not io.Discard, which WriteTar would spare.
type count int64

func (c *count) Write(p []byte) (int, error) { *c += count(len(p)); return len(p), nil }

func writeBench(b *testing.B, s *tree.Sealed) {
	var n count
	if err := s.WriteTar(io.Writer(&n)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(n))
}
