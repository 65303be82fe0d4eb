package tree

import (
	"io"
	"io/fs"
	"iter"
	"time"
)

// Tree is a root file system in the making. The zero value is not usable;
// call [New]. A Tree is not safe for concurrent use.
type Tree struct {
	nodes map[string]*Node
}

// New returns a tree that holds nothing but its root, 0755 root:root.
func New() *Tree { panic("not yet written") }

// Put adds n. A path that is taken is a *ConflictError, unless both are
// directories that agree in mode, owners and xattrs: then the first stays. A path that breaks
// the rules of names (D12) is a *RefusedError. Parents need not be there yet.
func (t *Tree) Put(n Node) error { panic("not yet written") }

// Set adds n or puts it in the place of what was there; the rules of names hold.
func (t *Tree) Set(n Node) error { panic("not yet written") }

// Delete removes path; what lies below it stays.
func (t *Tree) Delete(path string) { panic("not yet written") }

// Get returns the node at path itself: no symbolic link is followed.
func (t *Tree) Get(path string) (Node, bool) { panic("not yet written") }

// Len returns the number of paths, the root included.
func (t *Tree) Len() int { panic("not yet written") }

// Resolve returns the path that path means inside the root when symbolic
// links in its parents are followed, with the root as "/" for absolute
// targets and "..", at most 40 hops. The last component is not followed, and it need not exist.
func (t *Tree) Resolve(path string) (string, error) { panic("not yet written") }

// Children returns the names directly below the directory path, byte-sorted.
func (t *Tree) Children(path string) []string { panic("not yet written") }

// All yields the nodes in canonical order (depth-first, names byte-sorted
// within each directory), parents first. The tree must not change meanwhile.
func (t *Tree) All() iter.Seq[Node] { panic("not yet written") }

// FS returns a read-only view with symbolic links resolved inside the root.
// It implements fs.StatFS, fs.ReadDirFS, fs.ReadFileFS and ReadLink/Lstat (fs.ReadLinkFS).
func (t *Tree) FS() fs.FS { panic("not yet written") }

// Seal checks the tree and fixes it: missing parents appear as directories
// 0755 root:root from "implicit", names become ids, times lose their fractions and are
// clamped to [1970, epoch], every directory gets the epoch, hard links are
// regrouped so that the first name in canonical order carries the body. It fails with
// *UnknownOwnerError, or *RefusedError where a parent is no directory or a
// hard link's target no regular file. The tree must not be used afterwards.
func (t *Tree) Seal(epoch time.Time, ids IDs) (*Sealed, error) { panic("not yet written") }

// Sealed is a finished, immutable tree: sorted, clamped, with numeric ids. It is safe for concurrent use.
type Sealed struct {
	nodes []Node
}

// All yields the nodes in canonical order.
func (s *Sealed) All() iter.Seq[Node] { panic("not yet written") }

// Len returns the number of nodes, the root included.
func (s *Sealed) Len() int { return len(s.nodes) }

// Lookup returns the node at path; no link is followed.
func (s *Sealed) Lookup(path string) (Node, bool) { panic("not yet written") }

// Epoch returns the time of the root directory (what Seal was given).
func (s *Sealed) Epoch() time.Time { panic("not yet written") }

// WriteTar writes the canonical tar (D5): byte for byte what GNU tar
// writes for the same root with the options that the package's tar.go gives. Every body is
// read once, and verified against its digest and size on the way; a mismatch is an error that names the path.
func (s *Sealed) WriteTar(w io.Writer) error { panic("not yet written") }

// Digest returns THE digest: the sha256 of what WriteTar writes. It is
// computed at the first call (or by the first complete WriteTar) and remembered.
func (s *Sealed) Digest() (Digest, error) { panic("not yet written") }

// WriteManifest writes one line per node with every field (see manifest.go).
func (s *Sealed) WriteManifest(w io.Writer) error { panic("not yet written") }

// ParseManifest reads what WriteManifest wrote; contents have no bodies.
func ParseManifest(r io.Reader) (*Sealed, error) { panic("not yet written") }

// FromDir reads the directory dir as a finished tree: owners as numbers,
// xattrs but those that a host injects (security.selinux, security.ima,
// security.evm, system.posix_acl_*, user.overlay.*), no link followed.
func FromDir(dir string) (*Sealed, error) { panic("not yet written") }

// FromTar reads an uncompressed tar of any of the usual dialects as a
// finished tree; bodies are sections of r.
func FromTar(r io.ReaderAt, size int64) (*Sealed, error) { panic("not yet written") }
