package xfont_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/detinstall/detinstall/internal/xfont"
)

// font makes a font with two properties, in a byte order.
func font(order binary.AppendByteOrder, format uint32) []byte {
	le := binary.LittleEndian
	b := []byte("\x01fcp")
	for _, v := range []uint32{2, 8, 0, 4, 40, 1, format, 99, 40} {
		b = le.AppendUint32(b, v)
	}
	b = le.AppendUint32(b, format)
	b = order.AppendUint32(b, 2)
	b = append(order.AppendUint32(b, 0), 0)
	b = order.AppendUint32(b, 75)
	b = append(order.AppendUint32(b, 4), 1)
	b = order.AppendUint32(b, 9)
	b = append(b, 0, 0)
	b = order.AppendUint32(b, 18)
	return append(b, "RES\x00FONT\x00-misc-x\x00"...)
}

func packed(b []byte) []byte {
	var w bytes.Buffer
	z := gzip.NewWriter(&w)
	z.Write(b)
	z.Close()
	return w.Bytes()
}

func TestName(t *testing.T) {
	for _, b := range [][]byte{font(binary.LittleEndian, 0), font(binary.BigEndian, 4), packed(font(binary.BigEndian, 12))} {
		if got, err := xfont.Name(b); got != "-misc-x" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	b := font(binary.LittleEndian, 0)
	if _, err := xfont.Name(b[:len(b)-1]); err == nil {
		t.Error("a font without its end has a name")
	}
	if _, err := xfont.Name([]byte("STARTFONT 2.1\n")); !errors.Is(err, xfont.ErrOther) {
		t.Error(err)
	}
}

func TestEncoding(t *testing.T) {
	for text, want := range map[string][]string{
		"# c\nSTARTENCODING a-1\nALIAS b-0\nALIAS a-1\nSIZE 1 2\nSTARTMAPPING unicode\nALIAS no\n": {"a-1", "b-0", "a-1"},
		"1\nadobe-dingbats ./x\n": nil,
		"":                        nil,
	} {
		got, err := xfont.Encoding(packed([]byte(text)))
		if !slices.Equal(got, want) || (err != nil) != (text == "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func FuzzName(f *testing.F) {
	f.Add(font(binary.LittleEndian, 0))
	f.Add(font(binary.BigEndian, 4))
	f.Add([]byte("STARTENCODING a-1\nSTARTMAPPING unicode\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		xfont.Name(b)
		xfont.Encoding(b)
	})
}
