package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// faulty is a server whose first answers are given by faults, one each, and
// the others are good.
type faulty struct {
	t      *testing.T
	data   []byte
	faults []http.HandlerFunc
	mu     sync.Mutex
	ranges []string // Range of every request
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.ranges = append(f.ranges, r.Header.Get("Range"))
	n := len(f.ranges)
	f.mu.Unlock()
	if n <= len(f.faults) {
		f.faults[n-1](w, r)
		return
	}
	w.Header().Set("ETag", `"v1"`)
	http.ServeContent(w, r, "x.deb", time.Time{}, bytes.NewReader(f.data))
}

// hangUp cuts the connection with a reset after what was written.
func hangUp(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// half sends the first half of data, and then ends as the end says.
func half(data []byte, etag string, end func(w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		end(w, r)
	}
}

func cut(w http.ResponseWriter, r *http.Request) {
	time.Sleep(20 * time.Millisecond) // a reset overtakes what was sent just before
	hangUp(w)
}

func stall(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func fail(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Error(w, "trouble", code) }
}

func reset(w http.ResponseWriter, r *http.Request) { hangUp(w) }

// drip sends a byte now and then, for ever.
func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		time.Sleep(10 * time.Millisecond)
	}
}

func TestFaultsHealed(t *testing.T) {
	data := body(1, 1<<20)
	middle := fmt.Sprintf("bytes=%d-", len(data)/2)
	s := time.Second
	for _, c := range []struct {
		name   string
		faults []http.HandlerFunc
		ranges []string
		slept  []time.Duration
	}{
		{"none", nil, []string{""}, nil},
		{"503, then 500", []http.HandlerFunc{fail(503), fail(500)}, []string{"", "", ""}, []time.Duration{s, 4 * s}},
		{"429 with Retry-After", []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			fail(429)(w, r)
		}}, []string{"", ""}, []time.Duration{7 * s}},
		{"Retry-After without end", []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "999999999")
			fail(503)(w, r)
		}}, []string{"", ""}, []time.Duration{60 * s}},
		{"reset before the answer", []http.HandlerFunc{reset}, []string{"", ""}, []time.Duration{s}},
		{"stalls before the answer", []http.HandlerFunc{stall}, []string{"", ""}, []time.Duration{s}},
		{"slow drip", []http.HandlerFunc{drip}, []string{"", ""}, []time.Duration{s}},
		{"reset half way, resumed", []http.HandlerFunc{half(data, `"v1"`, cut)}, []string{"", middle}, []time.Duration{s}},
		{"stalls half way, resumed", []http.HandlerFunc{half(data, `"v1"`, stall)}, []string{"", middle}, []time.Duration{s}},
		{"reset, weak ETag: from the beginning", []http.HandlerFunc{half(data, `W/"v1"`, cut)}, []string{"", ""}, []time.Duration{s}},
		{"reset, no validator: from the beginning", []http.HandlerFunc{half(data, "", cut)}, []string{"", ""}, []time.Duration{s}},
		// ServeContent sees that If-Range does not hold and sends everything.
		{"file changed between", []http.HandlerFunc{half(body(2, len(data)), `"v0"`, cut)}, []string{"", middle}, []time.Duration{s}},
		// The ETag lies: the parts do not fit, which the digest shows.
		{"parts of two files", []http.HandlerFunc{half(body(2, len(data)), `"v1"`, cut)}, []string{"", middle, ""}, []time.Duration{s}},
		{"wrong range", []http.HandlerFunc{half(data, `"v1"`, cut), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 7-%d/%d", len(data)-1, len(data)))
			w.WriteHeader(206)
			w.Write(data[7:])
		}}, []string{"", middle, ""}, []time.Duration{s, 4 * s}},
		{"range of a file of another size", []http.HandlerFunc{half(data, `"v1"`, cut), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", len(data)/2, len(data), len(data)+1))
			w.WriteHeader(206)
			w.Write(data[len(data)/2:])
		}}, []string{"", middle, ""}, []time.Duration{s, 4 * s}},
		{"range without Content-Range", []http.HandlerFunc{half(data, `"v1"`, cut), func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(206)
			w.Write(data[len(data)/2:])
		}}, []string{"", middle, ""}, []time.Duration{s, 4 * s}},
		{"416", []http.HandlerFunc{half(data, `"v1"`, cut), fail(416)}, []string{"", middle, ""}, []time.Duration{s, 4 * s}},
		{"a part though all was asked for", []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(data)-1, len(data)))
			w.WriteHeader(206)
			w.Write(data)
		}}, []string{"", ""}, []time.Duration{s}},
		{"wrong bytes once", []http.HandlerFunc{content(body(2, len(data)))}, []string{"", ""}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &faulty{t: t, data: data, faults: c.faults}
			p := &meter{}
			w := newWorld(t, func(cfg *Config) { cfg.Stall = 150 * time.Millisecond; cfg.Progress = p })
			mustGet(t, w, refTo(data, serve(t, f.ServeHTTP).URL), data)
			if diff := cmp.Diff(c.ranges, f.ranges); diff != "" {
				t.Errorf("ranges asked for (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.slept, w.slept); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			empty(t, filepath.Join(w.Cache().Path(), "partial"))
			if p.n.Load() != int64(len(data)) || p.started.Load() != 1 || p.done.Load() != 1 {
				t.Errorf("progress: %d bytes, %d started, %d done", p.n.Load(), p.started.Load(), p.done.Load())
			}
		})
	}
}

type meter struct{ n, started, done, failed atomic.Int64 }

func (m *meter) Start(string, int64) { m.started.Add(1) }
func (m *meter) Add(n int64)         { m.n.Add(n) }
func (m *meter) Done(_ string, err error) {
	m.done.Add(1)
	if err != nil {
		m.failed.Add(1)
	}
}

func TestFaultsForGood(t *testing.T) {
	data := body(1, 100_000)
	login := "<html>Welcome! Accept our terms.</html>"
	html := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, login)
	}
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		trust bool
		text  string
		asked int32
	}{
		{"always 503", fail(503), false, "503 service unavailable", 3},
		{"always reset", reset, false, "", 3},
		{"always stalls", stall, false, "stalled", 3},
		{"always cut", half(data, "", cut), false, "", 3},
		{"401", fail(401), false, "401 unauthorized", 1},
		{"501", fail(501), false, "501 not implemented", 1},
		{"login page", html, true, "got text/html of 39 bytes: a login page? want 100000 bytes", 1},
		{"login page in pieces", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.(http.Flusher).Flush()
			fmt.Fprint(w, login)
		}, true, "a login page?", 1},
		{"login page by redirect", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/login" {
				http.Redirect(w, r, "/login", http.StatusFound)
				return
			}
			html(w, r)
		}, true, "a login page?", 2},
		{"shorter, politely", content(data[:99_999]), true, "99999 bytes", 1},
		{"shorter, in chunks", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(data[:99_999])
		}, true, "99999 bytes", 1},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(data)
			}
		}, true, "more than 100000 bytes", 1},
		{"declares too much", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99999999999")
			w.Write(data)
		}, true, "99999999999 bytes", 1},
		{"an encoding", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(data[:500])
		}, true, `Content-Encoding "gzip"`, 1},
		{"wrong bytes", content(body(2, 100_000)), true, tree.Sum(body(2, 100_000)).Hex(), 2},
		{"redirects without end", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}, false, "more than 10 redirects", 11},
		{"redirect to a file", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		}, false, "redirect from http to file:///etc/passwd refused", 1},
		{"redirect with line breaks", func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(conn, "HTTP/1.1 302 Found\r\nLocation: http://x/\x01\x0d201 done\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			conn.Close()
		}, false, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				c.h(w, r)
			})
			w := newWorld(t, func(cfg *Config) { cfg.Stall = 100 * time.Millisecond })
			ref := refTo(data, s.URL)
			err := mustFail(t, w, ref)
			if isTrust(err) != c.trust || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("want trust %v and %q, got %v", c.trust, c.text, err)
			}
			// Malformed heads may or may not be worth a retry; the others are fixed.
			if n := asked.Load(); n != c.asked && c.name != "redirect with line breaks" {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			empty(t, filepath.Join(w.Cache().Path(), "partial"))
		})
	}
}

// What has no digest is bounded, too, and a login page does not pass for an index.
func TestIndexFaults(t *testing.T) {
	data := body(1, 5000)
	other := serve(t, content(data)).URL
	for _, c := range []struct {
		name  string
		size  int64
		limit int64
		h     http.HandlerFunc
		trust bool
	}{
		{"endless", -1, 6000, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(data)
			}
		}, true},
		{"declares too much", -1, 4999, content(data), true},
		{"another size", 4999, 0, content(data), true},
		{"login page", -1, 6000, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write(data[:100])
		}, true},
		{"an encoding", -1, 6000, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.Write(data)
		}, true},
		{"truncated", -1, 6000, half(data, "", cut), false},
		{"stalls", -1, 6000, half(data, "", stall), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ref := pkg.Ref{Repo: &pkg.Repo{ID: "r", Base: serve(t, c.h).URL}, Path: "dists/a/InRelease", Size: c.size, Limit: c.limit}
			w := newWorld(t, func(cfg *Config) { cfg.Stall = 100 * time.Millisecond })
			if err := mustFail(t, w, ref); isTrust(err) != c.trust {
				t.Errorf("trust: %v", err)
			}
			// The next source is tried.
			ref.Repo = &pkg.Repo{ID: "r", Base: other, Mirrors: []string{ref.Repo.Base}}
			ref.Size, ref.Limit = -1, 6000
			if c.size < 0 && c.limit == 6000 {
				mustGet(t, w, ref, data)
			}
		})
	}
}

func TestDowngrade(t *testing.T) {
	data := body(1, 100)
	plain := serve(t, content(data))
	var to string
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+"/x", http.StatusFound)
	}))
	defer secure.Close()
	w := newWorld(t, func(c *Config) { c.Transport = secure.Client().Transport })
	to = plain.URL
	if err := mustFail(t, w, refTo(data, secure.URL)); !strings.Contains(err.Error(), "from https to http://") {
		t.Errorf("downgrade: %v", err)
	}
	// The control: to https it is followed.
	target := httptest.NewTLSServer(content(data))
	defer target.Close()
	to = target.URL
	mustGet(t, w, refTo(data, secure.URL), data)
	// A certificate that nobody vouches for is refused, at once.
	w = newWorld(t, nil)
	if err := mustFail(t, w, refTo(data, target.URL)); !strings.Contains(err.Error(), "certificate") || len(w.slept) > 0 {
		t.Errorf("unknown authority: %v, waits %v", err, w.slept)
	}
}

func TestUnreachable(t *testing.T) {
	data := body(1, 100)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + l.Addr().String()
	l.Close()
	good := serve(t, content(data)).URL
	w := newWorld(t, nil)
	mustGet(t, w, refTo(data, dead, good), data)
	if len(w.slept) != 2 || !strings.Contains(w.said(), "refused") {
		t.Errorf("first file: waits %v, said %q", w.slept, w.said())
	}
	// From now on the mirror comes last.
	other := refTo(data, dead, good)
	other.Path, other.SHA256 = "other", tree.Digest{}
	mustGet(t, w, other, data)
	if len(w.slept) != 2 || strings.Count(w.said(), "\n") != 0 {
		t.Errorf("second file: waits %v, said %q", w.slept, w.said())
	}
}
