package apk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// IndexFiles are the names that a repository's index may have: that of format 2, that of format 3, and OpenWrt's. What format
// an index is of, its first bytes tell.
var IndexFiles = []string{"APKINDEX.tar.gz", "Packages.adb", "packages.adb"}

// Universe implements [pkg.Format]: it gets and verifies the indexes of repos, all at once. The result is a
// [*Universe]. A repository's packages for an architecture, and their index, lie in SUITE/ARCH below its base, or right
// in its base where the suite is "./". The error is that of the first repository, in the order given, that has one.
func (Format) Universe(ctx context.Context, repos []*pkg.Repo, arch string, opt pkg.IndexOptions, get pkg.Getter) (pkg.Universe, error) {
	if !goodName(arch) || strings.ContainsAny(arch, "/.") {
		return nil, fmt.Errorf("malformed architecture %q", arch)
	}
	readers := make([]indexReader, len(repos))
	errs := make([]error, len(repos))
	var wg sync.WaitGroup
	for i, r := range repos {
		readers[i] = indexReader{repo: r, arch: arch, opt: opt, get: get}
		wg.Go(func() { errs[i] = readers[i].read(ctx) })
	}
	wg.Wait()
	var lists []*list
	var verified []pkg.Verified
	for i := range readers {
		if errs[i] != nil {
			return nil, errs[i]
		}
		lists = append(lists, readers[i].list)
		verified = append(verified, readers[i].verified)
	}
	return newUniverse(arch, lists, verified), nil
}

// indexReader reads one repository.
type indexReader struct {
	repo *pkg.Repo
	arch string
	opt  pkg.IndexOptions
	get  pkg.Getter

	name     string // of the index
	list     *list
	verified pkg.Verified
}

// maxIndexFile bounds the compressed index, for which nothing vouches but its signature.
const maxIndexFile = 256 << 20

// dir returns where the packages of the repository lie, relative to its base.
func dir(r *pkg.Repo, arch string) string {
	if strings.Trim(r.Suite, "/") == "." {
		return ""
	}
	return join(suiteDir(r), arch)
}

// suiteDir returns where the directories of the architectures lie.
func suiteDir(r *pkg.Repo) string {
	if suite := strings.Trim(r.Suite, "/"); suite != "." {
		return suite
	}
	return ""
}

func (x *indexReader) what() string { return x.repo.ID + ": " + x.name }

func (x *indexReader) read(ctx context.Context) error {
	at := dir(x.repo, x.arch)
	file, err := x.file(ctx, at)
	if err != nil {
		return err
	}
	x.verified = pkg.Verified{Repo: x.repo, Index: tree.Sum(file)}
	index, err := openIndex(file, x.repo.Keys, x.repo.Unsigned)
	if err != nil {
		return pkg.Distrust(x.what(), "%w", err)
	}
	x.verified.Fingerprint = index.signers
	l := List{Repo: x.repo, Dir: at, Text: index.text, fileNames: index.fileNames}
	if x.list, err = newList(l, x.arch); err != nil {
		return pkg.Distrust(x.what(), "%w", err)
	}
	x.verified.Date = x.list.newest
	return x.checkDate()
}

// checkDate refuses an index that is older than one seen before, or from the future. An index has no date of its own;
// that of its newest package stands for it.
func (x *indexReader) checkDate() error {
	date := x.list.newest
	if seen := x.opt.NotBefore[x.repo.ID]; date < seen {
		return pkg.Distrust(x.what(), "its newest package is of %s, but one of %s was seen before: an old state is being played back",
			day(date), day(seen))
	}
	if x.opt.Now != 0 && date > x.opt.Now+24*3600 {
		return pkg.Distrust(x.what(), "its newest package is of %s, which is in the future", day(date))
	}
	return nil
}

func day(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.DateOnly) }

// file gets the index under the first name under which the repository has one.
func (x *indexReader) file(ctx context.Context, at string) (file []byte, err error) {
	var missing error
	for _, x.name = range IndexFiles {
		file, err = x.bytes(ctx, join(at, x.name))
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		if missing == nil {
			missing = err
		}
	}
	return nil, missing
}

func (x *indexReader) bytes(ctx context.Context, path string) ([]byte, error) {
	b, err := x.get.Get(ctx, pkg.Ref{Repo: x.repo, Path: path, Size: -1, Limit: maxIndexFile})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if m, ok := b.(interface{ Bytes() ([]byte, error) }); ok {
		return m.Bytes()
	}
	data := make([]byte, b.Size())
	if n, err := b.ReadAt(data, 0); n < len(data) {
		return nil, err
	}
	return data, nil
}

// OpenIndex returns the text of an APKINDEX.tar.gz and the names of the trusted keys that signed it, sorted. An index
// of format 3 becomes such a text. With unsigned neither a signature nor a trusted key is needed; the names are empty then, unless all is well.
func OpenIndex(file []byte, keys []pkg.Key, unsigned bool) (text []byte, signers []string, err error) {
	x, err := openIndex(file, keys, unsigned)
	return x.text, x.signers, err
}

// index is an index that was opened.
type index struct {
	text      []byte
	signers   []string
	fileNames string // how the files of the packages are called, see Info.fileName; empty: as usual
}

func openIndex(file []byte, keys []pkg.Key, unsigned bool) (x index, err error) {
	r := bytes.NewReader(file)
	if isADB(r) {
		return openADBIndex(file, keys, unsigned)
	}
	first, next, err := member(r, 0, r.Size(), maxIndex)
	if err != nil {
		return x, err
	}
	sigs, err := parseSignatures(first)
	if err != nil {
		return x, err
	}
	tar := first
	if len(sigs) > 0 {
		x.signers, err = verifySignatures(sigs, file[next:], keys)
		if err == nil || unsigned {
			var merr error
			if tar, next, merr = member(r, next, r.Size(), maxIndex); merr != nil {
				return x, merr
			}
		}
	} else {
		_, err = verifySignatures(nil, nil, keys)
	}
	if err != nil && !unsigned {
		return x, err
	}
	if next != r.Size() {
		return x, refuse("", "%d bytes follow the index", r.Size()-next)
	}
	x.text, err = indexText(tar)
	return x, err
}

// indexText returns the file APKINDEX of a tar archive.
func indexText(member []byte) (text []byte, err error) {
	found := false
	for e, err := range archive.Tar(bytes.NewReader(member), unended(maxIndex)) {
		if err != nil {
			return nil, err
		}
		if e.Node.Path != "APKINDEX" || e.Body == nil {
			continue
		}
		found = true
		text = make([]byte, e.Size)
		if _, err := io.ReadFull(e.Body, text); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, refuse("", "no file APKINDEX in it")
	}
	return text, nil
}

// isCorrupt reports whether a decompressor found fault with its input.
func isCorrupt(err error) bool {
	var corrupt flate.CorruptInputError
	var internal flate.InternalError
	return errors.As(err, &corrupt) || errors.As(err, &internal)
}
