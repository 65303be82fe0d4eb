package openpgp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// line takes the first line off text, without its LF or CRLF. Only complete lines are lines.
func line(text string) (l, rest string, err error) {
	i := strings.IndexByte(text, '\n')
	if i < 0 {
		return "", "", errors.New("unexpected end of file")
	}
	if i > maxLine {
		return "", "", fmt.Errorf("line of %d bytes: limit is %d", i, maxLine)
	}
	l = strings.TrimSuffix(text[:i], "\r")
	if strings.ContainsAny(l, "\r\x00") {
		return "", "", errors.New("carriage return or NUL inside a line")
	}
	return l, text[i+1:], nil
}

// dearmor reads one armoured block (RFC 9580, section 6.2) of the given kind that starts
// at text[0], and returns its bytes and what follows it. Headers are ignored; base64 and checksum are not.
func dearmor(text, kind string) (body []byte, rest string, err error) {
	l, text, err := line(text)
	if err != nil {
		return nil, "", err
	}
	if l != "-----BEGIN PGP "+kind+"-----" {
		return nil, "", fmt.Errorf("want an armoured %s, have %q", strings.ToLower(kind), clip(l))
	}
	for {
		if l, text, err = line(text); err != nil {
			return nil, "", err
		}
		if strings.TrimRight(l, " \t") == "" {
			break
		}
		if !strings.Contains(l, ": ") && !strings.HasSuffix(l, ":") {
			return nil, "", fmt.Errorf("malformed armour header %q", clip(l))
		}
	}
	var b64 strings.Builder
	sum := ""
	for {
		if text != "" && !strings.Contains(text, "\n") {
			text += "\n" // the last line's end may be missing
		}
		if l, text, err = line(text); err != nil {
			return nil, "", err
		}
		l = strings.TrimRight(l, " \t")
		if l == "-----END PGP "+kind+"-----" {
			break
		}
		switch {
		case sum != "" || strings.HasPrefix(l, "-") || l == "":
			return nil, "", fmt.Errorf("malformed armour line %q", clip(l))
		case l[0] == '=':
			sum = l[1:]
		default:
			b64.WriteString(l)
		}
	}
	if body, err = base64.StdEncoding.Strict().DecodeString(b64.String()); err != nil {
		return nil, "", err
	}
	return body, text, checkSum(body, sum)
}

// checkSum checks the optional checksum of an armour.
func checkSum(body []byte, sum string) error {
	if sum == "" {
		return nil
	}
	want, err := base64.StdEncoding.Strict().DecodeString(sum)
	if err != nil || len(want) != 3 {
		return fmt.Errorf("malformed armour checksum %q", clip(sum))
	}
	if c := crc24(body); c != uint32(want[0])<<16|uint32(want[1])<<8|uint32(want[2]) {
		return errors.New("wrong armour checksum")
	}
	return nil
}

// dearmorOnly reads a file that is one armoured block and nothing else.
func dearmorOnly(data []byte, kind string) ([]byte, error) {
	body, rest, err := dearmor(string(data), kind)
	if err == nil && strings.Trim(rest, " \t\r\n") != "" {
		err = errors.New("text after the armoured block")
	}
	return body, err
}

// dearmorAll joins all armoured blocks of a file; text around them is passed over.
func dearmorAll(data []byte, kind string) ([]byte, error) {
	var all []byte
	text := string(data)
	for {
		i := strings.Index(text, "-----BEGIN PGP ")
		if i < 0 {
			return all, nil
		}
		body, rest, err := dearmor(text[i:], kind)
		if err != nil {
			return nil, err
		}
		all, text = append(all, body...), rest
	}
}

// crc24 is the checksum of RFC 9580, section 6.1.1.
func crc24(b []byte) uint32 {
	c := uint32(0xb704ce)
	for _, x := range b {
		c ^= uint32(x) << 16
		for range 8 {
			c <<= 1
			if c&0x1000000 != 0 {
				c ^= 0x1864cfb
			}
		}
	}
	return c & 0xffffff
}

// clip shortens s for a message.
func clip(s string) string { return s[:min(len(s), 60)] }
