// Package jks writes Java key stores of trusted certificates, in Sun's format "JKS".
package jks

import (
	"cmp"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// Entry is a trusted certificate.
type Entry struct {
	Alias string // is made lower case, as Java does
	DER   []byte
}

const (
	magic   = 0xfeedfeed
	version = 2
	trusted = 2 // the kind of entry
)

// Encode returns a store of entries, all of the one date, ascending by alias; of two with
// one alias the last counts. The password guards the whole against accidents only:
// what it protects are certificates that anybody may read. An alias or certificate that is too long is an error.
func Encode(entries []Entry, date time.Time, password string) ([]byte, error) {
	byAlias := map[string][]byte{}
	var aliases []string
	for _, e := range entries {
		alias := strings.ToLower(e.Alias)
		if _, ok := byAlias[alias]; !ok {
			aliases = append(aliases, alias)
		}
		byAlias[alias] = e.DER
	}
	slices.SortFunc(aliases, cmp.Compare[string])
	var b []byte
	for _, n := range []uint32{magic, version, uint32(len(aliases))} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, alias := range aliases {
		der := byAlias[alias]
		name := javaUTF8(alias)
		if len(name) > 1<<16-1 || len(der) > 1<<31-1 {
			return nil, fmt.Errorf("entry %q of a Java key store: too long", alias)
		}
		b = binary.BigEndian.AppendUint32(b, trusted)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(name))), name...)
		b = binary.BigEndian.AppendUint64(b, uint64(date.UnixMilli()))
		b = append(b, "\x00\x05X.509"...)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(der))), der...)
	}
	return append(b, digest(b, password)...), nil
}

// digest is the SHA-1 of the password in UTF-16, a phrase, and the store.
func digest(store []byte, password string) []byte {
	h := sha1.New()
	for _, u := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(u >> 8), byte(u)})
	}
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(store)
	return h.Sum(nil)
}

// javaUTF8 is Java's own UTF-8: NUL takes two bytes, and what is beyond 16 bits two halves of three.
func javaUTF8(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		switch {
		case u != 0 && u < 0x80:
			b = append(b, byte(u))
		case u < 0x800:
			b = append(b, 0xc0|byte(u>>6), 0x80|byte(u&0x3f))
		default:
			b = append(b, 0xe0|byte(u>>12), 0x80|byte(u>>6&0x3f), 0x80|byte(u&0x3f))
		}
	}
	return b
}
