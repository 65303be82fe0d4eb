package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// maxDerived bounds what Derived holds in memory.
const maxDerived = 1 << 30

// Derived returns the size bytes with the digest want, which can be made from something else (an index
// from its compressed form): from the cache, or by calling produce once and storing what it wrote. The
// blob is in memory, read and verified in one pass, and has a method
// Bytes() ([]byte, error); the bytes are shared.
//
// If produce writes something else the error is a *pkg.TrustError; an error of produce comes back as it is. That the
// result cannot be stored is reported and no error.
func (c *Client) Derived(ctx context.Context, want tree.Digest, size int64, produce func(w io.Writer) error) (pkg.Blob, error) {
	if size < 0 || size > maxDerived {
		return nil, fmt.Errorf("%d bytes of %s: more than %d are not held in memory", size, want, maxDerived)
	}
	key := "derived " + want.Hex()
	for {
		if b, err := c.derivedBefore(want, size); b != nil || err != nil {
			return b, err
		}
		f, lead := c.join(key)
		if lead {
			return f.lead(c, key, func() (pkg.Blob, error) { return c.derive(ctx, want, size, produce) })
		}
		if err := f.wait(ctx); err != nil {
			return nil, err
		}
		if f.err == nil {
			return inMemory(f.data), nil
		}
	}
}

func (c *Client) derivedBefore(want tree.Digest, size int64) (pkg.Blob, error) {
	b, err := c.cache.open(want, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errCorrupt):
		c.report("%s: corrupt cache entry, making it again (%v)", want, err)
		return nil, nil
	case err != nil:
		return nil, err
	}
	if b.Size() != size {
		return nil, pkg.Distrust(want.String(), "%d bytes, want %d", b.Size(), size)
	}
	return b, nil
}

func (c *Client) derive(ctx context.Context, want tree.Digest, size int64, produce func(w io.Writer) error) (pkg.Blob, error) {
	w := &bounded{data: make([]byte, 0, size), hash: sha256.New()}
	if err := produce(w); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if sum := tree.Digest(w.hash.Sum(nil)); sum != want || int64(len(w.data)) != size {
		return nil, pkg.Distrust("what was made of it", "%s of %d bytes, want %s of %d", sum, len(w.data), want, size)
	}
	if err := c.cache.put(ctx, want, w.data); err != nil {
		c.report("%s: not kept: %v", want, err)
	}
	return inMemory(w.data), nil
}

// bounded collects and hashes exactly cap(data) bytes, and refuses more.
type bounded struct {
	data []byte
	hash hash.Hash
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > cap(b.data)-len(b.data) {
		return 0, pkg.Distrust("what was made of it", "more than %d bytes", cap(b.data))
	}
	b.data = append(b.data, p...)
	b.hash.Write(p)
	return len(p), nil
}
