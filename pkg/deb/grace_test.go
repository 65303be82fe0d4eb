package deb

import (
	"errors"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

// TestGrace takes an index after its time only for as long as the repository's grace lasts.
func TestGrace(t *testing.T) {
	const until = 1_000_000_000
	for _, c := range []struct {
		name         string
		grace, now   int64
		stale, taken bool
	}{
		{"in time", 0, until, false, true},
		{"late", 0, until + 1, true, false},
		{"late within grace", 10, until + 10, true, true},
		{"late after grace", 10, until + 11, true, false},
		{"no reference time", 0, 0, false, true},
	} {
		r := &ReleaseFile{Date: until - 100, ValidUntil: until}
		opt := pkg.IndexOptions{Now: c.now}
		err := r.checkTrust("InRelease", &pkg.Repo{Grace: c.grace}, opt)
		var trust *pkg.TrustError
		if (err == nil) != c.taken || err != nil && !errors.As(err, &trust) {
			t.Errorf("%s: %v", c.name, err)
		}
		if r.stale(opt) != c.stale {
			t.Errorf("%s: stale is %v", c.name, !c.stale)
		}
	}
	rel, err := FindRelease("debian", "sid")
	if err != nil || rel.Repo("sid", "amd64").Grace == 0 {
		t.Errorf("a distribution's own repository has no grace (%v)", err)
	}
}
