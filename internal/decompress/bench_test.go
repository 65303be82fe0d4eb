//go:build unix

package decompress

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/detinstall/detinstall/unpack/fetch"
)

// dataDir names the environment variable with a directory of .xz files to measure with.
const dataDir = "DETINSTALL_XZ_DATA"

// realFiles returns .xz files to measure with: those of the directory that the environment
// names, or the data of three packages of Debian trixie, from the host's mirror.
func realFiles(b testing.TB, download bool) []string {
	b.Helper()
	dir := os.Getenv(dataDir)
	if dir == "" {
		if !download {
			b.Skipf("SKIPPED: %s does not name a directory of real .xz files", dataDir)
		}
		dir = b.TempDir()
		if err := fetchPackages(b, dir, "erlang-base", "libllvm19", "openjdk-21-jre-headless"); err != nil {
			b.Skipf("SKIPPED: %s is not set and packages cannot be downloaded: %v", dataDir, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.xz"))
	if err != nil {
		b.Fatal(err)
	}
	if len(files) == 0 {
		b.Skipf("SKIPPED: no .xz files in %s", dir)
	}
	return files
}

// fetchPackages stores the data.tar.xz of packages of trixie in dir.
func fetchPackages(b testing.TB, dir string, names ...string) error {
	base := fetch.HostMirrors("/etc/apt")["debian"]
	if base == "" {
		return errors.New("no mirror of Debian in /etc/apt")
	}
	get := func(path string) (string, error) {
		out := filepath.Join(dir, "download")
		msg, err := exec.Command("/usr/lib/apt/apt-helper", "download-file", base+"/"+path, out).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, msg)
		}
		return out, nil
	}
	file, err := get("dists/trixie/main/binary-amd64/Packages.xz")
	if err != nil {
		return err
	}
	packed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	index := mustRead(b, Xz, packed, Limits{})
	for _, name := range names {
		_, rest, _ := bytes.Cut(index, []byte("\nPackage: "+name+"\n"))
		_, rest, _ = bytes.Cut(rest, []byte("\nFilename: "))
		path, err := bufio.NewReader(bytes.NewReader(rest)).ReadString('\n')
		if err != nil {
			return fmt.Errorf("%s is not in the index", name)
		}
		deb, err := get(strings.TrimSpace(path))
		if err != nil {
			return err
		}
		data, err := exec.Command("ar", "p", deb, "data.tar.xz").Output()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".xz"), data, 0o644); err != nil {
			return err
		}
	}
	return os.Remove(filepath.Join(dir, "download"))
}

// cpuTime returns the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkXz decodes real files, each time after the system's xz has done so, and compares
// processor time: cpu-MB/s is ours, xz-MB/s that of xz -T1 -dc, ratio ours by theirs (best
// of all rounds). With two workers MB/s shows the gain in wall time.
func BenchmarkXz(b *testing.B) {
	for _, file := range realFiles(b, true) {
		data, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", strings.TrimSuffix(filepath.Base(file), ".xz"), workers), func(b *testing.B) {
				ours, theirs := time.Hour, time.Hour
				var n int64
				for b.Loop() {
					b.StopTimer()
					theirs = min(theirs, xzTime(b, file))
					b.StartTimer()
					from := cpuTime(b)
					n = decodeAll(b, data, workers)
					ours = min(ours, cpuTime(b)-from)
				}
				b.SetBytes(n)
				b.ReportMetric(float64(n)/1e6/ours.Seconds(), "cpu-MB/s")
				if theirs < time.Hour {
					b.ReportMetric(float64(n)/1e6/theirs.Seconds(), "xz-MB/s")
					b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
				}
			})
		}
	}
}

func decodeAll(b *testing.B, data []byte, workers int) int64 {
	r, err := NewReader(Xz, bytes.NewReader(data), int64(len(data)), Limits{Workers: workers})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// xzTime returns the processor time of the system's xz, or an hour if there is none.
func xzTime(b *testing.B, file string) time.Duration {
	cmd := exec.Command("xz", "-T1", "-dc", file)
	if err := cmd.Run(); err != nil {
		b.Logf("no comparison with xz: %v", err)
		return time.Hour
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkXzSmall decodes a file of 20 KB, as many packages are.
func BenchmarkXzSmall(b *testing.B) {
	in := text(60_000, 40)
	data := runXz(b, in, "-zc")
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		decodeAll(b, data, 2)
	}
	b.ReportMetric(float64(len(data)), "input-bytes")
}

// TestRealFiles compares real files with the system's xz.
func TestRealFiles(t *testing.T) {
	for _, file := range realFiles(t, false) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := sha256.Sum256(runXz(t, data, "-dc"))
		for _, workers := range []int{1, 2} {
			r, err := NewReader(Xz, bytes.NewReader(data), int64(len(data)), Limits{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			if _, err := io.Copy(h, r); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			r.Close()
			if !bytes.Equal(h.Sum(nil), want[:]) {
				t.Errorf("%s, %d workers: the output differs", file, workers)
			}
		}
	}
}
