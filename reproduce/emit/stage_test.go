package emit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		out  string
		want emit.Target
	}{
		{"root", emit.Target{Kind: emit.KindDir, Path: "root"}},
		{"root/", emit.Target{Kind: emit.KindDir, Path: "root/"}},
		{"x.tar/", emit.Target{Kind: emit.KindDir, Path: "x.tar/"}},
		{".tar", emit.Target{Kind: emit.KindDir, Path: ".tar"}},
		{"a/x.tar", emit.Target{Kind: emit.KindTar, Path: "a/x.tar"}},
		{"x.tar.gz", emit.Target{Kind: emit.KindTarGz, Path: "x.tar.gz"}},
		{"x.tgz", emit.Target{Kind: emit.KindTarGz, Path: "x.tgz"}},
		{"x.tar.zst", emit.Target{Kind: emit.KindTarZst, Path: "x.tar.zst"}},
		{"x.cpio", emit.Target{Kind: emit.KindCpio, Path: "x.cpio"}},
		{"-", emit.Target{Kind: emit.KindStdout, Path: "-"}},
		{"oci:d", emit.Target{Kind: emit.KindOCI, Path: "d", Tag: "latest"}},
		{"oci:d:v1.2", emit.Target{Kind: emit.KindOCI, Path: "d", Tag: "v1.2"}},
		{"oci:/a:b/d", emit.Target{Kind: emit.KindOCI, Path: "/a:b/d", Tag: "latest"}},
		{"oci:/a:b/d:t", emit.Target{Kind: emit.KindOCI, Path: "/a:b/d", Tag: "t"}},
	} {
		got, err := emit.Parse(c.out)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.out, err, diff)
		}
	}
	for _, out := range []string{"", "oci:", "oci::t", "oci:d:", "oci:d:-x", "x.tar.xz", "x.squashfs", "a\x00b"} {
		var oe *emit.OutputError
		if got, err := emit.Parse(out); !errors.As(err, &oe) {
			t.Errorf("%q: %v, %v; want an OutputError", out, got, err)
		}
	}
}

// refused expects an OutputError and an unchanged directory.
func refused(t *testing.T, out string, opt emit.StageOptions, reason string) {
	t.Helper()
	s, err := emit.Begin(out, opt)
	var oe *emit.OutputError
	if !errors.As(err, &oe) || !strings.Contains(err.Error(), reason) {
		t.Errorf("%s: %v; want an OutputError: %s", out, err, reason)
	}
	if s != nil {
		s.Abort()
	}
}

func TestOutputExists(t *testing.T) {
	dir := tempDir(t)
	must(t, os.MkdirAll(dir+"/full/x", 0o755))
	must(t, os.WriteFile(dir+"/x.tar", []byte("old"), 0o644))
	must(t, os.Mkdir(dir+"/d.tar", 0o755))
	must(t, os.WriteFile(dir+"/file", nil, 0o644))
	must(t, os.Symlink("gone", dir+"/dangling"))
	none, all := emit.StageOptions{}, emit.StageOptions{Replace: true}
	refused(t, dir+"/full", none, "not empty")
	refused(t, dir+"/full/", none, "not empty")
	refused(t, "oci:"+dir+"/full", none, "not empty")
	refused(t, dir+"/x.tar", none, "exists")
	refused(t, dir+"/d.tar", all, "is a directory")
	refused(t, dir+"/file", all, "no directory")
	refused(t, dir+"/dangling", all, "leads nowhere")
	refused(t, dir+"/none/root", all, "there is no directory")
	refused(t, dir+"/file/root", all, "")
	refused(t, "/", all, "root of this system")
	nothingBut(t, dir, "d.tar", "dangling", "file", "full", "x.tar")
}

func TestReplace(t *testing.T) {
	dir := tempDir(t)
	tr := func() *tree.Tree {
		tr := tree.New()
		must(t, tr.Put(tree.Node{Path: "new", Mode: 0o644, Content: tree.Bytes(noise(5000, 4))}))
		return tr
	}
	must(t, os.MkdirAll(dir+"/root/old/er", 0o755))
	must(t, os.WriteFile(dir+"/x.tar", []byte("old"), 0o644))
	must(t, os.MkdirAll(dir+"/elsewhere/old", 0o755))
	must(t, os.Symlink("elsewhere", dir+"/link"))
	all := emit.StageOptions{Replace: true}
	write(t, dir+"/root", tr(), all, emit.Options{})
	nothingBut(t, dir+"/root", "new")
	write(t, dir+"/link", tr(), all, emit.Options{}) // what the link leads to is replaced
	nothingBut(t, dir+"/elsewhere", "new")
	res := write(t, dir+"/x.tar", tr(), all, emit.Options{})
	b, err := os.ReadFile(dir + "/x.tar")
	if err != nil || tree.Sum(b) != res.Digests[0] {
		t.Errorf("tar has %s, %v; want %s", tree.Sum(b), err, res.Digests[0])
	}
	must(t, os.Mkdir(dir+"/empty", 0o700))
	write(t, dir+"/empty", tr(), emit.StageOptions{}, emit.Options{})
	nothingBut(t, dir, "elsewhere", "empty", "link", "root", "x.tar")
}

// An output that fills up while it is being made is not replaced.
func TestFilledMeanwhile(t *testing.T) {
	for _, out := range []string{"root", "x.tar"} {
		dir := tempDir(t)
		s, err := emit.Begin(dir+"/"+out, emit.StageOptions{})
		must(t, err)
		sealed := put(t, s, plain("root:root"))
		if out == "root" {
			must(t, os.MkdirAll(dir+"/root/theirs", 0o755))
		} else {
			must(t, os.WriteFile(dir+"/x.tar", []byte("theirs"), 0o644))
		}
		_, err = emit.Write(context.Background(), s, []emit.Image{{Tree: sealed}}, emit.Options{})
		var oe *emit.OutputError
		if !errors.As(err, &oe) {
			t.Errorf("%s: %v, want an OutputError", out, err)
		}
		must(t, s.Abort())
		nothingBut(t, dir, out)
	}
}

func TestUnwritable(t *testing.T) {
	if !asUser(t) {
		return
	}
	dir := tempDir(t)
	must(t, os.Mkdir(dir+"/closed", 0o555))
	_, err := emit.Begin(dir+"/closed/root", emit.StageOptions{})
	var oe *emit.OutputError
	if !errors.Is(err, os.ErrPermission) || errors.As(err, &oe) {
		t.Errorf("got %v, want a refused permission", err)
	}
	// In a directory of one's own the parent does not matter.
	must(t, os.Chmod(dir+"/closed", 0o755))
	must(t, os.Mkdir(dir+"/closed/mine", 0o755))
	must(t, os.Chmod(dir+"/closed", 0o555))
	s, err := emit.Begin(dir+"/closed/mine", emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	if s.Atomic() {
		t.Error("not atomic, but says so")
	}
	own := tree.Owner{ID: 12345}
	tr := tree.New()
	must(t, tr.Put(tree.Node{Path: "x", Mode: 0o644, User: own, Content: tree.Bytes([]byte("x"))}))
	must(t, tr.Put(tree.Node{Path: "ro", Mode: os.ModeDir | 0o555, User: own}))
	res, err := emit.Write(context.Background(), s, []emit.Image{{Tree: seal(t, tr)}}, emit.Options{})
	must(t, err)
	nothingBut(t, dir+"/closed/mine", "ro", "x")
	if st, err := os.Stat(dir + "/closed/mine/ro"); err != nil || st.Mode().Perm() != 0o555 {
		t.Errorf("ro: %v, %v", st, err)
	}
	if res.Applied.Manifest != "" || !errors.Is(res.Applied.ManifestErr, os.ErrPermission) {
		t.Errorf("manifest %q, %v; want none for lack of permission", res.Applied.Manifest, res.Applied.ManifestErr)
	}
	must(t, os.Chmod(dir+"/closed", 0o755))
}

// A staging directory that a killed process left is taken over; one that is in use is not touched.
func TestStale(t *testing.T) {
	dir := tempDir(t)
	old := dir + "/.root.detinstall"
	must(t, os.MkdirAll(old+"/root/usr/closed", 0o755))
	must(t, os.WriteFile(old+"/root/usr/closed/f", []byte("x"), 0o400))
	must(t, os.Chmod(old+"/root/usr/closed", 0o555))
	must(t, os.MkdirAll(old+"/bodies", 0o700))
	must(t, os.WriteFile(old+"/bodies/1", noise(100, 1), 0o600))
	s, err := emit.Begin(dir+"/root", emit.StageOptions{})
	must(t, err)
	nothingBut(t, old, "bodies", "root")
	nothingBut(t, old+"/bodies")

	_, err = emit.Begin(dir+"/root", emit.StageOptions{})
	if !errors.Is(err, emit.ErrBusy) {
		t.Errorf("second stage: %v, want ErrBusy", err)
	}
	sealed := put(t, s, plain("root:root"))
	if _, err := emit.Write(context.Background(), s, []emit.Image{{Tree: sealed}}, emit.Options{}); err != nil {
		t.Error(err)
	}
	must(t, s.Abort())
	must(t, s.Abort())
	if os.Geteuid() == 0 {
		nothingBut(t, dir, "root")
	}
	s, err = emit.Begin(dir+"/root", emit.StageOptions{Replace: true})
	must(t, err)
	must(t, s.Abort())
	if _, err := os.Stat(old); err == nil {
		t.Error("staging directory is left after Abort")
	}
}

// What is in the way and not ours stays.
func TestInTheWay(t *testing.T) {
	dir := tempDir(t)
	must(t, os.Mkdir(dir+"/precious", 0o755))
	must(t, os.WriteFile(dir+"/precious/x", nil, 0o644))
	must(t, os.Symlink("precious", dir+"/.root.detinstall"))
	if _, err := emit.Begin(dir+"/root", emit.StageOptions{}); err == nil {
		t.Error("a symbolic link was taken for the staging directory")
	}
	nothingBut(t, dir+"/precious", "x")
	if os.Geteuid() != 0 {
		return
	}
	must(t, os.Remove(dir+"/.root.detinstall"))
	must(t, os.Mkdir(dir+"/.root.detinstall", 0o777))
	must(t, os.Chown(dir+"/.root.detinstall", 1000, 1000))
	must(t, os.WriteFile(dir+"/.root.detinstall/x", nil, 0o644))
	if _, err := emit.Begin(dir+"/root", emit.StageOptions{}); err == nil {
		t.Error("another user's directory was taken for the staging directory")
	}
	nothingBut(t, dir+"/.root.detinstall", "x")
}

// mountTmpfs mounts a tmpfs of its own for the test.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	needRoot(t)
	dir := tempDir(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("SKIPPED: needs to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	return dir
}

func TestMountPoint(t *testing.T) {
	dir := mountTmpfs(t, "16m")
	must(t, os.Mkdir(dir+"/lost+found", 0o700))
	s, err := emit.Begin(dir, emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	if s.Atomic() {
		t.Error("atomic in a mount point")
	}
	tr := full()
	root, _ := tr.Get(".")
	root.Mode, root.User = os.ModeDir|0o711, tree.Owner{ID: 9}
	must(t, tr.Set(root))
	sealed := put(t, s, tr)
	nothingBut(t, dir, "."+filepath.Base(dir)+".detinstall", "lost+found")
	res, err := emit.Write(context.Background(), s, []emit.Image{{Tree: sealed}}, emit.Options{})
	must(t, err)
	must(t, os.Remove(dir+"/lost+found"))
	must(t, os.Chtimes(dir, tree.Epoch(epoch), tree.Epoch(epoch)))
	if got := gnuTar(t, dir); got != res.Digests[0].String() {
		t.Errorf("GNU tar: %s, want %s", got, res.Digests[0])
	}
	n, _ := sealed.Lookup("usr/big2")
	if b, err := n.Content.ReadAll(1 << 20); err != nil || tree.Sum(b) != n.Content.Digest {
		t.Errorf("body after publishing: %v", err)
	}
	must(t, s.Abort())
	refused(t, dir, emit.StageOptions{}, "not empty")
	res = write(t, dir, plain("root:root"), emit.StageOptions{Replace: true}, emit.Options{})
	if got := gnuTar(t, dir); got != res.Digests[0].String() {
		t.Errorf("replaced; GNU tar: %s, want %s", got, res.Digests[0])
	}
}

func TestWorkingDirectory(t *testing.T) {
	needRoot(t)
	dir := tempDir(t)
	t.Chdir(dir)
	res := write(t, ".", full(), emit.StageOptions{}, emit.Options{})
	if got := gnuTar(t, "."); got != res.Digests[0].String() {
		t.Errorf("GNU tar: %s, want %s", got, res.Digests[0])
	}
}

func TestDiskFull(t *testing.T) {
	mount := mountTmpfs(t, "2m")
	for _, out := range []string{mount + "/root", mount + "/x.tar", mount + "/x.tar.gz", "oci:" + mount + "/img", mount + "/x.cpio"} {
		s, err := emit.Begin(out, emit.StageOptions{})
		must(t, err)
		tr := tree.New()
		for i := range 8 {
			var c tree.Content
			if c, err = s.Put(bytes.NewReader(noise(300<<10, uint64(i))), 300<<10); err != nil {
				break
			}
			must(t, tr.Put(tree.Node{Path: string(rune('a' + i)), Mode: 0o644, Content: c}))
		}
		if err == nil {
			t.Errorf("%s: 2.4 MB fit into 2 MiB", out)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v, want ENOSPC", out, err)
		}
		must(t, s.Abort())
		nothingBut(t, mount)
		// As much as fits once, but not twice.
		s, err = emit.Begin(out, emit.StageOptions{})
		must(t, err)
		c, err := s.Put(bytes.NewReader(noise(1200<<10, 1)), 1200<<10)
		must(t, err)
		tr = tree.New()
		must(t, tr.Put(tree.Node{Path: "one", Mode: 0o644, Content: c}))
		must(t, tr.Put(tree.Node{Path: "two", Mode: 0o644, Content: c}))
		_, err = emit.Write(context.Background(), s, []emit.Image{{Tree: seal(t, tr)}}, emit.Options{})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: write: %v, want ENOSPC", out, err)
		}
		must(t, s.Abort())
		nothingBut(t, mount)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, out := range []string{"root", "x.tar", "x.tar.gz", "x.tar.zst", "x.cpio", "oci:img"} {
		dir := tempDir(t)
		s, err := emit.Begin(strings.Replace(out, "img", dir+"/img", 1), emit.StageOptions{})
		if !strings.HasPrefix(out, "oci:") {
			s, err = emit.Begin(dir+"/"+out, emit.StageOptions{})
		}
		must(t, err)
		sealed := put(t, s, plain("root:root"))
		if _, err := emit.Write(ctx, s, []emit.Image{{Tree: sealed}}, emit.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want canceled", out, err)
		}
		must(t, s.Abort())
		nothingBut(t, dir)
		if _, err := s.Put(bytes.NewReader(noise(9000, 1)), 9000); err == nil {
			t.Errorf("%s: body was put into a stage that is gone", out)
		}
	}
}

func TestPutShort(t *testing.T) {
	for _, out := range []string{"root", "x.tar"} {
		s, err := emit.Begin(tempDir(t)+"/"+out, emit.StageOptions{})
		must(t, err)
		for _, size := range []int64{10, 5000, 1 << 20} {
			if _, err := s.Put(bytes.NewReader(make([]byte, size-1)), size); err == nil {
				t.Errorf("%s: %d bytes of %d were enough", out, size-1, size)
			}
		}
		if _, err := s.Put(bytes.NewReader(nil), -1); err == nil {
			t.Error("negative size")
		}
		must(t, s.Abort())
	}
}
