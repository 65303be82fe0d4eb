package apk

import (
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// sums checks and collects the checksums of files and links.
type sums struct {
	alg     string
	fresh   func() hash.Hash
	text    []byte
	byPath  map[string]string // hexadecimal, of what hard links may name
	current summed
}

// summed is a body that is being hashed.
type summed struct {
	r    io.Reader
	h    hash.Hash
	path string
	want string
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.h.Write(p[:n])
	return n, err
}

// paxSum is the record with a file's checksum.
const paxSum = "APK-TOOLS.checksum."

// entry notes the checksum of e, or has its body hashed as it is read.
func (s *sums) entry(e *archive.Entry) error {
	var want string
	for _, x := range e.Pax {
		if kind, ok := strings.CutPrefix(x.Name, paxSum); ok {
			if kind != "SHA1" || len(x.Value) != 40 {
				return refuse(e.Node.Path, "unsupported checksum %s=%q", x.Name, x.Value)
			}
			want = x.Value
		}
	}
	switch {
	case e.Body != nil:
		e.Body = s.body(e.Node.Path, e.Body, want)
	case e.Node.IsHardLink():
		s.note(e.Node.Path, s.byPath[e.Node.Link])
	case e.Node.Mode&fs.ModeSymlink != 0:
		return s.target(e.Node.Path, e.Node.Link, want)
	}
	return nil
}

// body returns r, the body of path, as what is to be read instead, so that it is hashed.
func (s *sums) body(path string, r io.Reader, want string) io.Reader {
	s.current = summed{r: r, h: s.fresh(), path: path, want: want}
	return &s.current
}

// target notes and compares the checksum of a symbolic link's target.
func (s *sums) target(path, link, want string) error {
	h := s.fresh()
	h.Write([]byte(link))
	return s.is(path, hex.EncodeToString(h.Sum(nil)), want)
}

// check compares the checksum of the last body, of which nothing need have been read.
func (s *sums) check() error {
	if s.current.r == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, &s.current); err != nil {
		return err
	}
	c := s.current
	s.current = summed{}
	return s.is(c.path, hex.EncodeToString(c.h.Sum(nil)), c.want)
}

func (s *sums) is(path, have, want string) error {
	if want != "" && have != want {
		return pkg.Distrust(tree.Quote(path), "has the %s %s, its archive says %s", s.alg, have, want)
	}
	if s.byPath == nil {
		s.byPath = map[string]string{}
	}
	s.byPath[path] = have
	s.note(path, have)
	return nil
}

// note adds a line; a path with a line feed is quoted.
func (s *sums) note(path, sum string) {
	s.text = fmt.Appendf(s.text, "%s %s\n", sum, tree.Quote(path))
}
