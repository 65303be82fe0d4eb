package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aptDir writes files, "name: text" each, and returns their directory.
func aptDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sources.list.d"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHostMirrors(t *testing.T) {
	stanza := `# a comment
Types: deb
# another
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main contrib
 non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`
	both := map[string]string{"debian": "http://mirror.example/debian", "debian-security": "http://mirror.example/debian-security"}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  map[string]string
	}{
		{"nothing", nil, nil},
		{"deb822", map[string]string{"sources.list.d/debian.sources": stanza}, both},
		{"a name that apt skips", map[string]string{"sources.list.d/debian.sources.save": stanza}, nil},
		{"disabled", map[string]string{"sources.list.d/debian.sources": "Enabled: no\n" + stanza[strings.Index(stanza, "Types"):]},
			map[string]string{"debian-security": "http://mirror.example/debian-security"}},
		{"sources only", map[string]string{"sources.list.d/debian.sources": strings.ReplaceAll(strings.ReplaceAll(stanza, "deb deb-src", "deb-src"), "Types: deb\n", "Types: deb-src\n")}, nil},
		{"one-line", map[string]string{"sources.list": `
#deb http://commented.example/debian bookworm main
deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main
deb-src http://src.example/debian bookworm main
deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] http://mirror.example/debian/ bookworm main contrib # why
deb http://mirror.example/debian-security bookworm-security main
`}, both},
		{"old security", map[string]string{"sources.list": "deb http://security.debian.org/ buster/updates main"},
			map[string]string{"debian-security": "http://security.debian.org"}},
		{"a directory", map[string]string{"sources.list": "deb file:/srv/mirror/debian trixie main"},
			map[string]string{"debian": "file:/srv/mirror/debian"}},
		{"another path, with updates", map[string]string{"sources.list": "deb http://m.example/apt trixie main\ndeb http://m.example/apt trixie-updates main"},
			map[string]string{"debian": "http://m.example/apt"}},
		{"another path, without", map[string]string{"sources.list": "deb https://apt.releases.vendor.example trixie main"}, nil},
		{"debian.org before others", map[string]string{
			"sources.list":                "deb http://pkgs.vendor.example/stable/debian bookworm main",
			"sources.list.d/zzz.list":     "deb http://deb.debian.org/debian bookworm main",
			"sources.list.d/aaa.list":     "deb http://x.example/debian bookworm main\ndeb http://x.example/debian bookworm-updates main",
			"sources.list.d/broken.list":  "deb\ndeb [\ndeb [x] y",
			"sources.list.d/empty.list":   "",
			"sources.list.d/list.sources": "URIs:\n\n\nSuites: x\n: y\n z\n",
		}, map[string]string{"debian": "http://deb.debian.org/debian"}},
		{"ubuntu", map[string]string{"sources.list": "deb http://archive.ubuntu.com/ubuntu noble main universe\ndeb http://archive.ubuntu.com/debian noble main"}, nil},
		{"third parties", map[string]string{"sources.list": `
deb https://download.docker.example/linux/debian bookworm stable
deb [signed-by=/usr/share/keyrings/tailscale-archive-keyring.gpg] https://pkgs.tailscale.example/stable/debian bookworm main
deb https://packages.vendor.example/oss/deb stable main
deb http://archive.raspberrypi.org/debian/ bookworm main
deb http://raspbian.raspberrypi.org/raspbian/ bookworm main contrib
deb https://apt.postgresql.example/pub/repos/apt bookworm-pgdg main
deb [trusted=yes] http://local.example/debian bookworm main
deb http://local.example/debian ./
deb http://user:secret@private.example/debian bookworm main
deb tor+http://x.onion/debian bookworm main
deb mirror+file:/etc/apt/mirrors/debian bookworm main
deb http://$(ARCH).example/debian bookworm main
deb http://evil.example/debian?x=/debian bookworm main
`}, nil},
		{"inline key", map[string]string{"sources.list.d/x.sources": "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x/debian\n"}, nil},
		// It would resolve to what was long ago, without a word.
		{"a dated state", map[string]string{"sources.list": "deb http://snapshot.debian.org/archive/debian/20250101T000000Z/ trixie main"}, nil},
	} {
		if c.want == nil {
			c.want = map[string]string{}
		}
		if diff := cmp.Diff(c.want, HostMirrors(aptDir(t, c.files))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// This host's own configuration, if it is Debian's, is understood.
func TestHostMirrorsHere(t *testing.T) {
	text, err := os.ReadFile("/etc/apt/sources.list.d/debian.sources")
	if err != nil || !strings.Contains(string(text), "debian-archive-keyring") {
		t.Skip("SKIPPED: this host has no sources.list.d/debian.sources with Debian's keyring")
	}
	got := HostMirrors("/etc/apt")
	if got["debian"] == "" || !strings.Contains(string(text), got["debian"]) {
		t.Errorf("got %v", got)
	}
}

// Whatever stands there: an address is one of the text's, and usable.
func FuzzSources(f *testing.F) {
	f.Add("deb [a=b] http://m.example/debian trixie main\n", "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n")
	f.Add("deb cdrom:[x y]/ z main", "Signed-By:\n -----\n\n\nURIs: a\n b\n")
	f.Fuzz(func(t *testing.T, list, sources string) {
		for _, s := range append(parseList(list), parseSources(sources)...) {
			for _, u := range s.uris {
				archive, rank := s.debian(u)
				if (archive == "") != (rank == 0) {
					t.Errorf("%q: %q with rank %d", u, archive, rank)
				}
				if archive == "" {
					continue
				}
				if _, _, ok := plainAddress(u); !ok || !strings.Contains(list+sources, u) || strings.ContainsAny(u, " \t\n") {
					t.Errorf("address %q", u)
				}
			}
		}
	})
}
