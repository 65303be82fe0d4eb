package tree_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/google/go-cmp/cmp"
)

func fromTar(b []byte) (*tree.Sealed, error) {
	return tree.FromTar(bytes.NewReader(b), int64(len(b)))
}

func TestFromTarInverse(t *testing.T) {
	s := seal(t, picked(t), 1_700_000_000)
	b := writeTar(t, s)
	got, err := fromTar(b)
	if err != nil {
		t.Fatal(err)
	}
	sameTar(t, "FromTar", writeTar(t, got), b)
	want := nodes(s)
	for i := range want {
		want[i].From = ""
	}
	if diff := cmp.Diff(want, nodes(got), sameNodes); diff != "" {
		t.Error(diff)
	}
}

// TestFromTarDialects reads what other programs and formats make of one directory.
func TestFromTarDialects(t *testing.T) {
	needTar(t)
	s := seal(t, treetest.Parse(`
dir  0755 0:0 a
file 0644 7:3000000 a/x "x" @1600000001
hard 0644 0:0 a/y -> a/x
link 0777 0:0 l -> `+strings.Repeat("t", 120)+`
fifo 0600 0:0 p
char 0600 0:0 c 1,3
file 4755 0:0 \351`+strings.Repeat("n", 150)+` "long" @1600000000
`), 1_700_000_000)
	dir := t.TempDir()
	materialize(t, s, dir)
	want, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"tar --format=gnu -cf - .", "tar --format=posix -cf - .", "tar --sort=none -cf - .",
		"tar --format=posix --transform=s,^\\./,, -cf - .", "bsdtar --format=pax -cf - .", "bsdtar --format=gnutar -cf - .",
	} {
		args := strings.Fields(line)
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Logf("SKIPPED: %s is missing", args[0])
			continue
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
		b, err := cmd.Output()
		if err != nil {
			t.Fatal(line, err)
		}
		got, err := fromTar(b)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if d, err := got.Digest(); err != nil || d != want {
			t.Errorf("%s: %s, %v\n%s", line, d, err, cmp.Diff(treetest.Format(s), treetest.Format(got)))
		}
	}
}

// archive writes headers, each with as many bytes of body as it says.
func archive(t testing.TB, hs ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range hs {
		err := w.WriteHeader(&h)
		if err == nil && h.Typeflag == tar.TypeReg {
			_, err = io.CopyN(w, strings.NewReader(strings.Repeat("b", int(h.Size))), h.Size)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFromTarFillsParents(t *testing.T) {
	b := archive(t,
		tar.Header{Name: "/usr/bin/x", Typeflag: tar.TypeReg, Size: 3, Mode: 0o755, ModTime: time.Unix(9, 0)},
		tar.Header{Name: "./y", Typeflag: tar.TypeLink, Linkname: "usr/bin/x", Mode: 0o600, Uid: 7},
		tar.Header{Name: "xattr", Typeflag: tar.TypeReg, PAXRecords: map[string]string{
			"SCHILY.xattr.user.a%3D": "v\x00\n", "SCHILY.xattr.security.selinux": "label", "comment": "c"}},
	)
	s, err := fromTar(b)
	if err != nil {
		t.Fatal(err)
	}
	want := `dir   0755 0:0 . @9 from=implicit
dir   0755 0:0 usr @9 from=implicit
dir   0755 0:0 usr/bin @9 from=implicit
file  0755 0:0 usr/bin/x "bbb" @9
file  0000 0:0 xattr @0 user.a\075="v\x00\n"
hard  0755 0:0 y -> usr/bin/x @9
`
	if diff := cmp.Diff(want, treetest.Format(s)); diff != "" {
		t.Error(diff)
	}
}

func TestFromTarRefuses(t *testing.T) {
	reg := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1} }
	whole := archive(t, reg("x"))
	for name, b := range map[string][]byte{
		"up":             archive(t, reg("../x")),
		"up inside":      archive(t, reg("a/../x")),
		"empty":          archive(t, reg("a//x")),
		"twice":          archive(t, reg("x"), reg("./x")),
		"dir twice":      archive(t, tar.Header{Name: "d/", Typeflag: tar.TypeDir}, tar.Header{Name: "./d", Typeflag: tar.TypeDir}),
		"root twice":     archive(t, tar.Header{Name: "./", Typeflag: tar.TypeDir}, tar.Header{Name: "/", Typeflag: tar.TypeDir}),
		"root is link":   archive(t, tar.Header{Name: "./", Typeflag: tar.TypeSymlink, Linkname: "x"}),
		"below a file":   archive(t, reg("x"), reg("x/y")),
		"below a link":   archive(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/"}, reg("l/y")),
		"dangling hard":  archive(t, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "x"}),
		"hard to dir":    archive(t, tar.Header{Name: "d", Typeflag: tar.TypeDir}, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "d"}),
		"hard outside":   archive(t, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "../etc/passwd"}),
		"global header":  archive(t, tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"uid": "7"}}, reg("x")),
		"contiguous":     archive(t, tar.Header{Name: "x", Typeflag: tar.TypeCont}),
		"uid":            archive(t, tar.Header{Name: "x", Typeflag: tar.TypeReg, Uid: 1 << 32}),
		"device":         archive(t, tar.Header{Name: "x", Typeflag: tar.TypeChar, Devmajor: 1 << 13}),
		"xattr twice":    archive(t, tar.Header{Name: "x", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.user.%25": "", "SCHILY.xattr.user.%": ""}}),
		"long component": archive(t, reg(strings.Repeat("x", 256))),
		"sparse":         sparse(t),
	} {
		var refused *tree.RefusedError
		if s, err := fromTar(b); !errors.As(err, &refused) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	for i := 0; i < len(whole); i += 100 {
		if _, err := fromTar(whole[:i]); err == nil {
			t.Errorf("accepted %d bytes of %d", i, len(whole))
		}
	}
	huge := bytes.Clone(whole)
	copy(huge[124:], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff")
	copy(huge[148:], "        ")
	sum := 0
	for _, c := range huge[:512] {
		sum += int(c)
	}
	copy(huge[148:], fmt.Sprintf("%06o\x00 ", sum))
	var refused *tree.RefusedError
	if _, err := fromTar(huge); !errors.As(err, &refused) {
		t.Errorf("huge: %v", err)
	}
}

// sparse returns an archive with a sparse file as GNU tar writes it.
func sparse(t testing.TB) []byte {
	needTar(t)
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", "truncate -s 1M x && echo end >>x && tar --format=posix -S -cf - x")
	cmd.Dir = dir
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("GNU.sparse")) {
		t.Fatal("tar saw no hole")
	}
	return b
}

func FuzzFromTar(f *testing.F) {
	f.Add(archive(f, tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1}, tar.Header{Name: "b", Typeflag: tar.TypeLink, Linkname: "a"}))
	f.Add(archive(f, tar.Header{Name: "é", Typeflag: tar.TypeSymlink, Linkname: "x", PAXRecords: map[string]string{"SCHILY.xattr.user.a": "1"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := fromTar(b)
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := s.WriteTar(&first); err != nil {
			t.Fatal(err)
		}
		again, err := fromTar(first.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := again.WriteTar(&second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatal("the canonical tar is not a fixed point")
		}
		if _, err := tree.ParseManifest(strings.NewReader(manifest(t, s))); err != nil {
			t.Fatal(err)
		}
	})
}
