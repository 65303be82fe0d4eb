package apk

import (
	"bytes"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

// TestRealIndexes holds Alpine's own signatures against the keys that are shipped.
func TestRealIndexes(t *testing.T) {
	rel, err := FindRelease("alpine", "3.19")
	if err != nil {
		t.Fatal(err)
	}
	keys := rel.Repos()[0].Keys
	for _, name := range []string{"alpine-3.19-x86_64/index/cache_APKINDEX.b2c94760.tar.gz", "alpine-3.19-x86_64/index/cache_APKINDEX.be78cdff.tar.gz"} {
		b := shared(t, name)
		_, signers, err := OpenIndex(b, keys, false)
		if err != nil || len(signers) != 1 || !strings.HasPrefix(signers[0], "alpine-devel@") {
			t.Errorf("%s: %q, %v", name, signers, err)
		}
		for what, broken := range map[string][]byte{
			"flipped":  flip(b, len(b)/2),
			"sig":      flip(b, 300),
			"cut":      b[:len(b)-9],
			"trailing": append(bytes.Clone(b), 0),
		} {
			if _, _, err := OpenIndex(broken, keys, false); err == nil {
				t.Errorf("%s: %s: no error", name, what)
			}
		}
		other := []pkg.Key{{Name: signers[0], Data: otherKey(keys, signers[0])}}
		if _, _, err := OpenIndex(b, other, false); err == nil || !strings.Contains(err.Error(), "is wrong") {
			t.Errorf("another key of the same name: %v", err)
		}
		other[0].Name = "another"
		if _, _, err := OpenIndex(b, other, false); err == nil || !strings.Contains(err.Error(), "not among the trusted") {
			t.Errorf("the key under another name: %v", err)
		}
		if _, signers, err := OpenIndex(b, nil, true); err != nil || signers != nil {
			t.Errorf("unsigned: %q, %v", signers, err)
		}
	}
}

// TestRSA256 holds a signature of the newer kind against a wrong key: the right one is in nobody's data.
func TestRSA256(t *testing.T) {
	b := shared(t, "apko-testdata/rsa256-signed__APKINDEX.tar.gz")
	_, _, err := OpenIndex(b, nil, false)
	if err == nil || !strings.Contains(err.Error(), "not among the trusted") {
		t.Fatal(err)
	}
	if _, _, err := OpenIndex(b, nil, true); err != nil {
		t.Error(err)
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 4
	return b
}

func otherKey(keys []pkg.Key, not string) []byte {
	for _, k := range keys {
		if k.Name != not {
			return k.Data
		}
	}
	return nil
}

func TestReleases(t *testing.T) {
	for _, r := range Releases() {
		for _, repo := range r.Repos() {
			if (len(repo.Keys) > 0) != r.Shipped() || repo.Format != "apk" {
				t.Errorf("%s: %d keys", repo.ID, len(repo.Keys))
			}
			for _, k := range repo.Keys {
				if _, err := parseKey(k.Data); err != nil {
					t.Errorf("%s: %v", k.Name, err)
				}
			}
		}
	}
	if _, err := FindRelease("alpine", "4"); err == nil {
		t.Error("alpine@4 is known")
	}
}
