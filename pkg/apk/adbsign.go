package apk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// A signature of format 3 does not name its key but has an id of it. What is signed is made of a hash of the metadata:
//
//	00 | 04 | 16 bytes | the rest      version, hash of the metadata (4: sha512, 3: sha256), id of the key, signature
//
// namely, with sha512 again: the schema, the first 18 bytes of the signature, that hash.
const signatureHeader = 18

// keyID is the first 16 bytes of a public key's sha512: of PKCS #1 for RSA, of the point for a curve.
type keyID [16]byte

func idOf(public any) (id keyID, ok bool) {
	var der []byte
	switch k := public.(type) {
	case *rsa.PublicKey:
		der = x509.MarshalPKCS1PublicKey(k)
	case *ecdsa.PublicKey:
		p, err := k.Bytes()
		if err != nil {
			return id, false
		}
		der = p
	default:
		return id, false
	}
	sum := sha512.Sum512(der)
	return keyID(sum[:16]), true
}

// trusted is the keys that can verify signatures of format 3.
type trusted struct {
	names  map[keyID]string
	public map[keyID]any
	err    error // of a key that cannot
}

func trust(keys []pkg.Key) *trusted {
	t := &trusted{names: map[keyID]string{}, public: map[keyID]any{}}
	for _, k := range keys {
		p, err := parseKey(k.Data)
		id, ok := idOf(p)
		switch {
		case err != nil:
			t.err = fmt.Errorf("key %s: %w", k.Name, err)
		case !ok:
			t.err = fmt.Errorf("key %s is of a kind that format 3 does not have", k.Name)
		case t.names[id] == "":
			t.names[id], t.public[id] = k.Name, p
		}
	}
	return t
}

// verify checks every signature of the file whose key is among keys, and returns the names of those keys, sorted. At least one must be
// there, and none may be wrong.
func (f *adbFile) verify(keys []pkg.Key) ([]string, error) {
	t := trust(keys)
	good, unknown, err := f.check(t)
	switch {
	case err != nil:
		return nil, err
	case len(f.signatures) == 0:
		return nil, errors.New("is not signed")
	case len(good) == 0 && t.err != nil:
		return nil, t.err
	case len(good) == 0:
		return nil, fmt.Errorf("is signed with the key of id %s, which is none of the trusted ones", strings.Join(unknown, ", "))
	}
	return good, nil
}

// check verifies the signatures whose keys are known.
func (f *adbFile) check(t *trusted) (good, unknown []string, err error) {
	for _, s := range f.signatures {
		if len(s) < signatureHeader || s[0] != 0 {
			unknown = append(unknown, "(none: it is of a newer version)")
			continue
		}
		id := keyID(s[2:signatureHeader])
		name := t.names[id]
		if name == "" {
			unknown = append(unknown, fmt.Sprintf("%x", id))
			continue
		}
		if err := f.verifyOne(s, t.public[id]); err != nil {
			return nil, nil, fmt.Errorf("signature with the key %s: %w", name, err)
		}
		good = append(good, name)
	}
	slices.Sort(good)
	return slices.Compact(good), unknown, nil
}

// verifyOne checks one signature.
func (f *adbFile) verifyOne(s []byte, public any) error {
	h := sha512.New()
	h.Write([]byte(f.schema))
	h.Write(s[:signatureHeader])
	switch s[1] {
	case 4:
		sum := sha512.Sum512(f.metadata)
		h.Write(sum[:])
	case 3:
		sum := sha256.Sum256(f.metadata)
		h.Write(sum[:])
	default:
		return fmt.Errorf("unsupported hash %d", s[1])
	}
	ok := false
	switch k := public.(type) {
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(k, crypto.SHA512, h.Sum(nil), s[signatureHeader:]) == nil
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(k, h.Sum(nil), s[signatureHeader:])
	}
	if !ok {
		return errors.New("is wrong")
	}
	return nil
}
