package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg"
)

const (
	maxRedirects = 10
	tries        = 3       // per address, for what may pass
	minProgress  = 1 << 10 // bytes per Config.Stall
)

func newTransport(cfg Config) http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: cfg.Stall}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    cfg.Stall,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    cfg.Jobs,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// refusal is a redirect that is not followed.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &refusal{fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	first, last := via[0].URL, via[len(via)-1].URL
	if to := req.URL.Scheme; to != "https" && (to != "http" || last.Scheme == "https") {
		return &refusal{fmt.Sprintf("redirect from %s to %s refused", last.Scheme, req.URL.Redacted())}
	}
	// Credentials are for the host that they were given for; once away from it, they stay behind.
	for _, hop := range append(via[1:], req) {
		if !sameHost(first, hop.URL) {
			req.Header.Del("Authorization")
		}
	}
	return nil
}

// sameHost reports whether a redirect from a to b stays on one host: the same name and port, or
// from http to https on their usual ports.
func sameHost(a, b *url.URL) bool {
	if !strings.EqualFold(a.Hostname(), b.Hostname()) {
		return false
	}
	upgrade := a.Scheme == "http" && b.Scheme == "https" && a.Port() == "" && b.Port() == ""
	return upgrade || a.Scheme == b.Scheme && a.Port() == b.Port()
}

// status is an answer other than 200 or 206.
type status struct {
	code  int
	text  string
	after time.Duration // what Retry-After asks for
}

func (s *status) Error() string { return s.text }

// trouble is an error on the way: resets, stalls, resolvers, certificates.
type trouble struct{ err error }

func (t *trouble) Error() string { return t.err.Error() }
func (t *trouble) Unwrap() error { return t.err }

var errStalled = errors.New("stalled")

// transient reports whether trying again may help.
func transient(err error) bool {
	var s *status
	if errors.As(err, &s) {
		return s.code >= 500 && s.code != 501 && s.code != 505 || s.code == 429 || s.code == 408
	}
	var t *trouble
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var no *refusal
	switch {
	case !errors.As(err, &t), errors.As(err, &cert), errors.As(err, &no):
		return false
	case errors.As(err, &dns):
		return dns.IsTimeout || dns.IsTemporary
	}
	return true
}

// unreachable reports whether err speaks of the way to a server, or of its health, and not of one file.
func unreachable(err error) bool {
	var t *trouble
	return errors.As(err, &t) || transient(err)
}

// answer is a response that is watched: its body fails when it stalls.
type answer struct {
	*http.Response
	client *Client
	timer  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context
	recent int
}

// ask sends a GET. The answer, which must be closed, counts as one of Config.Jobs connections.
func (c *Client) ask(ctx context.Context, address string, extra http.Header) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return nil, errors.New("not a usable address")
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Host == "" {
		cancel(nil)
		return nil, fmt.Errorf("%q is not an address of the kinds http, https, file or demo", redact(address))
	}
	c.authorize(req)
	req.Header.Set("User-Agent", "detinstall/"+c.cfg.Version)
	req.Header.Set("Accept-Encoding", "identity")
	for k, v := range extra {
		req.Header[k] = v
	}
	select {
	case c.conns <- struct{}{}:
	case <-ctx.Done():
		cancel(nil)
		return nil, context.Cause(ctx)
	}
	a := &answer{client: c, cancel: cancel, ctx: ctx}
	a.timer = time.AfterFunc(c.cfg.Stall, func() { cancel(errStalled) })
	a.Response, err = c.http.Do(req)
	if err != nil {
		err = a.wrap(err)
		a.Close()
		return nil, err
	}
	return a, nil
}

// authorize adds the credentials of the address itself, or those of .netrc for its host.
func (c *Client) authorize(req *http.Request) {
	if u := req.URL.User; u != nil {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
		req.URL.User = nil
	} else if l, ok := c.netrc()[strings.ToLower(req.URL.Hostname())]; ok {
		req.SetBasicAuth(l.user, l.password)
	}
}

func (a *answer) wrap(err error) error {
	if cause := context.Cause(a.ctx); errors.Is(cause, errStalled) {
		return &trouble{fmt.Errorf("%w: less than %d bytes in %v", errStalled, minProgress, a.client.cfg.Stall)}
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed the connection")
	}
	return &trouble{err}
}

// Read reads the body. An end that came too early is an error.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Body.Read(p)
	if a.recent += n; a.recent >= minProgress {
		a.recent = 0
		a.timer.Reset(a.client.cfg.Stall)
	}
	if err != nil && err != io.EOF {
		err = a.wrap(err)
	}
	return n, err
}

func (a *answer) Close() {
	a.timer.Stop()
	a.cancel(nil)
	if a.Response != nil {
		a.Body.Close()
	}
	<-a.client.conns
}

// refused returns an error unless the answer has the file, or, if part was asked for, the rest of it.
func (a *answer) refused(part bool) error {
	switch {
	case a.StatusCode == 200, a.StatusCode == 206 && part:
		return nil
	case a.StatusCode == 404, a.StatusCode == 410:
		return &missing{a.said()}
	case a.StatusCode == 206, a.StatusCode == 416:
		return &trouble{errors.New("answers with another part than was asked for")}
	}
	s := &status{code: a.StatusCode, text: a.said()}
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && seconds > 0 {
		s.after = time.Duration(min(seconds, 60)) * time.Second
	}
	return s
}

// said returns the status in our words: the server's may hold anything.
func (a *answer) said() string {
	return strings.ToLower(strings.TrimSpace(fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))))
}

// oddity names what may explain wrong bytes: a login page, an encoding nobody asked for.
func (a *answer) oddity(ref pkg.Ref) string {
	if e := a.encoding(); e != "" {
		return fmt.Sprintf("; it came with Content-Encoding %q, which was not asked for", e)
	}
	if a.html(ref) {
		return "; it is text/html: a login page?"
	}
	return ""
}

func (a *answer) encoding() string {
	e := strings.ToLower(strings.TrimSpace(a.Header.Get("Content-Encoding")))
	if e == "identity" {
		return ""
	}
	return e
}

func (a *answer) html(ref pkg.Ref) bool {
	t, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	ext := path.Ext(ref.Path)
	return (t == "text/html" || t == "application/xhtml+xml") && ext != ".html" && ext != ".htm"
}

// retry calls try until it succeeds, fails for good, or has failed three times.
func (c *Client) retry(ctx context.Context, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		if err == nil || ctx.Err() != nil || !transient(err) || n == tries-1 {
			return err
		}
		wait := time.Second << (2 * n) // 1 s, 4 s
		if s := (*status)(nil); errors.As(err, &s) {
			wait = max(wait, s.after)
		}
		if e := c.cfg.Sleep(ctx, wait); e != nil {
			return e
		}
	}
}

// downloadIndex brings a file without a digest into memory.
func (c *Client) downloadIndex(ctx context.Context, ref pkg.Ref, address string) (data []byte, err error) {
	err = c.retry(ctx, func() error {
		data, err = c.tryIndex(ctx, ref, address)
		return err
	})
	return data, err
}

func (c *Client) tryIndex(ctx context.Context, ref pkg.Ref, address string) (data []byte, err error) {
	// Caches in between shall ask whether theirs is the latest.
	a, err := c.ask(ctx, address, http.Header{"Cache-Control": {"max-age=0"}})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if err := a.refused(false); err != nil {
		return nil, err
	}
	if e := a.encoding(); e != "" {
		return nil, &mismatch{fmt.Sprintf("got Content-Encoding %q, which was not asked for", e)}
	}
	if a.ContentLength > ref.Limit {
		return nil, &mismatch{fmt.Sprintf("%d bytes, want at most %d%s", a.ContentLength, ref.Limit, a.oddity(ref))}
	}
	progress := c.transfer(title(ref), ref.Size)
	defer func() { progress.done(err) }()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.TeeReader(io.LimitReader(a, ref.Limit+1), progress)); err != nil {
		return nil, err
	}
	data = b.Bytes()
	if err := fits(ref, int64(len(data))); err != nil {
		return nil, &mismatch{err.Error() + a.oddity(ref)}
	}
	if a.html(ref) {
		return nil, &mismatch{fmt.Sprintf("got text/html of %d bytes: a login page?", len(data))}
	}
	return data, nil
}
