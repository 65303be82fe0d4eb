package openpgp

import (
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	beginMessage   = "-----BEGIN PGP SIGNED MESSAGE-----"
	beginSignature = "-----BEGIN PGP SIGNATURE-----"
)

// VerifyClearsigned checks a file in the cleartext signature framework (RFC 9580, section
// 7) and returns the text that was signed: dash escapes and trailing blanks removed, lines ended by LF.
//
//	-----BEGIN PGP SIGNED MESSAGE-----
//	Hash: SHA256
//
//	Origin: Debian
//	…
//	-----BEGIN PGP SIGNATURE-----
//
//	iQIzBAEBCAAdFiEE…
//	-----END PGP SIGNATURE-----
//
// It is stricter than the RFC, since tools that were not have read what nobody signed: the whole file is one
// such block, from byte 0 to its end, only white space may follow; there is at least one Hash header and no other
// header, and a digest that it does not name does not count; a line that starts with "-" is
// escaped; a line has at most 64 KiB and the file 32 MiB.
func VerifyClearsigned(file []byte, ring *Keyring, at time.Time) (plain []byte, signers []Signer, err error) {
	if len(file) > MaxFile {
		return nil, nil, fmt.Errorf("signed file of %d bytes: limit is %d", len(file), MaxFile)
	}
	m, err := splitClearsigned(string(file))
	if err != nil {
		return nil, nil, err
	}
	v := verifier{ring: ring, at: at, types: []packet.SignatureType{packet.SigTypeText}, hashes: m.hashes}
	// The last line's end is not signed.
	signers, err = v.verify(m.text[:max(0, len(m.text)-1)], m.signature)
	if err != nil {
		return nil, nil, err
	}
	return m.text, signers, nil
}

// message is a clearsigned file in its parts, nothing of it verified.
type message struct {
	hashes    []crypto.Hash
	text      []byte // every line ends in LF
	signature []byte // packets
}

func splitClearsigned(text string) (message, error) {
	var m message
	l, text, err := line(text)
	if err != nil || l != beginMessage {
		return m, errors.New("does not start with " + beginMessage)
	}
	if m.hashes, text, err = hashHeaders(text); err != nil {
		return m, err
	}
	m.text = make([]byte, 0, len(text))
	for !strings.HasPrefix(text, beginSignature) {
		if l, text, err = line(text); err != nil {
			return m, err
		}
		if strings.HasPrefix(l, "-") {
			if !strings.HasPrefix(l, "- ") {
				return m, fmt.Errorf("line is not dash-escaped: %q", clip(l))
			}
			l = l[2:]
		}
		m.text = append(append(m.text, strings.TrimRight(l, " \t")...), '\n')
	}
	m.signature, err = dearmorOnly([]byte(text), "SIGNATURE")
	return m, err
}

// hashHeaders reads the headers up to and including the empty line.
func hashHeaders(text string) ([]crypto.Hash, string, error) {
	hashes := []crypto.Hash{}
	seen := false
	for {
		l, rest, err := line(text)
		if err != nil {
			return nil, "", err
		}
		text = rest
		if l == "" {
			break
		}
		names, ok := strings.CutPrefix(l, "Hash: ")
		if !ok {
			return nil, "", fmt.Errorf("want a Hash header, have %q", clip(l))
		}
		seen = true
		for name := range strings.SplitSeq(names, ",") {
			for _, g := range goodHashes {
				if g.name == strings.TrimSpace(name) {
					hashes = append(hashes, g.hash)
				}
			}
		}
	}
	if !seen {
		return nil, "", errors.New("no Hash header")
	}
	return hashes, text, nil
}

// Cleartext returns the text of a clearsigned file without believing anybody, for a caller who said
// that he wants that. The file must have the form that [VerifyClearsigned] demands.
func Cleartext(file []byte) ([]byte, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("signed file of %d bytes: limit is %d", len(file), MaxFile)
	}
	m, err := splitClearsigned(string(file))
	return m.text, err
}
