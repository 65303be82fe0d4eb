package hwdb_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/internal/hwdb"
)

// program returns this machine's systemd-hwdb and its version.
func program(t *testing.T) (string, uint64) {
	t.Helper()
	p, err := exec.LookPath("systemd-hwdb")
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no systemd-hwdb")
	}
	out, err := exec.Command(p, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	v, err := strconv.ParseUint(strings.Fields(string(out))[1], 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return p, v
}

// made compares with what the program makes of files, which are all of one directory.
func made(t *testing.T, files map[string]string) {
	t.Helper()
	p, version := program(t)
	root := t.TempDir()
	var fs []hwdb.File
	for name, body := range files {
		at := "/etc/udev/hwdb.d/" + name
		if err := os.MkdirAll(filepath.Dir(root+at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+at, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		fs = append(fs, hwdb.File{Name: root + at, Body: []byte(body)})
	}
	slices.SortFunc(fs, func(a, b hwdb.File) int { return strings.Compare(a.Name, b.Name) })
	out, err := exec.Command(p, "--root="+root, "update").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := os.ReadFile(root + "/etc/udev/hwdb.bin")
	if err != nil {
		t.Fatal(err)
	}
	got := hwdb.Compile(fs, version)
	if !bytes.Equal(got, want) {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Errorf("ours is of %d bytes, the program's of %d; they differ at %d", len(got), len(want), i)
	}
	if len(got) < 200 {
		t.Errorf("%d bytes: the check checks nothing", len(got))
	}
}

func TestProgram(t *testing.T) {
	made(t, map[string]string{
		"10-a.hwdb": "# a comment\n\nusb:v1*\nusb:v2p*\n ID_A=one # not this\n  \tID_B=two=3\n ID_A = x\n\nusb:v1*\n ID_A=other\n ID_C=\n",
		"20-b.hwdb": "usb:\n ID_A=one\n\n lost=1\nno data\n\nusb:v\n ID=v\nx\n ID_LOST=1\n\nusb:v10\n =v\n nothing\n ID_Z=z\n ID_Y=y\r\n\xff\xfe\n ID=\xe9",
	})
	big := &strings.Builder{}
	for i := range 3000 {
		fmt.Fprintf(big, "pci:v%08Xd%08X*\n ID_VENDOR_FROM_DATABASE=Vendor %d\n\n", i%97, i*7, i%97)
	}
	made(t, map[string]string{"20-pci.hwdb": big.String()})
}

// TestMachine does the same with the files of this machine.
func TestMachine(t *testing.T) {
	names, _ := filepath.Glob("/usr/lib/udev/hwdb.d/*.hwdb")
	if len(names) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no files on this machine")
	}
	files := map[string]string{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(n)] = string(b)
	}
	made(t, files)
}

func FuzzCompile(f *testing.F) {
	f.Add([]byte("a*\n A=b\n\nab*\n A=c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := hwdb.Compile([]hwdb.File{{Name: "/a", Body: b}, {Name: "/b", Body: b}}, 1)
		if !bytes.HasPrefix(out, []byte("KSLPHHRH")) || len(out) < 105 {
			t.Error("no database")
		}
	})
}
