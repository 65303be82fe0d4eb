// Package certificate reads as much of X.509 certificates as stores of them need: the bytes, and OpenSSL's hash of the subject.
// It does not judge them: what is malformed for one reader is trusted by another, and the store's maintainer decided.
package certificate

import (
	"bytes"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Certificate is one certificate.
type Certificate struct {
	Raw     []byte // DER
	Subject []byte // DER of the subject's Name
}

// ErrMalformed says that bytes are no certificate.
var ErrMalformed = errors.New("not a certificate")

// Decode returns the certificates in PEM text, in order: blocks called CERTIFICATE, X509 CERTIFICATE and TRUSTED CERTIFICATE, of
// which the last carries more after the certificate. Other blocks and what is between them is left out.
func Decode(text []byte) ([]Certificate, error) {
	var list []Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return list, nil
		}
		text = rest
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		default:
			continue
		}
		c, err := Parse(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
}

// Parse reads one certificate in DER; what comes after it is left out.
func Parse(der []byte) (Certificate, error) {
	var outer, body asn1.RawValue
	rest, err := asn1.Unmarshal(der, &outer)
	if err != nil || !sequence(outer) {
		return Certificate{}, ErrMalformed
	}
	c := Certificate{Raw: der[:len(der)-len(rest)]}
	if _, err := asn1.Unmarshal(outer.Bytes, &body); err != nil || !sequence(body) {
		return Certificate{}, ErrMalformed
	}
	// Version (explicit 0, optional), serial number, algorithm, issuer, validity, subject.
	fields := body.Bytes
	for i := 0; i < 6; i++ {
		var v asn1.RawValue
		if fields, err = asn1.Unmarshal(fields, &v); err != nil {
			return Certificate{}, ErrMalformed
		}
		switch {
		case i == 0 && v.Class != asn1.ClassContextSpecific:
			i++ // no version
		case i == 5 && !sequence(v):
			return Certificate{}, ErrMalformed
		case i == 5:
			c.Subject = v.FullBytes
		}
	}
	return c, nil
}

func sequence(v asn1.RawValue) bool {
	return v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSequence && v.IsCompound
}

// SubjectHash is OpenSSL's X509_NAME_hash since 1.0.0: of the SHA-1 of the canonical subject the first four bytes,
// least significant first. Canonical is the sequence of sets without its own header; text is UTF-8 in lower
// case (ASCII letters only), without space at the ends and with one blank for each run of space inside.
func (c Certificate) SubjectHash() (uint32, error) {
	canonical, err := canonicalName(c.Subject)
	if err != nil {
		return 0, err
	}
	sum := sha1.Sum(canonical)
	return binary.LittleEndian.Uint32(sum[:]), nil
}

func canonicalName(der []byte) ([]byte, error) {
	var name asn1.RawValue
	if _, err := asn1.Unmarshal(der, &name); err != nil || !sequence(name) {
		return nil, ErrMalformed
	}
	var out []byte
	for rest := name.Bytes; len(rest) > 0; {
		var set asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &set); err != nil || set.Tag != asn1.TagSet || !set.IsCompound {
			return nil, ErrMalformed
		}
		var members [][]byte
		for in := set.Bytes; len(in) > 0; {
			var member asn1.RawValue
			if in, err = asn1.Unmarshal(in, &member); err != nil || !sequence(member) {
				return nil, ErrMalformed
			}
			m, err := canonicalMember(member.Bytes)
			if err != nil {
				return nil, err
			}
			members = append(members, m)
		}
		slices.SortFunc(members, bytes.Compare) // as DER has it
		b, err := marshal(asn1.TagSet, true, slices.Concat(members...))
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// canonicalMember is the encoding of a type and its value.
func canonicalMember(in []byte) ([]byte, error) {
	var oid, value asn1.RawValue
	rest, err := asn1.Unmarshal(in, &oid)
	if err != nil {
		return nil, ErrMalformed
	}
	if _, err := asn1.Unmarshal(rest, &value); err != nil {
		return nil, ErrMalformed
	}
	encoded := value.FullBytes
	if text, ok := decodeText(value); ok {
		if encoded, err = marshal(asn1.TagUTF8String, false, canonicalText(text)); err != nil {
			return nil, err
		}
	}
	return marshal(asn1.TagSequence, true, slices.Concat(oid.FullBytes, encoded))
}

func marshal(tag int, compound bool, content []byte) ([]byte, error) {
	return asn1.Marshal(asn1.RawValue{Tag: tag, IsCompound: compound, Bytes: content})
}

// Tags that encoding/asn1 does not name.
const (
	tagVisibleString   = 26
	tagUniversalString = 28
)

// decodeText returns a string as UTF-8; false for other types, whose encoding stays.
func decodeText(v asn1.RawValue) ([]byte, bool) {
	if v.Class != asn1.ClassUniversal || v.IsCompound {
		return nil, false
	}
	switch v.Tag {
	case asn1.TagUTF8String:
		return v.Bytes, true
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String, tagVisibleString:
		var b []byte // taken for Latin-1
		for _, c := range v.Bytes {
			b = utf8.AppendRune(b, rune(c))
		}
		return b, true
	case asn1.TagBMPString:
		var units []uint16
		for b := v.Bytes; len(b) >= 2; b = b[2:] {
			units = append(units, binary.BigEndian.Uint16(b))
		}
		return []byte(string(utf16.Decode(units))), true
	case tagUniversalString:
		var b []byte
		for in := v.Bytes; len(in) >= 4; in = in[4:] {
			b = utf8.AppendRune(b, rune(binary.BigEndian.Uint32(in)))
		}
		return b, true
	}
	return nil, false
}

func space(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

func canonicalText(s []byte) []byte {
	var out []byte
	pending := false
	for _, b := range s {
		if space(b) {
			pending = len(out) > 0
			continue
		}
		if pending {
			out, pending = append(out, ' '), false
		}
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		out = append(out, b)
	}
	return out
}

// LinkName is the name by which OpenSSL finds a certificate in a directory: its subject's hash and a number that
// tells those of one hash apart.
func LinkName(hash uint32, n int) string { return fmt.Sprintf("%08x.%d", hash, n) }
