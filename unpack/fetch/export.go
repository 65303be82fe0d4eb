package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/detinstall/detinstall/pkg"
)

// Export writes what refs name into dir, which becomes (or is) a cache from which everything can
// be had offline. A Ref without a size is taken for that of a signed index: it can be read offline without
// its digest, too. What dir already has is verified and kept.
//
// All refs are tried; the error is that of the first one in the order given that failed.
func (c *Client) Export(ctx context.Context, dir string, refs []pkg.Ref) error {
	to := OpenCache(dir)
	errs := make([]error, len(refs))
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(c.cfg.Jobs, len(refs)) {
		wg.Go(func() {
			for i := range work {
				errs[i] = c.export(ctx, to, refs[i])
			}
		})
	}
	for i := range refs {
		work <- i
	}
	close(work)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	var first error
	more := 0
	for _, err := range errs {
		if err != nil && first == nil {
			first = err
		} else if err != nil {
			more++
		}
	}
	if more > 0 {
		return fmt.Errorf("%w (and %d more)", first, more)
	}
	return first
}

func (c *Client) export(ctx context.Context, to *Cache, ref pkg.Ref) error {
	if ref.Repo == nil {
		bound(&ref)
	} else if err := checkRef(&ref); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := c.Get(ctx, ref)
	if err != nil {
		return err
	}
	defer b.Close()
	if ref.SHA256.IsZero() { // then b is in memory
		data, err := b.(interface{ Bytes() ([]byte, error) }).Bytes()
		if err == nil {
			err = to.keepIndex(ctx, ref, data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", to.dir, err)
		}
		return nil
	}
	if err := to.copy(ctx, ref, b); err != nil {
		return fmt.Errorf("%s: %w", to.dir, err)
	}
	if ref.Size < 0 && ref.Repo != nil {
		return to.note(ref, ref.SHA256, b.Size())
	}
	return nil
}

// copy stores b, whose digest is ref's, and verifies what it wrote.
func (c *Cache) copy(ctx context.Context, ref pkg.Ref, b pkg.Blob) error {
	switch old, err := c.open(ref.SHA256, false); {
	case err == nil:
		return old.Close()
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errCorrupt):
		return err
	}
	p, err := c.begin(ctx, ref.SHA256)
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
	sum, n, err := hashCopy(p.f, io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		return err
	}
	if sum != ref.SHA256 {
		return pkg.Distrust(title(ref), "%s of %d bytes, want %s", sum, n, ref.SHA256)
	}
	return p.commit()
}
