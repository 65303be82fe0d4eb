package jks

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKeytool reads a store with the real program.
func TestKeytool(t *testing.T) {
	if _, err := exec.LookPath("keytool"); err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no keytool on this machine")
	}
	dir := t.TempDir()
	var entries []Entry
	for _, alias := range []string{"debian:Zz.pem", "debian:Főtanúsítvány.pem", "a\x00b", "\U0001d11e", "debian:zz.PEM"} {
		crt := filepath.Join(dir, "crt")
		out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
			filepath.Join(dir, "key"), "-out", crt, "-subj", "/CN=x").CombinedOutput()
		if err != nil {
			t.Skipf("SKIPPED, NOT CHECKED: openssl: %v\n%s", err, out)
		}
		b, err := os.ReadFile(crt)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		entries = append(entries, Entry{alias, block.Bytes})
	}
	store, err := Encode(entries, time.Unix(1750000000, 0), "changeit")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "store")
	if err := os.WriteFile(name, store, 0o644); err != nil {
		t.Fatal(err)
	}
	list := func(password string) (string, error) {
		out, err := exec.Command("keytool", "-J-Dfile.encoding=UTF-8", "-J-Duser.timezone=UTC", "-list", "-rfc", "-keystore", name, "-storepass", password).CombinedOutput()
		return string(out), err
	}
	out, err := list("changeit")
	if err != nil {
		t.Fatalf("keytool: %v\n%s", err, out)
	}
	var got [][]byte
	for rest := []byte(out); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		got = append(got, block.Bytes)
	}
	for i, e := range entries {
		found := slices.ContainsFunc(got, func(b []byte) bool { return bytes.Equal(b, e.DER) })
		if replaced := i == 0; found == replaced {
			t.Errorf("%q: found %v", e.Alias, found)
		}
	}
	if len(got) != 4 || !strings.Contains(out, "Jun 15, 2025") || !strings.Contains(out, "debian:zz.pem") || !strings.Contains(out, "JKS") {
		t.Errorf("keytool lists %d certificates:\n%s", len(got), out)
	}
	if out, err := list("changeme"); err == nil {
		t.Errorf("a wrong password opens the store: the check checks nothing\n%s", out)
	}
}

func TestEncode(t *testing.T) {
	a, err := Encode([]Entry{{"b", []byte("2")}, {"a", []byte("1")}}, time.Unix(1, 0), "p")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Encode([]Entry{{"A", []byte("1")}, {"b", []byte("9")}, {"b", []byte("2")}}, time.Unix(1, 0), "p")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the order of entries counts")
	}
	if _, err := Encode([]Entry{{strings.Repeat("x", 1<<16), nil}}, time.Unix(1, 0), "p"); err == nil {
		t.Error("an alias that does not fit is written")
	}
}
