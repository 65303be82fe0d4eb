package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// memory keeps bodies in memory.
type memory struct{ puts atomic.Int64 }

func (m *memory) Put(r io.Reader, size int64) (tree.Content, error) {
	m.puts.Add(1)
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return tree.Content{}, err
	}
	return tree.Bytes(b), nil
}

// shelf is a getter of files in memory.
type shelf struct {
	files map[tree.Digest][]byte
	gets  atomic.Int64
	delay func(path string) time.Duration
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

func (s *shelf) Get(ctx context.Context, ref pkg.Ref) (pkg.Blob, error) {
	s.gets.Add(1)
	if s.delay != nil {
		select {
		case <-time.After(s.delay(ref.Path)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	b, ok := s.files[ref.SHA256]
	if !ok {
		return nil, fmt.Errorf("%s: %w", ref.Path, fs.ErrNotExist)
	}
	return blob{bytes.NewReader(b)}, nil
}

// add makes a .deb of lines "PATH BODY" or "PATH/" and returns it as locked.
func (s *shelf) add(t testing.TB, name, lines string) lock.Package {
	t.Helper()
	var ar bytes.Buffer
	ar.WriteString("!<arch>\n")
	member := func(name string, b []byte) {
		fmt.Fprintf(&ar, "%-16s%-12s%-6s%-6s%-8s%-10d`\n%s", name, "0", "0", "0", "100644", len(b), b)
		if len(b)%2 == 1 {
			ar.WriteByte('\n')
		}
	}
	member("debian-binary", []byte("2.0\n"))
	member("control.tar", tarOf(t, "control Package: "+name+`\nVersion: 1\nArchitecture: all\nMulti-Arch: foreign\n`+"\npostinst #!/bin/sh\\n"))
	member("data.tar", tarOf(t, lines))
	b := ar.Bytes()
	if s.files == nil {
		s.files = map[tree.Digest][]byte{}
	}
	s.files[tree.Sum(b)] = b
	return lock.Package{Name: name, Version: "1", Arch: "all", From: "test", Path: "pool/" + name + "_1_all.deb", Size: int64(len(b)), SHA256: tree.Sum(b)}
}

func tarOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for line := range strings.Lines(text) {
		name, body, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		h := &tar.Header{Name: name, Mode: 0o644, Uname: "root", Gname: "root", ModTime: time.Unix(1e9, 0)}
		if body = strings.ReplaceAll(body, `\n`, "\n"); strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode, body = tar.TypeDir, 0o755, ""
		}
		if to, ok := strings.CutPrefix(body, "=> "); ok {
			h.Typeflag, h.Linkname, body = tar.TypeLink, to, ""
		}
		h.Size = int64(len(body))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, body)
	}
	w.Close()
	return b.Bytes()
}

var testRepos = map[string]*pkg.Repo{"test": {ID: "test", Format: "deb"}}

// describeAll prints packages with everything in them.
func describeAll(t testing.TB, us []*pkg.Unpacked) string {
	t.Helper()
	var out strings.Builder
	for _, u := range us {
		fmt.Fprintf(&out, "%s %s %d\n", u.Package, u.Package.Path, u.Package.Size)
		for _, s := range u.Scripts {
			fmt.Fprintf(&out, "  %s %s %q\n", s.Phase, s.Interpreter, s.Body)
		}
		err := fs.WalkDir(u.Control, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || p == "." {
				return err
			}
			b, err := fs.ReadFile(u.Control, p)
			info, _ := d.Info()
			fmt.Fprintf(&out, "  %s %s %q\n", info.Mode(), p, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range u.Nodes {
			b, err := n.Content.ReadAll(1 << 30)
			if err != nil {
				t.Fatal(err)
			}
			if n.Content.Size > 0 && tree.Sum(b) != n.Content.Digest {
				t.Errorf("%s: %d bytes that are not %s", n.Path, len(b), n.Content.Digest)
			}
			fmt.Fprintf(&out, "  %s %s %v %v %s %q %v %d,%d %s %s\n", n.Mode, n.Path, n.User, n.Group, n.ModTime, n.Link, n.Xattrs, n.Major, n.Minor, n.From, n.Content.Digest)
		}
	}
	return out.String()
}
