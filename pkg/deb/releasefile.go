package deb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// ReleaseFile is the signed file at the root of a repository's suite (https://wiki.debian.org/DebianRepository/Format).
// Only its SHA256 section vouches for files.
//
//	Origin: Debian
//	Suite: stable
//	Codename: trixie
//	Date: Sat, 12 Sep 2026 07:55:41 UTC
//	Acquire-By-Hash: yes
//	SHA256:
//	 1a93…  56620099 main/binary-amd64/Packages
type ReleaseFile struct {
	Origin, Label, Suite, Codename string
	Date, ValidUntil               int64 // seconds since 1970; 0: not given
	Architectures, Components      []string
	AcquireByHash                  bool
	NotAutomatic                   bool     // apt's pin is 1
	ButAutomaticUpgrades           bool     // then 100
	NoSupportForAll                []string // the kinds of index without an own one for architecture all

	files map[string]ReleaseEntry
}

// ReleaseEntry is what a Release file vouches for.
type ReleaseEntry struct {
	Size   int64
	SHA256 tree.Digest
}

// ParseReleaseFile reads the plaintext of a Release file, whose signature must have been checked before.
func ParseReleaseFile(text []byte) (*ReleaseFile, error) {
	var s Stanza
	for stanza, err := range ParseStanzas(string(text)) {
		if err != nil {
			return nil, err
		}
		if s != nil {
			return nil, fmt.Errorf("more than one stanza")
		}
		s = stanza
	}
	r := &ReleaseFile{
		Origin: s.Get("Origin"), Label: s.Get("Label"), Suite: s.Get("Suite"), Codename: s.Get("Codename"),
		Architectures: strings.Fields(s.Get("Architectures")), Components: strings.Fields(s.Get("Components")),
		AcquireByHash: s.Get("Acquire-By-Hash") == "yes", NotAutomatic: s.Get("NotAutomatic") == "yes",
		ButAutomaticUpgrades: s.Get("ButAutomaticUpgrades") == "yes",
		NoSupportForAll:      strings.Fields(s.Get("No-Support-for-Architecture-all")),
	}
	var err error
	if r.Date, err = parseDate(s.Get("Date")); err != nil {
		return nil, fmt.Errorf("date: %w", err)
	}
	if r.ValidUntil, err = parseDate(s.Get("Valid-Until")); err != nil {
		return nil, fmt.Errorf("valid-until: %w", err)
	}
	if r.files, err = parseSums(s.Get("SHA256")); err != nil {
		return nil, fmt.Errorf("section SHA256: %w", err)
	}
	return r, nil
}

// parseSums reads lines of digest, size and path. A path that occurs twice must be the same file.
func parseSums(value string) (map[string]ReleaseEntry, error) {
	files := make(map[string]ReleaseEntry)
	for l := range strings.Lines(value) {
		f := strings.Fields(l)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("malformed line %q", strings.TrimSpace(l))
		}
		sum, err := tree.ParseDigest(f[0])
		if err != nil {
			return nil, err
		}
		if sum.IsZero() { // which would mean that nothing vouches for the file
			return nil, fmt.Errorf("%s: no digest", f[2])
		}
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("%s: malformed size %q", f[2], f[1])
		}
		e := ReleaseEntry{size, sum}
		if old, ok := files[f[2]]; ok && old != e {
			return nil, fmt.Errorf("%s: listed twice, as different files", f[2])
		}
		files[f[2]] = e
	}
	return files, nil
}

// parseDate reads a date of RFC 5322 in UTC; nothing is 0.
func parseDate(value string) (int64, error) {
	if value == "" {
		return 0, nil
	}
	date := value
	for _, zone := range []string{" UTC", " GMT", " Z", " +0000"} {
		var ok bool
		if date, ok = strings.CutSuffix(value, zone); ok {
			t, err := time.Parse("Mon, _2 Jan 2006 15:04:05", date)
			return t.Unix(), err
		}
	}
	return 0, fmt.Errorf("date %q is not in UTC", value)
}

// File returns what r vouches for at path, relative to the Release file.
func (r *ReleaseFile) File(path string) (ReleaseEntry, bool) {
	e, ok := r.files[path]
	return e, ok
}

// pin is the priority that apt gives to the suite's packages by itself (apt_preferences(5)).
func (r *ReleaseFile) pin() int {
	switch {
	case r.NotAutomatic && r.ButAutomaticUpgrades:
		return 100
	case r.NotAutomatic:
		return 1
	}
	return 500
}

// day is how far ahead of the reference time a Release file may be dated: clocks differ.
const day = 24 * 60 * 60

// checkTrust refuses a Release file that is not the expected one, or not the one of the time. Its
// signature is somebody else's business.
func (r *ReleaseFile) checkTrust(what string, repo *pkg.Repo, opt pkg.IndexOptions) error {
	if want := repo.Expect.Origin; want != "" && r.Origin != want {
		return pkg.Distrust(what, "origin is %q, want %q", r.Origin, want)
	}
	for _, want := range []string{repo.Expect.Suite, repo.Expect.Codename} {
		if want != "" && r.Suite != want && r.Codename != want {
			return pkg.Distrust(what, "suite is %q, codename %q, want %q", r.Suite, r.Codename, want)
		}
	}
	if r.Date == 0 && !repo.Unsigned {
		return pkg.Distrust(what, "has no date")
	}
	if seen := opt.NotBefore[repo.ID]; r.Date < seen {
		return pkg.Distrust(what, "dated %s, but one of %s was seen before: an old state is played back", stamp(r.Date), stamp(seen))
	}
	if opt.Now == 0 {
		return nil
	}
	if r.Date > opt.Now+day {
		return pkg.Distrust(what, "dated %s, which is in the future", stamp(r.Date))
	}
	if r.stale(opt) && opt.Now > r.ValidUntil+repo.Grace {
		return pkg.Distrust(what, "expired on %s", stamp(r.ValidUntil))
	}
	return nil
}

// stale reports whether the file's time has run out at the reference time.
func (r *ReleaseFile) stale(opt pkg.IndexOptions) bool {
	return opt.Now != 0 && r.ValidUntil != 0 && opt.Now > r.ValidUntil
}

func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// binaryArches returns the architectures whose indexes hold the packages for arch. There is an own one for "all" only where the
// Release file says so; elsewhere those packages are in every index.
func (r *ReleaseFile) binaryArches(arch string) []string {
	if slices.Contains(r.Architectures, "all") && !slices.Contains(r.NoSupportForAll, "Packages") {
		return []string{arch, "all"}
	}
	return []string{arch}
}
