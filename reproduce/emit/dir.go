package emit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
)

// DirOptions say how a directory is written.
type DirOptions struct {
	// KeepSetuid keeps setuid and setgid bits on files that do not belong to whom the tree
	// says, as all files written without privilege.
	KeepSetuid bool
}

// WriteDir does what [Stage.Dir] does and computes the digest of the tree meanwhile, which
// verifies every body.
func (s *Stage) WriteDir(ctx context.Context, t *tree.Sealed, opt DirOptions) (tree.Digest, *Applied, error) {
	type result struct {
		digest tree.Digest
		err    error
	}
	stop := context.AfterFunc(ctx, func() { s.stopped.Store(true) }) // the digest knows no contexts
	defer stop()
	done := make(chan result, 1)
	go func() {
		d, err := t.Digest()
		if err != nil {
			s.stopped.Store(true) // a failed output needs no other bodies
		}
		done <- result{d, err}
	}()
	w, err := s.writeDir(ctx, t, opt)
	if err != nil {
		s.stopped.Store(true)
	}
	r := <-done
	switch {
	case ctx.Err() != nil:
		return r.digest, nil, context.Cause(ctx)
	case r.err != nil && (err == nil || !isStopped(r.err)):
		return r.digest, nil, r.err
	case err != nil:
		return r.digest, nil, err
	}
	return r.digest, w.applied, w.finish(t)
}

// Dir writes t as a directory into the staging area. Bodies that were [Stage.Put] here are
// moved, each at most once; others are copied, by themselves if they have a method CopyTo. What the
// host does not allow is reported and kept in a manifest beside the output (Applied); all else is an error.
// The result does not depend on the umask, default ACLs or setgid bits of the surroundings.
func (s *Stage) Dir(ctx context.Context, t *tree.Sealed, opt DirOptions) (*Applied, error) {
	w, err := s.writeDir(ctx, t, opt)
	if err != nil {
		return nil, err
	}
	return w.applied, w.finish(t)
}

// A dirWriter writes the nodes of a tree in canonical order. Directories are open while
// something below them is being written, and get their owner, mode and time when they are left.
type dirWriter struct {
	stage   *Stage
	opt     DirOptions
	root    bool // we are the superuser, by name at least
	nested  bool // in a user namespace, which changes capabilities as they are stored
	open    []openNode
	late    []lateMode
	applied *Applied
}

type openNode struct {
	fd   int
	node tree.Node
}

// A lateMode takes permissions from ourselves, so it waits until nothing needs to be opened.
type lateMode struct {
	path string
	mode uint32
}

func (s *Stage) writeDir(ctx context.Context, t *tree.Sealed, opt DirOptions) (*dirWriter, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed || s.target.Kind != KindDir {
		return nil, fmt.Errorf("write directory: stage is of kind %s, or closed", s.target.Kind)
	}
	w := &dirWriter{stage: s, opt: opt, root: os.Geteuid() == 0, nested: inNamespace(), applied: &Applied{}}
	defer func() {
		for _, d := range w.open[min(1, len(w.open)):] {
			unix.Close(d.fd)
		}
	}()
	count := 0
	for n := range t.All() {
		if count++; count%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if s.stopped.Load() {
			return nil, errStopped
		}
		if err := w.node(&n); err != nil {
			return nil, s.blame(n.Path, err)
		}
	}
	for len(w.open) > 0 {
		if err := w.leave(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// blame names the path of the output at which err happened.
func (s *Stage) blame(name string, err error) error {
	if isStopped(err) {
		return err
	}
	return fmt.Errorf("%s: %w", tree.Quote(path.Join(s.target.Path, name)), err)
}

func (w *dirWriter) node(n *tree.Node) error {
	if n.Path == "." {
		w.open = append(w.open, openNode{w.stage.root, *n})
		return nil
	}
	parent, base := path.Dir(n.Path), path.Base(n.Path)
	for len(w.open) > 1 && w.open[len(w.open)-1].node.Path != parent {
		if err := w.leave(); err != nil {
			return err
		}
	}
	dir := w.open[len(w.open)-1].fd
	switch t := n.Mode.Type(); t {
	case os.ModeDir:
		fd, err := w.stage.mkdir(dir, base, 0o700)
		if err != nil {
			return err
		}
		w.open = append(w.open, openNode{fd, *n})
		return nil
	case 0:
		if n.IsHardLink() {
			return unix.Linkat(w.stage.root, n.Link, dir, base, 0)
		}
		return w.file(dir, base, n)
	case os.ModeSymlink:
		if err := unix.Symlinkat(n.Link, dir, base); err != nil {
			return err
		}
	default:
		made, err := w.special(dir, base, n)
		if err != nil || !made {
			return err
		}
	}
	return w.meta(dir, base, n)
}

// special makes a device or a fifo.
func (w *dirWriter) special(dir int, base string, n *tree.Node) (made bool, err error) {
	mode, dev := uint32(unix.S_IFIFO), 0
	switch n.Mode.Type() {
	case os.ModeNamedPipe:
	case os.ModeDevice:
		mode, dev = unix.S_IFBLK, int(unix.Mkdev(n.Major, n.Minor))
	case os.ModeDevice | os.ModeCharDevice:
		mode, dev = unix.S_IFCHR, int(unix.Mkdev(n.Major, n.Minor))
	default:
		return false, fmt.Errorf("mode %v cannot be written", n.Mode)
	}
	err = unix.Mknodat(dir, base, mode|0o600, dev)
	if err == unix.EPERM && mode != unix.S_IFIFO {
		w.applied.skip(SkipDevice, n.Path)
		return false, nil
	}
	return err == nil, err
}

// file moves a body that is staged here into place, and copies any other.
func (w *dirWriter) file(dir int, base string, n *tree.Node) error {
	if b, ok := n.Content.Body.(*staged); ok && b.stage == w.stage && n.Content.Size > 0 {
		moved, err := b.move(dir, base, n.Path)
		if err != nil {
			return err
		}
		if moved {
			return w.meta(dir, base, n)
		}
	}
	if err := w.copy(dir, base, n.Content); err != nil {
		return err
	}
	return w.meta(dir, base, n)
}

func (w *dirWriter) copy(dir int, base string, c tree.Content) error {
	fd, err := createAt(dir, base)
	if err != nil {
		return err
	}
	if by, ok := c.Body.(interface{ CopyTo(dst *os.File) error }); ok && c.Size > 0 {
		f := os.NewFile(uintptr(fd), base)
		err = by.CopyTo(f)
		if e := f.Close(); err == nil {
			err = e
		}
		return err
	}
	if c.Size > 0 {
		err = copyFrom(fileWriter(fd), c)
	}
	if e := unix.Close(fd); err == nil {
		err = e
	}
	return err
}

// copyFrom writes the body of c to w. Its bytes are verified by the digest of the tree.
func copyFrom(w io.Writer, c tree.Content) error {
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if wt, ok := r.(io.WriterTo); ok {
		n, err := wt.WriteTo(w)
		if err == nil && n != c.Size {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	_, _, err = copyBody(w, r, c.Size)
	return err
}

// leave gives the innermost open directory its owner, mode and time, and closes it.
func (w *dirWriter) leave() error {
	last := len(w.open) - 1
	d := &w.open[last]
	var err error
	if last > 0 {
		err = w.meta(d.fd, ".", &d.node)
		unix.Close(d.fd)
	} else if w.stage.place.inside {
		err = w.keepTop(&d.node)
	} else {
		err = w.meta(d.fd, ".", &d.node)
	}
	w.open = w.open[:last]
	if err != nil {
		return w.stage.blame(d.node.Path, err)
	}
	return nil
}

// finish does what would have been in the way of reading the tree: it sets the modes that
// shut us out, deepest first, and writes the manifest.
func (w *dirWriter) finish(t *tree.Sealed) error {
	for i := len(w.late) - 1; i >= 0; i-- {
		l := w.late[i]
		if err := unix.Fchmodat(w.stage.root, l.path, l.mode, 0); err != nil {
			return w.stage.blame(l.path, err)
		}
	}
	if len(w.applied.Skipped) > 0 {
		return w.stage.writeManifest(t, w.applied)
	}
	return nil
}

// inNamespace reports whether this process is in a user namespace other than the first.
func inNamespace() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295"
}

func isStopped(err error) bool { return errors.Is(err, errStopped) }
