package triggers

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/detinstall/detinstall/pkg/tree"
)

// AccessError says that a trigger looked at or changed what it did not declare.
type AccessError struct{ Trigger, Op, Path string }

func (e *AccessError) Error() string {
	return fmt.Sprintf("trigger %s: %s /%s: not declared", e.Trigger, e.Op, tree.Quote(e.Path))
}

// sandbox is the tree as one trigger sees it. Directories on the way to declared paths may be
// looked at; listings hold what is declared or leads there. A path that leads elsewhere through links must be declared
// in both places. It remembers the first access that was not declared, even if the trigger goes on.
type sandbox struct {
	fsys fs.FS
	job  *job
	bad  *AccessError
}

// deny records an access that was not declared.
func (s *sandbox) deny(op, name string) error {
	e := &AccessError{s.job.Name, op, name}
	if s.bad == nil {
		s.bad = e
	}
	return &fs.PathError{Op: op, Path: name, Err: e}
}

// stat checks an access to name and returns what is there.
func (s *sandbox) stat(op, name string, stat func(fs.FS, string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	if !s.job.mayRead(name) && !s.job.mayList(name) {
		return nil, s.deny(op, name)
	}
	fi, err := stat(s.fsys, name)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{name, fi.Sys().(tree.Node).Path} {
		if !s.job.mayRead(p) && !(fi.IsDir() && s.job.mayList(p)) {
			return nil, s.deny(op, p)
		}
	}
	return fi, nil
}

func (s *sandbox) Stat(name string) (fs.FileInfo, error)  { return s.stat("stat", name, fs.Stat) }
func (s *sandbox) Lstat(name string) (fs.FileInfo, error) { return s.stat("lstat", name, fs.Lstat) }

// Open opens a regular file. Directories are read by ReadDir alone.
func (s *sandbox) Open(name string) (fs.File, error) {
	fi, err := s.stat("open", name, fs.Stat)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return s.fsys.Open(name)
}

func (s *sandbox) ReadFile(name string) ([]byte, error) {
	if _, err := s.stat("read", name, fs.Stat); err != nil {
		return nil, err
	}
	return fs.ReadFile(s.fsys, name)
}

func (s *sandbox) ReadLink(name string) (string, error) {
	if _, err := s.stat("readlink", name, fs.Lstat); err != nil {
		return "", err
	}
	return fs.ReadLink(s.fsys, name)
}

func (s *sandbox) ReadDir(name string) ([]fs.DirEntry, error) {
	fi, err := s.stat("readdir", name, fs.Stat)
	if err != nil {
		return nil, err
	}
	all, err := fs.ReadDir(s.fsys, name)
	if err != nil {
		return nil, err
	}
	real := fi.Sys().(tree.Node).Path
	var entries []fs.DirEntry
	for _, e := range all {
		p := path.Join(real, e.Name())
		if s.job.mayRead(p) || e.IsDir() && s.job.mayList(p) {
			entries = append(entries, e)
		}
	}
	return entries, nil
}
