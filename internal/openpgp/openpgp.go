// Package openpgp is the one policy by which OpenPGP signatures are believed (RFC 9580; the
// cryptography is ProtonMail/go-crypto's openpgp/v2).
//
//	ring, err := openpgp.ReadKeyring(key)
//	plain, signers, err := openpgp.VerifyClearsigned(inRelease, ring, at)
//
// One good signature by a key of the ring is enough; what other signatures say, or that they cannot be
// read, does not matter. A signature is good if
//   - it was made with SHA-256 or better (SHA-1, MD5 and RIPEMD-160 are refused),
//   - by a key of the ring, or a subkey that is bound to it and cross-signed, that may sign and is strong
//     enough: RSA of 2047 bits, no DSA, no ElGamal;
//   - that key was never revoked, and
//   - neither key nor signature had expired at the reference time that the caller gives; the zero time means the
//     signature's own creation. The newest self-signature decides about a key's expiry, as in GnuPG. This
//     package never reads the clock.
//
// The caller must parse the bytes that a function of this package returns, never the file
// that it gave. This package makes no signatures and has no web of trust.
package openpgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Limits on what is read at all.
const (
	MaxFile       = 32 << 20 // a signed file
	maxLine       = 64 << 10 // a line of a clearsigned file
	maxSignatures = 64       // packets in one signature block
	maxKeyring    = 16 << 20
)

// slack is how far in the future of the reference time a signature may have been made: clocks differ.
const slack = 24 * time.Hour

// Signer is who made a good signature.
type Signer struct {
	// Key is the fingerprint of the key or subkey that signed, Primary that of its
	// primary key, by which people know it; both in upper-case hexadecimal digits.
	Key, Primary string
	// Created is when the signature says that it was made.
	Created time.Time
}

// ErrNoGoodSignature is wrapped when no signature is good.
var ErrNoGoodSignature = errors.New("no good signature by a trusted key")

// VerifyDetached checks signature, armoured or binary, over data.
func VerifyDetached(data, signature []byte, ring *Keyring, at time.Time) ([]Signer, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("signed file of %d bytes: limit is %d", len(data), MaxFile)
	}
	if bytes.HasPrefix(signature, []byte(beginSignature)) {
		body, err := dearmorOnly(signature, "SIGNATURE")
		if err != nil {
			return nil, fmt.Errorf("signature: %w", err)
		}
		signature = body
	}
	v := verifier{ring: ring, at: at, types: []packet.SignatureType{packet.SigTypeBinary, packet.SigTypeText}}
	return v.verify(data, signature)
}

// verifier checks the packets of one signature block.
type verifier struct {
	ring   *Keyring
	at     time.Time
	types  []packet.SignatureType
	hashes []crypto.Hash // that the block's header announces; nil: any good one
}

// config is the cryptographic policy. Keys without flags may sign, as in GnuPG: some old archive keys have none.
func config(at time.Time) *packet.Config {
	return &packet.Config{
		Time:                                func() time.Time { return at },
		InsecureAllowAllKeyFlagsWhenMissing: true,
	}
}

// goodHashes are the digests that a signature over data may use.
var goodHashes = []struct {
	hash crypto.Hash
	name string
}{
	{crypto.SHA256, "SHA256"},
	{crypto.SHA384, "SHA384"},
	{crypto.SHA512, "SHA512"},
	{crypto.SHA3_256, "SHA3-256"},
	{crypto.SHA3_512, "SHA3-512"},
}

// hashName returns h's name in a Hash header, or "" if it is not good enough.
func hashName(h crypto.Hash) string {
	for _, g := range goodHashes {
		if g.hash == h {
			return g.name
		}
	}
	return ""
}

// verify returns the good signatures of block in its order, or an error that gives every signature's reason.
func (v *verifier) verify(data, block []byte) ([]Signer, error) {
	packets, err := splitPackets(block, maxSignatures)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	var good []Signer
	var bad []string
	for _, p := range packets {
		s, err := v.verifyOne(data, p)
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		good = append(good, s)
	}
	if len(good) == 0 {
		if len(bad) == 0 {
			return nil, fmt.Errorf("%w: no signature at all", ErrNoGoodSignature)
		}
		return nil, fmt.Errorf("%w: %s", ErrNoGoodSignature, strings.Join(bad, "; "))
	}
	return good, nil
}

// verifyOne checks one packet.
func (v *verifier) verifyOne(data []byte, raw rawPacket) (Signer, error) {
	if raw.tag != tagSignature {
		return Signer{}, fmt.Errorf("packet of type %d is no signature", raw.tag)
	}
	p, err := packet.Read(bytes.NewReader(raw.bytes))
	if err != nil {
		return Signer{}, err // an unknown algorithm or version among others
	}
	sig, ok := p.(*packet.Signature)
	if !ok {
		return Signer{}, fmt.Errorf("packet is no signature")
	}
	who := "signature without an issuer"
	if sig.IssuerKeyId != nil {
		who = fmt.Sprintf("key %016X", *sig.IssuerKeyId)
	}
	if err := v.checkSignature(sig); err != nil {
		return Signer{}, fmt.Errorf("%s: %w", who, err)
	}
	err = errors.New("not among the trusted keys")
	for _, k := range v.ring.keys {
		if !slices.Contains(k.ids, *sig.IssuerKeyId) {
			continue
		}
		var s Signer
		if s, err = v.verifyWith(data, sig, k); err == nil {
			return s, nil
		}
	}
	return Signer{}, fmt.Errorf("%s: %w", who, err)
}

// checkSignature checks what does not depend on the key.
func (v *verifier) checkSignature(sig *packet.Signature) error {
	name := hashName(sig.Hash)
	switch {
	case sig.IssuerKeyId == nil:
		return errors.New("no issuer")
	case !slices.Contains(v.types, sig.SigType):
		return fmt.Errorf("signature of type %#x over a file", uint8(sig.SigType))
	case name == "":
		return fmt.Errorf("insecure digest %v", sig.Hash)
	case v.hashes != nil && !slices.Contains(v.hashes, sig.Hash):
		return fmt.Errorf("digest %s, which the Hash header does not announce", name)
	}
	for _, n := range sig.Notations {
		if n.IsCritical {
			return fmt.Errorf("unknown critical notation %q", n.Name)
		}
	}
	if !v.at.IsZero() && sig.CreationTime.After(v.at.Add(slack)) {
		return fmt.Errorf("made in the future: %s", stamp(sig.CreationTime))
	}
	if sig.SigExpired(v.reference(sig)) {
		return fmt.Errorf("signature expired (made %s)", stamp(sig.CreationTime))
	}
	return nil
}

// reference is the time at which sig and its key must be valid.
func (v *verifier) reference(sig *packet.Signature) time.Time {
	if v.at.Before(sig.CreationTime) { // the zero time, or within the slack
		return sig.CreationTime
	}
	return v.at
}

// verifyWith checks sig by a key of the ring, of which the signing key may be a subkey.
func (v *verifier) verifyWith(data []byte, sig *packet.Signature, k trustedKey) (Signer, error) {
	at := v.reference(sig)
	// go-crypto remembers the verdict about a self-signature in the entity, so each check reads its own.
	entity, err := k.entity()
	if err != nil {
		return Signer{}, err
	}
	for _, r := range entity.Revocations {
		if entity.PrimaryKey.VerifyRevocationSignature(r.Packet) == nil {
			return Signer{}, pgperrors.ErrKeyRevoked
		}
	}
	// With the zero time the newest valid self-signatures are chosen; expiry is checked below.
	if _, err := entity.VerifyPrimaryKey(time.Time{}, config(at)); err != nil {
		return Signer{}, err
	}
	key, ok := entity.SigningKeyById(time.Time{}, *sig.IssuerKeyId, config(at))
	if !ok {
		return Signer{}, errors.New("key is revoked, too weak, not bound to its primary key, or not for signing")
	}
	if sig.CreationTime.Before(key.PublicKey.CreationTime) {
		return Signer{}, fmt.Errorf("signature is older than its key")
	}
	if entity.PrimaryKey.KeyExpired(key.PrimarySelfSignature, at) || directExpired(entity, at) {
		return Signer{}, fmt.Errorf("key expired before %s", stamp(at))
	}
	if key.PublicKey.KeyExpired(key.SelfSignature, at) {
		return Signer{}, fmt.Errorf("subkey expired before %s", stamp(at))
	}
	h, err := sig.PrepareVerify()
	if err != nil {
		return Signer{}, err
	}
	if sig.SigType == packet.SigTypeText {
		_, err = openpgp.NewCanonicalTextHash(h).Write(data)
	} else {
		_, err = h.Write(data)
	}
	if err != nil {
		return Signer{}, err
	}
	if err := key.PublicKey.VerifySignature(h, sig); err != nil {
		return Signer{}, err
	}
	return Signer{
		Key:     fingerprint(key.PublicKey.Fingerprint),
		Primary: fingerprint(entity.PrimaryKey.Fingerprint),
		Created: sig.CreationTime.UTC(),
	}, nil
}

// directExpired reports whether a direct-key signature ends the primary key's life before at.
func directExpired(e *openpgp.Entity, at time.Time) bool {
	sig, err := e.LatestValidDirectSignature(time.Time{}, config(at))
	return err == nil && e.PrimaryKey.KeyExpired(sig, at)
}

func fingerprint(b []byte) string { return fmt.Sprintf("%X", b) }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02") }
