package unpack

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// payload is a set of packages that meets in merged /usr, hard links, setuid files, groups and shared directories.
var payload = []string{"base-files", "bash", "coreutils", "dash", "debianutils", "e2fsprogs", "init-system-helpers", "iproute2",
	"kmod", "libc6", "login", "mawk", "mount", "passwd", "perl-base", "procps", "sudo", "systemd", "tar", "udev", "util-linux"}

// realDebs downloads packages of the distribution that this machine's apt is configured for into the directory
// DETINSTALL_TEST_CACHE, or one below the system's for temporary files, and returns the files.
func realDebs(t testing.TB, names ...string) []string {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("SKIPPED: no apt-get on this machine to download packages with")
	}
	dir := cmp.Or(os.Getenv("DETINSTALL_TEST_CACHE"), filepath.Join(os.TempDir(), "detinstall-test-cache"))
	var files []string
	for _, name := range names {
		into := filepath.Join(dir, "unpack-debs", name)
		have, _ := filepath.Glob(filepath.Join(into, "*.deb"))
		if have == nil {
			tmp := into + ".part"
			if err := os.MkdirAll(tmp, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name)
			cmd.Dir = tmp
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("SKIPPED: cannot download %s: %v: %s", name, err, out)
			}
			if err := os.Rename(tmp, into); err != nil {
				t.Fatal(err)
			}
			have, _ = filepath.Glob(filepath.Join(into, "*.deb"))
		}
		if len(have) != 1 {
			t.Skipf("SKIPPED: %d packages %s", len(have), name)
		}
		files = append(files, have[0])
	}
	return files
}

// locked puts files into a getter and returns them as locked packages.
func locked(t testing.TB, s *shelf, files []string) []lock.Package {
	t.Helper()
	s.files = map[tree.Digest][]byte{}
	var ps []lock.Package
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("dpkg-deb", "-W", "--showformat=${Package} ${Version} ${Architecture}", f).Output()
		if err != nil {
			t.Fatal(err)
		}
		w := strings.Fields(string(out))
		s.files[tree.Sum(b)] = b
		ps = append(ps, lock.Package{Name: w[0], Version: w[1], Arch: w[2], From: "test", Path: filepath.Base(f), Size: int64(len(b)), SHA256: tree.Sum(b)})
	}
	return ps
}

// hostIDs maps the owners of t to this host's ids.
func hostIDs(t *tree.Tree) tree.IDs {
	ids := tree.IDs{Users: map[string]uint32{}, Groups: map[string]uint32{}, Unknown: tree.UnknownNumber}
	for n := range t.All() {
		if u, err := user.Lookup(n.User.Name); err == nil {
			id, _ := strconv.ParseUint(u.Uid, 10, 32)
			ids.Users[n.User.Name] = uint32(id)
		}
		if g, err := user.LookupGroup(n.Group.Name); err == nil {
			id, _ := strconv.ParseUint(g.Gid, 10, 32)
			ids.Groups[n.Group.Name] = uint32(id)
		}
	}
	return ids
}

// lines describes a finished tree; the times of directories are not compared.
func lines(s *tree.Sealed) []string {
	var out []string
	for n := range s.All() {
		at := ""
		if !n.Mode.IsDir() && n.From != usrmerge && n.Path != "bin" && n.Path != "lib" && n.Path != "lib64" && n.Path != "sbin" {
			at = n.ModTime.UTC().Format(time.RFC3339)
		}
		out = append(out, fmt.Sprintf("%s %s %d:%d %s %q %s %v", tree.Quote(n.Path), n.Mode, n.User.ID, n.Group.ID, at, n.Link, n.Content.Digest, n.Xattrs))
	}
	return out
}

// TestPayloadAgreesWithDpkg compares the merge of real packages with what dpkg-deb and tar unpack over one another.
func TestPayloadAgreesWithDpkg(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: owners can be compared by root alone")
	}
	files := realDebs(t, payload...)
	s := &shelf{}
	ps := locked(t, s, files)
	cfg := Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Jobs: 2, Kept: t.TempDir()}
	us, err := NewStore(cfg).Unpack(context.Background(), testRepos, ps)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Merge(us, Options{MergedUsr: true, Compare: deb.Compare})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := `set -e; chmod 755 "$1"; cd "$1"; mkdir usr usr/bin usr/sbin usr/lib usr/lib64; ln -s usr/bin usr/sbin usr/lib usr/lib64 .; shift
		for f; do dpkg-deb --fsys-tarfile "$f" | tar -x --keep-directory-symlink; done`
	if out, err := exec.Command("sh", append([]string{"-c", script, "sh", dir}, files...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	disk, err := tree.FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Tree.Seal(time.Unix(1<<33, 0), hostIDs(m.Tree))
	if err != nil {
		t.Fatal(err)
	}
	if got.Len() < 2000 {
		t.Errorf("only %d paths", got.Len())
	}
	if diff := gocmp.Diff(lines(disk), lines(got)); diff != "" {
		t.Errorf("dpkg-deb (-) and we (+) differ:\n%s", diff)
	}
	checkLists(t, us, m, files)
	again, err := NewStore(cfg).Unpack(context.Background(), testRepos, ps)
	if err != nil {
		t.Fatal(err)
	}
	if describeAll(t, us) != describeAll(t, again) {
		t.Error("the second unpacking, from the unpacked store, differs")
	}
}

// checkLists compares Files with the archives' own lists.
func checkLists(t *testing.T, us []*pkg.Unpacked, m *Merged, files []string) {
	t.Helper()
	for i, f := range files {
		out, err := exec.Command("sh", "-c", `dpkg-deb --fsys-tarfile "$1" | tar -t --quoting-style=literal`, "sh", f).Output()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for l := range strings.Lines(string(out)) {
			l = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(l), "./"), "/")
			want = append(want, cmp.Or(l, "."))
		}
		if !slices.Equal(want, m.Files[i]) {
			t.Errorf("%s: %s", us[i].Package, gocmp.Diff(want, m.Files[i]))
		}
	}
}

// TestFiltersAgreeWithDpkg unpacks a package with path filters by dpkg itself, and compares what is there and
// what dpkg's list has.
func TestFiltersAgreeWithDpkg(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: dpkg unpacks as root alone")
	}
	file := realDebs(t, "bash")[0]
	s := &shelf{}
	us, err := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}}).Unpack(context.Background(), testRepos, locked(t, s, []string{file}))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range [][2][]string{
		{{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"}, {"/usr/share/doc/*/copyright", "/usr/share/locale/de/*"}},
		{{"/usr/share/*"}, {"/usr/share/man*/ma[n]1/*", "/usr/share/doc*"}},
		{{"*/man?/*", "/etc/skel/.b*"}, nil},
		{{"/usr/share/[!dm]*"}, {`/usr/share/l\intian/*`}},
	} {
		root := t.TempDir()
		args := []string{"--root=" + root, "--force-all", "--unpack"}
		for _, p := range f[0] {
			args = append(args, "--path-exclude="+p)
		}
		for _, p := range f[1] {
			args = append(args, "--path-include="+p)
		}
		for _, d := range []string{"info", "updates", "triggers"} {
			if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644)
		// preinst is removed: it would need a shell in the root.
		script := `set -e; d=$(mktemp -d); dpkg-deb -R "$1" $d/p; rm -f $d/p/DEBIAN/preinst; dpkg-deb -Znone -b $d/p $d/p.deb >/dev/null; shift; dpkg "$@" $d/p.deb; rm -rf $d`
		if out, err := exec.Command("sh", append([]string{"-c", script, "sh", file}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		m, err := Merge(us, Options{Exclude: f[0], Include: f[1]})
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		fs.WalkDir(os.DirFS(root), ".", func(p string, _ fs.DirEntry, err error) error {
			if p == "var" {
				return fs.SkipDir
			}
			want = append(want, strings.TrimSuffix(p, ".dpkg-new")) // a conffile that is not configured yet
			return err
		})
		for n := range m.Tree.All() {
			got = append(got, n.Path)
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) < 10 || !slices.Equal(want, got) {
			t.Errorf("%q: dpkg (-) and we (+):\n%s", f, gocmp.Diff(want, got))
		}
		list, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/info/bash.list"))
		if err != nil {
			t.Fatal(err)
		}
		var own []string
		for _, p := range m.Files[0] {
			own = append(own, "/"+p)
		}
		listed := strings.Fields(string(list))
		slices.Sort(own)
		slices.Sort(listed)
		if !slices.Equal(own, listed) {
			t.Errorf("%q: dpkg's list (-) and ours (+):\n%s", f, gocmp.Diff(listed, own))
		}
	}
}

// BenchmarkUnpack measures packages from their archives, and from the unpacked store. DETINSTALL_TEST_DEBS may name a
// directory of .deb files to take instead.
func BenchmarkUnpack(b *testing.B) {
	var files []string
	if dir := os.Getenv("DETINSTALL_TEST_DEBS"); dir != "" {
		files, _ = filepath.Glob(filepath.Join(dir, "*.deb"))
	} else {
		files = realDebs(b, payload...)
	}
	s := &shelf{}
	ps := locked(b, s, files)
	run := func(b *testing.B, cfg Config) []*pkg.Unpacked {
		us, err := NewStore(cfg).Unpack(context.Background(), testRepos, ps)
		if err != nil {
			b.Fatal(err)
		}
		return us
	}
	cfg := Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Jobs: 2}
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			run(b, cfg)
		}
	})
	b.Run("keep", func(b *testing.B) {
		for b.Loop() {
			cfg.Kept = b.TempDir()
			run(b, cfg)
		}
	})
	cfg.Kept = b.TempDir()
	us := run(b, cfg)
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			run(b, cfg)
		}
	})
	b.Run("merge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Merge(us, Options{MergedUsr: true, Compare: deb.Compare}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
