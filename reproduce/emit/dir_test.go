package emit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
)

// write writes tr to out in whatever form.
func write(t testing.TB, out string, tr *tree.Tree, so emit.StageOptions, opt emit.Options) emit.Result {
	t.Helper()
	s, err := emit.Begin(out, so)
	must(t, err)
	defer s.Abort()
	res, err := emit.Write(context.Background(), s, []emit.Image{{Tree: put(t, s, tr), Arch: "amd64"}}, opt)
	must(t, err)
	return res
}

func TestDirAsRoot(t *testing.T) {
	needRoot(t)
	want, err := seal(t, full()).Digest()
	must(t, err)
	for _, c := range []struct {
		name    string
		umask   int
		prepare func(t *testing.T, dir string)
	}{
		{"plain", 0o022, func(*testing.T, string) {}},
		{"umask 0", 0, func(*testing.T, string) {}},
		{"umask 0777", 0o777, func(*testing.T, string) {}},
		{"setgid parent", 0o022, func(t *testing.T, dir string) {
			must(t, os.Chown(dir, 0, 50))
			must(t, os.Chmod(dir, 0o777|os.ModeSetgid))
		}},
		{"default ACL", 0o022, func(t *testing.T, dir string) { run(t, "setfacl", "-d", "-m", "u:1000:rwx,g::rwx", dir) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tempDir(t)
			c.prepare(t, dir)
			old := unix.Umask(c.umask)
			res := write(t, dir+"/root/", full(), emit.StageOptions{}, emit.Options{})
			unix.Umask(old)
			if res.Digests[0] != want {
				t.Errorf("digest %s, want %s", res.Digests[0], want)
			}
			if len(res.Applied.Skipped) > 0 {
				t.Errorf("skipped %v", res.Applied.Skipped)
			}
			if got := gnuTar(t, dir+"/root"); got != want.String() {
				t.Errorf("GNU tar: digest %s, want %s", got, want)
			}
			nothingBut(t, dir, "root")
		})
	}
	t.Run("negative control", func(t *testing.T) {
		dir := tempDir(t) + "/root"
		write(t, dir, full(), emit.StageOptions{}, emit.Options{})
		must(t, os.Chmod(dir+"/a/b", 0o640))
		if gnuTar(t, dir) == want.String() {
			t.Error("GNU tar does not see another mode")
		}
	})
}

func TestDirAsUser(t *testing.T) {
	if !asUser(t) {
		return
	}
	own := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	dir := tempDir(t)
	res := write(t, dir+"/root", plain(own), emit.StageOptions{}, emit.Options{})
	back, err := seal(t, plain(own)).Digest()
	must(t, err)
	if res.Digests[0] != back || len(res.Applied.Skipped) != 0 || res.Applied.Manifest != "" {
		t.Errorf("own files: digest %s, want %s; %+v", res.Digests[0], back, res.Applied)
	}
	os.Chmod(dir+"/root/shadow", 0o400) // so that tar can read it
	if got := gnuTar(t, dir+"/root"); got == back.String() {
		t.Error("negative control: GNU tar does not see another mode")
	}
	nothingBut(t, dir, "root")

	res = write(t, dir+"/full", full(), emit.StageOptions{}, emit.Options{})
	want, err := seal(t, full()).Digest()
	must(t, err)
	if res.Digests[0] != want {
		t.Errorf("digest %s, want that of root %s", res.Digests[0], want)
	}
	counts := map[emit.SkipKind]int{}
	for _, s := range res.Applied.Skipped {
		counts[s.Kind] = s.Count
	}
	links := 2 // hard links, which share an owner
	if diff := cmp.Diff(map[emit.SkipKind]int{
		"device": 2, "setuid": 3, "xattr": 1, "owner": seal(t, full()).Len() - 2 - links,
	}, counts); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	checkManifest(t, res, dir+"/full", want)
	nothingBut(t, dir, "full", "full.manifest", "root")
	if st, err := os.Stat(dir + "/full/usr/bin/su"); err != nil || st.Mode() != 0o755 {
		t.Errorf("su: %v, %v", st, err)
	}
	write(t, dir+"/keep", full(), emit.StageOptions{}, emit.Options{Dir: emit.DirOptions{KeepSetuid: true}})
	if st, err := os.Stat(dir + "/keep/usr/bin/su"); err != nil || st.Mode() != 0o755|os.ModeSetuid {
		t.Errorf("su, kept: %v, %v", st, err)
	}
}

func checkManifest(t *testing.T, res emit.Result, out string, want tree.Digest) {
	t.Helper()
	if res.Applied.Manifest != out+".manifest" {
		t.Fatalf("manifest at %q: %v", res.Applied.Manifest, res.Applied.ManifestErr)
	}
	f, err := os.Open(res.Applied.Manifest)
	must(t, err)
	defer f.Close()
	m, err := tree.ParseManifest(f)
	must(t, err)
	var got, all bytes.Buffer
	must(t, m.WriteManifest(&got))
	must(t, seal(t, full()).WriteManifest(&all))
	if diff := cmp.Diff(all.String(), got.String()); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// In a closed root directory (Fedora's is 0555) everything works as anywhere.
func TestClosedRoot(t *testing.T) {
	check := func(t *testing.T) {
		tr := tree.New()
		own := tree.Owner{ID: uint32(os.Getuid())}
		grp := tree.Owner{ID: uint32(os.Getgid())}
		must(t, tr.Set(tree.Node{Path: ".", Mode: os.ModeDir | 0o555, User: own, Group: grp}))
		must(t, tr.Put(tree.Node{Path: "x", Mode: 0o644, User: own, Group: grp, Content: tree.Bytes(noise(9000, 3))}))
		must(t, tr.Put(tree.Node{Path: "d", Mode: os.ModeDir | 0o111, User: own, Group: grp}))
		dir := tempDir(t)
		for range 2 { // a new one, then in the place of the old
			res := write(t, dir+"/root", tr, emit.StageOptions{Replace: true}, emit.Options{})
			if len(res.Applied.Skipped) > 0 {
				t.Errorf("skipped %v", res.Applied.Skipped)
			}
			st, err := os.Stat(dir + "/root")
			must(t, err)
			if st.Mode().Perm() != 0o555 || st.ModTime().Unix() != epoch {
				t.Errorf("root is %v %v", st.Mode(), st.ModTime())
			}
			nothingBut(t, dir, "root")
		}
	}
	t.Run("root", func(t *testing.T) { needRoot(t); check(t) })
	t.Run("user", func(t *testing.T) {
		if asUser(t) {
			check(t)
		}
	})
}

// A content that is referred to twice is moved once and copied once.
func TestSharedBody(t *testing.T) {
	needRoot(t)
	dir := tempDir(t)
	s, err := emit.Begin(dir+"/root", emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	sealed := shared(t, s, full())
	stop := make(chan struct{})
	wg := readers(t, sealed, stop)
	digest, _, err := s.WriteDir(context.Background(), sealed, emit.DirOptions{})
	must(t, err)
	close(stop)
	wg.Wait()
	must(t, s.Publish())
	if got := gnuTar(t, dir+"/root"); got != digest.String() {
		t.Errorf("GNU tar: %s, want %s", got, digest)
	}
	// Bodies can still be read.
	n, _ := sealed.Lookup("big")
	b, err := n.Content.ReadAll(1 << 20)
	if err != nil || tree.Sum(b) != n.Content.Digest {
		t.Errorf("after publishing: %d bytes, %v", len(b), err)
	}
	s.Abort()
	if _, err := n.Content.Open(); err == nil {
		t.Error("body can be opened after the end")
	}
	if _, err := os.Stat(dir + "/root/big"); err != nil {
		t.Error(err)
	}
}

// foreign is a body that knows how to copy itself.
type foreign struct {
	b      []byte
	copied *int
}

func (f foreign) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.b)), nil }

func (f foreign) CopyTo(dst *os.File) error {
	*f.copied++
	_, err := dst.Write(f.b)
	return err
}

func TestCopyTo(t *testing.T) {
	dir := tempDir(t)
	s, err := emit.Begin(dir+"/root", emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	tr, copied := tree.New(), 0
	b := noise(10_000, 9)
	must(t, tr.Put(tree.Node{Path: "f", Mode: 0o644, Content: tree.Content{Size: 10_000, Digest: tree.Sum(b), Body: foreign{b, &copied}}}))
	if _, err = emit.Write(context.Background(), s, []emit.Image{{Tree: seal(t, tr)}}, emit.Options{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "root", "f"))
	if err != nil || !bytes.Equal(got, b) || copied != 1 {
		t.Errorf("copied %d times; %d bytes, %v", copied, len(got), err)
	}
}

// A body that is not what its digest says fails the whole, and nothing is left.
func TestWrongBody(t *testing.T) {
	for _, out := range []string{"root", "x.tar", "x.tar.gz", "x.tar.zst", "x.cpio", "oci:img:t"} {
		dir := tempDir(t)
		t.Chdir(dir)
		s, err := emit.Begin(out, emit.StageOptions{})
		must(t, err)
		tr := tree.New()
		c := tree.Bytes([]byte("right"))
		c.Digest = tree.Sum([]byte("wrong"))
		must(t, tr.Put(tree.Node{Path: "f", Mode: 0o644, Content: c}))
		if _, err := emit.Write(context.Background(), s, []emit.Image{{Tree: seal(t, tr)}}, emit.Options{}); err == nil {
			t.Errorf("%s: wrong body was written", out)
		}
		must(t, s.Abort())
		nothingBut(t, dir)
	}
}

// As root of a user namespace with a single id, what cannot be done is told as it is to any user.
func TestDirInUserNamespace(t *testing.T) {
	if os.Getenv(userEnv) == "" {
		needRoot(t)
		again(t, &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			Credential:  &syscall.Credential{NoSetGroups: true},
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1000, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1000, Size: 1}},
		})
		return
	}
	dir := tempDir(t)
	res := write(t, dir+"/root", full(), emit.StageOptions{}, emit.Options{})
	want, err := seal(t, full()).Digest()
	must(t, err)
	if res.Digests[0] != want {
		t.Errorf("digest %s, want %s", res.Digests[0], want)
	}
	// Setuid root stays setuid to our root; what is others' is not applied.
	if diff := cmp.Diff([]emit.Skip{
		{Kind: emit.SkipDevice, Count: 2, Examples: []string{"dev/disk", "dev/null"}},
		{Kind: emit.SkipOwner, Count: 4, Examples: []string{"srv/link", "usr/bin/wall", "var/mail"}},
		{Kind: emit.SkipSetuid, Count: 2, Examples: []string{"usr/bin/wall", "var/mail"}},
		{Kind: emit.SkipXattr, Count: 1, Examples: []string{"usr/bin/su"}},
	}, res.Applied.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}
