package openpgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/internal/openpgp/pgptest"
)

const text = "Origin: Test\nSuite: stable\n- a line that begins with a dash\n"

var day = 24 * time.Hour

func ring(t testing.TB, keys ...*pgptest.Key) *Keyring {
	t.Helper()
	var rings []*Keyring
	for _, k := range keys {
		r, err := ReadKeyring(k.Public(t))
		if err != nil {
			t.Fatal(err)
		}
		rings = append(rings, r)
	}
	return Join(rings...)
}

func TestGoodSignatures(t *testing.T) {
	k, other := pgptest.NewKey(t, 1, 0), pgptest.NewKey(t, 2, 0)
	unsigned := strings.TrimSuffix(text, "\n")
	sig := k.Sign(t, unsigned, pgptest.Options{})
	unknown := slices.Clone(sig)
	unknown[len(unknown)-len(sig)+4] = 99 // the algorithm's octet: see the check below
	for name, file := range map[string]string{
		"primary":           pgptest.Clearsigned("SHA256", text, sig),
		"subkey":            k.Clearsign(t, text, pgptest.Options{Subkey: true}),
		"SHA-512":           pgptest.Clearsigned("SHA512", text, k.Sign(t, unsigned, pgptest.Options{Hash: crypto.SHA512})),
		"CRLF":              strings.ReplaceAll(pgptest.Clearsigned("SHA256", text, sig), "\n", "\r\n"),
		"blanks at the end": strings.Replace(pgptest.Clearsigned("SHA256", text, sig), "stable\n", "stable \t\n", 1),
		"space after":       pgptest.Clearsigned("SHA256", text, sig) + " \n\n",
		"several hashes":    pgptest.Clearsigned("SHA256, SHA512", text, sig),
		"and a stranger's":  pgptest.Clearsigned("SHA256", text, other.Sign(t, unsigned, pgptest.Options{}), sig),
		"and an unknown":    pgptest.Clearsigned("SHA256", text, unknown, sig),
	} {
		t.Run(name, func(t *testing.T) {
			plain, signers, err := VerifyClearsigned([]byte(file), ring(t, k), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if string(plain) != text {
				t.Errorf("plaintext is %q", plain)
			}
			if want := fmt.Sprintf("%X", k.Entity.PrimaryKey.Fingerprint); len(signers) != 1 || signers[0].Primary != want {
				t.Errorf("signers %v, want one with primary key %s", signers, want)
			}
		})
	}
	if _, _, err := VerifyClearsigned([]byte(pgptest.Clearsigned("SHA256", text, unknown)), ring(t, k), time.Time{}); err == nil ||
		!strings.Contains(err.Error(), "public key algorithm 99") {
		t.Errorf("the unknown signature alone: %v", err)
	}
}

func TestSubkeyFingerprint(t *testing.T) {
	k := pgptest.NewKey(t, 1, 0)
	_, s, err := VerifyClearsigned([]byte(k.Clearsign(t, text, pgptest.Options{Subkey: true})), ring(t, k), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if s[0].Key == s[0].Primary || len(s[0].Key) != 40 || s[0].Key != strings.ToUpper(s[0].Key) {
		t.Errorf("signer %+v", s[0])
	}
	if !s[0].Created.Equal(pgptest.Created.Add(day)) {
		t.Errorf("created %v", s[0].Created)
	}
}

// Tampering that the RFC, go-crypto's clearsign package or gpgv let pass.
func TestTampering(t *testing.T) {
	k, other := pgptest.NewKey(t, 1, 0), pgptest.NewKey(t, 2, 0)
	good := k.Clearsign(t, text, pgptest.Options{})
	unsigned := strings.TrimSuffix(text, "\n")
	for name, c := range map[string]struct{ file, want string }{
		"prefix":            {"evil\n" + good, "does not start with"},
		"prefixed newline":  {"\n" + good, "does not start with"},
		"suffix":            {good + "evil\n", "text after"},
		"second block":      {good + good, "text after"},
		"changed body":      {strings.Replace(good, "stable", "staple", 1), "invalid signature"},
		"SHA-1":             {k.Clearsign(t, text, pgptest.Options{Hash: crypto.SHA1}), "insecure digest"},
		"SHA-1 announced":   {pgptest.Clearsigned("SHA1", text, k.Sign(t, unsigned, pgptest.Options{Hash: crypto.SHA1})), "insecure digest"},
		"other hash":        {pgptest.Clearsigned("SHA512", text, k.Sign(t, unsigned, pgptest.Options{})), "does not announce"},
		"wrong key":         {other.Clearsign(t, text, pgptest.Options{}), "not among the trusted keys"},
		"no hash header":    {strings.Replace(good, "Hash: SHA256\n", "", 1), "no Hash header"},
		"unknown header":    {strings.Replace(good, "Hash: SHA256\n", "Hash: SHA256\nEvil: yes\n", 1), "want a Hash header"},
		"undashed line":     {strings.Replace(good, "- - a", "- a", 1), "invalid signature"},
		"unescaped dash":    {strings.Replace(good, "- - a", "-a", 1), "not dash-escaped"},
		"no signature":      {good[:strings.Index(good, beginSignature)], "unexpected end"},
		"no end":            {good[:strings.Index(good, "-----END")], "unexpected end"},
		"empty":             {"", "does not start with"},
		"no packets":        {pgptest.Clearsigned("SHA256", text), "no signature at all"},
		"inserted line":     {strings.Replace(good, "Suite", "Evil: 1\nSuite", 1), "invalid signature"},
		"vertical tab":      {strings.Replace(good, "stable\n", "stable\v\n", 1), "invalid signature"},
		"lone CR":           {strings.Replace(good, "stable\n", "stable\r \n", 1), "carriage return"},
		"NUL":               {strings.Replace(good, "stable", "sta\x00ble", 1), "NUL"},
		"long line":         {strings.Replace(good, "stable", strings.Repeat("x", 70<<10), 1), "limit is"},
		"binary signature":  {pgptest.Clearsigned("SHA256", text, k.Sign(t, unsigned, pgptest.Options{Binary: true})), "type 0x0"},
		"nested block":      {pgptest.Clearsigned("SHA256", good, k.Sign(t, unsigned, pgptest.Options{})), "no good signature"},
		"broken base64":     {strings.Replace(good, "\n\nw", "\n\n*", 1), "illegal base64"},
		"not a packet":      {pgptest.Clearsigned("SHA256", text, []byte("hello")), "not an OpenPGP packet"},
		"truncated packet":  {pgptest.Clearsigned("SHA256", text, k.Sign(t, unsigned, pgptest.Options{})[:40]), "truncated"},
		"a public key":      {pgptest.Clearsigned("SHA256", text, k.Public(t)), "is no signature"},
		"many signatures":   {pgptest.Clearsigned("SHA256", text, bytes.Repeat(k.Sign(t, unsigned, pgptest.Options{}), 65)), "more than 64"},
		"malformed headers": {strings.Replace(good, "-----BEGIN PGP SIGNATURE-----\n", "-----BEGIN PGP SIGNATURE-----\nevil\n", 1), "malformed armour header"},
	} {
		t.Run(name, func(t *testing.T) {
			plain, _, err := VerifyClearsigned([]byte(c.file), ring(t, k), time.Time{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if plain != nil {
				t.Errorf("returned unverified text %q", plain)
			}
		})
	}
	if _, _, err := VerifyClearsigned([]byte(good), ring(t, k), time.Time{}); err != nil {
		t.Errorf("the untouched file: %v", err)
	}
}

func TestTimes(t *testing.T) {
	signed := pgptest.Created.Add(day)
	for name, c := range map[string]struct {
		keyLife uint32 // seconds
		opts    pgptest.Options
		at      time.Time
		want    string // "" accepts
	}{
		"no reference time":             {at: time.Time{}},
		"later":                         {at: signed.Add(9000 * day)},
		"clock a bit behind":            {at: signed.Add(-time.Hour)},
		"clock far behind":              {at: signed.Add(-3 * day), want: "future"},
		"before the signature expired":  {opts: pgptest.Options{Lifetime: 3600}, at: signed.Add(time.Minute)},
		"after the signature expired":   {opts: pgptest.Options{Lifetime: 3600}, at: signed.Add(2 * time.Hour), want: "signature expired"},
		"expiring, no reference":        {opts: pgptest.Options{Lifetime: 3600}},
		"before the key expired":        {keyLife: 10 * 86400, at: signed.Add(day)},
		"after the key expired":         {keyLife: 10 * 86400, at: signed.Add(20 * day), want: "key expired"},
		"expired key, old signature":    {keyLife: 10 * 86400},
		"made when the key had expired": {keyLife: 3600, want: "key expired"},
		"subkey after expiry":           {keyLife: 10 * 86400, opts: pgptest.Options{Subkey: true}, at: signed.Add(20 * day), want: "key expired"},
		"older than its key":            {opts: pgptest.Options{Created: pgptest.Created.Add(-day)}, want: "older than its key"},
	} {
		t.Run(name, func(t *testing.T) {
			k := pgptest.NewKey(t, 1, c.keyLife)
			_, _, err := VerifyClearsigned([]byte(k.Clearsign(t, text, c.opts)), ring(t, k), c.at)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestRevoked(t *testing.T) {
	for _, subkey := range []bool{false, true} {
		k := pgptest.NewKey(t, 1, 0)
		file := []byte(k.Clearsign(t, text, pgptest.Options{Subkey: subkey}))
		if _, _, err := VerifyClearsigned(file, ring(t, k), time.Time{}); err != nil {
			t.Fatal(err)
		}
		k.Revoke(t, subkey)
		if _, _, err := VerifyClearsigned(file, ring(t, k), time.Time{}); err == nil || !strings.Contains(err.Error(), "revoked") {
			t.Errorf("subkey %v: %v", subkey, err)
		}
	}
}

// A subkey that nobody bound to the trusted key must not speak for it (CVE-2021-3521 in rpm).
func TestForeignSubkey(t *testing.T) {
	k, evil := pgptest.NewKey(t, 1, 0), pgptest.NewKey(t, 2, 0)
	file := []byte(evil.Clearsign(t, text, pgptest.Options{Subkey: true}))
	packets, err := splitPackets(evil.Public(t), 100)
	if err != nil {
		t.Fatal(err)
	}
	public := k.Public(t)
	for _, p := range packets[len(packets)-2:] { // the signing subkey and its binding
		public = append(public, p.bytes...)
	}
	r, err := ReadKeyring(public)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.keys[0].ids); n != 4 {
		t.Fatalf("%d key ids, want 4: the test does not test", n)
	}
	if _, _, err := VerifyClearsigned(file, r, time.Time{}); err == nil || !strings.Contains(err.Error(), "not bound") {
		t.Errorf("error %v", err)
	}
}

func TestDetached(t *testing.T) {
	k := pgptest.NewKey(t, 1, 0)
	sig := k.Sign(t, text, pgptest.Options{Binary: true})
	armoured := []byte(pgptest.Armour("SIGNATURE", sig))
	for name, s := range map[string][]byte{"binary": sig, "armoured": armoured, "text": k.Sign(t, text, pgptest.Options{})} {
		if signers, err := VerifyDetached([]byte(text), s, ring(t, k), time.Time{}); err != nil || len(signers) != 1 {
			t.Errorf("%s: %v %v", name, signers, err)
		}
	}
	for name, c := range map[string]struct{ data, sig []byte }{
		"changed data":       {[]byte(text + "x"), sig},
		"text after armour":  {[]byte(text), append(slices.Clone(armoured), "evil"...)},
		"empty signature":    {[]byte(text), nil},
		"signature of SHA-1": {[]byte(text), k.Sign(t, text, pgptest.Options{Binary: true, Hash: crypto.SHA1})},
	} {
		if signers, err := VerifyDetached(c.data, c.sig, ring(t, k), time.Time{}); err == nil {
			t.Errorf("%s: accepted, signers %v", name, signers)
		}
	}
	if _, err := VerifyDetached([]byte(text), nil, ring(t, k), time.Time{}); !errors.Is(err, ErrNoGoodSignature) {
		t.Errorf("error %v does not wrap ErrNoGoodSignature", err)
	}
}

func TestReadKeyring(t *testing.T) {
	a, b := pgptest.NewKey(t, 1, 0), pgptest.NewKey(t, 2, 0)
	both := []string{fmt.Sprintf("%X", a.Entity.PrimaryKey.Fingerprint), fmt.Sprintf("%X", b.Entity.PrimaryKey.Fingerprint)}
	for name, data := range map[string][]byte{
		"binary":   append(a.Public(t), b.Public(t)...),
		"armoured": append(append(a.Armoured(t), "a comment\n"...), b.Armoured(t)...),
		"one":      []byte(pgptest.Armour("PUBLIC KEY BLOCK", append(a.Public(t), b.Public(t)...))),
	} {
		r, err := ReadKeyring(data)
		if err != nil || !slices.Equal(r.Fingerprints(), both) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "truncated": a.Public(t)[:60],
		"a signature": a.Sign(t, text, pgptest.Options{}), "wrong armour": []byte(pgptest.Armour("MESSAGE", a.Public(t))),
	} {
		if r, err := ReadKeyring(data); err == nil {
			t.Errorf("%s: accepted as %v", name, r.Fingerprints())
		}
	}
}

// gpgv must agree about the files that are clean, and knows the same keys.
func TestAgreesWithGpgv(t *testing.T) {
	gpgv, err := exec.LookPath("gpgv")
	if err != nil {
		t.Skip("SKIPPED: no gpgv on this machine to compare with")
	}
	dir := t.TempDir()
	k, other := pgptest.NewKey(t, 1, 0), pgptest.NewKey(t, 2, 0)
	keys := filepath.Join(dir, "keys.gpg")
	if err := os.WriteFile(keys, k.Public(t), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file string
		good bool
	}{
		"primary":   {k.Clearsign(t, text, pgptest.Options{}), true},
		"subkey":    {k.Clearsign(t, text, pgptest.Options{Subkey: true}), true},
		"tampered":  {strings.Replace(k.Clearsign(t, text, pgptest.Options{}), "Test", "Evil", 1), false},
		"wrong key": {other.Clearsign(t, text, pgptest.Options{}), false},
	} {
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(gpgv, "--homedir", dir, "--keyring", keys, file).CombinedOutput()
		if (err == nil) != c.good {
			t.Errorf("%s: gpgv: %v\n%s", name, err, out)
		}
		_, s, err := VerifyClearsigned([]byte(c.file), ring(t, k), time.Time{})
		if (err == nil) != c.good {
			t.Errorf("%s: ours: %v", name, err)
		}
		if c.good && !strings.Contains(string(out), s[0].Key) {
			t.Errorf("%s: gpgv does not name key %s:\n%s", name, s[0].Key, out)
		}
	}
}

func FuzzClearsigned(f *testing.F) {
	k := pgptest.NewKey(f, 1, 0)
	r := ring(f, k)
	good := k.Clearsign(f, text, pgptest.Options{})
	f.Add([]byte(good))
	f.Add([]byte(strings.ReplaceAll(good, "\n", "\r\n")))
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		plain, _, err := VerifyClearsigned(file, r, time.Time{})
		// Only one text was ever signed by this key.
		if err == nil && string(plain) != text {
			t.Errorf("accepted %q", plain)
		}
	})
}

func FuzzKeyring(f *testing.F) {
	f.Add(pgptest.NewKey(f, 1, 0).Public(f))
	f.Add(pgptest.NewKey(f, 1, 0).Armoured(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ReadKeyring(data); err == nil && len(r.Fingerprints()) == 0 {
			t.Error("accepted an empty keyring")
		}
	})
}
