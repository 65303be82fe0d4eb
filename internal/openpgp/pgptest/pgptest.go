// Package pgptest makes keys and signatures for tests: the same ones for the same arguments.
package pgptest

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // tests make the signatures that must be refused
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Created is when every key is made.
var Created = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// Key is an Ed25519 key with a signing subkey.
type Key struct {
	Entity *openpgp.Entity
	config *packet.Config
}

// NewKey makes a key from seed. lifetime is in seconds; 0 never expires.
func NewKey(t testing.TB, seed byte, lifetime uint32) *Key {
	t.Helper()
	off := false
	c := &packet.Config{
		Rand:                                  &stream{seed: sha256.Sum256([]byte{seed})},
		Time:                                  func() time.Time { return Created },
		Algorithm:                             packet.PubKeyAlgoEdDSA,
		KeyLifetimeSecs:                       lifetime,
		NonDeterministicSignaturesViaNotation: &off,
	}
	e, err := openpgp.NewEntity("Test "+string('A'+rune(seed)), "", "test@example.org", c)
	check(t, err)
	check(t, e.AddSigningSubkey(c))
	return &Key{e, c}
}

// stream is an endless sequence of bytes that depends on the seed only.
type stream struct {
	seed [32]byte
	rest []byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		s.seed = sha256.Sum256(s.seed[:])
		s.rest = append(s.rest, s.seed[:16]...)
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Public returns the public key in binary form.
func (k *Key) Public(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, k.Entity.Serialize(&b))
	return b.Bytes()
}

// Armoured returns the public key in its text form.
func (k *Key) Armoured(t testing.TB) []byte {
	return []byte(Armour("PUBLIC KEY BLOCK", k.Public(t)))
}

// Revoke revokes the key, or its signing subkey.
func (k *Key) Revoke(t testing.TB, subkey bool) {
	t.Helper()
	if subkey {
		check(t, k.subkey().Revoke(packet.KeySuperseded, "", k.config))
		return
	}
	check(t, k.Entity.Revoke(packet.KeySuperseded, "", k.config))
}

func (k *Key) subkey() *openpgp.Subkey { return &k.Entity.Subkeys[len(k.Entity.Subkeys)-1] }

// Options say how to sign. The zero value is a good signature by the primary key, a day after the key was made.
type Options struct {
	Subkey   bool
	Hash     crypto.Hash // default SHA256
	Binary   bool        // a signature over bytes, not over text
	Created  time.Time
	Lifetime uint32 // seconds
}

// Sign returns a signature packet over text.
func (k *Key) Sign(t testing.TB, text string, o Options) []byte {
	t.Helper()
	priv := k.Entity.PrivateKey
	if o.Subkey {
		priv = k.subkey().PrivateKey
	}
	sig := &packet.Signature{
		Version: 4, SigType: packet.SigTypeText, PubKeyAlgo: priv.PubKeyAlgo, Hash: crypto.SHA256,
		CreationTime: Created.Add(24 * time.Hour), IssuerKeyId: &priv.KeyId, IssuerFingerprint: priv.Fingerprint,
	}
	if o.Binary {
		sig.SigType = packet.SigTypeBinary
	}
	if o.Hash != 0 {
		sig.Hash = o.Hash
	}
	if !o.Created.IsZero() {
		sig.CreationTime = o.Created
	}
	if o.Lifetime != 0 {
		sig.SigLifetimeSecs = &o.Lifetime
	}
	h, err := sig.PrepareSign(k.config)
	check(t, err)
	if !o.Binary {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	h.Write([]byte(text))
	check(t, sig.Sign(h, priv, k.config))
	var b bytes.Buffer
	check(t, sig.Serialize(&b))
	return b.Bytes()
}

// Clearsign returns text, which ends in a newline, as a clearsigned file.
func (k *Key) Clearsign(t testing.TB, text string, o Options) string {
	t.Helper()
	return Clearsigned("SHA256", text, k.Sign(t, strings.TrimSuffix(text, "\n"), o))
}

// Clearsigned puts text and signature packets together.
func Clearsigned(hash, text string, sigs ...[]byte) string {
	var b strings.Builder
	b.WriteString("-----BEGIN PGP SIGNED MESSAGE-----\nHash: " + hash + "\n\n")
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "-") {
			b.WriteString("- ")
		}
		b.WriteString(l)
	}
	b.WriteString(Armour("SIGNATURE", bytes.Join(sigs, nil)))
	return b.String()
}

// Armour returns data as an armoured block without a checksum.
func Armour(kind string, data []byte) string {
	s := "-----BEGIN PGP " + kind + "-----\n\n"
	b64 := base64.StdEncoding.EncodeToString(data)
	for len(b64) > 64 {
		s, b64 = s+b64[:64]+"\n", b64[64:]
	}
	if b64 != "" {
		b64 += "\n"
	}
	return s + b64 + "-----END PGP " + kind + "-----\n"
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
