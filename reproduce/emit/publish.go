package emit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Publish makes what was written appear at the output: everything is forced to the disk,
// moved in one step (but see [Stage.Atomic]), and the move is forced to the disk. The staging
// directory is removed, and what was replaced with it. Bodies can be opened until [Stage.Abort].
//
// After an error the output is what it was, unless the error says otherwise.
func (s *Stage) Publish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.published {
		return errors.New("publish: stage is closed")
	}
	if err := s.publish(); err != nil {
		var oe *OutputError
		if errors.As(err, &oe) {
			return err
		}
		return fmt.Errorf("publish %s: %w", s.target.Path, err)
	}
	return nil
}

func (s *Stage) publish() error {
	if s.target.Kind == KindStdout {
		s.published = true
		return nil
	}
	if err := unix.Syncfs(s.dir); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := s.manifest.publish(); err != nil {
		return err
	}
	move := s.publishFile
	if s.place.inside {
		move = s.publishInside
	} else if s.target.isDir() {
		move = s.publishDir
	}
	if err := move(); err != nil {
		s.manifest.retract()
		return err
	}
	s.published = true
	if err := unix.Fsync(s.parent); err != nil {
		return fmt.Errorf("is complete, but sync: %w", err)
	}
	if err := s.removeStaging(); err != nil {
		return fmt.Errorf("is complete, but %w", err)
	}
	if s.top != nil {
		return s.top.apply(s.parent)
	}
	return nil
}

func (s *Stage) publishFile() error {
	if s.replace {
		return unix.Renameat(s.dir, "out", s.parent, s.place.name)
	}
	err := renameNew(s.dir, "out", s.parent, s.place.name)
	if err == unix.EEXIST {
		return &OutputError{Path: s.target.Path, Reason: "exists", Replace: true}
	}
	return err
}

// publishDir replaces nothing, an empty directory, or, if that is allowed, a full one,
// which then lies in the staging directory and is removed with it.
func (s *Stage) publishDir() error {
	err := moveDir(s.dir, "root", s.parent, s.place.name, 0)
	if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
		return err
	}
	if !s.replace {
		return &OutputError{Path: s.target.Path, Reason: "exists and is not empty", Replace: true}
	}
	err = moveDir(s.dir, "root", s.parent, s.place.name, unix.RENAME_EXCHANGE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// A file system without exchange: for a moment there is no output.
	if err := moveDir(s.parent, s.place.name, s.dir, "old", 0); err != nil {
		return err
	}
	err = moveDir(s.dir, "root", s.parent, s.place.name, 0)
	if err != nil {
		return errors.Join(err, moveDir(s.dir, "old", s.parent, s.place.name, 0))
	}
	return nil
}

// publishInside fills the output entry by entry.
func (s *Stage) publishInside() error {
	if s.replace {
		keep := func(name string) bool { return name == s.name || s.place.stays(name) }
		if err := removeChildren(s.parent, keep); err != nil {
			return fmt.Errorf("is damaged: %w", err)
		}
	}
	names, err := readNames(s.root)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := moveDir(s.root, name, s.parent, name, unix.RENAME_NOREPLACE); err != nil {
			return fmt.Errorf("is incomplete: %s: %w", name, err)
		}
	}
	// Bodies are looked up from where the entries are now, under the same descriptor.
	return unix.Dup3(s.parent, s.root, unix.O_CLOEXEC)
}

// moveDir renames with flags. A directory that is not writable for its owner may not be moved
// without privilege, since its ".." changes; so it becomes writable for a moment.
func moveDir(fromDir int, from string, toDir int, to string, flags uint) error {
	rename := func() error {
		if flags == 0 {
			return unix.Renameat(fromDir, from, toDir, to)
		}
		err := unix.Renameat2(fromDir, from, toDir, to, flags)
		if flags == unix.RENAME_NOREPLACE && (err == unix.EINVAL || err == unix.ENOSYS) {
			err = renameNew(fromDir, from, toDir, to)
		}
		return err
	}
	err := rename()
	if err != unix.EACCES {
		return err
	}
	var moved, other unix.Stat_t
	if unix.Fstatat(fromDir, from, &moved, unix.AT_SYMLINK_NOFOLLOW) != nil || moved.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	if unix.Fchmodat(fromDir, from, moved.Mode&0o7777|0o700, 0) != nil {
		return err
	}
	if flags == unix.RENAME_EXCHANGE && unix.Fstatat(toDir, to, &other, unix.AT_SYMLINK_NOFOLLOW) == nil {
		unix.Fchmodat(toDir, to, other.Mode&0o7777|0o700, 0) // it is to be removed
	}
	if err := rename(); err != nil {
		return errors.Join(err, unix.Fchmodat(fromDir, from, moved.Mode&0o7777, 0))
	}
	return unix.Fchmodat(toDir, to, moved.Mode&0o7777, 0)
}

// outFile makes the file that is published.
func (s *Stage) outFile() (*os.File, error) {
	fd, err := unix.Openat(s.dir, "out", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: s.shown("out"), Err: err}
	}
	return os.NewFile(uintptr(fd), filepath.Join(s.place.dir, s.shown("out"))), nil
}
