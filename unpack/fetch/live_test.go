package fetch

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// A real mirror, if this host's apt has one that can be reached.
func TestRealMirror(t *testing.T) {
	base := HostMirrors("/etc/apt")["debian"]
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		t.Skip("SKIPPED: this host's apt has no mirror of Debian by http")
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(u.Hostname(), port), 2*time.Second)
	if err != nil {
		t.Skip("SKIPPED: the mirror of this host's apt cannot be reached directly")
	}
	conn.Close()
	repo := &pkg.Repo{ID: "debian@stable", Base: base}
	ref := pkg.Ref{Repo: repo, Path: "dists/stable/InRelease", Size: -1}
	w := newWorld(t, nil)
	b, err := w.Get(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	data := read(t, b)
	if !strings.HasPrefix(string(data), "-----BEGIN PGP SIGNED MESSAGE-----\n") {
		t.Errorf("not an InRelease: %.60q", data)
	}
	off := newWorld(t, func(c *Config) { c.Dir = w.Cache().Path(); c.Offline = true })
	mustGet(t, off, ref, data)
	ref.Size, ref.SHA256 = 5, tree.Sum([]byte("wrong"))
	if _, err := w.Get(context.Background(), ref); !isTrust(err) {
		t.Errorf("another digest: %v", err)
	}
	ref.Path = "dists/stable/there-is-no-such-file"
	if _, err := w.Get(context.Background(), ref); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
}
