package reproduce_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/reproduce"
	"github.com/detinstall/detinstall/reproduce/emit"
)

func sample() *tree.Tree {
	own := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	tr := treetest.Parse(strings.ReplaceAll(`
dir  0750 OWN .
dir  0755 OWN usr
file 0755 OWN usr/x "x" @5
hard 0755 OWN usr/y -> usr/x
link 0777 OWN bin -> usr
fifo 0600 OWN fifo
`, "OWN", own))
	n, _ := tr.Get("usr/x")
	n.Path, n.Content = "usr/big", tree.Bytes(bytes.Repeat([]byte("0123456789abcdef"), 20_000))
	if err := tr.Put(n); err != nil {
		panic(err)
	}
	return tr
}

func write(t *testing.T, out string, trees ...*tree.Tree) {
	t.Helper()
	s, err := emit.Begin(out, emit.StageOptions{})
	must(t, err)
	defer s.Abort()
	var images []emit.Image
	for i, tr := range trees {
		images = append(images, emit.Image{Tree: seal(t, tr), Arch: []string{"amd64", "arm"}[i], Variant: []string{"", "v7"}[i]})
	}
	_, err = emit.Write(context.Background(), s, images, emit.Options{})
	must(t, err)
}

// open reads path, checks its digest and its bodies, and that nothing is left behind.
func open(t *testing.T, path string, want *tree.Sealed, bodies bool) {
	t.Helper()
	scratch := t.TempDir()
	got, c, err := reproduce.Open(path, scratch)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	defer func() {
		must(t, c.Close())
		if es, _ := os.ReadDir(scratch); len(es) > 0 {
			t.Errorf("%s: %s is left in scratch", path, es[0].Name())
		}
	}()
	for _, d := range reproduce.Diff(want, got) {
		t.Errorf("%s: %+v", path, d)
	}
	if !bodies {
		return
	}
	dw, err := want.Digest()
	must(t, err)
	if dg, err := got.Digest(); err != nil || dg != dw {
		t.Errorf("%s: digest %s, %v; want %s", path, dg, err, dw)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	want := seal(t, sample())
	for _, out := range []string{"root", "x.tar", "x.tar.gz", "x.tar.zst"} {
		write(t, dir+"/"+out, sample())
		open(t, dir+"/"+out, want, true)
	}
	write(t, "oci:"+dir+"/img:v1", sample())
	for _, path := range []string{"oci:" + dir + "/img:v1", "oci:" + dir + "/img", dir + "/img", "oci:" + dir + "/img:v1@amd64"} {
		open(t, path, want, true)
	}
	f, err := os.Create(dir + "/m")
	must(t, err)
	must(t, errors.Join(want.WriteManifest(f), f.Close()))
	open(t, dir+"/m", want, false)
	// The names of files do not matter.
	must(t, os.Rename(dir+"/x.tar.zst", dir+"/x.tar"))
	open(t, dir+"/x.tar", want, true)
	// Negative control.
	other := sample()
	other.Delete("fifo")
	got, c, err := reproduce.Open(dir+"/root", dir)
	must(t, err)
	defer c.Close()
	if len(reproduce.Diff(seal(t, other), got)) != 1 {
		t.Error("a missing fifo is not seen")
	}
}

func TestOpenSeveralImages(t *testing.T) {
	dir := t.TempDir()
	other := sample()
	other.Delete("fifo")
	write(t, "oci:"+dir+"/img:t", sample(), other)
	open(t, "oci:"+dir+"/img:t@amd64", seal(t, sample()), true)
	second := sample()
	second.Delete("fifo")
	open(t, "oci:"+dir+"/img@arm/v7", seal(t, second), true)
	for _, c := range []struct{ path, says string }{
		{dir + "/img", "several images: oci:" + dir + "/img:t@amd64, oci:" + dir + "/img:t@arm/v7"},
		{"oci:" + dir + "/img:u", "no image"},
		{"oci:" + dir + "/img:t@s390x", "no image"},
		{"oci:" + dir + "/none", "no OCI image layout"},
	} {
		_, _, err := reproduce.Open(c.path, dir)
		var fe *reproduce.FormError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", c.path, err, c.says)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	var text bytes.Buffer
	z := gzip.NewWriter(&text)
	io.WriteString(z, "not a tar")
	must(t, z.Close())
	var whole bytes.Buffer
	must(t, emit.Tar(context.Background(), &whole, seal(t, sample()), emit.KindTarGz))
	for name, b := range map[string][]byte{
		"text":          []byte("hello\n"),
		"empty":         nil,
		"gzip of text":  text.Bytes(),
		"truncated gz":  whole.Bytes()[:whole.Len()/2],
		"damaged gz":    append(bytes.Clone(whole.Bytes()[:whole.Len()-3]), 1, 2, 3),
		"bad manifest":  []byte("#tree 1 epoch=x\n"),
		"elf":           append([]byte("\x7fELF"), make([]byte, 1000)...),
		"truncated tar": append([]byte(nil), make([]byte, 511)...),
	} {
		p := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		must(t, os.WriteFile(p, b, 0o644))
		_, _, err := reproduce.Open(p, dir)
		if err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v, want an error that names the file", name, err)
		}
		must(t, os.Remove(p))
	}
	if es, err := os.ReadDir(dir); err != nil || len(es) > 0 {
		t.Errorf("left in scratch: %v, %v", es, err)
	}
	if _, _, err := reproduce.Open(dir+"/none", dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

// Every blob of a layout is held against its digest.
func TestOpenDamagedLayout(t *testing.T) {
	dir := t.TempDir()
	write(t, "oci:"+dir+"/img:v1", sample())
	blobs, err := filepath.Glob(dir + "/img/blobs/sha256/*")
	must(t, err)
	if len(blobs) != 3 {
		t.Fatalf("%d blobs, want 3", len(blobs))
	}
	for _, p := range blobs {
		b, err := os.ReadFile(p)
		must(t, err)
		b[len(b)/2] ^= 1
		must(t, os.WriteFile(p, b, 0o644))
		if _, _, err := reproduce.Open(dir+"/img", dir); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v, want it to be damaged", filepath.Base(p), err)
		}
		b[len(b)/2] ^= 1
		must(t, os.WriteFile(p, b, 0o644))
	}
	open(t, dir+"/img", seal(t, sample()), true)
}
