package detinstall

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// voucher is a format whose indexes have no digest of a package's file, but something that leads to its bytes.
type voucher interface {
	// Vouch reports as a *pkg.TrustError that the file r is not the package p of an index.
	Vouch(p *pkg.Package, r io.ReaderAt, size int64) error
}

// rememberer is a getter that knows what a file without a digest was when it was last brought. The error wraps
// fs.ErrNotExist if it does not.
type rememberer interface {
	Last(ref pkg.Ref) (pkg.Blob, error)
}

// vouchers is how many packages are fetched and hashed at once.
const vouchers = 4

// vouch gives every chosen package whose index has no digest of its file the digest of the bytes that the index vouches
// for in another way: the lock names packages by digest. The error is that of the first package, in the order of the solution.
func vouch(ctx context.Context, format pkg.Format, s *Solved, get pkg.Getter) error {
	v, ok := format.(voucher)
	if !ok {
		return nil
	}
	picks := s.Solution.Picks
	errs := make([]error, len(picks))
	slots := make(chan struct{}, vouchers)
	var wg sync.WaitGroup
	for i := range picks {
		p := picks[i].Package
		if !p.SHA256.IsZero() || p.Repo == nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			p.SHA256, errs[i] = vouchFor(ctx, v, p, get)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("package %s: %w", picks[i].Package.Name, err)
		}
	}
	return nil
}

// vouchFor returns the digest of p's file: of what was brought before if that is still p, else of what the repository has.
func vouchFor(ctx context.Context, v voucher, p *pkg.Package, get pkg.Getter) (d tree.Digest, err error) {
	ref := pkg.Ref{Repo: p.Repo, Path: p.Path, Size: p.Size}
	if r, ok := get.(rememberer); ok {
		b, err := r.Last(ref)
		if err == nil {
			d, err = examine(v, p, b)
		}
		if err == nil {
			return d, nil
		}
		var stale *pkg.TrustError
		if !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &stale) {
			return d, err
		}
	}
	b, err := get.Get(ctx, ref)
	if err != nil {
		return d, err
	}
	return examine(v, p, b)
}

func examine(v voucher, p *pkg.Package, b pkg.Blob) (d tree.Digest, err error) {
	defer b.Close()
	if err := v.Vouch(p, b, b.Size()); err != nil {
		return d, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(b, 0, b.Size())); err != nil {
		return d, err
	}
	h.Sum(d[:0])
	return d, nil
}
