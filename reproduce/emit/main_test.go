package emit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/reproduce/emit"
)

const epoch = 1700000000

// userEnv is set in a test that was started again as another user.
const userEnv = "EMIT_TEST_USER"

// asUser reports whether the test runs without privilege. If it does not, it is run again as
// uid 1000, and there it does.
func asUser(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	again(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}})
	return false
}

// again runs the test once more as somebody else, who may use what is uid 1000's.
func again(t *testing.T, attr *syscall.SysProcAttr) {
	t.Helper()
	cmd := child(t, attr)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("as somebody else: %v\n%s", err, out)
	}
}

// child returns a command that runs the test once more.
func child(t *testing.T, attr *syscall.SysProcAttr) *exec.Cmd {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		must(t, os.Chmod(d, 0o755))
	}
	self, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	bin := filepath.Join(dir, "test")
	must(t, os.WriteFile(bin, self, 0o755))
	cmd := exec.Command(bin, "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), userEnv+"=1", "HOME=/nonexistent", "TMPDIR="+userTemp(t))
	cmd.SysProcAttr = attr
	return cmd
}

// userTemp makes a temporary directory that is uid 1000's.
func userTemp(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "tmp")
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.Chown(dir, 1000, 1000))
	return dir
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs to run as root")
	}
}

// oracle returns the path of a program, or skips the test.
func oracle(t *testing.T, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: needs the program %s, which is not installed", name)
	}
	return p
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(oracle(t, name), args...)
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, stderr.Bytes())
	}
	return string(out)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// gnuTar returns the digest of a directory as GNU tar gives it (D5).
func gnuTar(t *testing.T, dir string) string {
	t.Helper()
	oracle(t, "tar")
	out := run(t, "sh", "-c", `tar -b1 --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' \
		--pax-option=exthdr.name=%d/PaxHeaders.0/%f,delete=atime,delete=ctime -C "$0" -cf - . | sha256sum`, dir)
	return "sha256:" + strings.Fields(out)[0]
}

// put puts the bodies of tr into s and seals what comes of it.
func put(t testing.TB, s *emit.Stage, tr *tree.Tree) *tree.Sealed {
	t.Helper()
	out := tree.New()
	for n := range tr.All() {
		if n.Mode.IsRegular() && n.Link == "" {
			r, err := n.Content.Open()
			must(t, err)
			c, err := s.Put(r, n.Content.Size)
			must(t, err)
			if !c.Equal(n.Content) {
				t.Fatalf("%s: stored as %v, want %v", n.Path, c.Digest, n.Content.Digest)
			}
			n.Content = c
		}
		must(t, out.Set(n))
	}
	sealed, err := out.Seal(tree.Epoch(epoch), tree.IDs{})
	must(t, err)
	return sealed
}

func seal(t testing.TB, tr *tree.Tree) *tree.Sealed {
	t.Helper()
	s, err := tr.Seal(tree.Epoch(epoch), tree.IDs{})
	must(t, err)
	return s
}

// noise is n bytes that do not compress, the same every time.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	src.Read(b)
	return b
}

// plain holds what any user may write into a directory, but for owners.
func plain(owner string) *tree.Tree {
	text := strings.ReplaceAll(`
dir  0755 OWN .
dir  0755 OWN a
file 0644 OWN a/b "x"
dir  0555 OWN a/closed
file 0444 OWN a/closed/in "inside\n"
dir  0700 OWN a/closed/deep
file 0600 OWN a/closed/deep/er "deeper\n"
file 0755 OWN a-b "y" @86400
dir  1777 OWN tmp
file 0000 OWN shadow "secret"
file 0644 OWN empty
hard 0644 OWN hard -> a/b
hard 0644 OWN a/aaa -> a/b
link 0777 OWN link -> a/b @1600000000
link 0777 OWN dangling -> ../../nowhere
fifo 0640 OWN fifo @5
file 0644 OWN caf\303\251/na\012me "odd"
`, "OWN", owner)
	tr := treetest.Parse(text)
	long := "long/" + strings.Repeat("d/", 60) + strings.Repeat("n", 200)
	for i, p := range []string{"big", "usr/big2", long} {
		err := tr.Put(tree.Node{
			Path: p, Mode: 0o644, User: owned(owner), Group: owned(owner),
			ModTime: tree.Epoch(epoch - 7), Content: tree.Bytes(noise(300_000+i, uint64(i))),
		})
		if err != nil {
			panic(err)
		}
	}
	same := tree.Bytes(noise(300_000, 0)) // what big has
	if err := tr.Put(tree.Node{Path: "zz-same-as-big", Mode: 0o600, User: owned(owner), Group: owned(owner), Content: same}); err != nil {
		panic(err)
	}
	for _, n := range slices.Collect(tr.All()) { // no parent but of the same owner
		for p := path.Dir(n.Path); p != "."; p = path.Dir(p) {
			if _, ok := tr.Get(p); !ok {
				if err := tr.Put(tree.Node{Path: p, Mode: fs.ModeDir | 0o755, User: owned(owner), Group: owned(owner)}); err != nil {
					panic(err)
				}
			}
		}
	}
	return tr
}

func owned(s string) tree.Owner {
	name, _, _ := strings.Cut(s, ":")
	if name == "root" {
		return tree.Root
	}
	var id uint32
	fmt.Sscan(name, &id)
	return tree.Owner{ID: id}
}

// full holds what only the superuser may write.
func full() *tree.Tree {
	tr := plain("root:root")
	more := treetest.Parse(`
dir  0750 7:8 var
dir  2775 0:50 var/mail @5
file 4755 0:0 usr/bin/su "su" security.capability="\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
file 2755 3000000:4000000000 usr/bin/wall "wall"
char 0666 0:0 dev/null 1,3
block 0660 0:6 dev/disk 259,70000
link 0777 33:33 srv/link -> x
`)
	for n := range more.All() {
		if n.Path != "." {
			if err := tr.Set(n); err != nil {
				panic(err)
			}
		}
	}
	return tr
}

// shared hands each Content out twice: a staged body with two places.
func shared(t testing.TB, s *emit.Stage, tr *tree.Tree) *tree.Sealed {
	out := tree.New()
	known := map[tree.Digest]tree.Content{}
	for n := range tr.All() {
		if n.Mode.IsRegular() && n.Link == "" && n.Content.Size > 0 {
			c, ok := known[n.Content.Digest]
			if !ok {
				r, err := n.Content.Open()
				must(t, err)
				c, err = s.Put(r, n.Content.Size)
				must(t, err)
				known[c.Digest] = c
			}
			n.Content = c
		}
		must(t, out.Set(n))
	}
	sealed, err := out.Seal(tree.Epoch(epoch), tree.IDs{})
	must(t, err)
	return sealed
}

// tempDir is t.TempDir for trees with directories that shut out their owner.
func tempDir(t *testing.T) string {
	dir := t.TempDir()
	t.Cleanup(func() { exec.Command("chmod", "-R", "u+rwx", dir).Run() })
	return dir
}

// nothingBut fails unless the directory holds exactly these names.
func nothingBut(t *testing.T, dir string, names ...string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	must(t, err)
	var got []string
	for _, e := range es {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

// readers opens every body again and again until stop is closed.
func readers(t *testing.T, s *tree.Sealed, stop chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				for n := range s.All() {
					select {
					case <-stop:
						return
					default:
					}
					if n.Content.Size == 0 {
						continue
					}
					r, err := n.Content.Open()
					if err != nil {
						if !errors.Is(err, fs.ErrPermission) {
							t.Errorf("%s: %v", n.Path, err)
						}
						continue
					}
					b, err := io.ReadAll(r)
					if err != nil || tree.Sum(b) != n.Content.Digest {
						t.Errorf("%s: read %d bytes, %v", n.Path, len(b), err)
					}
					r.Close()
				}
			}
		})
	}
	return &wg
}
