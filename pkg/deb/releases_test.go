package deb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/internal/openpgp"
	"github.com/google/go-cmp/cmp"
)

// The fingerprints that Debian and Ubuntu publish for these keys.
var fingerprints = map[string]string{
	"debian-archive-bullseye-automatic.asc":          "1F89983E0081FDE018F3CC9673A4F27B8DD47936",
	"debian-archive-bullseye-security-automatic.asc": "AC530D520F2F3269F5E98313A48449044AAD5C5D",
	"debian-archive-bullseye-stable.asc":             "A4285295FC7B1A81600062A9605C66F00D6C9793",
	"debian-archive-bookworm-automatic.asc":          "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8",
	"debian-archive-bookworm-security-automatic.asc": "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0",
	"debian-archive-bookworm-stable.asc":             "4D64FEC119C2029067D6E791F8D2585B8783D481",
	"debian-archive-trixie-automatic.asc":            "04B54C3CDCA79751B16BC6B5225629DF75B188BD",
	"debian-archive-trixie-security-automatic.asc":   "5E04A1E3223A19A20706E20F9904613D4CCE68C6",
	"debian-archive-trixie-stable.asc":               "41587F7DB8C774BCCF131416762F67A0B2C39DE4",
	"ubuntu-archive-2012.asc":                        "790BC7277767219C42C86F933B4FE6ACC0B21F32",
	"ubuntu-archive-2018.asc":                        "F6ECB3762474EDA9D21B7022871920D1991BC93C",
}

func TestArchiveKeys(t *testing.T) {
	files, err := filepath.Glob("keys/*.asc")
	if err != nil || len(files) != len(fingerprints) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	used := map[string]bool{}
	for _, r := range Releases() {
		for _, repo := range r.Repos("amd64") {
			for _, k := range repo.Keys {
				used[k.Name] = true
				if strings.Contains(k.Name, "security") != strings.HasPrefix(repo.ID, "debian-security@") {
					t.Errorf("%s trusts %s", repo.ID, k.Name)
				}
			}
		}
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := openpgp.ReadKeyring(data)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		name := filepath.Base(f)
		if got := ring.Fingerprints(); !slices.Equal(got, []string{fingerprints[name]}) {
			t.Errorf("%s: fingerprints %v, want %s", f, got, fingerprints[name])
		}
		if !used[name] {
			t.Errorf("%s is trusted by no repository", f)
		}
	}
}

func TestReleases(t *testing.T) {
	ids := func(distro, name, arch string) string {
		r, err := FindRelease(distro, name)
		if err != nil {
			return err.Error()
		}
		var s []string
		for i, repo := range r.Repos(arch) {
			if repo.Priority != i || repo.Format != "deb" || !slices.Equal(repo.Components, []string{"main"}) || len(repo.Keys) == 0 {
				t.Errorf("%+v", repo)
			}
			s = append(s, repo.ID+" "+repo.Base+" "+repo.Suite)
		}
		return strings.Join(s, "\n")
	}
	const trixie = `debian@trixie https://snapshot.debian.org/archive/debian trixie
debian@trixie-updates https://snapshot.debian.org/archive/debian trixie-updates
debian-security@trixie-security https://snapshot.debian.org/archive/debian-security trixie-security`
	for _, c := range []struct{ distro, name, arch, want string }{
		{"debian", "trixie", "amd64", trixie},
		{"debian", "", "arm64", trixie},
		{"debian", "stable", "amd64", trixie},
		{"debian", "13", "amd64", trixie},
		{"debian", "unstable", "amd64", "debian@sid https://snapshot.debian.org/archive/debian sid"},
		{"ubuntu", "noble", "amd64", `ubuntu@noble http://archive.ubuntu.com/ubuntu noble
ubuntu@noble-updates http://archive.ubuntu.com/ubuntu noble-updates
ubuntu@noble-security http://archive.ubuntu.com/ubuntu noble-security`},
		{"ubuntu", "22.04", "arm64", `ubuntu@jammy http://ports.ubuntu.com/ubuntu-ports jammy
ubuntu@jammy-updates http://ports.ubuntu.com/ubuntu-ports jammy-updates
ubuntu@jammy-security http://ports.ubuntu.com/ubuntu-ports jammy-security`},
		{"debian", "woody", "amd64", `unknown release "woody" of debian: known are trixie (stable, 13), bookworm (oldstable, 12), bullseye (oldoldstable, 11), forky (testing, 14), sid (unstable)`},
		{"slackware", "", "amd64", `unknown distribution "slackware": known are debian, ubuntu`},
	} {
		if diff := cmp.Diff(c.want, ids(c.distro, c.name, c.arch)); diff != "" {
			t.Errorf("%s@%s %s:\n%s", c.distro, c.name, c.arch, diff)
		}
	}
	for name, want := range map[string]bool{"bullseye": false, "bookworm": true, "trixie": true, "sid": true} {
		if r, _ := FindRelease("debian", name); r.MergedUsr != want {
			t.Errorf("%s: merged /usr is %v", name, r.MergedUsr)
		}
	}
	r, _ := FindRelease("debian", "trixie")
	if repo := r.Repo("trixie-backports", "amd64"); repo.ID != "debian@trixie-backports" || repo.Expect.Suite != "trixie-backports" {
		t.Errorf("%+v", repo)
	}
}

func TestParseReleaseFile(t *testing.T) {
	const text = `Origin: Debian
Label: Debian
Suite: stable-backports
Codename: trixie-backports
Date: Thu, 19 Nov 2026 02:12:54 UTC
Valid-Until: Thu,  5 Nov 2026 02:12:54 GMT
NotAutomatic: yes
ButAutomaticUpgrades: yes
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64 arm64
Components: main contrib
MD5Sum:
 d41d8cd98f00b204e9800998ecf8427e 0 evil
SHA256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 contrib/binary-amd64/Packages
 f61f27bd17de546264aa58f40f3aafaac7021e0ef69c17f6b1b4cd7664a037ec       20 contrib/binary-amd64/Packages.gz
`
	r, err := ParseReleaseFile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if r.Date != 1795054374 || r.ValidUntil != 1793844774 || !r.AcquireByHash || r.pin() != 100 || r.Codename != "trixie-backports" {
		t.Errorf("%+v, pin %d", r, r.pin())
	}
	if e, ok := r.File("contrib/binary-amd64/Packages.gz"); !ok || e.Size != 20 || e.SHA256.Hex()[:8] != "f61f27bd" {
		t.Errorf("%+v %v", e, ok)
	}
	if _, ok := r.File("evil"); ok {
		t.Error("a file that only has an MD5")
	}
	if got := r.binaryArches("amd64"); !slices.Equal(got, []string{"amd64"}) {
		t.Errorf("architectures %v", got)
	}
	for _, c := range []struct{ old, new, want string }{
		{"02:12:54 UTC", "02:12:54 CET", "not in UTC"},
		{"02:12:54 UTC", "25:12:54 UTC", "date: "},
		{"       20 ", " -20 ", "malformed size"},
		{"       20 ", " ", "malformed line"},
		{" f61f27bd", " F61F27BD", "lower-case"},
		{" f61f27bd", " f61f27b", "64 lower-case"},
		{"Packages.gz\n", "Packages\n", "listed twice"},
		{"Label: Debian\n", "\n", "more than one stanza"},
		{"f61f27bd17de546264aa58f40f3aafaac7021e0ef69c17f6b1b4cd7664a037ec", strings.Repeat("0", 64), "no digest"},
	} {
		if _, err := ParseReleaseFile([]byte(strings.Replace(text, c.old, c.new, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.new, err, c.want)
		}
	}
}

func FuzzParseReleaseFile(f *testing.F) {
	f.Add("Origin: a\nDate: Thu, 19 Nov 2026 02:12:54 UTC\nSHA256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 x\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReleaseFile([]byte(text))
		if err != nil {
			return
		}
		for name, e := range r.files {
			if e.Size < 0 || e.SHA256.IsZero() || name == "" {
				t.Errorf("%q: %+v", name, e)
			}
		}
	})
}
