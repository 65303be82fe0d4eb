package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// place is one of a repository's sources.
type place struct {
	base      string
	snapshot  bool // base is that of a service with dated states
	canonical bool // the repository's own: that a file is not there is the last word
}

func (p place) local() bool {
	return strings.HasPrefix(p.base, "file:") || strings.HasPrefix(p.base, "demo:")
}

// places returns r's sources in the order in which they are tried: mirrors, base, snapshot. Those that were found to be
// down come last. Offline, only directories and built-in repositories remain.
func (c *Client) places(r *pkg.Repo) []place {
	var all []place
	for _, m := range c.mirrors(r) {
		all = append(all, place{base: m})
	}
	if r.Base != "" && r.Base != r.Snapshot {
		all = append(all, place{base: r.Base, canonical: r.Snapshot == ""})
	}
	if r.Snapshot != "" {
		all = append(all, place{base: r.Snapshot, snapshot: true, canonical: true})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var up, down []place
	for _, p := range all {
		p.base = strings.TrimRight(p.base, "/")
		switch {
		case c.cfg.Offline && !p.local():
		case c.down[p.base]:
			down = append(down, p)
		default:
			up = append(up, p)
		}
	}
	return append(up, down...)
}

// mirrors returns the addresses that come before r's base.
func (c *Client) mirrors(r *pkg.Repo) []string {
	archive, _, _ := strings.Cut(r.ID, "@")
	return append(slices.Clip(c.cfg.Mirrors[archive]), r.Mirrors...)
}

// attempt is one address that was tried in vain.
type attempt struct {
	where     string
	err       error
	canonical bool
}

// failure puts the attempts for ref into one error.
func (c *Client) failure(ref pkg.Ref, tried []attempt) error {
	if len(tried) == 0 {
		if c.cfg.Offline {
			return fmt.Errorf("%s: %w", title(ref), pkg.ErrOffline)
		}
		return fmt.Errorf("%s: the repository has no address", title(ref))
	}
	var texts []string
	var gone, said bool // the last word is: not there; the canonical source has spoken
	var wrong *mismatch
	for _, t := range tried {
		texts = append(texts, t.where+": "+t.err.Error())
		if t.canonical || !said {
			gone = errors.Is(t.err, fs.ErrNotExist)
			said = said || t.canonical
		}
		errors.As(t.err, &wrong)
	}
	all := strings.Join(texts, "; ")
	switch {
	case wrong != nil:
		return pkg.Distrust(title(ref), "%s", all)
	case gone && c.cfg.Offline && c.remote(ref.Repo):
		return fmt.Errorf("%s: %w (%s)", title(ref), pkg.ErrOffline, all)
	case gone:
		return &missing{title(ref) + ": " + all}
	}
	return fmt.Errorf("%s: %s", title(ref), all)
}

// remote reports whether some source of r needs the network.
func (c *Client) remote(r *pkg.Repo) bool {
	for _, base := range append([]string{r.Base, r.Snapshot}, c.mirrors(r)...) {
		if base != "" && !(place{base: base}).local() {
			return true
		}
	}
	return false
}

// missing is an error that says in its own words that a file is not there.
type missing struct{ text string }

func (m *missing) Error() string { return m.text }
func (m *missing) Unwrap() error { return fs.ErrNotExist }

// fatal is an error of this machine's disk: no other source would help.
type fatal struct{ err error }

func (f *fatal) Error() string { return f.err.Error() }
func (f *fatal) Unwrap() error { return f.err }

// each calls try for every address of ref until one succeeds, and returns the error of all of them
// if none does.
func (c *Client) each(ctx context.Context, ref pkg.Ref, try func(p place, address string) error) error {
	var tried []attempt
	for _, p := range c.places(ref.Repo) {
		addresses, err := c.addresses(ctx, p, ref)
		if e := ctx.Err(); e != nil {
			return fmt.Errorf("%s: %w", title(ref), e)
		}
		if err != nil {
			tried = append(tried, attempt{redact(p.base), err, p.canonical})
		}
		for _, a := range addresses {
			err := try(p, a)
			if err == nil {
				return nil
			}
			if e := ctx.Err(); e != nil {
				return fmt.Errorf("%s: %w", title(ref), e)
			}
			if f := (*fatal)(nil); errors.As(err, &f) {
				return fmt.Errorf("%s: %w", title(ref), err)
			}
			tried = append(tried, attempt{redact(a), err, p.canonical})
			c.judge(p, ref, a, err)
			if unreachable(err) {
				break // another date of the same service would not help
			}
		}
	}
	return c.failure(ref, tried)
}

// judge reports a source's failure, unless it merely lacks the file, and
// remembers one that cannot be reached.
func (c *Client) judge(p place, ref pkg.Ref, address string, err error) {
	var wrong *mismatch
	if errors.As(err, &wrong) {
		c.report("%s: %s: %v", title(ref), redact(address), err)
		return
	}
	if !unreachable(err) {
		return
	}
	c.mu.Lock()
	known := c.down[p.base]
	c.down[p.base] = true
	c.mu.Unlock()
	if !known {
		c.report("%s: %v", redact(p.base), err)
	}
}

// addresses returns where ref may lie in p, in the order in which to look.
func (c *Client) addresses(ctx context.Context, p place, ref pkg.Ref) ([]string, error) {
	if p.local() {
		return []string{p.base}, nil
	}
	if !p.snapshot {
		return []string{p.base + "/" + escapePath(ref.Path)}, nil
	}
	dates, err := c.dates(ctx, p.base, ref.Repo.Date)
	var urls []string
	for _, d := range dates {
		urls = append(urls, p.base+"/"+d+"/"+escapePath(ref.Path))
	}
	return urls, err
}

// find brings a blob that is not in the cache.
func (c *Client) find(ctx context.Context, ref pkg.Ref) (b pkg.Blob, err error) {
	err = c.each(ctx, ref, func(p place, address string) (err error) {
		if p.local() {
			b, err = c.local(p, ref)
		} else {
			b, err = c.download(ctx, ref, address)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// local opens a file of a directory or of a built-in repository. A file with a digest is verified
// and used where it lies; it is not copied into the cache.
func (c *Client) local(p place, ref pkg.Ref) (pkg.Blob, error) {
	f, err := c.openLocal(p, ref.Path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = &missing{"no such file"}
		}
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil {
		err = fits(ref, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if disk, ok := f.(*os.File); ok && !ref.SHA256.IsZero() {
		return verify(disk, st.Size(), ref.SHA256, false)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, ref.Limit+1))
	if err == nil {
		err = fits(ref, int64(len(data)))
	}
	if err != nil {
		return nil, err
	}
	if sum := tree.Sum(data); !ref.SHA256.IsZero() && sum != ref.SHA256 {
		return nil, &mismatch{fmt.Sprintf("%s of %d bytes, want %s", sum, len(data), ref.SHA256)}
	}
	return inMemory(data), nil
}

// byHand opens a file that was given without a repository.
func (c *Client) byHand(ref pkg.Ref) (pkg.Blob, error) {
	if ref.SHA256.IsZero() {
		return nil, fmt.Errorf("%s: a file without a repository needs a digest", tree.Quote(ref.Path))
	}
	bound(&ref)
	f, err := os.Open(ref.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if b, e := c.cached(ref); b != nil || e != nil {
			return b, e
		}
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", tree.Quote(ref.Path))
	}
	if err == nil {
		err = fits(ref, st.Size())
	}
	var b pkg.Blob
	if err == nil {
		b, err = verify(f, st.Size(), ref.SHA256, false)
	} else {
		f.Close()
	}
	if wrong := (*mismatch)(nil); errors.As(err, &wrong) {
		return nil, pkg.Distrust(title(ref), "%v", err)
	}
	return b, err
}

func (c *Client) openLocal(p place, name string) (fs.File, error) {
	if demo, ok := strings.CutPrefix(p.base, "demo:"); ok {
		fsys := c.cfg.Demo[demo]
		if fsys == nil {
			return nil, fmt.Errorf("no built-in repository is called %q", demo)
		}
		return fsys.Open(name)
	}
	dir := strings.TrimPrefix(p.base, "file:")
	dir = strings.TrimPrefix(dir, "//") // file://HOST/DIR, of which only file:///DIR has a meaning
	if dir == "" && p.base == "file:" {
		dir = "/" // the slash was the base's last
	}
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("%s: not an absolute directory", p.base)
	}
	return os.Open(filepath.Join(dir, filepath.FromSlash(name)))
}

// fits says what is wrong with a file of n bytes.
func fits(ref pkg.Ref, n int64) error {
	switch {
	case ref.Size >= 0 && n != ref.Size:
		return &mismatch{fmt.Sprintf("%d bytes, want %d", n, ref.Size)}
	case n > ref.Limit:
		return &mismatch{fmt.Sprintf("more than %d bytes", ref.Limit)}
	}
	return nil
}

// escapePath writes a repository's path, which is plain bytes, as a URL's. The plus sign is escaped, since
// some stores of objects take it for a blank.
func escapePath(p string) string {
	var b strings.Builder
	for i := range len(p) {
		ch := p[i]
		if 'a' <= ch && ch <= 'z' || 'A' <= ch && ch <= 'Z' || '0' <= ch && ch <= '9' || strings.IndexByte("/-._~:@", ch) >= 0 {
			b.WriteByte(ch)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", ch)
	}
	return b.String()
}

// redact returns the address without a password.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	return u.Redacted()
}
