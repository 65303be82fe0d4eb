package tree

import (
	"io"
	"iter"
	"sort"
	"sync"
	"time"
)

// Sealed is a finished, immutable tree: sorted, clamped, with numeric ids
// (the names of owners are empty). It is safe for concurrent use. Slices in its nodes must not be changed.
type Sealed struct {
	nodes []Node

	mu     sync.Mutex // guards digest
	digest Digest     // zero until known
}

// All yields the nodes in canonical order (see [Compare]), the root first.
func (s *Sealed) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for i := range s.nodes {
			if !yield(s.nodes[i]) {
				return
			}
		}
	}
}

// Len returns the number of nodes, the root included.
func (s *Sealed) Len() int { return len(s.nodes) }

// Lookup returns the node at path; no link is followed.
func (s *Sealed) Lookup(path string) (Node, bool) {
	i := sort.Search(len(s.nodes), func(i int) bool { return Compare(s.nodes[i].Path, path) >= 0 })
	if i < len(s.nodes) && s.nodes[i].Path == path {
		return s.nodes[i], true
	}
	return Node{}, false
}

// Epoch returns the time of the root directory (what Seal was given).
func (s *Sealed) Epoch() time.Time { return s.nodes[0].ModTime }

// Digest returns THE digest: the sha256 of what WriteTar writes. It is
// computed at the first call (or by the first complete WriteTar) and remembered.
func (s *Sealed) Digest() (Digest, error) {
	if d, ok := s.known(); ok {
		return d, nil
	}
	if err := s.WriteTar(io.Discard); err != nil {
		return Digest{}, err
	}
	d, _ := s.known()
	return d, nil
}

// known returns the digest if it was computed before.
func (s *Sealed) known() (Digest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.digest, !s.digest.IsZero()
}

func (s *Sealed) learn(d Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digest = d
}
