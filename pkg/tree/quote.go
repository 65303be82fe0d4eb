package tree

import (
	"fmt"
	"strings"
)

// Quote makes s printable, injectively: bytes outside '!'..'~', and the
// backslash, become \ooo in octal.
func Quote(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; special(c) {
			b.Write([]byte{'\\', '0' + c>>6, '0' + c>>3&7, '0' + c&7})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if special(s[i]) {
			return false
		}
	}
	return true
}

func special(c byte) bool { return c <= ' ' || c > '~' || c == '\\' }

// Unquote is the inverse of [Quote]; it takes escapes of any byte.
func Unquote(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if len(s) < i+4 || s[i+1] > '3' {
			return "", fmt.Errorf("%q: backslash without three octal digits", s)
		}
		var c byte
		for _, d := range []byte(s[i+1 : i+4]) {
			if d < '0' || d > '7' {
				return "", fmt.Errorf("%q: backslash without three octal digits", s)
			}
			c = c<<3 | (d - '0')
		}
		b.WriteByte(c)
		i += 3
	}
	return b.String(), nil
}
