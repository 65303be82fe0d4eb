package openpgp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Keyring is a set of trusted public keys. It is immutable; the zero Keyring trusts nobody.
type Keyring struct{ keys []trustedKey }

// trustedKey is a primary key with all that belongs to it.
type trustedKey struct {
	raw     []byte   // packets
	ids     []uint64 // of the primary key and of its subkeys
	primary string
}

func (k trustedKey) entity() (*openpgp.Entity, error) {
	return openpgp.ReadEntity(packet.NewReader(bytes.NewReader(k.raw)))
}

// ReadKeyring reads the public keys of a file, binary or armoured, of which it may hold several blocks. Keys
// of unknown kinds are passed over; a file without any readable key is an error.
func ReadKeyring(data []byte) (*Keyring, error) {
	if len(data) > maxKeyring {
		return nil, fmt.Errorf("keyring of %d bytes: limit is %d", len(data), maxKeyring)
	}
	if bytes.Contains(data, []byte("-----BEGIN PGP ")) {
		var err error
		if data, err = dearmorAll(data, "PUBLIC KEY BLOCK"); err != nil {
			return nil, fmt.Errorf("keyring: %w", err)
		}
	}
	packets, err := splitPackets(data, maxKeyring)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	ring := &Keyring{}
	var last error
	for len(packets) > 0 {
		n := 1
		for n < len(packets) && packets[n].tag != tagPublicKey && packets[n].tag != tagSecretKey {
			n++
		}
		k, err := readKey(packets[:n])
		if err == nil {
			ring.keys = append(ring.keys, k)
		} else {
			last = err
		}
		packets = packets[n:]
	}
	if len(ring.keys) == 0 {
		if last == nil {
			last = errors.New("empty")
		}
		return nil, fmt.Errorf("keyring: no usable public key: %w", last)
	}
	return ring, nil
}

func readKey(packets []rawPacket) (trustedKey, error) {
	var k trustedKey
	if packets[0].tag != tagPublicKey {
		return k, fmt.Errorf("packet of type %d is no public key", packets[0].tag)
	}
	for _, p := range packets {
		k.raw = append(k.raw, p.bytes...)
	}
	e, err := k.entity()
	if err != nil {
		return k, err
	}
	k.primary = fingerprint(e.PrimaryKey.Fingerprint)
	k.ids = append(k.ids, e.PrimaryKey.KeyId)
	for _, s := range e.Subkeys {
		k.ids = append(k.ids, s.PublicKey.KeyId)
	}
	return k, nil
}

// Join returns a keyring with the keys of all rings.
func Join(rings ...*Keyring) *Keyring {
	var all Keyring
	for _, r := range rings {
		all.keys = append(all.keys, r.keys...)
	}
	return &all
}

// Fingerprints returns the primary keys' fingerprints in the order of the files.
func (r *Keyring) Fingerprints() []string {
	fs := make([]string, 0, len(r.keys))
	for _, k := range r.keys {
		fs = append(fs, k.primary)
	}
	return fs
}
