package emit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// StageOptions say how an output is staged.
type StageOptions struct {
	// Replace allows an output that exists: a directory that is not empty, or a file.
	Replace bool
	// Scratch is an existing directory for what "-" needs to keep for a while.
	Scratch string
}

// Stage is an output in the making: a directory .NAME.detinstall beside it, of mode 0700 and
// locked, that holds everything until [Stage.Publish] moves it into place in one step. A stage that
// a killed process left behind is emptied and taken over.
//
// Where the output is an empty directory that no rename can replace (a mount point, the working directory,
// or one whose parent is not writable) the staging directory lies inside it and its entries are moved
// last, one by one: [Stage.Atomic] is false then.
//
// Put, and the bodies that it returns, are safe for concurrent use. While Publish or Abort runs
// nothing else may.
type Stage struct {
	target  Target
	replace bool
	place   place
	name    string // of the staging directory, in parent

	mu     sync.RWMutex // guards the descriptors against Abort
	closed bool
	parent int                       // the directory that holds the staging directory
	dir    int                       // the staging directory, locked
	bodies int                       // KindDir: the directory of the bodies that have no place yet
	root   int                       // KindDir, KindOCI: what is published
	owner  struct{ uid, gid uint32 } // of what this process makes here
	strict bool                      // the umask takes permissions from the owner

	stopped atomic.Bool  // bodies may not be read any more
	next    atomic.Int64 // bodies so far
	memory  atomic.Int64 // bytes kept in memory
	spools  spools

	top       *topNode // the root of an output that is filled in place
	manifest  *manifest
	published bool
}

// Begin checks that out may be written and makes its staging directory, which its parent must
// exist for. An *OutputError says why it may not; ErrBusy that somebody else is at it. Nothing
// is left behind after an error. [Stage.Abort] must be called in the end.
func Begin(out string, opt StageOptions) (*Stage, error) {
	t, err := Parse(out)
	if err != nil {
		return nil, err
	}
	s := &Stage{target: t, replace: opt.Replace, parent: -1, dir: -1, bodies: -1, root: -1}
	if t.Kind == KindStdout {
		err = s.beginScratch(opt.Scratch)
	} else {
		err = s.begin()
	}
	if err == nil {
		err = s.prepare()
	}
	if err != nil {
		s.Abort()
		var oe *OutputError
		if !errors.As(err, &oe) {
			err = fmt.Errorf("output %s: %w", out, err)
		}
		return nil, err
	}
	return s, nil
}

// Target returns what is being written.
func (s *Stage) Target() Target { return s.target }

// Atomic reports whether Publish makes the whole output appear in one step.
func (s *Stage) Atomic() bool { return !s.place.inside }

func (s *Stage) begin() error {
	var err error
	if s.place, err = find(s.target, s.replace); err != nil {
		return err
	}
	s.name = stagingName(s.place.name)
	if !s.place.inside {
		err = s.open(s.place.dir)
		denied := errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
		if err == nil || !denied || !s.place.exists || !s.target.isDir() {
			return err
		}
		s.place.inside = true
	}
	return s.open(s.place.path())
}

// beginScratch takes the first of a row of names: outputs to "-" do not exclude each other.
func (s *Stage) beginScratch(scratch string) error {
	if scratch == "" {
		return errors.New("no scratch directory")
	}
	for n := 0; ; n++ {
		s.name = stagingName("stdout-" + strconv.Itoa(n))
		if err := s.open(scratch); !errors.Is(err, ErrBusy) || n == 999 {
			return err
		}
	}
}

// open makes the staging directory in the directory parent, or takes over an abandoned one.
func (s *Stage) open(parent string) error {
	if s.parent >= 0 {
		unix.Close(s.parent)
	}
	var err error
	s.parent, err = unix.Open(parent, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: parent, Err: err}
	}
	for range 100 {
		fd, err := claim(s.parent, s.name)
		if err == errLost {
			continue
		}
		if err != nil {
			return stagingError(filepath.Join(parent, s.name), err)
		}
		s.dir = fd
		return nil
	}
	return ErrBusy
}

func stagingError(path string, err error) error {
	if err == ErrBusy {
		return err
	}
	return &fs.PathError{Op: "stage", Path: path, Err: err}
}

// errLost says that the directory was removed between opening and locking it.
var errLost = errors.New("staging directory was removed")

// claim makes or takes the staging directory name and locks it. The lock lies on the
// directory itself, so it ends with the process and leaves nothing behind.
func claim(parent int, name string) (int, error) {
	err := unix.Mkdirat(parent, name, 0o700)
	if err == nil {
		err = unix.Fchmodat(parent, name, 0o700, 0) // whatever the umask
	}
	if err != nil && err != unix.EEXIST {
		return -1, err
	}
	fd, err := openDir(parent, name)
	switch {
	case err == unix.ENOENT:
		return -1, errLost
	case err == unix.ELOOP || err == unix.ENOTDIR:
		return -1, errors.New("is in the way, and no directory of ours")
	case err == unix.EACCES:
		return -1, errors.New("is in the way, and another user's")
	case err != nil:
		return -1, err
	}
	if err := lock(fd, parent, name); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func lock(fd, parent int, name string) error {
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return ErrBusy
	} else if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var here, there unix.Stat_t
	if err := unix.Fstat(fd, &here); err != nil {
		return err
	}
	err = unix.Fstatat(parent, name, &there, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT || err == nil && (here.Ino != there.Ino || here.Dev != there.Dev) {
		return errLost
	}
	if err == nil && int(here.Uid) != os.Geteuid() {
		return errors.New("is in the way, and another user's")
	}
	return err
}

// prepare empties the staging directory and learns what files made in it look like.
func (s *Stage) prepare() error {
	if err := removeChildren(s.dir, nil); err != nil {
		return err
	}
	// A default ACL of the parent would change the modes of all that we make.
	unix.Fremovexattr(s.dir, "system.posix_acl_default")
	unix.Fremovexattr(s.dir, "system.posix_acl_access")
	if err := unix.Fchmod(s.dir, 0o700); err != nil { // also ends a setgid bit
		return err
	}
	if s.target.Kind == KindDir {
		if err := unix.Mkdirat(s.dir, "bodies", 0o700); err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Fstatat(s.dir, "bodies", &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		s.owner.uid, s.owner.gid = st.Uid, st.Gid
		s.strict = st.Mode&0o700 != 0o700
	}
	for _, d := range []struct {
		name string
		fd   *int
		make bool
		mode uint32
	}{
		{"bodies", &s.bodies, s.target.Kind == KindDir, 0o700},
		{"root", &s.root, s.target.isDir(), 0o777},
	} {
		if !d.make {
			continue
		}
		fd, err := s.mkdir(s.dir, d.name, d.mode)
		if err != nil {
			return err
		}
		*d.fd = fd
	}
	return nil
}

// mkdir makes the directory name in fd, unless it is there, and opens it.
func (s *Stage) mkdir(fd int, name string, mode uint32) (int, error) {
	if err := unix.Mkdirat(fd, name, mode); err != nil && err != unix.EEXIST {
		return -1, err
	}
	if s.strict {
		if err := unix.Fchmodat(fd, name, 0o700, 0); err != nil {
			return -1, err
		}
	}
	return openDir(fd, name)
}

// Abort removes all staging, unless it was published, and frees what the stage holds;
// bodies cannot be opened afterwards. It may be called any number of times.
func (s *Stage) Abort() error {
	s.stopped.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.spools.close()
	s.manifest.discard()
	err := s.removeStaging()
	for _, fd := range []int{s.bodies, s.root, s.parent} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	return err
}

// removeStaging removes the staging directory and then releases its lock.
func (s *Stage) removeStaging() error {
	if s.dir < 0 {
		return nil
	}
	err := removeChildren(s.dir, nil)
	if err == nil {
		err = unix.Unlinkat(s.parent, s.name, unix.AT_REMOVEDIR)
	}
	unix.Close(s.dir)
	s.dir = -1
	if err != nil {
		return fmt.Errorf("remove %s: %w", s.name, err)
	}
	return nil
}
