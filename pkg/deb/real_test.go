package deb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/unpack/fetch"
	"github.com/google/go-cmp/cmp"
)

// mirror is a pkg.Getter over the Debian mirror that this host's apt is configured for. Files with
// a digest are kept in the user's cache.
type mirror struct {
	t       testing.TB
	archive map[string]string // "debian", "debian-security": the address
	dir     string
}

// newMirror skips the test where there is no mirror or no way to it.
func newMirror(t testing.TB) *mirror {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: -short, no network")
	}
	m := &mirror{t: t, archive: fetch.HostMirrors("/etc/apt")}
	if len(m.archive) < 2 {
		t.Skip("SKIPPED: this host's apt has no mirror of debian and debian-security")
	}
	if _, err := os.Stat(aptHelper); err != nil {
		t.Skip("SKIPPED: no apt-helper on this machine to download with")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	m.dir = filepath.Join(cache, "detinstall-test")
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

const aptHelper = "/usr/lib/apt/apt-helper"

func (m *mirror) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	file := filepath.Join(m.dir, ref.SHA256.Hex())
	if data, err := os.ReadFile(file); err == nil && !ref.SHA256.IsZero() && tree.Sum(data) == ref.SHA256 {
		return blob{bytes.NewReader(data)}, nil
	}
	archive, _, _ := strings.Cut(ref.Repo.ID, "@")
	tmp := filepath.Join(m.t.TempDir(), "file")
	uri := m.archive[archive] + "/" + ref.Path
	out, err := exec.CommandContext(ctx, aptHelper, "download-file", uri, tmp).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "404") {
			return nil, fmt.Errorf("%s: %w", ref.Path, fs.ErrNotExist)
		}
		return nil, fmt.Errorf("%s: %w: %s", ref.Path, err, out)
	}
	data, err := os.ReadFile(tmp)
	if err != nil {
		return nil, err
	}
	if !ref.SHA256.IsZero() {
		if tree.Sum(data) != ref.SHA256 {
			return nil, pkg.Distrust(ref.Path, "wrong digest")
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return nil, err
		}
	}
	return blob{bytes.NewReader(data)}, nil
}

// skipOffline skips the test if err says that the mirror cannot be reached.
func skipOffline(t testing.TB, err error) {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Skipf("SKIPPED: the mirror cannot be reached: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRealReleases(t *testing.T) {
	m := newMirror(t)
	gpgv, err := exec.LookPath("gpgv")
	if err != nil {
		t.Skip("SKIPPED: no gpgv on this machine to compare with")
	}
	for _, name := range []string{"trixie", "bookworm"} {
		t.Run(name, func(t *testing.T) {
			r, err := FindRelease("debian", name)
			if err != nil {
				t.Fatal(err)
			}
			repos := r.Repos("amd64")
			u, err := Format{}.Universe(t.Context(), repos, "amd64", pkg.IndexOptions{}, m)
			skipOffline(t, err)
			if n := len(slices.Collect(u.Names())); n < 60000 {
				t.Errorf("%d names", n)
			}
			for _, v := range u.Verified() {
				if v.Date < 1_700_000_000 {
					t.Errorf("%s: date %d", v.Repo.ID, v.Date)
				}
				in := release(t, m, v.Repo)
				if tree.Sum(in) != v.Index {
					t.Skip("SKIPPED: the mirror changed during the test")
				}
				if diff := cmp.Diff(primaries(t, gpgv, v.Repo.Keys, in), v.Fingerprint); diff != "" {
					t.Errorf("%s: signers, - gpgv + ours:\n%s", v.Repo.ID, diff)
				}
			}
		})
	}
}

// release gets a repository's InRelease file.
func release(t *testing.T, m *mirror, r *pkg.Repo) []byte {
	b, err := m.Get(t.Context(), pkg.Ref{Repo: r, Path: "dists/" + r.Suite + "/InRelease", Size: -1})
	skipOffline(t, err)
	data, err := readBlob(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// primaries returns the primary keys of the signatures that gpgv finds valid.
func primaries(t *testing.T, gpgv string, keys []pkg.Key, file []byte) []string {
	dir := t.TempDir()
	args := []string{"--homedir", dir, "--status-fd", "1"}
	for _, k := range keys {
		ring := filepath.Join(dir, k.Name+".gpg")
		gpg := exec.Command("gpg", "--homedir", dir, "--batch", "--dearmor", "-o", ring)
		gpg.Stdin = bytes.NewReader(k.Data)
		if out, err := gpg.CombinedOutput(); err != nil {
			t.Fatalf("gpg: %v: %s", err, out)
		}
		args = append(args, "--keyring", ring)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	// gpgv fails if any signature is by an unknown key, so only what it says of each counts.
	out, _ := exec.Command(gpgv, append(args, filepath.Join(dir, "file"))...).Output()
	var fps []string
	for l := range strings.Lines(string(out)) {
		if f := strings.Fields(l); len(f) > 2 && f[1] == "VALIDSIG" {
			fps = append(fps, f[len(f)-1])
		}
	}
	slices.Sort(fps)
	return slices.Compact(fps)
}

func TestRealInReleaseTampered(t *testing.T) {
	m := newMirror(t)
	r, _ := FindRelease("debian", "trixie")
	repo := r.Repos("amd64")[0]
	good := string(release(t, m, repo))
	read := func(text string) error {
		x := indexReader{repo: repo, arch: "amd64", get: &files{m: map[string][]byte{"dists/trixie/InRelease": []byte(text)}}}
		return x.readRelease(t.Context())
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"prefix": "x\n" + good, "suffix": good + "x\n", "second": good + good, "truncated": good[:len(good)/2],
		"body":   strings.Replace(good, "trixie", "sid", 1),
		"digest": strings.Replace(good, "SHA256:\n ", "SHA256:\n 0", 1),
		"header": strings.Replace(good, "Hash: SHA256\n", "", 1),
	} {
		if text == good {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if err := read(text); !distrusted(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	repo.Keys = archiveKeys("debian-archive-trixie-security-automatic")
	if err := read(good); !distrusted(err) {
		t.Errorf("the security archive's key: %v", err)
	}
}

const aptConf = `Dir "%[1]s";
Dir::State::status "%[1]s/var/lib/dpkg/status";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::GzipIndexes "false";
Acquire::Check-Valid-Until "false";
`

const aptScript = `import apt_pkg
apt_pkg.init()
cache = apt_pkg.Cache(None)
dep = apt_pkg.DepCache(cache)
for p in sorted((p for p in cache.packages if p.architecture == "amd64"), key=lambda p: p.id):
    c = dep.get_candidate_ver(p)
    print(p.name, c.ver_str if c else "-")
`

// aptRoot makes a system with nothing installed whose apt has read the indexes of repos, and
// returns it with a function that runs a program against it.
func aptRoot(t *testing.T, m *mirror, repos []*pkg.Repo) (dir string, run func(name string, args ...string) string) {
	dir = t.TempDir()
	for _, d := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/dpkg", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var sources strings.Builder
	for _, repo := range repos {
		archive, suite, _ := strings.Cut(repo.ID, "@")
		fmt.Fprintf(&sources, "deb [trusted=yes] %s %s main\n", m.archive[archive], suite)
	}
	write("etc/apt/sources.list", sources.String())
	write("var/lib/dpkg/status", "")
	env := append(os.Environ(), "APT_CONFIG="+write("apt.conf", fmt.Sprintf(aptConf, dir)))
	run = func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = env
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("SKIPPED: %s %s: %v: %s", name, args[0], err, stderr.String())
		}
		return string(out)
	}
	run("apt-get", "update", "-qq", "--error-on=any")
	return dir, run
}

// aptLists reads the indexes that apt has downloaded.
func aptLists(t *testing.T, dir string, repos []*pkg.Repo) []*packages {
	var lists []*packages
	for _, repo := range repos {
		found, _ := filepath.Glob(filepath.Join(dir, "var/lib/apt/lists", "*_dists_"+repo.Suite+"_main_binary-amd64_Packages"))
		if len(found) != 1 {
			t.Fatalf("%s: lists %v", repo.ID, found)
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		p, err := newPackages(repo, text, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		p.pin = 500
		if strings.HasSuffix(repo.Suite, "-backports") {
			p.pin = 100
		}
		lists = append(lists, p)
	}
	return lists
}

// apt prints the names in the order of its cache, with the candidate's version.
func TestRealCacheOrderAndCandidates(t *testing.T) {
	m := newMirror(t)
	if out, err := exec.Command("/usr/bin/python3", "-c", "import apt_pkg").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no python3-apt on this machine to ask apt with: %s", out)
	}
	r, _ := FindRelease("debian", "trixie")
	repos := append(r.Repos("amd64"), r.Repo("trixie-backports", "amd64"))
	dir, run := aptRoot(t, m, repos)
	u := newUniverse(aptLists(t, dir, repos), "amd64", nil, nil)
	last, n, wrong := -1, 0, 0
	for l := range strings.Lines(run("/usr/bin/python3", "-c", aptScript)) {
		f := strings.Fields(l)
		name, want, got := f[0], f[1], "-"
		id := u.FirstMention(name)
		if id <= last || id == math.MaxInt {
			wrong++
			t.Logf("%s is number %d after %d", name, id, last)
		}
		last = max(last, id)
		if vs := u.Named(name); len(vs) > 0 {
			got = vs[0].Version
		}
		if got != want {
			wrong++
			t.Logf("candidate of %s is %s, apt has %s", name, got, want)
		}
		if n++; wrong > 10 {
			break
		}
	}
	if wrong > 0 || n < 100000 {
		t.Errorf("%d differences in %d names", wrong, n)
	}
}

func BenchmarkRealPackages(b *testing.B) {
	m := newMirror(b)
	r, _ := FindRelease("debian", "trixie")
	x := indexReader{repo: r.Repos("amd64")[0], arch: "amd64", get: m}
	skipOffline(b, x.readRelease(b.Context()))
	text, err := x.list(b.Context(), "main/binary-amd64/Packages")
	skipOffline(b, err)
	read := func(b *testing.B) *Universe {
		p, err := newPackages(x.repo, text, "amd64")
		if err != nil {
			b.Fatal(err)
		}
		p.pin = 500
		return newUniverse([]*packages{p}, "amd64", nil, nil)
	}
	for _, c := range []struct {
		name string
		use  func(*Universe)
	}{
		{"named", func(u *Universe) { u.Named("bash")[0].Relations(); u.Named("nginx"); u.Named("erlang-base") }},
		{"providing", func(u *Universe) { u.Providing("awk") }},
		{"base", func(u *Universe) { u.Base("minbase") }},
		{"mention", func(u *Universe) { u.FirstMention("no such name") }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				c.use(read(b))
			}
		})
	}
}
