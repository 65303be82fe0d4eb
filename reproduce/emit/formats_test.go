package emit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
)

// large is a tree of several gzip blocks, partly compressible.
func large() *tree.Tree {
	tr := full()
	for i := range 40 {
		b := append(bytes.Repeat(noise(100, uint64(i)), 700), noise(60_000, uint64(i))...)
		n := tree.Node{Path: "opt/f" + string(rune('A'+i)), Mode: 0o644, ModTime: tree.Epoch(1), Content: tree.Bytes(b)}
		if err := tr.Put(n); err != nil {
			panic(err)
		}
	}
	return tr
}

// files returns every file below dir by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	must(t, filepath.Walk(dir, func(p string, fi os.FileInfo, err error) error {
		if err == nil && fi.Mode().IsRegular() {
			b, err := os.ReadFile(p)
			must(t, err)
			m[strings.TrimPrefix(p, dir)] = string(b)
		}
		return err
	}))
	return m
}

// The bytes of every output depend on the tree and on nothing else.
func TestSameBytes(t *testing.T) {
	for _, out := range []string{"x.tar", "x.tar.gz", "x.tar.zst", "x.cpio", "oci:img:t"} {
		t.Run(out, func(t *testing.T) {
			var first map[string]string
			for _, procs := range []int{1, 4, 2, 4} {
				dir := tempDir(t)
				t.Chdir(dir)
				old := runtime.GOMAXPROCS(procs)
				write(t, out, large(), emit.StageOptions{}, emit.Options{Cpio: emit.CpioOptions{Lossy: true}})
				runtime.GOMAXPROCS(old)
				got := files(t, dir)
				if first == nil {
					first = got
				}
				if len(got) == 0 || !cmp.Equal(first, got) {
					t.Errorf("other bytes with %d processors", procs)
				}
			}
		})
	}
}

func TestCompressed(t *testing.T) {
	dir := tempDir(t)
	want, err := seal(t, large()).Digest()
	must(t, err)
	for _, c := range []struct{ out, program string }{{"x.tar", "cat"}, {"x.tar.gz", "gzip"}, {"x.tar.zst", "zstd"}} {
		t.Run(c.out, func(t *testing.T) {
			res := write(t, dir+"/"+c.out, large(), emit.StageOptions{}, emit.Options{})
			if res.Digests[0] != want {
				t.Errorf("digest %s, want %s", res.Digests[0], want)
			}
			args := []string{"-dc", dir + "/" + c.out}
			if c.program == "cat" {
				args = args[1:]
			}
			if got := tree.Sum([]byte(run(t, c.program, args...))); got != want {
				t.Errorf("%s gives %s, want %s", c.program, got, want)
			}
		})
	}
	var stdout bytes.Buffer
	res := write(t, "-", large(), emit.StageOptions{Scratch: dir}, emit.Options{Stdout: &stdout})
	if res.Digests[0] != want || tree.Sum(stdout.Bytes()) != want {
		t.Errorf("stdout has %s, digest %s, want %s", tree.Sum(stdout.Bytes()), res.Digests[0], want)
	}
	nothingBut(t, dir, "x.tar", "x.tar.gz", "x.tar.zst")
	if _, err := os.Stat(dir + "/.stdout-0.detinstall"); err == nil {
		t.Error("staging is left")
	}
}

// The header says nothing of where and when.
func TestGzipHeader(t *testing.T) {
	var b bytes.Buffer
	must(t, emit.Tar(context.Background(), &b, seal(t, plain("root:root")), emit.KindTarGz))
	if !bytes.HasPrefix(b.Bytes(), []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")) {
		t.Errorf("header % x", b.Bytes()[:10])
	}
}

type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

var errBroken = errors.New("broken on purpose")

func TestBrokenWriter(t *testing.T) {
	for _, k := range []emit.Kind{emit.KindTar, emit.KindTarGz, emit.KindTarZst} {
		for _, left := range []int{0, 5, 100_000, 2_000_000} {
			err := emit.Tar(context.Background(), &brokenWriter{left}, seal(t, large()), k)
			if !errors.Is(err, errBroken) {
				t.Errorf("%s after %d bytes: %v", k, left, err)
			}
		}
	}
}

func TestOCI(t *testing.T) {
	dir := tempDir(t)
	ref := "oci:" + dir + "/img:v1"
	res := write(t, ref, full(), emit.StageOptions{}, emit.Options{Annotations: map[string]string{"org.opencontainers.image.title": "x"}})
	t.Run("skopeo", func(t *testing.T) {
		var config struct {
			Created, Architecture, OS string
			RootFS                    struct {
				DiffIDs []string `json:"diff_ids"`
			}
			History []struct{ Created string }
		}
		must(t, json.Unmarshal([]byte(run(t, "skopeo", "inspect", "--config", ref)), &config))
		want := "2023-11-14T22:13:20Z"
		if len(config.RootFS.DiffIDs) != 1 || config.RootFS.DiffIDs[0] != res.Digests[0].String() {
			t.Errorf("diff_ids %v, want %s", config.RootFS.DiffIDs, res.Digests[0])
		}
		if config.Created != want || config.Architecture != "amd64" || config.OS != "linux" || len(config.History) != 1 || config.History[0].Created != want {
			t.Errorf("config %+v", config)
		}
		// A copy makes skopeo read and check every blob.
		run(t, "skopeo", "copy", "-q", ref, "dir:"+dir+"/copy")
	})
	t.Run("umoci", func(t *testing.T) {
		needRoot(t)
		run(t, "umoci", "unpack", "--image", dir+"/img:v1", dir+"/bundle")
		if got := gnuTar(t, dir+"/bundle/rootfs"); got != res.Digests[0].String() {
			t.Errorf("GNU tar: %s, want %s", got, res.Digests[0])
		}
	})
	t.Run("negative control", func(t *testing.T) {
		oracle(t, "skopeo")
		blobs, err := filepath.Glob(dir + "/img/blobs/sha256/*")
		must(t, err)
		for _, b := range blobs {
			f, err := os.OpenFile(b, os.O_RDWR, 0)
			must(t, err)
			_, err = f.WriteAt([]byte{'!'}, 5)
			must(t, errors.Join(err, f.Close()))
		}
		if exec.Command("skopeo", "copy", "-q", ref, "dir:"+dir+"/broken").Run() == nil {
			t.Error("skopeo takes a damaged layout")
		}
	})
}

func TestOCIPlatforms(t *testing.T) {
	dir := tempDir(t)
	s, err := emit.Begin("oci:"+dir+"/img:all", emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	res, err := emit.Write(context.Background(), s, []emit.Image{
		{Tree: put(t, s, full()), Arch: "amd64"},
		{Tree: put(t, s, plain("root:root")), Arch: "arm64"},
		{Tree: put(t, s, large()), Arch: "arm", Variant: "v7"},
	}, emit.Options{})
	must(t, err)
	for i, args := range [][]string{{"--override-arch=amd64"}, {"--override-arch=arm64"}, {"--override-arch=arm", "--override-variant=v7"}} {
		out := run(t, "skopeo", append(args, "inspect", "--config", "oci:"+dir+"/img:all")...)
		if !strings.Contains(out, `"`+res.Digests[i].String()+`"`) {
			t.Errorf("%v: config %s, want diff_id %s", args, out, res.Digests[i])
		}
	}
	if _, err := emit.Write(context.Background(), s, nil, emit.Options{}); err == nil {
		t.Error("no image at all was written")
	}
}

func TestSeveralTreesNeedALayout(t *testing.T) {
	s, err := emit.Begin(tempDir(t)+"/x.tar", emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	im := emit.Image{Tree: seal(t, full())}
	var oe *emit.OutputError
	if _, err := emit.Write(context.Background(), s, []emit.Image{im, im}, emit.Options{}); !errors.As(err, &oe) {
		t.Errorf("got %v, want an OutputError", err)
	}
}

func TestCpio(t *testing.T) {
	needRoot(t)
	oracle(t, "cpio")
	dir := tempDir(t)
	tr := full()
	su, _ := tr.Get("usr/bin/su")
	su.Xattrs = nil
	must(t, tr.Set(su))
	hard := tree.Node{Path: "usr/empty2", Mode: 0o644, Link: "empty"} // a hard link without a body
	must(t, tr.Put(hard))
	res := write(t, dir+"/x.cpio", tr, emit.StageOptions{}, emit.Options{})
	must(t, os.Mkdir(dir+"/root", 0o755))
	run(t, "sh", "-c", `cd "$0" && cpio -idm --quiet <../x.cpio`, dir+"/root")
	// GNU cpio sets no times of links, nor of directories that it fills later.
	sealed := seal(t, tr)
	for n := range sealed.All() {
		if n.Mode.IsDir() || n.Mode&os.ModeSymlink != 0 {
			ts := unix.NsecToTimespec(n.ModTime.UnixNano())
			name := filepath.Join(dir, "root", n.Path)
			must(t, unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
		}
	}
	if got := gnuTar(t, dir+"/root"); got != res.Digests[0].String() {
		t.Errorf("GNU tar: %s, want %s", got, res.Digests[0])
	}
}

func TestCpioRefuses(t *testing.T) {
	node := func(n tree.Node) *tree.Sealed {
		tr := tree.New()
		must(t, tr.Put(n))
		return seal(t, tr)
	}
	huge := tree.Content{Size: 1 << 32, Digest: tree.Sum(nil)}
	late, err := func() (*tree.Sealed, error) {
		tr := tree.New()
		must(t, tr.Put(tree.Node{Path: "x", Mode: 0o644, ModTime: tree.Epoch(1 << 32)}))
		return tr.Seal(tree.Epoch(1<<33), tree.IDs{})
	}()
	must(t, err)
	for _, c := range []struct {
		name  string
		tree  *tree.Sealed
		lossy bool // it can be written with Lossy
	}{
		{"xattr", node(tree.Node{Path: "x", Mode: 0o644, Xattrs: []tree.Xattr{{Name: "user.x", Value: "y"}}}), true},
		{"time", late, true},
		{"size", node(tree.Node{Path: "x", Mode: 0o644, Content: huge}), false},
		{"name", node(tree.Node{Path: "TRAILER!!!", Mode: 0o644}), false},
	} {
		var le *emit.LossyError
		if err := emit.Cpio(context.Background(), io.Discard, c.tree, emit.CpioOptions{}); !errors.As(err, &le) {
			t.Errorf("%s: %v, want a LossyError", c.name, err)
		}
		if err := emit.Cpio(context.Background(), io.Discard, c.tree, emit.CpioOptions{Lossy: true}); (err == nil) != c.lossy {
			t.Errorf("%s, lossy: %v", c.name, err)
		}
	}
}
