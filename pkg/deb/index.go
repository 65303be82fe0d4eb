package deb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/detinstall/detinstall/internal/decompress"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Universe implements [pkg.Format]: it gets and verifies the indexes of repos, all at once. The result is a
// [*Universe]. If get is a [Deriver] too, the uncompressed indexes are kept in its cache. The error is that of
// the first repository, in the order given, that has one.
func (Format) Universe(ctx context.Context, repos []*pkg.Repo, arch string, opt pkg.IndexOptions, get pkg.Getter) (pkg.Universe, error) {
	if err := checkName("architecture", arch, "-"); err != nil {
		return nil, err
	}
	readers := make([]indexReader, len(repos))
	errs := make([]error, len(repos))
	var wg sync.WaitGroup
	for i, r := range repos {
		readers[i] = indexReader{repo: r, arch: arch, opt: opt, get: get}
		wg.Go(func() { errs[i] = readers[i].read(ctx) })
	}
	wg.Wait()
	var lists []*packages
	var verified []pkg.Verified
	for i := range readers {
		if errs[i] != nil {
			return nil, errs[i]
		}
		lists = append(lists, readers[i].lists...)
		verified = append(verified, readers[i].verified)
	}
	return newUniverse(lists, arch, opt.Pins, verified), nil
}

// indexReader reads one repository.
type indexReader struct {
	repo *pkg.Repo
	arch string
	opt  pkg.IndexOptions
	get  pkg.Getter

	release  *ReleaseFile // nil: an unsigned repository without one
	verified pkg.Verified
	lists    []*packages
}

// maxIndex bounds an index for which nothing vouches.
const maxIndex = 1 << 30

func (x *indexReader) read(ctx context.Context) error {
	if err := x.readRelease(ctx); err != nil {
		return err
	}
	if x.flat() {
		return x.readList(ctx, "Packages")
	}
	if len(x.repo.Components) == 0 {
		return fmt.Errorf("%s: no component is asked for", x.repo.ID)
	}
	for _, component := range x.repo.Components {
		arches := []string{x.arch}
		if x.release != nil {
			arches = x.release.binaryArches(x.arch)
		}
		for i, arch := range arches {
			name := component + "/binary-" + arch + "/Packages"
			if i > 0 && !x.listed(name) {
				continue
			}
			if err := x.readList(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// listed reports whether the Release file lists the index called name in any form.
func (x *indexReader) listed(name string) bool {
	return slices.ContainsFunc(compressions, func(suffix string) bool {
		_, ok := x.release.File(name + suffix)
		return ok
	})
}

// compressions are the suffixes of an index, those first that cost least to transfer.
var compressions = []string{".xz", ".zst", ".gz", ""}

func (x *indexReader) flat() bool { return strings.HasSuffix(x.repo.Suite, "/") }

// path returns where a file of the suite lies, relative to the repository's base.
func (x *indexReader) path(name string) string {
	if x.flat() {
		return path.Join(x.repo.Suite, name)
	}
	return path.Join("dists", x.repo.Suite, name)
}

func (x *indexReader) what(name string) string { return x.repo.ID + ": " + name }

// bytes gets a whole file. A zero digest and a negative size mean that nothing vouches for it.
func (x *indexReader) bytes(ctx context.Context, name string, limit int64) ([]byte, error) {
	b, err := x.get.Get(ctx, pkg.Ref{Repo: x.repo, Path: x.path(name), Size: -1, Limit: limit})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return readBlob(b)
}

// readBlob returns a blob's bytes, without a copy where it has them in memory.
func readBlob(b pkg.Blob) ([]byte, error) {
	if m, ok := b.(Memory); ok {
		return m.Bytes()
	}
	data := make([]byte, b.Size())
	if n, err := b.ReadAt(data, 0); n < len(data) {
		return nil, err
	}
	return data, nil
}

// readList reads the index called name, without a suffix, and appends it to lists.
func (x *indexReader) readList(ctx context.Context, name string) error {
	text, err := x.list(ctx, name)
	if err != nil {
		return err
	}
	p, err := newPackages(x.repo, text, x.arch)
	if err != nil {
		return pkg.Distrust(x.what(name), "%w", err)
	}
	p.pin = 500
	if x.release != nil {
		p.pin = x.release.pin()
	}
	x.lists = append(x.lists, p)
	return nil
}

// list returns the text of an index, verified in compressed and in uncompressed form.
func (x *indexReader) list(ctx context.Context, name string) ([]byte, error) {
	if x.release == nil {
		return x.unvouched(ctx, name)
	}
	if !x.listed(name) {
		return nil, fmt.Errorf("%s: not in the Release file, which has architectures %s and components %s", x.what(name),
			strings.Join(x.release.Architectures, " "), strings.Join(x.release.Components, " "))
	}
	plain, known := x.release.File(name)
	if !known {
		var b bytes.Buffer
		err := x.decompress(ctx, name, maxIndex, &b)
		return b.Bytes(), err
	}
	if plain.Size > maxIndex {
		return nil, fmt.Errorf("%s: %d bytes: limit is %d", x.what(name), plain.Size, maxIndex)
	}
	if plain.Size == 0 {
		return nil, nil
	}
	if d, ok := x.get.(Deriver); ok {
		b, err := d.Derived(ctx, plain.SHA256, plain.Size, func(w io.Writer) error { return x.decompress(ctx, name, plain.Size, w) })
		if err != nil {
			return nil, x.named(name, err)
		}
		defer b.Close()
		return readBlob(b)
	}
	b := bytes.NewBuffer(make([]byte, 0, plain.Size))
	if err := x.decompress(ctx, name, plain.Size, b); err != nil {
		return nil, err
	}
	if sum := tree.Sum(b.Bytes()); sum != plain.SHA256 {
		return nil, pkg.Distrust(x.what(name), "%d bytes with %s, want %d with %s", b.Len(), sum, plain.Size, plain.SHA256)
	}
	return b.Bytes(), nil
}

// named puts the index's name before an error that lacks it.
func (x *indexReader) named(name string, err error) error {
	if strings.HasPrefix(err.Error(), x.repo.ID+": ") {
		return err
	}
	if t := (*pkg.TrustError)(nil); errors.As(err, &t) {
		return pkg.Distrust(x.what(name), "%w", err)
	}
	return fmt.Errorf("%s: %w", x.what(name), err)
}

// decompress gets the index called name in the first form that the Release file lists and the
// mirror has, and writes at most limit bytes of text to w.
func (x *indexReader) decompress(ctx context.Context, name string, limit int64, w io.Writer) error {
	var missing error
	for _, suffix := range compressions {
		e, ok := x.release.File(name + suffix)
		if !ok {
			continue
		}
		b, err := x.file(ctx, name+suffix, e)
		if errors.Is(err, fs.ErrNotExist) {
			if missing == nil {
				missing = err
			}
			continue
		}
		if err != nil {
			return x.named(name+suffix, err)
		}
		err = unpackTo(w, b, name+suffix, limit)
		b.Close()
		if err != nil {
			return pkg.Distrust(x.what(name+suffix), "%w", err)
		}
		return nil
	}
	return x.named(name, missing)
}

// file gets a file that the Release file lists: by its digest where the repository has that, so that a
// mirror that is being updated does no harm, else by its name.
func (x *indexReader) file(ctx context.Context, name string, e ReleaseEntry) (pkg.Blob, error) {
	ref := pkg.Ref{Repo: x.repo, Path: x.path(name), Size: e.Size, Limit: e.Size, SHA256: e.SHA256}
	if x.release.AcquireByHash {
		hashed := ref
		hashed.Path = x.path(path.Join(path.Dir(name), "by-hash/SHA256", e.SHA256.Hex()))
		if b, err := x.get.Get(ctx, hashed); !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	return x.get.Get(ctx, ref)
}

// unvouched gets an index of a repository without a Release file.
func (x *indexReader) unvouched(ctx context.Context, name string) ([]byte, error) {
	var first error
	for _, suffix := range compressions {
		file, err := x.bytes(ctx, name+suffix, maxIndex)
		if err == nil {
			x.verified.Index = tree.Sum(file)
			var b bytes.Buffer
			err = unpackTo(&b, inMemory{bytes.NewReader(file)}, name+suffix, maxIndex)
			if err != nil {
				return nil, x.named(name+suffix, err)
			}
			return b.Bytes(), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, x.named(name+suffix, err)
		}
		if first == nil {
			first = err
		}
	}
	return nil, x.named(name, first)
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// unpackTo writes what b, called name, holds uncompressed.
func unpackTo(w io.Writer, b pkg.Blob, name string, limit int64) error {
	lim := decompress.Limits{Size: limit, Workers: runtime.GOMAXPROCS(0)}
	r, err := decompress.NewReader(decompress.KindOf(name), b, b.Size(), lim)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}
