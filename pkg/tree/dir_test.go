package tree_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"golang.org/x/sys/unix"
)

func onDisk(t testing.TB, text string) string {
	t.Helper()
	needTar(t)
	dir := t.TempDir()
	materialize(t, seal(t, treetest.Parse(text), 1000), dir)
	return dir
}

func TestFromDirKeepsItsDirectory(t *testing.T) {
	dir := onDisk(t, "file 0644 0:0 a/b/c \"body\"\nfile 0644 0:0 d \"x\"")
	root := filepath.Join(dir, "a")
	s, err := tree.FromDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(root, filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	n, _ := s.Lookup("b/c")
	if b, err := n.Content.ReadAll(10); err != nil || string(b) != "body" {
		t.Errorf("after a rename: %q, %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "moved/b/c"), []byte("Body"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Digest(); err == nil || !strings.Contains(err.Error(), "/b/c: body is sha256:") {
		t.Errorf("after a change: %v", err)
	}
}

func TestFromDirFollowsNoLink(t *testing.T) {
	dir := onDisk(t, "file 0644 0:0 a/b/c \"body\"\nfile 0644 0:0 secret/c \"body\"\nlink 0777 0:0 root -> .")
	s, err := tree.FromDir(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal("a root given by a link:", err)
	}
	n, _ := s.Lookup("a/b/c")
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	open := map[string]func() (io.ReadCloser, error){
		"openat2": n.Content.Open,
		"openat":  func() (io.ReadCloser, error) { return tree.OpenSteps(d, "a/b/c") },
	}
	for name, open := range open {
		f, err := open()
		if err != nil {
			t.Fatal(name, err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "body" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if err := errors.Join(f.Close()); err != nil || f.Close() == nil {
			t.Errorf("%s: closed: %v; closing again is no error", name, err)
		}
	}
	if err := errors.Join(os.Rename(dir+"/a/b", dir+"/a/old"), os.Symlink("../secret", dir+"/a/b")); err != nil {
		t.Fatal(err)
	}
	for name, open := range open {
		if f, err := open(); err == nil {
			f.Close()
			t.Errorf("%s followed a link", name)
		}
	}
}

func TestFromDirRefuses(t *testing.T) {
	dir := onDisk(t, "dir 0755 0:0 a\nfile 0644 0:0 z \"x\"")
	l, err := net.Listen("unix", filepath.Join(dir, "a/sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var refused *tree.RefusedError
	if _, err := tree.FromDir(dir); !errors.As(err, &refused) || refused.What != "a/sock" {
		t.Errorf("socket: %v", err)
	}
	if _, err := tree.FromDir(filepath.Join(dir, "nope")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := tree.FromDir(filepath.Join(dir, "z")); err == nil {
		t.Error("a file was read as a directory")
	}
}

func TestFromDirLeavesOutHostXattrs(t *testing.T) {
	dir := onDisk(t, "file 0644 0:0 f \"x\"\nlink 0777 0:0 l -> f")
	set := func(path, name, value string) {
		if err := unix.Lsetxattr(filepath.Join(dir, path), name, []byte(value), 0); err != nil {
			t.Skipf("SKIPPED: no %s on this file system: %v", name, err)
		}
	}
	set("f", "user.z", "1")
	set("f", "user.a", "")
	set("f", "user.overlay.opaque", "y")
	// An access ACL: user::rw-, user:1:r--, group::r--, mask::r--, other::r--.
	set("f", "system.posix_acl_access", "\x02\x00\x00\x00"+"\x01\x00\x06\x00\xff\xff\xff\xff"+"\x02\x00\x04\x00\x01\x00\x00\x00"+
		"\x04\x00\x04\x00\xff\xff\xff\xff"+"\x10\x00\x04\x00\xff\xff\xff\xff"+"\x20\x00\x04\x00\xff\xff\xff\xff")
	set("l", "trusted.link", "v")
	s, err := tree.FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for n := range s.All() {
		for _, x := range n.Xattrs {
			got += fmt.Sprintf("%s %s=%s\n", n.Path, x.Name, x.Value)
		}
	}
	if want := "f user.a=\nf user.z=1\nl trusted.link=v\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// links returns a small tree that is mostly links.
func (d dice) links(names []string, target func() string) *tree.Tree {
	tr := tree.New()
	dirs := []string{""}
	for range 25 {
		n := tree.Node{Path: pick(d, dirs...) + pick(d, names...), Mode: fs.ModeDir | 0o755}
		switch d.IntN(5) {
		case 0, 1, 2:
			n.Mode, n.Link = fs.ModeSymlink, target()
		case 3:
			n.Mode = 0o644
		}
		if err := tr.Put(n); err == nil && n.Mode.IsDir() {
			dirs = append(dirs, n.Path+"/")
		}
	}
	return tr
}

// TestResolveAgainstKernel compares with openat2(RESOLVE_IN_ROOT), which has the same rules for what exists.
func TestResolveAgainstKernel(t *testing.T) {
	needTar(t)
	names := []string{"a", "b", "c", "d", "e"}
	compared := 0
	for seed := range uint64(40) {
		d := dice{rand.New(rand.NewPCG(seed, 3))}
		random := func() string {
			parts := make([]string, d.IntN(4)+1)
			for i := range parts {
				parts[i] = pick(d, append([]string{"..", "."}, names...)...)
			}
			return pick(d, "", "", "/", "//") + strings.Join(parts, pick(d, "/", "/", "//")) + pick(d, "", "", "/", "/.")
		}
		tr := d.links(names, random)
		dir := t.TempDir()
		materialize(t, seal(t, tr, 0), dir)
		root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			path := random()
			for _, follow := range []bool{true, false} {
				resolve, flags := tr.Resolve, uint64(unix.O_NOFOLLOW)
				if follow {
					resolve, flags = tr.ResolveAll, 0
				} else {
					// To the kernel a slash at the end means that the last link is followed.
					path = strings.TrimRight(strings.TrimSuffix(path, "/."), "/")
					if path == "" {
						continue
					}
				}
				got, err := resolve(path)
				want, kerr := kernel(root, dir, path, flags)
				switch {
				case kerr == unix.ENOENT || kerr == unix.ENOTDIR && strings.HasSuffix(path, "/"):
					continue
				case (err == nil) != (kerr == nil) || err == nil && got != want:
					t.Errorf("seed %d: %q follow=%v: %q, %v; kernel %q, %v", seed, path, follow, got, err, want, kerr)
				}
				compared++
			}
		}
		unix.Close(root)
	}
	if compared < 2000 {
		t.Errorf("compared %d paths only", compared)
	}
}

func kernel(root int, dir, path string, flags uint64) (string, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | flags, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := unix.Openat2(root, path, &how)
	for err == unix.EAGAIN { // ".." while somebody renames anything anywhere (openat2(2))
		fd, err = unix.Openat2(root, path, &how)
	}
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	abs, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, abs)
	return rel, err
}
