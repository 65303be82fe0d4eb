package hooks

import (
	_ "embed"

	"gopkg.in/yaml.v3"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// recipe accounts for the leftovers of one script, by digest, so that a changed script is judged
// anew. Its duties count all the same.
type recipe struct {
	Package string    `yaml:"package"`
	Phase   pkg.Phase `yaml:"phase"`
	SHA256  string    `yaml:"sha256"`
	Why     string    `yaml:"why"`
}

//go:embed recipes.yaml
var recipeFile []byte

// recipes reads the file of recipes.
func recipes() []recipe {
	var rs []recipe
	if err := yaml.Unmarshal(recipeFile, &rs); err != nil {
		panic("recipes.yaml: " + err.Error()) // a test reads it
	}
	return rs
}

// accountedFor returns why the leftovers of a script need nothing, or "".
func (s *state) accountedFor(name string, sc pkg.Script) string {
	for _, r := range s.recipes {
		if r.Package == name && r.Phase == sc.Phase && r.SHA256 == tree.Sum(sc.Body).Hex() {
			return r.Why
		}
	}
	return ""
}
