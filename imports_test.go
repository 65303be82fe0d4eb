package detinstall

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/detinstall/detinstall"

// allowed is the import table of ARCHITECTURE.md: what each package may import
// of ours. A name that ends in "/" stands for everything below it.
var allowed = map[string][]string{
	"pkg/tree":                 {},
	"pkg/tree/treetest":        {"pkg/tree"},
	"pkg":                      {"pkg/tree"},
	"internal/archive":         {"pkg/tree"},
	"internal/decompress":      {"pkg/tree"},
	"internal/openpgp":         {"pkg/tree"},
	"internal/openpgp/pgptest": {},
	"internal/catalog":         {},
	"internal/certificate":     {},
	"internal/ghash":           {},
	"internal/hwdb":            {},
	"internal/iconcache":       {"internal/ghash"},
	"internal/infodir":         {},
	"internal/gschema":         {"internal/ghash"},
	"internal/jks":             {},
	"internal/ldcache":         {"pkg/tree"},
	"internal/mimedb":          {"internal/ghash"},
	"internal/modinfo":         {},
	"internal/unitfile":        {"pkg/tree"},
	"internal/xfont":           {},
	"pkg/apk":                  {"pkg", "pkg/tree", "internal/"},
	"pkg/apk/adbtest":          {},
	"pkg/deb":                  {"pkg", "pkg/tree", "internal/"},
	"solve":                    {"pkg"},
	"solve/lock":               {"pkg", "pkg/tree"},
	"unpack/fetch":             {"pkg", "pkg/tree"},
	"unpack":                   {"pkg", "pkg/tree", "solve/lock", "internal/"},
	"triggers/hooks":           {"pkg", "pkg/tree"},
	"triggers/report":          {"pkg/tree", "triggers", "triggers/hooks", "solve/lock"},
	"triggers":                 {"pkg", "pkg/tree", "pkg/apk", "pkg/deb", "triggers/hooks", "solve/lock", "internal/"},
	"reproduce":                {"pkg/tree", "internal/", "reproduce/emit"},
	"reproduce/emit":           {"pkg/tree", "internal/"},
	"fixtures":                 {"pkg", "pkg/tree"},
}

// forbidden are imports of the standard library that only the packages named may have.
var forbidden = map[string][]string{
	"net/http":     {"unpack/fetch"},
	"os/exec":      {"reproduce"},
	"math/rand":    {},
	"math/rand/v2": {},
	"crypto/rand":  {},
	"unsafe":       {},
	"plugin":       {},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(strings.TrimPrefix(words[0], module), "/")
		for _, bad := range violations(name, words[1:]) {
			t.Error(bad)
		}
		seen++
	}
	if seen < len(allowed) {
		t.Errorf("go list named %d packages, the table has %d", seen, len(allowed))
	}
}

// TestImportsNegative is the control: the check must be able to fail.
func TestImportsNegative(t *testing.T) {
	for _, c := range []struct{ name, imports string }{
		{"pkg/tree", module + "/pkg"},
		{"solve", module + "/pkg/deb"},
		{"solve", "net/http"},
		{"unpack", module + "/triggers/hooks"},
		{"triggers", "os/exec"},
		{"some/new/package", "fmt"},
	} {
		if len(violations(c.name, []string{c.imports})) == 0 {
			t.Errorf("%s may import %s", c.name, c.imports)
		}
	}
}

func violations(name string, imports []string) []string {
	if name == "" || strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "bench") {
		return nil
	}
	may, ok := allowed[name]
	if !ok {
		return []string{name + ": not in the import table"}
	}
	var bad []string
	for _, imp := range imports {
		if ours, ok := strings.CutPrefix(imp, module+"/"); ok && !permitted(may, ours) {
			bad = append(bad, name+" imports "+ours)
		}
		if imp == module {
			bad = append(bad, name+" imports the root")
		}
		if only, ok := forbidden[imp]; ok && !slices.Contains(only, name) {
			bad = append(bad, name+" imports "+imp)
		}
	}
	return bad
}

func permitted(may []string, ours string) bool {
	for _, m := range may {
		if m == ours || (strings.HasSuffix(m, "/") && strings.HasPrefix(ours, m)) || path.Clean(m) == ours {
			return true
		}
	}
	return false
}
