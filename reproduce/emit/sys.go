package emit

import (
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// createAt makes the file name in the directory fd, which must not be there, and opens it
// for writing.
func createAt(fd int, name string) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
}

// renameNew renames without replacing anything: on a file system that folds case two names
// of a tree can be one. Where it has no such rename a plain one has to do.
func renameNew(fromDir int, from string, toDir int, to string) error {
	err := unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		var st unix.Stat_t
		if unix.Fstatat(toDir, to, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			return unix.EEXIST
		}
		err = unix.Renameat(fromDir, from, toDir, to)
	}
	return err
}

// retry calls f again while a signal interrupts it.
func retry(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// fileWriter writes to a descriptor. It costs less than an os.File for each of many files.
type fileWriter int

func (w fileWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := retry(func() (int, error) { return unix.Write(int(w), p[done:]) })
		if err != nil {
			return done, &fs.PathError{Op: "write", Path: "output", Err: err}
		}
		done += n
	}
	return done, nil
}

// fileReader reads a file of known size from a descriptor. It does not ask for the end.
type fileReader struct {
	fd   int
	left int64
}

func (r *fileReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left)]
	if len(p) == 0 {
		return 0, nil
	}
	n, err := retry(func() (int, error) { return unix.Read(r.fd, p) })
	switch {
	case err != nil:
		return 0, &fs.PathError{Op: "read", Path: "staged body", Err: err}
	case n == 0:
		return 0, io.ErrUnexpectedEOF
	}
	r.left -= int64(n)
	return n, nil
}

// ReadAt implements io.ReaderAt.
func (r *fileReader) ReadAt(p []byte, off int64) (int, error) {
	for done := 0; done < len(p); {
		n, err := retry(func() (int, error) { return unix.Pread(r.fd, p[done:], off+int64(done)) })
		switch {
		case err != nil:
			return done, &fs.PathError{Op: "read", Path: "staged body", Err: err}
		case n == 0:
			return done, io.EOF
		}
		done += n
	}
	return len(p), nil
}

// Close implements io.Closer.
func (r *fileReader) Close() error {
	fd := r.fd
	if fd < 0 {
		return fs.ErrClosed
	}
	r.fd, r.left = -1, 0
	return unix.Close(fd)
}
