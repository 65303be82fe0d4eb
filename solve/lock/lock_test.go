package lock

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
)

func example() *File {
	d := tree.Sum([]byte("x"))
	return &File{
		Lock: Version, Tool: "detinstall 1.0", Request: d, Format: "deb", Policy: "apt-classic", Epoch: 1700000000,
		Settings: Settings{Base: "essential", MergedUsr: true, UnknownOwner: tree.UnknownNumber, Langs: []string{"de"},
			ExcludePaths: []string{"/usr/share/doc/*", `/odd "name\`}, Answers: []Answer{{"tzdata/Areas", "Etc"}, {"x/y", "no"}}},
		Sources: []Source{{ID: "debian@trixie", Base: "https://snapshot.debian.org/archive/debian", Snapshot: "https://snapshot.debian.org/archive/debian",
			Suite: "trixie", Components: []string{"main"}, Date: 1700000000, Index: d, Keys: []string{"4CB50190207B4758A3F73A796ED0E7B82643E131"}}},
		IDs:     IDs{Users: []ID{{"_apt", 42}, {"null", 7}}, Groups: []ID{{"ssl-cert", 900}}},
		Waivers: []Waiver{{"slapd", "postinst", d, "no directory here: wanted"}},
		Arches: []Arch{{Name: "amd64", Packages: []Package{
			{Name: "0ad", Version: "1:0.0.26-3", Arch: "amd64", From: "debian@trixie", Path: "pool/main/0/0ad/0ad_0.0.26-3_amd64.deb", Size: 12, SHA256: d, Requested: true},
			{Name: "libc6", Version: "2.41-12", Arch: "amd64", From: "debian@trixie", Path: "pool/main/g/glibc/libc6_2.41-12_amd64.deb", Size: 12, SHA256: d},
		}, Diversions: []Diversion{{Path: "/bin/sh", To: "/bin/sh.distrib", Package: "dash"}}, Pending: []Script{{"libc6", "postinst", d}}},
			{Name: "arm64"}},
	}
}

func TestRoundTrip(t *testing.T) {
	want := example()
	b := want.Marshal()
	got, err := Parse(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("lock changed (-want +got):\n%s", d)
	}
	shuffled := example()
	shuffled.Arches[0], shuffled.Arches[1] = shuffled.Arches[1], shuffled.Arches[0]
	p := shuffled.Arches[1].Packages
	p[0], p[1] = p[1], p[0]
	if !bytes.Equal(shuffled.Marshal(), b) {
		t.Error("the order of the input shows in the lock")
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(example().Marshal())
	for _, c := range []struct{ name, from, to, want string }{
		{"crlf", "\n", "\r\n", "CR LF"},
		{"comment", "policy:", "# hi\npolicy:", "line 6: not in canonical form"},
		{"unknown key", "policy:", "polizy:", "field polizy not found"},
		{"duplicate key", "policy: apt-classic\n", "policy: apt-classic\npolicy: apt\n", "already defined"},
		{"other version", "lock: 1", "lock: 2", "version 2"},
		{"bad digest", "request: sha256:2", "request: sha256:g", "digest"},
		{"order", "  - {id", "  -  {id", "canonical"},
		{"upper-case digest", "sha256: 2d71", "sha256: 2D71", "digest"},
		{"cut", "    pending:\n", "", "canonical"},
		{"anchor", "policy: apt-classic", "policy: &a apt-classic", "canonical"},
		{"second document", "arch:\n", "---\narch:\n", "no arch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := strings.ReplaceAll(good, c.from, c.to)
			if bad == good {
				t.Fatal("the case changes nothing")
			}
			_, err := Parse([]byte(bad))
			var fe *FormatError
			if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a FormatError with %q", err, c.want)
			}
		})
	}
}

// FuzzParse holds the law of the format: what parses is written back to the same bytes.
func FuzzParse(f *testing.F) {
	f.Add(example().Marshal())
	f.Add([]byte(header + "lock: 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Marshal(), b) {
			t.Errorf("accepted, but not written back:\n%s", b)
		}
	})
}
