package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// FromDir reads the directory dir as a finished tree: owners as numbers,
// xattrs but those that a host injects ([HostXattr]), no link followed but dir itself. Times are kept as they are, fractions
// included; the epoch is the root's. The digest is what the documented GNU tar command gives for dir, for
// directories that hold no hard links but of regular files (others become nodes of their own) and no sockets (an
// error). Bodies are read once for their digests, and again when they are asked for, from the directory that dir was, wherever it is
// by then. An error names the first path in canonical order that has one.
func FromDir(dir string) (*Sealed, error) {
	fd, err := openat(unix.AT_FDCWD, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	root := os.NewFile(uintptr(fd), dir)
	w := &walker{root: root, seen: map[inode]int{}, sums: newSums()}
	w.proc = unix.Access("/proc/self/fd", unix.X_OK) == nil
	err = w.dir(root, ".")
	if e := w.sums.wait(w.nodes); e != nil {
		err = e // of a path before the one where the walk ended
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Sealed{nodes: w.nodes}, nil
}

type inode struct{ dev, ino uint64 }

// walker reads a directory in canonical order.
type walker struct {
	root  *os.File
	nodes []Node
	seen  map[inode]int // nodes of files with several names
	sums  *sums
	proc  bool // whether /proc is mounted
}

// dir reads the open directory d and all below it, and closes it unless it is the root.
func (w *walker) dir(d *os.File, path string) error {
	if path != "." {
		defer d.Close()
	}
	fd := int(d.Fd())
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return at(path, err)
	}
	if _, err := w.add(path, &st, "", func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(name string, b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) }); err != nil {
		return err
	}
	names, err := d.Readdirnames(-1)
	if err != nil {
		return at(path, err)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := w.entry(fd, name, join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// entry reads name in the directory dirfd.
func (w *walker) entry(dirfd int, name, path string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dirfd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return at(path, err)
	}
	flags := unix.O_RDONLY | unix.O_NOFOLLOW
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		fd, err := openat(dirfd, name, flags|unix.O_DIRECTORY)
		if err != nil {
			return at(path, err)
		}
		return w.dir(os.NewFile(uintptr(fd), path), path)
	case unix.S_IFREG:
		fd, err := openat(dirfd, name, flags|unix.O_NONBLOCK)
		if err != nil {
			return at(path, err)
		}
		return w.file(fd, path, inode{st.Dev, st.Ino})
	}
	link := ""
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		var err error
		if link, err = readlink(dirfd, name); err != nil {
			return at(path, err)
		}
	}
	// What cannot be opened has its xattrs by name only: below the descriptor's name in /proc, where that is mounted.
	file := w.root.Name() + "/" + path
	if w.proc {
		file = fmt.Sprintf("/proc/self/fd/%d/%s", dirfd, name)
	}
	_, err := w.add(path, &st, link, func(b []byte) (int, error) { return unix.Llistxattr(file, b) },
		func(name string, b []byte) (int, error) { return unix.Lgetxattr(file, name, b) })
	return err
}

// file reads the open regular file fd, which must be the one that was looked up, and has it closed.
func (w *walker) file(fd int, path string, want inode) error {
	body := &rawFile{fd}
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil && (inode{st.Dev, st.Ino}) != want {
		err = errors.New("replaced while it was read")
	}
	if err != nil {
		body.Close()
		return at(path, err)
	}
	i, err := w.add(path, &st, "", func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(name string, b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
	if err != nil {
		body.Close()
		return err
	}
	n := &w.nodes[i]
	if st.Nlink > 1 {
		if first, ok := w.seen[want]; ok {
			n.Link = w.nodes[first].Path
			return body.Close()
		}
		w.seen[want] = i
	}
	if st.Size == 0 {
		return body.Close()
	}
	n.Content.Body = dirFile{w.root, path}
	w.sums.add(i, st.Size, body)
	return nil
}

// add appends the node of path and returns its index.
func (w *walker) add(path string, st *unix.Stat_t, link string, list func([]byte) (int, error), get func(string, []byte) (int, error)) (int, error) {
	n := Node{
		Path: path, Mode: FileMode(st.Mode & 0o7777), Link: link,
		User: Owner{ID: st.Uid}, Group: Owner{ID: st.Gid}, ModTime: time.Unix(st.Mtim.Unix()).UTC(),
		Major: unix.Major(st.Rdev), Minor: unix.Minor(st.Rdev),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.Mode |= fs.ModeDir
	case unix.S_IFLNK:
		n.Mode = fs.ModeSymlink | 0o777
	case unix.S_IFCHR:
		n.Mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		n.Mode |= fs.ModeDevice
	case unix.S_IFIFO:
		n.Mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		return 0, refuse(path, "a socket")
	}
	var err error
	if n.Xattrs, err = xattrs(list, get); err != nil {
		return 0, at(path, fmt.Errorf("xattrs: %w", err))
	}
	if err := check(&n); err != nil {
		return 0, err
	}
	w.nodes = append(w.nodes, n)
	return len(w.nodes) - 1, nil
}

func at(path string, err error) error { return fmt.Errorf("/%s: %w", Quote(path), err) }

// xattrs returns what list and get, which work as listxattr(2) and getxattr(2), tell.
func xattrs(list func([]byte) (int, error), get func(string, []byte) (int, error)) ([]Xattr, error) {
	names, err := grow(list)
	if err != nil {
		if errors.Is(err, unix.ENOTSUP) {
			err = nil
		}
		return nil, err
	}
	var all []Xattr
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		if name == "" || HostXattr(name) {
			continue
		}
		value, err := grow(func(b []byte) (int, error) { return get(name, b) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Quote(name), err)
		}
		all = append(all, Xattr{name, value})
	}
	return all, nil
}

// grow calls read with larger and larger buffers until one suffices. Few files have xattrs, so the first call only asks.
func grow(read func([]byte) (int, error)) (string, error) {
	for {
		size, err := read(nil)
		if err != nil || size == 0 {
			return "", err
		}
		buf := make([]byte, size)
		if n, err := read(buf); err != unix.ERANGE {
			return string(buf[:max(n, 0)]), err
		}
	}
}

func readlink(dirfd int, name string) (string, error) {
	buf := make([]byte, maxPath+1)
	n, err := unix.Readlinkat(dirfd, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// dirFile is a body that lies in a directory, opened anew each time.
type dirFile struct {
	root *os.File
	path string
}

func (f dirFile) Open() (io.ReadCloser, error) {
	fd, err := f.openat()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.root.Name() + "/" + f.path, Err: err}
	}
	return &rawFile{fd}, nil
}

// openat opens the path without following a link that was put in its way.
func (f dirFile) openat() (int, error) {
	defer runtime.KeepAlive(f.root)
	root := int(f.root.Fd())
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	fd, err := unix.Openat2(root, f.path, &how)
	if err == unix.ENOSYS || err == unix.EPERM || err == unix.EAGAIN { // an old kernel, one under a filter, one that saw a rename meanwhile
		return openSteps(root, f.path)
	}
	return fd, err
}

// openSteps does what openat2(2) does, component by component.
func openSteps(root int, path string) (int, error) {
	fd := root
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK
		if more {
			flags |= unix.O_DIRECTORY
		}
		next, err := openat(fd, name, flags)
		if fd != root {
			unix.Close(fd)
		}
		if err != nil {
			return -1, err
		}
		fd = next
	}
	return fd, nil
}

// rawFile reads a file descriptor without the poller that os.File has: for small files it is most of the cost.
type rawFile struct{ fd int } // -1 once closed

func (f *rawFile) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (f *rawFile) Close() error {
	if f.fd < 0 {
		return fs.ErrClosed
	}
	fd := f.fd
	f.fd = -1
	return unix.Close(fd)
}

// openat is openat(2), called again when a signal comes in between.
func openat(dirfd int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dirfd, name, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
