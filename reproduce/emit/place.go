package emit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A place is where an output goes, with everything about it that decides how it is staged.
type place struct {
	dir    string // the directory that holds the output; "" where it cannot be told
	name   string // the output's name in dir
	exists bool
	inside bool // staged inside the output, which is an empty directory that cannot be replaced
}

func (p place) path() string { return filepath.Join(p.dir, p.name) }

// find looks at the output of t and says where it goes, or why it may not go there. It
// changes nothing.
func find(t Target, replace bool) (place, error) {
	path := filepath.Clean(t.Path)
	if base := filepath.Base(path); base == "." || base == ".." {
		wd, err := getwd()
		if err != nil {
			return place{}, &OutputError{Path: t.Path, Reason: "the working directory is gone"}
		}
		path = filepath.Join(wd, path)
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return place{}, &OutputError{Path: t.Path, Reason: "is a symbolic link that leads nowhere"}
		}
	}
	p := place{dir: filepath.Dir(path), name: filepath.Base(path)}
	if path == "/" {
		return p, &OutputError{Path: t.Path, Reason: "is the root of this system"}
	}
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return p, checkParent(t, p)
	case err != nil:
		return p, err
	}
	p.exists = true
	if !t.isDir() {
		return p, checkFile(t, fi, replace)
	}
	if !fi.IsDir() {
		return p, &OutputError{Path: t.Path, Reason: "exists and is no directory"}
	}
	p.inside = isFixed(path)
	if replace {
		return p, nil
	}
	return p, p.checkEmpty(t)
}

func checkParent(t Target, p place) error {
	fi, err := os.Stat(p.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &OutputError{Path: t.Path, Reason: "there is no directory " + p.dir}
	case err != nil && !errors.Is(err, unix.ENOTDIR):
		return err
	case err != nil || !fi.IsDir():
		return &OutputError{Path: t.Path, Reason: p.dir + " is no directory"}
	}
	return nil
}

func checkFile(t Target, fi fs.FileInfo, replace bool) error {
	switch {
	case fi.IsDir():
		return &OutputError{Path: t.Path, Reason: "exists and is a directory"}
	case !fi.Mode().IsRegular():
		return &OutputError{Path: t.Path, Reason: "exists and is no regular file"}
	case !replace:
		return &OutputError{Path: t.Path, Reason: "exists", Replace: true}
	}
	return nil
}

// checkEmpty refuses a directory that holds anything but our own staging directory or, at
// the root of a file system, lost+found.
func (p place) checkEmpty(t Target) error {
	f, err := os.Open(p.path())
	if err != nil {
		return err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !p.stays(name) && name != stagingName(p.name) {
			return &OutputError{Path: t.Path, Reason: "exists and is not empty", Replace: true}
		}
	}
	return nil
}

// stays reports whether an entry of an output that is filled in place is left alone.
func (p place) stays(name string) bool { return p.inside && name == "lost+found" }

// stagingName is the name of the staging directory of the output called name.
func stagingName(name string) string { return "." + name + ".detinstall" }

// isFixed reports whether the directory path cannot be replaced by a rename: it is a mount
// point, or somebody's working directory, ours, which would be left behind in nothing.
func isFixed(path string) bool {
	var stx unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &stx)
	if err == nil && stx.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		if stx.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
			return true
		}
	} else if !sameDevice(path, filepath.Dir(path)) {
		return true
	}
	wd, err := getwd()
	return err == nil && sameFile(path, wd)
}

func sameDevice(a, b string) bool {
	var sa, sb unix.Stat_t
	return unix.Stat(a, &sa) == nil && unix.Stat(b, &sb) == nil && sa.Dev == sb.Dev
}

func sameFile(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && os.SameFile(fa, fb)
}

// getwd is os.Getwd without a look at the environment.
func getwd() (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buf)
	if err != nil || n < 1 || buf[0] != '/' {
		return "", errors.Join(err, fs.ErrNotExist)
	}
	return string(buf[:n-1]), nil
}
