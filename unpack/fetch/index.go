package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// A signed index has no digest by which to find it. What was last brought over the network is noted under
// indexes/KEY, KEY being the sha256 of the repository's ID, a NUL and the path, so that it can be read again offline.
// A note is one line:
//
//	9e0c...51 140221 "debian@trixie" "dists/trixie/InRelease"
//
// It is kept before anybody has verified a signature; who reads it offline has to verify
// as much as who reads it from the network.

// index brings a file without a digest, into memory.
func (c *Client) index(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	key := "index " + ref.Repo.ID + "\x00" + ref.Path
	for {
		f, lead := c.join(key)
		if lead {
			return f.lead(c, key, func() (pkg.Blob, error) { return c.findIndex(ctx, ref) })
		}
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
		if f.err == nil {
			return inMemory(f.data), nil
		}
	}
}

func (c *Client) findIndex(ctx context.Context, ref pkg.Ref) (b pkg.Blob, err error) {
	err = c.each(ctx, ref, func(p place, address string) (err error) {
		if p.local() {
			b, err = c.local(p, ref)
			return err
		}
		data, err := c.downloadIndex(ctx, ref, address)
		if err != nil {
			return err
		}
		if err := c.cache.keepIndex(ctx, ref, data); err != nil {
			c.report("%s: not kept: %v", title(ref), err)
		}
		b = inMemory(data)
		return nil
	})
	if err != nil && c.cfg.Offline && ctx.Err() == nil {
		return c.lastIndex(ref, err)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// lastIndex returns what ref was when it was last brought, or else an error: missing.
func (c *Client) lastIndex(ref pkg.Ref, missing error) (pkg.Blob, error) {
	d, _, err := c.cache.noted(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", title(ref), err)
	}
	b, err := c.cache.open(d, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing
	case errors.Is(err, errCorrupt):
		c.heal(ref.Path, err)
		return nil, missing
	case err != nil:
		return nil, fmt.Errorf("%s: %w", title(ref), err)
	}
	if err := fits(ref, b.Size()); err != nil {
		return nil, pkg.Distrust(title(ref), "%v", err)
	}
	return b, nil
}

// Last returns what the file without a digest was when it was last brought over the network, by anybody who uses this
// cache, or an error that wraps fs.ErrNotExist. As with Get, nothing vouches for it.
func (c *Client) Last(ref pkg.Ref) (pkg.Blob, error) {
	if err := checkRef(&ref); err != nil {
		return nil, err
	}
	return c.lastIndex(ref, fs.ErrNotExist)
}

func (c *Cache) keepIndex(ctx context.Context, ref pkg.Ref, data []byte) error {
	d := tree.Sum(data)
	if err := c.put(ctx, d, data); err != nil {
		return err
	}
	return c.note(ref, d, int64(len(data)))
}

func noteKey(ref pkg.Ref) string {
	return tree.Sum([]byte(ref.Repo.ID + "\x00" + ref.Path)).Hex()
}

func (c *Cache) note(ref pkg.Ref, d tree.Digest, size int64) error {
	line := fmt.Appendf(nil, "%s %d %q %q\n", d.Hex(), size, ref.Repo.ID, ref.Path)
	return c.update("indexes", noteKey(ref), func([]byte) []byte { return line })
}

// noted returns what was noted of ref. A note that cannot be read is none.
func (c *Cache) noted(ref pkg.Ref) (tree.Digest, int64, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, "indexes", noteKey(ref)))
	if err != nil {
		return tree.Digest{}, 0, err
	}
	hex, rest, _ := strings.Cut(string(data), " ")
	num, _, _ := strings.Cut(rest, " ")
	d, err := tree.ParseDigest(hex)
	size, e := strconv.ParseInt(num, 10, 64)
	if err != nil || e != nil {
		return tree.Digest{}, 0, fs.ErrNotExist
	}
	return d, size, nil
}

// update replaces the file DIR/sub/name by what f makes of it, one writer at a time. A nil result leaves it as it is.
func (c *Cache) update(sub, name string, f func(old []byte) []byte) error {
	shared, err := c.lock(unix.LOCK_SH)
	if err != nil {
		return err
	}
	defer shared.Close()
	dir := filepath.Join(c.dir, sub)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	l, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := flock(l, unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", l.Name(), err)
	}
	name = filepath.Join(dir, name)
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data := f(old)
	if data == nil {
		return nil
	}
	return replace(name, data)
}
