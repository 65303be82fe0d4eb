package tree

import "io"

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
