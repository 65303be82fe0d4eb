package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// netrc maps a host's name, in lower case, to the login for it.
type netrc map[string]login

type login struct{ user, password string }

// readNetrc reads the user's file. That it cannot be read is reported; there are no credentials then.
func (c *Client) readNetrc() netrc {
	name := c.cfg.Netrc
	if name == "" {
		name = os.Getenv("NETRC")
	}
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		name = filepath.Join(home, ".netrc")
	}
	data, err := readSmall(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var n netrc
	if err == nil {
		n, err = parseNetrc(string(data))
	}
	if err != nil {
		c.report("%s: %v; no credentials are taken from it", name, err)
		return nil
	}
	return n
}

// parseNetrc reads a netrc file, as ftp(1) and curl do: words separated by blanks and newlines,
//
//	machine HOST login USER password "PASS WORD"
//
// with comments from a # at the beginning of a word's line to its end, quoted words in which a backslash
// escapes, and macros (macdef NAME, up to an empty line), which are skipped. Of several entries for a machine
// the first counts. Entries called default are skipped: credentials go to named hosts only.
func parseNetrc(text string) (netrc, error) {
	n := netrc{}
	var host string // of the entry that is being read; empty: none, or one that does not count
	var cur login
	finish := func() {
		if _, ok := n[host]; host != "" && cur.user != "" && !ok {
			n[host] = cur
		}
		host, cur = "", login{}
	}
	s := &words{text: text}
	for {
		word, ok := s.next()
		if !ok {
			break
		}
		switch word {
		case "machine":
			finish()
			w, ok := s.next()
			if !ok {
				return nil, errors.New("machine without a name")
			}
			host = strings.ToLower(w)
		case "default":
			finish()
		case "login", "password", "account":
			w, ok := s.next()
			if !ok {
				return nil, fmt.Errorf("%s without a value", word)
			}
			switch word {
			case "login":
				cur.user = w
			case "password":
				cur.password = w
			}
		case "macdef":
			s.skipMacro()
		default:
			return nil, fmt.Errorf("line %d: a word is not understood", s.line())
		}
	}
	if s.open {
		return nil, errors.New("a quotation does not end")
	}
	finish()
	return n, nil
}

// words splits a netrc file.
type words struct {
	text string
	pos  int
	open bool // a quotation that does not end
}

func (s *words) line() int { return 1 + strings.Count(s.text[:s.pos], "\n") }

func (s *words) next() (string, bool) {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			s.pos++
		case c == '#' && strings.TrimLeft(s.text[strings.LastIndexByte(s.text[:s.pos], '\n')+1:s.pos], " \t") == "":
			s.pos += lineEnd(s.text[s.pos:])
		case c == '"':
			return s.quoted()
		default:
			end := strings.IndexAny(s.text[s.pos:], " \t\r\n")
			if end < 0 {
				end = len(s.text) - s.pos
			}
			w := s.text[s.pos : s.pos+end]
			s.pos += end
			return w, true
		}
	}
	return "", false
}

func (s *words) quoted() (string, bool) {
	var b strings.Builder
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case '"':
			s.pos++
			return b.String(), true
		case '\\':
			if s.pos++; s.pos < len(s.text) {
				b.WriteByte(unescape(s.text[s.pos]))
			}
		default:
			b.WriteByte(c)
		}
	}
	s.open, s.pos = true, len(s.text)
	return "", false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// skipMacro goes to the empty line that ends a macro.
func (s *words) skipMacro() {
	end := strings.Index(s.text[s.pos:], "\n\n")
	if end < 0 {
		s.pos = len(s.text)
		return
	}
	s.pos += end
}

// lineEnd returns the length of the first line without its newline.
func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// readSmall reads a configuration file of at most 1 MiB.
func readSmall(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > small {
		return nil, errors.New("not a regular file of at most 1 MiB")
	}
	return os.ReadFile(name)
}
