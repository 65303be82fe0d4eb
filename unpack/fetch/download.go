package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// download brings a file with a digest into the cache.
func (c *Client) download(ctx context.Context, ref pkg.Ref, address string) (_ pkg.Blob, err error) {
	p, err := c.cache.begin(ctx, ref.SHA256)
	if err != nil {
		return nil, &fatal{err}
	}
	defer p.close()
	if !p.there {
		g := &getter{c: c, ref: ref, address: address, part: p, transfer: c.transfer(title(ref), ref.Size)}
		err := g.run(ctx)
		g.transfer.done(err)
		if err != nil {
			return nil, err
		}
		if err := p.commit(); err != nil {
			return nil, &fatal{err}
		}
		return onDisk(p.take(), g.size, ref.SHA256), nil
	}
	// Another process was faster.
	b, err := c.cached(ref)
	if err == nil && b == nil {
		err = &fatal{errors.New("the cache entry was removed while in use")}
	}
	return b, err
}

// getter brings one file from one address.
type getter struct {
	c        *Client
	ref      pkg.Ref
	address  string
	part     *part
	transfer *transfer

	fresh bool // tell caches in between that theirs is wrong
	size  int64
}

// run tries until the part holds the right bytes. Wrong bytes get one more chance, from the beginning:
// the fault may be that of an earlier part or of a cache in between.
func (g *getter) run(ctx context.Context) error {
	try := func() error { return g.try(ctx) }
	err := g.c.retry(ctx, try)
	if wrong := (*wrongBytes)(nil); errors.As(err, &wrong) {
		g.fresh = true
		if err := g.restart(""); err != nil {
			return err
		}
		err = g.c.retry(ctx, try)
	}
	if wrong := (*mismatch)(nil); errors.As(err, &wrong) {
		if err := g.restart(""); err != nil {
			return err
		}
	}
	return err
}

// wrongBytes is a mismatch of a file that arrived whole.
type wrongBytes struct{ err *mismatch }

func (w *wrongBytes) Error() string { return w.err.Error() }
func (w *wrongBytes) Unwrap() error { return w.err }

func (g *getter) restart(validator string) error {
	g.transfer.at(0)
	if err := g.part.restart(redact(g.address), validator); err != nil {
		return &fatal{err}
	}
	return nil
}

func (g *getter) try(ctx context.Context) error {
	off, validator := g.part.resume(redact(g.address))
	if off > 0 && off >= g.ref.Limit {
		off = 0 // complete but never verified, or too much: not worth a special case
	}
	extra := http.Header{}
	if off > 0 {
		extra.Set("Range", fmt.Sprintf("bytes=%d-", off))
		extra.Set("If-Range", validator)
	}
	if g.fresh {
		extra.Set("Cache-Control", "no-cache")
	}
	a, err := g.c.ask(ctx, g.address, extra)
	if err != nil {
		return err
	}
	defer a.Close()
	off, err = g.start(a, off)
	if err != nil {
		return err
	}
	if n := a.ContentLength; n >= 0 {
		if err := fits(g.ref, off+n); err != nil {
			return &mismatch{g.describe(a, off+n)}
		}
	}
	h, err := g.hashed(off)
	if err != nil {
		return err
	}
	n, err := g.copy(h, a, off)
	if err != nil {
		return err
	}
	g.size = n
	sum := tree.Digest(h.Sum(nil))
	if fits(g.ref, n) != nil {
		return &mismatch{g.describe(a, n)}
	}
	if sum != g.ref.SHA256 {
		return &wrongBytes{&mismatch{fmt.Sprintf("%s of %d bytes, want %s%s", sum, n, g.ref.SHA256, a.oddity(g.ref))}}
	}
	return nil
}

// describe says what came in place of the file.
func (g *getter) describe(a *answer, n int64) string {
	bound := ""
	if g.ref.Size < 0 {
		bound = "at most "
	}
	what := fmt.Sprintf("%d bytes", n)
	if n > g.ref.Limit && a.ContentLength < 0 {
		what = fmt.Sprintf("more than %d bytes", g.ref.Limit)
	}
	if a.html(g.ref) {
		return fmt.Sprintf("got text/html of %s: a login page? want %s%d bytes with %s", what, bound, g.ref.Limit, g.ref.SHA256)
	}
	return fmt.Sprintf("got %s, want %s%d with %s%s", what, bound, g.ref.Limit, g.ref.SHA256, a.oddity(g.ref))
}

var contentRange = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+|\*)$`)

// start looks at the answer's head and returns at which byte of the file its body starts: at off, which was
// asked for, or at 0; then the part is emptied.
func (g *getter) start(a *answer, off int64) (int64, error) {
	if err := a.refused(off > 0); err != nil {
		if t := (*trouble)(nil); errors.As(err, &t) {
			if e := g.restart(""); e != nil { // the next try asks for everything
				return 0, e
			}
		}
		return 0, err
	}
	if a.StatusCode == http.StatusPartialContent {
		m := contentRange.FindStringSubmatch(a.Header.Get("Content-Range"))
		if m == nil || m[1] != strconv.FormatInt(off, 10) || m[3] != "*" && g.ref.Size >= 0 && m[3] != strconv.FormatInt(g.ref.Size, 10) {
			if e := g.restart(""); e != nil {
				return 0, e
			}
			return 0, &trouble{fmt.Errorf("answers with %q, asked for the bytes from %d", a.Header.Get("Content-Range"), off)}
		}
		return off, nil
	}
	return 0, g.restart(validator(a.Header))
}

// validator returns what If-Range may say of a file with this header: a strong ETag, or else its date.
func validator(h http.Header) string {
	if e := h.Get("ETag"); e != "" && !strings.HasPrefix(e, "W/") {
		return e
	}
	return h.Get("Last-Modified")
}

// hashed returns the hash of the part's first off bytes, read from the disk, and stands behind them.
func (g *getter) hashed(off int64) (hash.Hash, error) {
	h := sha256.New()
	f := g.part.f
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, &fatal{err}
	}
	if _, err := io.CopyN(struct{ io.Writer }{h}, f, off); err != nil {
		return nil, &fatal{err}
	}
	g.transfer.at(off)
	return h, nil
}

// copy appends the body to the part, hashing on the way, and returns the part's size then. It
// reads one byte beyond what is wanted: endless data must not fill the disk.
func (g *getter) copy(h hash.Hash, a *answer, off int64) (int64, error) {
	buf := make([]byte, 64<<10)
	body := io.LimitReader(a, g.ref.Limit-off+1)
	for {
		n, err := body.Read(buf)
		h.Write(buf[:n])
		if off += int64(n); off <= g.ref.Limit {
			if _, err := g.part.f.Write(buf[:n]); err != nil {
				return off, &fatal{err}
			}
		}
		g.transfer.Write(buf[:n])
		if err == io.EOF {
			return off, nil
		}
		if err != nil {
			return off, err
		}
	}
}

// hashCopy copies r to f and returns the digest and number of bytes.
func hashCopy(f *os.File, r io.Reader) (tree.Digest, int64, error) {
	h := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(f, h), struct{ io.Reader }{r}, make([]byte, chunk))
	return tree.Digest(h.Sum(nil)), n, err
}

// transfer tells Progress of one file.
type transfer struct {
	p    Progress
	name string
	n    int64
}

func (c *Client) transfer(name string, size int64) *transfer {
	if c.cfg.Progress != nil {
		c.cfg.Progress.Start(name, size)
	}
	return &transfer{p: c.cfg.Progress, name: name}
}

// Write counts p's bytes.
func (t *transfer) Write(p []byte) (int, error) {
	t.at(t.n + int64(len(p)))
	return len(p), nil
}

// at says that n bytes are there.
func (t *transfer) at(n int64) {
	if t.p != nil && n != t.n {
		t.p.Add(n - t.n)
	}
	t.n = n
}

func (t *transfer) done(err error) {
	if t.p != nil {
		t.p.Done(t.name, err)
	}
}
