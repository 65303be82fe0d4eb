package hooks

import (
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// recipe accounts for the leftovers of one script, by digest, so that a changed script is judged
// anew. Its duties count all the same.
type recipe struct {
	name   string
	phase  pkg.Phase
	digest string // sha256
	why    string
}

const (
	seeds    = "trigger base-files makes what it would make, from the package's own table and files"
	masters  = "trigger accounts makes the account files from the package's master files"
	fixLinks = "it repairs links that a container manager made; a new root has none"
)

// recipes is sorted by name, phase and digest. Each is for all architectures but where one is named.
var recipes = []recipe{
	{"base-files", "postinst", "40d3b9308c8e180dbb0d8cdf3a2bb4d795b37815807a864e474e84bbc56a2660", seeds},    // trixie arm64
	{"base-files", "postinst", "9d835f80f3815b5e5f49034027e9126e40d74c725e11cd37d4ae95dc490d209f", seeds},    // bookworm
	{"base-files", "postinst", "c3afcbe1aa12e56b62955e75bbf432f21446c4901e66f19468f68351791b08be", seeds},    // trixie amd64
	{"base-files", "preinst", "c6619854af6ee14357e5d81a56f6424a23909170251de2380b1f7caeb1cf2fb7", fixLinks},  // trixie arm64
	{"base-files", "preinst", "e593a5b0e3be354a3c0c0c0b5905de242da960e50bc0bb6d8f128247f125088a", fixLinks},  // trixie amd64
	{"base-passwd", "postinst", "1cff0ea9b8dd12bcb4f6da505bdbd225c905df423f89f4a1be871667ab40c7c6", masters}, // trixie
	{"base-passwd", "postinst", "c372532e5cba8abf8fd60fba244ddb537fef4807ce0624698dafb4d21866710c", masters}, // bookworm
	{"base-passwd", "preinst", "47f6f8ee55faa32f7ff23337772c05bfcc7c01aa0804e1ffeffd71ebff0e21b9", masters},
}

// accountedFor returns why the leftovers of a script need nothing, or "".
func accountedFor(name string, s pkg.Script) string {
	for _, r := range recipes {
		if r.name == name && r.phase == s.Phase && r.digest == tree.Sum(s.Body).Hex() {
			return r.why
		}
	}
	return ""
}
