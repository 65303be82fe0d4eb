package emit_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
)

// sizes are those of n files of total bytes, as roots have them: half are under 4 KiB, few are large.
func sizes(n int, total int64) []int64 {
	out := make([]int64, n)
	var sum float64
	weight := func(i int) float64 { return math.Exp(9 * float64((i*7919)%n) / float64(n)) }
	for i := range n {
		sum += weight(i)
	}
	for i := range n {
		out[i] = int64(weight(i) / sum * float64(total))
	}
	return out
}

func cpu() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWrite puts and writes 20,000 files in 1,000 directories, 500 MB, from two goroutines,
// on a tmpfs where there is one. It reports wall and CPU time of both halves.
func BenchmarkWrite(b *testing.B) {
	const files, total = 20_000, 500 << 20
	data := noise(64<<20, 1)
	sz := sizes(files, total)
	for _, out := range []string{"root", "x.tar", "x.tar.gz"} {
		b.Run(out, func(b *testing.B) {
			base := "/dev/shm"
			if os.Geteuid() != 0 {
				base = b.TempDir()
			}
			dir, err := os.MkdirTemp(base, "emit")
			must(b, err)
			defer os.RemoveAll(dir)
			var wall, busy [3]time.Duration
			for b.Loop() {
				start, startCPU := time.Now(), cpu()
				lap := func(i int) {
					wall[i], busy[i] = wall[i]+time.Since(start), busy[i]+cpu()-startCPU
					start, startCPU = time.Now(), cpu()
				}
				s, err := emit.Begin(dir+"/"+out, emit.StageOptions{})
				must(b, err)
				contents := make([]tree.Content, files)
				var wg sync.WaitGroup
				for g := range 2 {
					wg.Go(func() {
						for i := g; i < files; i += 2 {
							at := (i * 4099) % (len(data) - int(sz[i]))
							var err error
							contents[i], err = s.Put(bytes.NewReader(data[at:at+int(sz[i])]), sz[i])
							must(b, err)
						}
					})
				}
				wg.Wait()
				lap(0)
				tr := tree.New()
				for i, c := range contents {
					must(b, tr.Put(tree.Node{Path: fmt.Sprintf("usr/d%d/f%d", i%1000, i), Mode: 0o644, ModTime: tree.Epoch(int64(i)), Content: c}))
				}
				sealed := seal(b, tr)
				lap(1)
				_, err = emit.Write(context.Background(), s, []emit.Image{{Tree: sealed, Arch: "amd64"}}, emit.Options{})
				must(b, err)
				lap(2)
				must(b, s.Abort())
				must(b, os.RemoveAll(dir+"/"+out))
			}
			for i, name := range []string{"put", "seal", "write"} {
				b.ReportMetric(float64(wall[i].Milliseconds())/float64(b.N), name+"-ms")
				b.ReportMetric(float64(busy[i].Milliseconds())/float64(b.N), name+"-cpu-ms")
			}
		})
	}
}
