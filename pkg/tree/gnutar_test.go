package tree_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// needTar skips t where the oracle or the rights to make its input are missing.
func needTar(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: owners and devices cannot be made: not root")
	}
	out, err := exec.Command("tar", "--version").Output()
	if err != nil || !bytes.HasPrefix(out, []byte("tar (GNU tar)")) {
		t.Skip("SKIPPED: GNU tar is missing")
	}
}

// gnuTar returns what the documented command writes for dir; more options may follow.
func gnuTar(t testing.TB, dir string) []byte {
	t.Helper()
	cmd := exec.Command("tar", "-b1", "--sort=name", "--format=posix", "--numeric-owner", "--xattrs", "--xattrs-include=*",
		"--pax-option=exthdr.name=%d/PaxHeaders.0/%f,delete=atime,delete=ctime", "-C", dir, "-cf", "-", ".")
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("tar: %v\n%s", err, stderr.Bytes())
	}
	return out
}

// materialize writes s below dir as root, plainly.
func materialize(t testing.TB, s *tree.Sealed, dir string) {
	t.Helper()
	nodes := slices.Collect(s.All())
	for _, n := range nodes {
		if err := makeNode(filepath.Join(dir, n.Path), dir, &n); err != nil {
			t.Fatalf("%.80q: %v", n.Path, err)
		}
	}
	for _, n := range slices.Backward(nodes) { // directories' times last
		path := filepath.Join(dir, n.Path)
		ts, err := unix.TimeToTimespec(n.ModTime)
		if err == nil {
			err = unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
		}
		if err != nil {
			t.Fatal(path, err)
		}
	}
}

func makeNode(path, dir string, n *tree.Node) error {
	var err error
	dev := 0
	switch n.Mode.Type() {
	case fs.ModeDir:
		if err = os.Mkdir(path, 0o700); n.Path == "." {
			err = nil
		}
	case fs.ModeSymlink:
		if err = os.Symlink(n.Link, path); err == nil {
			err = os.Lchown(path, int(n.User.ID), int(n.Group.ID))
		}
		return err
	case fs.ModeNamedPipe:
		err = unix.Mknod(path, unix.S_IFIFO|0o600, 0)
	case fs.ModeDevice:
		dev = int(unix.Mkdev(n.Major, n.Minor))
		err = unix.Mknod(path, unix.S_IFBLK|0o600, dev)
	case fs.ModeDevice | fs.ModeCharDevice:
		dev = int(unix.Mkdev(n.Major, n.Minor))
		err = unix.Mknod(path, unix.S_IFCHR|0o600, dev)
	default:
		if n.IsHardLink() {
			return os.Link(filepath.Join(dir, n.Link), path)
		}
		var body []byte
		if body, err = n.Content.ReadAll(1 << 30); err == nil {
			err = os.WriteFile(path, body, 0o600)
		}
	}
	if err == nil {
		err = os.Lchown(path, int(n.User.ID), int(n.Group.ID))
	}
	if err == nil {
		err = os.Chmod(path, n.Mode)
	}
	for _, x := range n.Xattrs {
		if err == nil {
			err = unix.Lsetxattr(path, x.Name, []byte(x.Value), 0)
		}
	}
	return err
}

func writeTar(t testing.TB, s *tree.Sealed) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteTar(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sameTar reports where two archives part.
func sameTar(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	n := min(len(got), len(want))
	i := 0
	for i < n && got[i] == want[i] {
		i++
	}
	at := func(b []byte) []byte { return b[min(len(b), i&^511):min(len(b), i&^511+512)] }
	t.Fatalf("%s: %d and %d bytes, differ at %d:\n%q\n%q", what, len(got), len(want), i, at(got), at(want))
}

// picked has every type, and every reason for an extended header on both sides of its border.
func picked(t testing.TB) *tree.Tree {
	tr := treetest.Parse(`
dir  0700 3:4 .
dir  0755 root:root a
file 0644 root:root a/x "x" @0
file 0644 root:root a-b "after a/" @1700000001
dir  1777 root:root tmp
file 4755 1:2 suid "s" @86400
file 2755 1:2 sgid "s"
file 6711 2097151:2097151 lastid
file 0000 2097152:3000000 bigid "x"
dir  2770 4294967294:0 maxid
link 0777 3000000:7 link -> \377\303\251\012x
link 0777 0:0 \303\251link -> /nowhere
fifo 0600 0:0 fifo
char 0666 0:0 null 1,3
block 0660 0:6 nvme 259,70000
char 0600 0:0 max 4095,1048575
file 0755 0:0 caps "x" security.capability="\x01\x00\x00\x02\x00 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
dir  0755 0:0 xdir user.%\075\303\251="v\x00=\n"
file 0644 0:0 newline\012name "x"
file 0644 0:0 latin\351 "x"
hard 0600 9:9 aa-first -> z-body
file 0640 5:6 z-body "body" @1234567890 user.k="v"
hard 0640 5:6 zz-last -> aa-first
hard 0640 5:6 \303\251hard -> z-body
file 0644 0:0 \303\250body "x"
hard 0644 0:0 \303\251hard2 -> \303\250body
`)
	var err error
	put := func(n tree.Node) {
		if e := tr.Put(n); e != nil && err == nil {
			err = e
		}
	}
	for _, n := range []int{97, 98, 99, 100, 101, 160, 255} {
		name := fmt.Sprintf("%03d", n) + strings.Repeat("n", n-3)
		put(file("f/"+name, "x"))
		put(tree.Node{Path: "d/" + name, Mode: fs.ModeDir | 0o755})
		put(tree.Node{Path: "h/" + name, Mode: 0o644, Link: "f/" + name})
		put(tree.Node{Path: "l/" + name, Mode: fs.ModeSymlink, Link: "../f/" + name})
		put(tree.Node{Path: fmt.Sprint("e", n, "/") + strings.Repeat("é", n/2), Mode: fs.ModeSymlink, Link: strings.Repeat("é", n/2)})
	}
	for n := 98; n < 103; n++ {
		put(tree.Node{Path: fmt.Sprint("target", n), Mode: fs.ModeSymlink, Link: strings.Repeat("t", n)})
	}
	put(tree.Node{Path: "target-long", Mode: fs.ModeSymlink, Link: strings.Repeat("é/", 1365)})
	put(tree.Node{Path: strings.Repeat("deep/", 300) + "end", Mode: 0o600})
	for _, size := range []int{1, 511, 512, 513, 1023, 1024, 1025, 131072, 131073, 1 << 20} {
		put(file(fmt.Sprint("size", size), strings.Repeat("z", size)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestPickedAgainstTar(t *testing.T) {
	needTar(t)
	for _, epoch := range []int64{1_700_000_000, 1<<33 - 1, 1 << 33, 0} {
		s, err := picked(t).Seal(tree.Epoch(epoch), tree.IDs{})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		materialize(t, s, dir)
		want := gnuTar(t, dir)
		sameTar(t, fmt.Sprint("epoch ", epoch), writeTar(t, s), want)
		if d, err := s.Digest(); err != nil || d != tree.Sum(want) {
			t.Errorf("Digest() = %s, %v, want %s", d, err, tree.Sum(want))
		}
		if err := os.Chmod(filepath.Join(dir, "a/x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(gnuTar(t, dir), want) {
			t.Error("tar does not see a mode: the comparison proves nothing")
		}
	}
}

func TestFromDirAgainstTar(t *testing.T) {
	needTar(t)
	s := seal(t, picked(t), 1_700_000_000)
	dir := t.TempDir()
	materialize(t, s, dir)
	got, err := tree.FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	strip := func(s *tree.Sealed) []tree.Node {
		all := nodes(s)
		for i := range all {
			all[i].From = ""
		}
		return all
	}
	if diff := cmp.Diff(strip(s), strip(got), sameNodes); diff != "" {
		t.Error(diff)
	}
	sameTar(t, "FromDir", writeTar(t, got), gnuTar(t, dir))
}

func touch(t testing.TB, path string) string {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
