package emit

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// removeAll removes name in the directory fd and all below, following no link. What is
// not there is no error. Directories that deny access are opened up first.
func removeAll(fd int, name string) error {
	err := unix.Unlinkat(fd, name, 0)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM):
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	dir, err := openDir(fd, name)
	if errors.Is(err, unix.EACCES) && unix.Fchmodat(fd, name, 0o700, 0) == nil {
		dir, err = openDir(fd, name)
	}
	if err != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	err = removeChildren(dir, nil)
	unix.Close(dir)
	if err != nil {
		return err
	}
	if err := unix.Unlinkat(fd, name, unix.AT_REMOVEDIR); err != nil {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// removeChildren empties the directory fd, but for what keep says.
func removeChildren(fd int, keep func(name string) bool) error {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&0o700 != 0o700 {
		unix.Fchmod(fd, 0o700) // where this is refused, so is what follows
	}
	names, err := readNames(fd)
	if err != nil {
		return err
	}
	for _, name := range names {
		if keep != nil && keep(name) {
			continue
		}
		if err := removeAll(fd, name); err != nil {
			return err
		}
	}
	return nil
}

// readNames returns the names in the directory fd, in the order of the file system.
func readNames(fd int) ([]string, error) {
	again, err := openDir(fd, ".")
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: "directory", Err: err}
	}
	f := os.NewFile(uintptr(again), "directory")
	defer f.Close()
	return f.Readdirnames(-1)
}

func openDir(fd int, name string) (int, error) {
	return unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}
