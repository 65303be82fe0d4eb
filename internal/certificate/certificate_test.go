package certificate

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// make1 makes a certificate with openssl.
func make1(t testing.TB, options ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9999",
		"-keyout", filepath.Join(dir, "key"), "-out", filepath.Join(dir, "crt")}, options...)
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		if _, err := exec.LookPath("openssl"); err != nil {
			t.Skip("SKIPPED, NOT CHECKED: no openssl on this machine")
		}
		t.Fatalf("openssl %v: %v\n%s", options, err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "crt"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSubjectHash asks the real program.
func TestSubjectHash(t *testing.T) {
	seen := map[string]bool{}
	for _, options := range [][]string{
		{"-subj", "/C=DE/O=  Some \t Org  Inc /CN=ROOT Ca"},
		{"-subj", "/CN=" + strings.Repeat("long ", 12)},
		{"-utf8", "-subj", "/O=Főtanúsítvány  ÄÖ/CN=É"},
		{"-multivalue-rdn", "-subj", "/C=DE/O=B+OU=A+CN=Zz/CN=x"},
		{"-subj", "/emailAddress=A@B.example/DC=Org/DC=example"},
		{"-utf8", "-nameopt", "utf8", "-subj", "/CN=日本 語"},
		{"-subj", "/"},
		{"-subj", "/1.2.3.4=odd/CN=a"},
	} {
		b := make1(t, options...)
		cmd := exec.Command("openssl", "x509", "-noout", "-subject_hash")
		cmd.Stdin = bytes.NewReader(b)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		list, err := Decode(b)
		if err != nil || len(list) != 1 {
			t.Fatal(options, len(list), err)
		}
		hash, err := list[0].SubjectHash()
		if err != nil {
			t.Fatal(options, err)
		}
		got := fmt.Sprintf("%08x", hash)
		if want := strings.TrimSpace(string(out)); got != want {
			t.Errorf("%q: %s, want %s", options, got, want)
		}
		seen[got] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d different hashes of 8: the check checks little", len(seen))
	}
}

// TestStringTypes holds every kind of string against OpenSSL.
func TestStringTypes(t *testing.T) {
	for _, mask := range []string{"MASK:0x2", "MASK:0x4", "MASK:0x800", "MASK:0x100", "utf8only", "MASK:0x10"} {
		conf := filepath.Join(t.TempDir(), "conf")
		text := "[req]\ndistinguished_name=dn\nstring_mask=" + mask + "\nprompt=no\n[dn]\nO=  Some  Org\nCN=Name OF It\n"
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		b := make1(t, "-config", conf)
		cmd := exec.Command("openssl", "x509", "-noout", "-subject_hash")
		cmd.Stdin = bytes.NewReader(b)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		list, err := Decode(b)
		if err != nil || len(list) != 1 {
			t.Fatal(err)
		}
		hash, err := list[0].SubjectHash()
		if got := fmt.Sprintf("%08x", hash); err != nil || got != strings.TrimSpace(string(out)) {
			t.Errorf("%s: %s, want %s (%v)", mask, got, out, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, b := range []string{"", "0", "\x30\x00", "\x30\x02\x30\x00", "\x30\x80\x00\x00", "\x30\x04\x30\x02\x02\x00"} {
		if c, err := Parse([]byte(b)); err == nil {
			t.Errorf("%q is %v", b, c)
		}
	}
	list, err := Decode([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"))
	if err == nil {
		t.Errorf("an empty sequence is %v", list)
	}
}

func FuzzParse(f *testing.F) {
	if list, err := Decode(make1(f, "-subj", "/C=DE/CN=x")); err == nil {
		f.Add(list[0].Raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, c.Raw) {
			t.Error("the certificate is not where it was read")
		}
		one, err1 := c.SubjectHash()
		two, err2 := c.SubjectHash()
		if one != two || (err1 == nil) != (err2 == nil) {
			t.Error("two hashes of one subject")
		}
	})
}
