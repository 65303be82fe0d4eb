package apk

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 apk-keys(5) allows such keys, and only verification is done
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // of the oldest kind of signature
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
)

// signature is one entry of the first member: .SIGN.KIND.KEY, where KEY is the name of the key's file.
type signature struct {
	kind, key string
	data      []byte
}

// kinds are the kinds of signatures of format 2 with the hash of each.
var kinds = map[string]crypto.Hash{"RSA": crypto.SHA1, "RSA256": crypto.SHA256, "RSA512": crypto.SHA512, "DSA": crypto.SHA1}

// parseSignatures reads the tar archive of a first member. It returns nil, and no error, for one that begins
// with something else: an unsigned file has no such member.
func parseSignatures(member []byte) ([]signature, error) {
	var sigs []signature
	for e, err := range archive.Tar(bytes.NewReader(member), unended(1<<20)) {
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutPrefix(e.Node.Path, ".SIGN.")
		if !ok && len(sigs) == 0 {
			return nil, nil
		}
		kind, key, _ := strings.Cut(name, ".")
		if !ok || e.Body == nil || key == "" || path.Base(key) != key {
			return nil, refuse(e.Node.Path, "is no signature, but is among them")
		}
		data, err := io.ReadAll(e.Body)
		if err != nil {
			return nil, err
		}
		sigs = append(sigs, signature{kind, key, data})
	}
	return sigs, nil
}

// verifySignatures checks every signature of signed whose key is among keys, looked up by name, and returns the names of
// those keys, sorted. At least one must be there, and none may be wrong.
func verifySignatures(sigs []signature, signed []byte, keys []pkg.Key) ([]string, error) {
	var good, unknown []string
	for _, s := range sigs {
		i := slices.IndexFunc(keys, func(k pkg.Key) bool { return k.Name == s.key })
		if i < 0 {
			unknown = append(unknown, s.key)
			continue
		}
		if err := s.verify(signed, keys[i]); err != nil {
			return nil, fmt.Errorf("signature with the key %s: %w", s.key, err)
		}
		good = append(good, s.key)
	}
	switch {
	case len(sigs) == 0:
		return nil, errors.New("is not signed")
	case len(good) == 0:
		slices.Sort(unknown)
		return nil, fmt.Errorf("is signed with the key %s, which is not among the trusted ones (by its file name)", strings.Join(slices.Compact(unknown), ", "))
	}
	slices.Sort(good)
	return slices.Compact(good), nil
}

func (s signature) verify(signed []byte, key pkg.Key) error {
	hash, ok := kinds[s.kind]
	if !ok {
		return fmt.Errorf("unsupported kind %q: supported are DSA, RSA, RSA256, RSA512", s.kind)
	}
	public, err := parseKey(key.Data)
	if err != nil {
		return err
	}
	h := hash.New()
	h.Write(signed)
	switch k := public.(type) {
	case *rsa.PublicKey:
		if s.kind == "DSA" {
			break
		}
		if err := rsa.VerifyPKCS1v15(k, hash, h.Sum(nil), s.data); err != nil {
			return errors.New("is wrong")
		}
		return nil
	case *dsa.PublicKey:
		if s.kind != "DSA" {
			break
		}
		return verifyDSA(k, h.Sum(nil), s.data)
	}
	return fmt.Errorf("the key is not one for %s", s.kind)
}

// verifyDSA checks a signature in DER. The digest is cut to the length of the key's group, as FIPS 186 says.
func verifyDSA(k *dsa.PublicKey, digest, sig []byte) error {
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &rs); err != nil || len(rest) > 0 {
		return errors.New("is malformed")
	}
	if n := (k.Q.BitLen() + 7) / 8; len(digest) > n {
		digest = digest[:n]
	}
	if !dsa.Verify(k, digest, rs.R, rs.S) {
		return errors.New("is wrong")
	}
	return nil
}

// parseKey reads a public key: PEM, SubjectPublicKeyInfo or PKCS #1.
func parseKey(data []byte) (any, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	if block.Type == "RSA PUBLIC KEY" {
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key cannot be read: %w", err)
	}
	switch k.(type) {
	case *rsa.PublicKey, *dsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return k, nil
	}
	return nil, errors.New("the key is of an unsupported kind")
}
