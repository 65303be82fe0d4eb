package tree

import "os"

// Fresh returns s without what it remembers.
func Fresh(s *Sealed) *Sealed { return &Sealed{nodes: s.nodes} }

// ResolveAll follows the last component too.
func (t *Tree) ResolveAll(path string) (string, error) { return t.resolve(path, true) }

// OpenSteps is what FromDir's bodies fall back to.
func OpenSteps(root *os.File, path string) (*os.File, error) {
	fd, err := openSteps(int(root.Fd()), path)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}
