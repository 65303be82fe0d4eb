package emit

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
)

// A manifest lies beside an output that does not have everything, as NAME.manifest. Until it
// is published it has the name tmp in the directory dir.
type manifest struct {
	dir  int
	own  bool // dir is ours to close
	tmp  string
	to   int
	name string
	out  bool // it was published
}

// writeManifest writes the manifest of t next to where the output will be. That it cannot be
// written is no reason to fail, but is told.
func (s *Stage) writeManifest(t *tree.Sealed, a *Applied) error {
	m := &manifest{dir: s.dir, tmp: "manifest", to: s.parent, name: s.place.name + ".manifest"}
	if s.place.inside {
		dir, err := unix.Open(s.place.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			a.ManifestErr = &fs.PathError{Op: "open", Path: s.place.dir, Err: err}
			return nil
		}
		m.dir, m.own, m.tmp, m.to = dir, true, stagingName(m.name), dir
	}
	err := m.write(t)
	switch {
	case err == nil:
		s.manifest, a.Manifest = m, s.place.path()+".manifest"
		return nil
	case !s.place.inside:
		return fmt.Errorf("manifest: %w", err)
	}
	a.ManifestErr = err
	m.discard()
	return nil
}

func (m *manifest) write(t *tree.Sealed) error {
	fd, err := unix.Openat(m.dir, m.tmp, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return &fs.PathError{Op: "create", Path: m.tmp, Err: err}
	}
	f := os.NewFile(uintptr(fd), m.tmp)
	w := bufio.NewWriterSize(f, 64<<10)
	err = t.WriteManifest(w)
	if e := w.Flush(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// publish moves the manifest into place, ahead of the output: one without the other must be
// the harmless one.
func (m *manifest) publish() error {
	if m == nil {
		return nil
	}
	if err := unix.Renameat(m.dir, m.tmp, m.to, m.name); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	m.out = true
	return nil
}

// retract removes a published manifest whose output could not follow.
func (m *manifest) retract() {
	if m != nil && m.out {
		unix.Unlinkat(m.to, m.name, 0)
	}
}

// discard removes what was not published and lets go.
func (m *manifest) discard() {
	if m == nil {
		return
	}
	if !m.out {
		unix.Unlinkat(m.dir, m.tmp, 0)
	}
	if m.own {
		unix.Close(m.dir)
		m.own = false
	}
}
