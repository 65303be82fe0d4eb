package hooks

import (
	_ "embed"

	"gopkg.in/yaml.v3"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Recipe accounts for the leftovers of one script, by digest, so that a changed script is judged
// anew. Its duties count all the same.
type Recipe struct {
	Package string    `yaml:"package"`
	Phase   pkg.Phase `yaml:"phase"`
	SHA256  string    `yaml:"sha256"`
	Why     string    `yaml:"why"`
	// Trigger is the trigger that does what the script would do to files, or "".
	Trigger string `yaml:"trigger"`
}

//go:embed recipes.yaml
var recipeFile []byte

// Recipes returns all recipes, in the order of their file.
func Recipes() []Recipe {
	var rs []Recipe
	if err := yaml.Unmarshal(recipeFile, &rs); err != nil {
		panic("recipes.yaml: " + err.Error()) // a test reads it
	}
	return rs
}

// accountedFor returns the recipe for a script, or nil.
func (s *state) accountedFor(name string, sc pkg.Script) *Recipe {
	for i, r := range s.recipes {
		if r.Package == name && r.Phase == sc.Phase && r.SHA256 == tree.Sum(sc.Body).Hex() {
			return &s.recipes[i]
		}
	}
	return nil
}
