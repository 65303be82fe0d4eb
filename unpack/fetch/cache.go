package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Cache is a directory of blobs by digest:
//
//	blobs/sha256/ab/abcd...   verified content; nothing unverified ever has such a name
//	indexes/KEY               which blob a signed index was when last seen (see index.go)
//	partial/HEX.part, .from   a download in progress, locked by its writer; where it came from
//	seen/ID                   the newest Date seen of a repository (see seen.go)
//	lock                      shared by writers, exclusive for Clean
//
// Any number of processes may use it at once. Nothing is synced to disk: an entry that a power
// cut spoiled is found corrupt when it is used, as any other.
type Cache struct{ dir string }

// DefaultDir returns $XDG_CACHE_HOME/detinstall, or .cache/detinstall in the home directory.
func DefaultDir() (string, error) {
	dir := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(dir) { // the XDG specification: others must be ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no cache directory: %w (give one with --cache)", err)
		}
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "detinstall"), nil
}

// OpenCache returns the cache in dir, which need not exist.
func OpenCache(dir string) *Cache { return &Cache{dir} }

// Path returns the cache's directory.
func (c *Cache) Path() string { return c.dir }

func (c *Cache) blobPath(d tree.Digest) string {
	hex := d.Hex()
	return filepath.Join(c.dir, "blobs", "sha256", hex[:2], hex)
}

var errCorrupt = errors.New("corrupt")

// open returns the blob with digest d, verified. A corrupt entry is removed; the
// error then wraps errCorrupt. With whole the blob is in memory.
func (c *Cache) open(d tree.Digest, whole bool) (pkg.Blob, error) {
	name := c.blobPath(d)
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		os.Remove(name)
		return nil, fmt.Errorf("%w: a symbolic link", errCorrupt)
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !st.Mode().IsRegular() {
		f.Close()
		os.RemoveAll(name)
		return nil, fmt.Errorf("%w: not a regular file", errCorrupt)
	}
	b, err := verify(f, st.Size(), d, whole)
	if err != nil {
		os.Remove(name)
		return nil, fmt.Errorf("%w: %v", errCorrupt, err)
	}
	return b, nil
}

// put stores data, whose digest is d.
func (c *Cache) put(ctx context.Context, d tree.Digest, data []byte) error {
	p, err := c.begin(ctx, d)
	if err != nil {
		return err
	}
	defer p.close()
	if p.there {
		return nil
	}
	if err := p.restart("", ""); err != nil {
		return err
	}
	if _, err := p.f.Write(data); err != nil {
		return err
	}
	return p.commit()
}

// Verify hashes every entry and returns how many there are, and, sorted, the paths of those that are
// not what their names say. It changes nothing.
func (c *Cache) Verify(ctx context.Context) (entries int, corrupt []string, err error) {
	root := filepath.Join(c.dir, "blobs")
	err = filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // removed by somebody else, or no cache at all
				return nil
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.IsDir() {
			return nil
		}
		entries++
		if !c.sound(name, e) {
			corrupt = append(corrupt, name)
		}
		return nil
	})
	return entries, corrupt, err
}

// sound reports whether the entry called name is what its name says.
func (c *Cache) sound(name string, e fs.DirEntry) bool {
	d, err := tree.ParseDigest(filepath.Base(name))
	if err != nil || name != c.blobPath(d) || !e.Type().IsRegular() {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return false
	}
	b, err := verify(f, st.Size(), d, false)
	if err != nil {
		return false
	}
	return b.Close() == nil
}

// Clean removes every blob, index and unfinished download, and returns how many bytes they had.
// What was seen of repositories stays: it guards against rollback. It fails if
// another process is writing to the cache.
func (c *Cache) Clean() (freed int64, err error) {
	if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	l, err := c.lock(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return 0, fmt.Errorf("cache %s: in use by another process", c.dir)
	}
	if err != nil {
		return 0, err
	}
	defer l.Close()
	for _, sub := range []string{"blobs", "indexes", "partial"} {
		root := filepath.Join(c.dir, sub)
		filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				if st, err := e.Info(); err == nil {
					freed += st.Size()
				}
			}
			return nil
		})
		if err := os.RemoveAll(root); err != nil {
			return 0, err
		}
	}
	return freed, nil
}

// lock opens and locks the cache's lock file; closing it unlocks.
func (c *Cache) lock(how int) (*os.File, error) {
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(c.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := flock(f, how); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}

// replace writes data under name so that a reader sees the old content or the new, never a mixture.
// The caller holds a lock that keeps other writers of name away.
func replace(name string, data []byte) error {
	tmp := name + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// escape makes a file name of s, injectively.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		ch := s[i]
		if 'a' <= ch && ch <= 'z' || 'A' <= ch && ch <= 'Z' || '0' <= ch && ch <= '9' ||
			strings.IndexByte("@_-+", ch) >= 0 || ch == '.' && i > 0 {
			b.WriteByte(ch)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", ch)
	}
	if b.Len() == 0 || b.Len() > 200 {
		return "%" + tree.Sum([]byte(s)).Hex()
	}
	return b.String()
}
