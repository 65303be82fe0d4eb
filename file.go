package detinstall

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"github.com/detinstall/detinstall/pkg"
)

// fileRecord returns what the package file f says of itself, with its size and
// digest. Name becomes its path: a package without a repository.
func fileRecord(f *os.File, name string, format pkg.Format) (*pkg.Package, error) {
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", name, err)
	}
	a, err := format.Open(f, size, pkg.Limits{})
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", name, err)
	}
	defer a.Close()
	p := a.Package()
	p.Repo, p.Path, p.Size = nil, name, size
	h.Sum(p.SHA256[:0])
	return p, nil
}
