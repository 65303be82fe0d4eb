package deb

import (
	"crypto"
	"fmt"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/internal/openpgp/pgptest"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// releaseTime is releaseDate in seconds.
const releaseTime = 1704153600

// distrustCase is a repository that was changed, or is read in another way, and what is said of it.
type distrustCase struct {
	change func(s *suite, f *files, release string)
	opt    pkg.IndexOptions
	want   string // "" is accepted
}

func distrustCases(t *testing.T) map[string]distrustCase {
	const now = releaseTime
	return map[string]distrustCase{
		"clean":     {},
		"wrong key": {change: func(s *suite, f *files, _ string) { s.repo.Keys[0].Data = pgptest.NewKey(t, 2, 0).Armoured(t) }, want: "not among the trusted keys"},
		"no key":    {change: func(s *suite, f *files, _ string) { s.repo.Keys = nil }, want: "not among the trusted keys"},
		"prefix":    {change: edit(func(in string) string { return "x\n" + in }), want: "does not start with"},
		"suffix":    {change: edit(func(in string) string { return in + "x\n" }), want: "text after"},
		"two":       {change: edit(func(in string) string { return in + in }), want: "text after"},
		"body":      {change: edit(func(in string) string { return strings.Replace(in, "Suite: stable", "Suite: staple", 1) }), want: "no good signature"},
		"no hash":   {change: edit(func(in string) string { return strings.Replace(in, "Hash: SHA256\n", "", 1) }), want: "no Hash header"},
		"truncated": {change: edit(func(in string) string { return in[:len(in)-40] }), want: "unexpected end of file"},
		"SHA-1": {change: func(s *suite, f *files, release string) {
			f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(t, release, pgptest.Options{Hash: crypto.SHA1}))
		}, want: "insecure digest"},
		"wrong Packages": {change: func(s *suite, f *files, _ string) {
			f.m["dists/stable/main/binary-amd64/Packages.gz"] = gz(t, "x")
		}, want: "Packages.gz: "},
		"origin":             {change: func(s *suite, f *files, _ string) { s.repo.Expect.Origin = "Debian" }, want: `origin is "Test"`},
		"suite":              {change: func(s *suite, f *files, _ string) { s.repo.Expect.Suite = "testing" }, want: `want "testing"`},
		"suite by codename":  {change: func(s *suite, f *files, _ string) { s.repo.Expect.Suite = "code" }},
		"codename":           {change: func(s *suite, f *files, _ string) { s.repo.Expect.Codename = "sid" }, want: `want "sid"`},
		"not expired":        {change: head("Valid-Until: Wed, 03 Jan 2024 00:00:00 UTC\n"), opt: pkg.IndexOptions{Now: now + 3600}},
		"expired":            {change: head("Valid-Until: Wed, 03 Jan 2024 00:00:00 UTC\n"), opt: pkg.IndexOptions{Now: now + 90000}, want: "expired on 2024-01-03"},
		"expired, no clock":  {change: head("Valid-Until: Wed, 03 Jan 2024 00:00:00 UTC\n")},
		"future":             {opt: pkg.IndexOptions{Now: now - 90000}, want: "future"},
		"nearly future":      {opt: pkg.IndexOptions{Now: now - 3600}},
		"rollback":           {opt: pkg.IndexOptions{NotBefore: map[string]int64{"test@stable": now + 1}}, want: "old state"},
		"same again":         {opt: pkg.IndexOptions{NotBefore: map[string]int64{"test@stable": now}}},
		"rollback elsewhere": {opt: pkg.IndexOptions{NotBefore: map[string]int64{"test@other": now + 1}}},
		"no date": {change: func(s *suite, f *files, _ string) {
			s.head = strings.Replace(s.head, "Date: "+releaseDate+"\n", "", 1)
			*f = *s.signed(t)
		}, want: "no date"},
		"malformed date": {change: head("Valid-Until: tomorrow\n"), want: "not in UTC"},
		"uncompressed digest": {change: func(s *suite, f *files, release string) {
			text := s.lists["main/binary-amd64/Packages"]
			release = strings.Replace(release, tree.Sum([]byte(text)).Hex(), tree.Sum(nil).Hex(), 1)
			f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(t, release, pgptest.Options{}))
		}, want: "want "},
		"bomb": {change: func(s *suite, f *files, release string) {
			text := s.lists["main/binary-amd64/Packages"]
			release = strings.Replace(release, fmt.Sprintf(" %d main/binary-amd64/Packages\n", len(text)), " 100 main/binary-amd64/Packages\n", 1)
			f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(t, release, pgptest.Options{}))
		}, want: "limit"},
	}
}

func TestDistrust(t *testing.T) {
	for name, c := range distrustCases(t) {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, "stable")
			f := s.signed(t)
			_, release := s.publish(t)
			if c.change != nil {
				c.change(s, f, release)
			}
			u, err := open(f, c.opt, s.repo)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || u != nil {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if !distrusted(err) || !strings.HasPrefix(err.Error(), "test@stable: ") {
				t.Errorf("error %v is no TrustError that names the repository", err)
			}
		})
	}
}

func edit(change func(string) string) func(*suite, *files, string) {
	return func(_ *suite, f *files, _ string) {
		f.m["dists/stable/InRelease"] = []byte(change(string(f.m["dists/stable/InRelease"])))
	}
}

// head adds a field to the Release file.
func head(field string) func(*suite, *files, string) {
	return func(s *suite, f *files, release string) {
		release = strings.Replace(release, "SHA256:\n", field+"SHA256:\n", 1)
		var t testing.T
		f.m["dists/stable/InRelease"] = []byte(s.key.Clearsign(&t, release, pgptest.Options{}))
	}
}
