package detinstall

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// ambient are the functions through which the host's clock, environment and
// chance could reach a tree. Only cmd and unpack/fetch may call them.
var ambient = map[string]map[string]bool{
	"time": {"Now": true, "Since": true, "Until": true, "Local": true, "LoadLocation": true},
	"os": {"Getenv": true, "LookupEnv": true, "Environ": true, "ExpandEnv": true, "Hostname": true, "TempDir": true, "MkdirTemp": true,
		"CreateTemp": true, "UserHomeDir": true, "UserCacheDir": true, "Getpid": true},
}

// TestNothingAmbient holds the rule of ARCHITECTURE.md that neither clock nor
// environment nor chance is read outside cmd and unpack/fetch.
func TestNothingAmbient(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == "cmd" || name == filepath.Join("unpack", "fetch") || name == "bench" || strings.HasPrefix(name, ".git") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		uses, err := ambientUses(name, nil)
		for _, u := range uses {
			t.Errorf("%s: %s", name, u)
		}
		return err
	})
	if err != nil || files < 10 {
		t.Fatalf("walked %d files: %v", files, err)
	}
}

// TestNothingAmbientNegative is the control: the check must be able to fail.
func TestNothingAmbientNegative(t *testing.T) {
	uses, err := ambientUses("x.go", "package x\nimport \"time\"\nvar t = time.Now()\n")
	if err != nil || len(uses) != 1 {
		t.Errorf("a file that reads the clock passes: %v, %v", uses, err)
	}
}

func ambientUses(name string, src any) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
	if err != nil {
		return nil, err
	}
	var uses []string
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && ambient[id.Name][sel.Sel.Name] {
				uses = append(uses, id.Name+"."+sel.Sel.Name)
			}
		}
		return true
	})
	return uses, nil
}
