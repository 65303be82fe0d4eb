// Package fetch brings bytes: from mirrors, from the dated snapshot service, from
// directories and built-in repositories, through a cache by digest. It is the only
// package that uses the network.
//
//	c, err := fetch.New(fetch.Config{})
//	blob, err := c.Get(ctx, pkg.Ref{Repo: repo, Path: "pool/main/h/hello/hello_2.10-3_amd64.deb", Size: 53084, SHA256: want})
//
// What has a digest is verified on every use, also when it comes from the cache: a
// blob is the very file that was hashed. What has none (a signed index) is only bounded
// in size; whoever asked for it verifies its signature.
//
// The package knows no format and no signature, and decides nothing about trust beyond
// sizes and digests.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Config says what a Client works with. The zero value is usable.
type Config struct {
	// Dir is the cache's directory, made when first written to; empty: that of DefaultDir.
	Dir string
	// Offline forbids the network: what is neither in the cache nor in a directory is an error
	// that wraps pkg.ErrOffline.
	Offline bool
	// Jobs bounds the connections that are open at once; 0: 8.
	Jobs int
	// Now, in seconds since 1970, chooses the state of the snapshot service for
	// repositories whose Date is 0; if it is 0 too, those are not looked for there.
	Now int64
	// Mirrors are tried before a repository's own ones, by the part of its ID before "@" ("debian").
	Mirrors map[string][]string
	// Demo holds the repositories whose base is "demo:" and a key.
	Demo map[string]fs.FS
	// Report, if not nil, is told in one line what went wrong and was mended: a corrupt cache entry, a
	// mirror that is down. It is never called twice at once.
	Report func(string)
	// Progress, if not nil, is told of transfers over the network.
	Progress Progress
	// Version is what the User-Agent says after "detinstall/"; empty: "devel".
	Version string

	// Transport replaces the one that honours the proxy variables of the environment.
	Transport http.RoundTripper
	// Sleep waits before a retry; nil: it really does. It returns ctx's error when that ends first.
	Sleep func(ctx context.Context, d time.Duration) error
	// Stall is how long a connection may bring less than 1 KiB; 0: 30 s.
	Stall time.Duration
	// Netrc is the file with credentials; empty: $NETRC, else .netrc in the home directory.
	Netrc string
}

// Progress is told of transfers. Its methods may be called from any goroutine.
type Progress interface {
	// Start says that a file of size bytes (-1: not known) begins to arrive.
	Start(name string, size int64)
	// Add says that n more bytes of some file are there; n is negative when
	// a transfer has to begin again.
	Add(n int64)
	// Done says that the file has arrived, or, if err is not nil, will not from this source.
	Done(name string, err error)
}

// Client is a pkg.Getter over a cache. It is safe for concurrent use; several clients, also
// of several processes, may share one cache.
type Client struct {
	cfg   Config
	cache *Cache
	http  *http.Client
	conns chan struct{}
	netrc func() netrc

	reporting sync.Mutex

	mu      sync.Mutex
	flights map[string]*flight
	times   map[string]*times
	down    map[string]bool // bases that failed as networks do
}

// New returns a client. It touches neither the network nor the disk.
func New(cfg Config) (*Client, error) {
	if cfg.Dir == "" {
		dir, err := DefaultDir()
		if err != nil {
			return nil, err
		}
		cfg.Dir = dir
	}
	if cfg.Jobs <= 0 {
		cfg.Jobs = 8
	}
	if cfg.Stall <= 0 {
		cfg.Stall = 30 * time.Second
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.Version == "" {
		cfg.Version = "devel"
	}
	c := &Client{
		cfg:     cfg,
		cache:   OpenCache(cfg.Dir),
		conns:   make(chan struct{}, cfg.Jobs),
		flights: make(map[string]*flight),
		times:   make(map[string]*times),
		down:    make(map[string]bool),
	}
	c.netrc = sync.OnceValue(c.readNetrc)
	c.http = &http.Client{Transport: cfg.Transport, CheckRedirect: checkRedirect}
	if cfg.Transport == nil {
		c.http.Transport = newTransport(cfg)
	}
	return c, nil
}

// Cache returns the cache that c works with.
func (c *Client) Cache() *Cache { return c.cache }

// Get implements pkg.Getter. The sources of ref.Repo are tried in order: mirrors, base, and the
// dated snapshot where there is one. A source that lacks the file, cannot be reached or has other
// bytes gives way to the next; if none has it, the error lists them all. It is a *pkg.TrustError
// if one had other bytes, else it wraps fs.ErrNotExist if the last one, which is the repository's own, has no such file.
//
// The returned blob may also have a method Bytes() ([]byte, error), which returns the whole
// of it; the bytes are shared and must not be changed.
//
// A Ref without a repository names a file of this machine by its path, and needs a digest; it does not enter
// the cache. If there is no such file, the cache may have it (see Export).
func (c *Client) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	if ref.Repo == nil {
		return c.byHand(ref)
	}
	if err := checkRef(&ref); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ref.SHA256.IsZero() {
		return c.index(ctx, ref)
	}
	key := ref.SHA256.Hex() + " " + ref.Repo.ID + " " + ref.Path
	for {
		b, err := c.cached(ref)
		if b != nil || err != nil {
			return b, err
		}
		if f, lead := c.join(key); lead {
			return f.lead(c, key, func() (pkg.Blob, error) { return c.find(ctx, ref) })
		} else if err := f.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// checkRef refuses what no repository can mean, and cleans the path.
func checkRef(ref *pkg.Ref) error {
	p := path.Clean(ref.Path)
	for e := range strings.SplitSeq(ref.Path, "/") {
		if e == ".." {
			return pkg.Distrust(title(*ref), "the path leaves the repository")
		}
	}
	if strings.HasPrefix(p, "/") || p == "." || strings.ContainsRune(p, 0) {
		return pkg.Distrust(title(*ref), "the path %q is not one of a file in the repository", ref.Path)
	}
	ref.Path = p
	bound(ref)
	return nil
}

// bound sets ref's limit: its size where that is known, 64 MiB where nothing is.
func bound(ref *pkg.Ref) {
	if ref.Size >= 0 {
		ref.Limit = ref.Size
		return
	}
	ref.Size = -1
	if ref.Limit <= 0 {
		ref.Limit = 64 << 20
	}
}

// title is how messages call the file.
func title(ref pkg.Ref) string {
	if ref.Repo == nil || ref.Repo.ID == "" {
		return tree.Quote(ref.Path)
	}
	return ref.Repo.ID + ": " + tree.Quote(ref.Path)
}

// cached returns the blob from the cache, or neither blob nor error if it is not there (any more).
func (c *Client) cached(ref pkg.Ref) (pkg.Blob, error) {
	b, err := c.cache.open(ref.SHA256, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errCorrupt):
		c.heal(ref.Path, err)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", title(ref), err)
	}
	if ref.Size >= 0 && b.Size() != ref.Size || ref.Size < 0 && b.Size() > ref.Limit {
		b.Close()
		return nil, pkg.Distrust(title(ref), "%s of %d bytes, want %d", ref.SHA256, b.Size(), ref.Limit)
	}
	return b, nil
}

// heal reports a corrupt entry; the cache has removed it.
func (c *Client) heal(name string, err error) {
	then := "refetching"
	if c.cfg.Offline {
		then = "removed"
	}
	c.report("%s: corrupt cache entry, %s (%v)", tree.Quote(name), then, err)
}

func (c *Client) report(format string, args ...any) {
	if c.cfg.Report == nil {
		return
	}
	c.reporting.Lock()
	defer c.reporting.Unlock()
	c.cfg.Report(fmt.Sprintf(format, args...))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
