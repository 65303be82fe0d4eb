package deb

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// realDebs returns real packages of the distribution that this machine's apt is configured for. They are kept in the
// directory DETINSTALL_TEST_CACHE, or in one below the system's for temporary files.
func realDebs(t testing.TB, names ...string) []string {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("SKIPPED: no apt-get on this machine to download packages with")
	}
	dir := os.Getenv("DETINSTALL_TEST_CACHE")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "detinstall-test-cache")
	}
	var files []string
	for _, name := range names {
		into := filepath.Join(dir, "debs", name)
		have, _ := filepath.Glob(filepath.Join(into, "*.deb"))
		if have == nil {
			tmp, err := os.MkdirTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name)
			cmd.Dir = tmp
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("SKIPPED: cannot download %s: %v: %s", name, err, out)
			}
			if err := os.MkdirAll(into, 0o755); err != nil {
				t.Fatal(err)
			}
			got, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
			for _, g := range got {
				b, err := os.ReadFile(g)
				if err != nil {
					t.Fatal(err)
				}
				part := filepath.Join(into, ".part")
				if err := os.WriteFile(part, b, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(part, filepath.Join(into, filepath.Base(g))); err != nil {
					t.Fatal(err)
				}
			}
			have, _ = filepath.Glob(filepath.Join(into, "*.deb"))
		}
		if len(have) == 0 {
			t.Skipf("SKIPPED: no package %s", name)
		}
		files = append(files, have[0])
	}
	return files
}

// TestNodesAgreeWithDpkg compares every path of real packages with what dpkg-deb -x makes as root.
func TestNodesAgreeWithDpkg(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: owners can be compared by root alone")
	}
	for _, file := range realDebs(t, "base-files", "libc6", "coreutils", "sudo", "iputils-ping", "systemd", "perl-base", "passwd", "at", "ssmtp") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := t.TempDir()
			if out, err := exec.Command("dpkg-deb", "-x", file, dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want, got := onDisk(t, dir), inModel(t, file)
			if len(want) < 2 {
				t.Fatalf("dpkg-deb -x made %q", want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("dpkg-deb (-) and we (+) differ:\n%s", diff)
			}
		})
	}
}

// onDisk describes every path below dir.
func onDisk(t *testing.T, dir string) []string {
	var lines []string
	inodes := map[uint64]string{}
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		rel, _ := filepath.Rel(dir, p)
		what := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			what, err = os.Readlink(p)
		case info.Mode().IsRegular():
			b, e := os.ReadFile(p)
			err = e
			what = fmt.Sprintf("%x", sha256.Sum256(b))
			if st.Nlink > 1 {
				if first, ok := inodes[st.Ino]; ok {
					what += " = " + first
				} else {
					inodes[st.Ino] = rel
				}
			}
		}
		lines = append(lines, fmt.Sprintf("%s %s %s:%s %s %s", rel, info.Mode(), account(user.LookupId, st.Uid), group(st.Gid), timeOf(info.Mode(), info.ModTime()), what))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// timeOf describes a time; not a directory's, which GNU tar changes again when it makes a link there last.
func timeOf(mode fs.FileMode, t time.Time) string {
	if mode.IsDir() {
		return "-"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func account(look func(string) (*user.User, error), id uint32) string {
	if u, err := look(strconv.Itoa(int(id))); err == nil {
		return u.Username
	}
	return strconv.Itoa(int(id))
}

func group(id uint32) string {
	if g, err := user.LookupGroupId(strconv.Itoa(int(id))); err == nil {
		return g.Name
	}
	return strconv.Itoa(int(id))
}

// inModel describes a package's entries in the words of onDisk. A name that this host does not have is
// the archive's number, as tar has it.
func inModel(t *testing.T, file string) []string {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Format{}.Open(f, info.Size(), pkg.Limits{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	type inode struct {
		n    tree.Node
		sum  string
		path []string
	}
	var order []*inode
	byPath := map[string]*inode{}
	for e, err := range a.Nodes() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Node.IsHardLink() {
			byPath[e.Node.Link].path = append(byPath[e.Node.Link].path, e.Node.Path)
			continue
		}
		in := &inode{n: e.Node, path: []string{e.Node.Path}, sum: e.Node.Link}
		if e.Body != nil {
			h := sha256.New()
			if _, err := io.Copy(h, e.Body); err != nil {
				t.Fatal(err)
			}
			in.sum = fmt.Sprintf("%x", h.Sum(nil))
		}
		order = append(order, in)
		byPath[e.Node.Path] = in
	}
	var lines []string
	for _, in := range order {
		slices.SortFunc(in.path, func(a, b string) int { // the order of a walk
			return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
		})
		uid, gid := strconv.Itoa(int(in.n.User.ID)), strconv.Itoa(int(in.n.Group.ID))
		if u, err := user.Lookup(in.n.User.Name); err == nil {
			uid = u.Username
		}
		if g, err := user.LookupGroup(in.n.Group.Name); err == nil {
			gid = g.Name
		}
		for i, p := range in.path {
			what := in.sum
			if i > 0 {
				what += " = " + in.path[0]
			}
			lines = append(lines, fmt.Sprintf("%s %s %s:%s %s %s", p, in.n.Mode, uid, gid, timeOf(in.n.Mode, in.n.ModTime), what))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestControlAgreesWithDpkg compares the control members of real packages with what dpkg-deb -e makes.
func TestControlAgreesWithDpkg(t *testing.T) {
	for _, file := range realDebs(t, "base-files", "libc6", "systemd", "passwd") {
		dir := filepath.Join(t.TempDir(), "control")
		if out, err := exec.Command("dpkg-deb", "-e", file, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Format{}.Open(strings.NewReader(string(b)), int64(len(b)), pkg.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(members(t, os.DirFS(dir)), members(t, a.Control())); diff != "" {
			t.Errorf("%s: %s", filepath.Base(file), diff)
		}
	}
}

func members(t *testing.T, f fs.FS) map[string]string {
	m := map[string]string{}
	err := fs.WalkDir(f, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		b, err := fs.ReadFile(f, p)
		info, _ := d.Info()
		m[p] = info.Mode().String() + string(b)
		return err
	})
	if err != nil || len(m) == 0 {
		t.Fatalf("%d members, %v", len(m), err)
	}
	return m
}
