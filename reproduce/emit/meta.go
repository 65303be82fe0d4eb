package emit

import (
	"io/fs"
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
)

// meta sets all but the content of base in the directory dir: time, owner, then what a
// change of owner takes away (capabilities, setuid). base is "." for dir itself.
func (w *dirWriter) meta(dir int, base string, n *tree.Node) error {
	ts := unix.NsecToTimespec(n.ModTime.UnixNano())
	if err := unix.UtimesNanoAt(dir, base, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	owned, err := w.chown(dir, base, n)
	if err != nil {
		return err
	}
	for _, x := range n.Xattrs {
		if err := w.setxattr(dir, base, n, x); err != nil {
			return err
		}
	}
	if n.Mode.Type() == fs.ModeSymlink {
		return nil
	}
	mode := w.mode(n, owned)
	if shutsOut(n.Mode) {
		w.late = append(w.late, lateMode{n.Path, mode})
		mode |= 0o700
	}
	if base == "." {
		return unix.Fchmod(dir, mode)
	}
	return unix.Fchmodat(dir, base, mode, 0)
}

// mode returns the permissions that n gets, which lack setuid and setgid where they would
// give somebody else's rights away.
func (w *dirWriter) mode(n *tree.Node, owned bool) uint32 {
	mode := tree.ModeBits(n.Mode)
	if mode&0o6000 != 0 && !w.opt.KeepSetuid && (!owned || !w.root) {
		mode &^= 0o6000
		w.applied.skip(SkipSetuid, n.Path)
	}
	return mode
}

// shutsOut reports whether a file of this mode is closed to an owner who is not privileged.
func shutsOut(m fs.FileMode) bool {
	if m.IsDir() {
		return m&0o700 != 0o700
	}
	return m.IsRegular() && m&0o400 == 0
}

// chown reports whether base belongs to whom the tree says.
func (w *dirWriter) chown(dir int, base string, n *tree.Node) (owned bool, err error) {
	uid, gid := n.User.ID, n.Group.ID
	if uid == w.stage.owner.uid && gid == w.stage.owner.gid {
		return true, nil // as everything that we make
	}
	if uid != math.MaxUint32 && gid != math.MaxUint32 { // which would mean "leave it"
		err = unix.Fchownat(dir, base, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			return true, nil
		}
		if err != unix.EPERM && err != unix.EINVAL { // EINVAL: not mapped in this user namespace
			return false, err
		}
	}
	w.applied.skip(SkipOwner, n.Path)
	return false, nil
}

// setxattr goes by the descriptor of the directory where it cannot open the file: there is
// no such call that takes one and a name.
func (w *dirWriter) setxattr(dir int, base string, n *tree.Node, x tree.Xattr) error {
	var err error
	switch {
	case base == ".":
		err = unix.Fsetxattr(dir, x.Name, []byte(x.Value), 0)
	case n.Mode.IsRegular():
		var fd int
		if fd, err = unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err == nil {
			err = unix.Fsetxattr(fd, x.Name, []byte(x.Value), 0)
			unix.Close(fd)
		}
	default:
		err = unix.Lsetxattr("/proc/self/fd/"+strconv.Itoa(dir)+"/"+base, x.Name, []byte(x.Value), 0)
	}
	if err == nil && w.nested && x.Name == "security.capability" {
		err = unix.EPERM // it holds in this namespace only: the value got our root's id
	}
	switch err {
	case unix.EPERM, unix.EACCES, unix.EOPNOTSUPP:
		w.applied.skip(SkipXattr, n.Path)
		return nil
	}
	return err
}

// topNode is the root of an output that is filled in place: it is not of our making, and
// stays as it is until the end.
type topNode struct {
	node tree.Node
	mode uint32
}

func (w *dirWriter) keepTop(n *tree.Node) error {
	var st unix.Stat_t
	if err := unix.Fstat(w.stage.parent, &st); err != nil {
		return err
	}
	owned := w.root || st.Uid == n.User.ID && st.Gid == n.Group.ID
	if !owned {
		w.applied.skip(SkipOwner, n.Path)
	}
	w.stage.top = &topNode{*n, w.mode(n, owned)}
	return nil
}

// apply sets what it can of the directory fd. What the host does not allow was counted, or
// is not ours to change.
func (t *topNode) apply(fd int) error {
	ts := unix.NsecToTimespec(t.node.ModTime.UnixNano())
	times := func() error { return unix.UtimesNanoAt(fd, ".", []unix.Timespec{ts, ts}, 0) }
	owner := func() error { return unix.Fchown(fd, int(t.node.User.ID), int(t.node.Group.ID)) }
	mode := func() error { return unix.Fchmod(fd, t.mode) }
	for _, f := range []func() error{times, owner, mode} {
		if err := f(); err != nil && err != unix.EPERM && err != unix.EINVAL {
			return err
		}
	}
	for _, x := range t.node.Xattrs {
		err := unix.Fsetxattr(fd, x.Name, []byte(x.Value), 0)
		if err != nil && err != unix.EPERM && err != unix.EOPNOTSUPP {
			return err
		}
	}
	return nil
}
