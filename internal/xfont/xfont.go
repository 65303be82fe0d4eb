// Package xfont reads what fonts and encodings of X are called: the property FONT of a portable compiled font, and the names at the
// beginning of an encoding's file. Both may be compressed with gzip.
package xfont

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// largest bounds what a font or an encoding unpacks to.
const largest = 64 << 20

// ErrOther says that a file is of another kind.
var ErrOther = errors.New("no portable compiled font")

// unpack returns a file's content, unpacked if it is compressed.
func unpack(file []byte) (io.Reader, error) {
	if !bytes.HasPrefix(file, []byte("\x1f\x8b")) {
		return bytes.NewReader(file), nil
	}
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return io.LimitReader(z, largest), nil
}

// propertiesTable is the type of the table that holds a font's properties.
const propertiesTable = 1

// Name returns the name of a font, the X logical font description; empty if it has none.
//
// The format: "\x01fcp", how many tables there are, and type, format, size and offset of each, little-endian; the properties' table says
// its own byte order.
func Name(file []byte) (string, error) {
	r, err := unpack(file)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	if len(b) < 8 || string(b[:4]) != "\x01fcp" {
		return "", ErrOther
	}
	n := binary.LittleEndian.Uint32(b[4:])
	for i := uint64(0); i < uint64(n) && 8+16*(i+1) <= uint64(len(b)); i++ {
		entry := b[8+16*i:]
		if at := uint64(binary.LittleEndian.Uint32(entry[12:])); binary.LittleEndian.Uint32(entry) == propertiesTable && at+8 <= uint64(len(b)) {
			return fontOf(b[at:])
		}
	}
	return "", nil
}

var errShort = errors.New("a font that ends too early")

// fontOf finds the property FONT in its table.
func fontOf(b []byte) (string, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if binary.LittleEndian.Uint32(b)&4 != 0 {
		order = binary.BigEndian
	}
	n := uint64(order.Uint32(b[4:]))
	start := 8 + (9*n+3)&^3 + 4
	if start > uint64(len(b)) {
		return "", errShort
	}
	texts := b[start:]
	text := func(at uint32) (string, error) {
		if uint64(at) >= uint64(len(texts)) {
			return "", errShort
		}
		s, _, ok := bytes.Cut(texts[at:], []byte{0})
		if !ok {
			return "", errShort
		}
		return string(s), nil
	}
	for p := b[8 : 8+9*n]; len(p) > 0; p = p[9:] {
		name, err := text(order.Uint32(p))
		if err != nil {
			return "", err
		}
		if name == "FONT" && p[4] != 0 {
			return text(order.Uint32(p[5:]))
		}
	}
	return "", nil
}

// Encoding returns the names of an encoding; none if the file is no encoding's.
func Encoding(file []byte) ([]string, error) {
	r, err := unpack(file)
	if err != nil {
		return nil, err
	}
	var names []string
	for s := bufio.NewScanner(r); s.Scan(); {
		f := strings.Fields(s.Text())
		switch {
		case len(f) == 0 || f[0][0] == '#':
		case len(names) == 0 && (f[0] != "STARTENCODING" || len(f) < 2):
			return nil, nil
		case f[0] == "STARTENCODING" || f[0] == "ALIAS" && len(f) > 1:
			names = append(names, f[1])
		case f[0] == "STARTMAPPING" || f[0] == "ENDENCODING":
			return names, nil
		}
	}
	return nil, fmt.Errorf("encoding %q has no end", names)
}
