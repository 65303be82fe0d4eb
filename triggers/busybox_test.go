package triggers_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers"
)

// TestBusyboxReal takes the links to busybox and bbsuid and the lists of programs away from Alpine's own root file systems, and has the
// table inside the real binary make them again.
func TestBusyboxReal(t *testing.T) {
	dir := "../../shared/data/apk/minirootfs"
	files, _ := filepath.Glob(dir + "/*.tar.gz")
	if len(files) == 0 {
		t.Skipf("SKIPPED: no root file systems in %s", dir)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".tar.gz"), func(t *testing.T) {
			want := map[string]string{}
			root := tree.New()
			for n := range readRoot(t, f).All() {
				if path.Base(n.Link) == "busybox" || path.Base(n.Link) == "bbsuid" {
					want[n.Path] = n.Link
					continue
				}
				if strings.HasPrefix(n.Path, "etc/busybox-paths.d") {
					continue
				}
				if err := root.Put(n); err != nil {
					t.Fatal(err)
				}
			}
			got := busyboxLinks(t, root)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-real +ours:\n%s", d)
			}
			if len(want) < 200 {
				t.Errorf("only %d links", len(want))
			}
			t.Logf("%d links", len(got))
		})
	}
}

func readRoot(t *testing.T, file string) *tree.Sealed {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tree.FromTar(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// busyboxLinks are the links that the trigger adds to root.
func busyboxLinks(t *testing.T, root *tree.Tree) map[string]string {
	t.Helper()
	applied, err := triggers.Apply(root, triggers.Input{Format: "apk", Arch: "x86_64", Lock: testLock()})
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for _, a := range applied {
		if n, ok := root.Get(a.Path); ok && a.Trigger == "busybox" && n.Link != "" {
			links[n.Path] = n.Link
		}
	}
	return links
}

// fakeBusybox is a binary with a table of programs: those that are known and more, in the given number of copies.
func fakeBusybox(copies int, more ...string) []byte {
	dirs := map[string]byte{"[": 3, "[[": 3, "adduser": 4, "ash": 1, "basename": 3, "cat": 1, "cp": 1, "env": 3, "linuxrc": 0, "ls": 1,
		"sh": 1, "wc": 3}
	var names []string
	for n := range dirs {
		names = append(names, n)
	}
	names = append(names, more...)
	slices.Sort(names)
	table := make([]byte, (len(names)+1)/2)
	for i, n := range names {
		d, ok := dirs[n]
		if !ok {
			d = 1
		}
		table[i/2] |= d << (4 * (i % 2))
	}
	b := []byte("\x7fELF\x00" + strings.Join(names, "\x00") + "\x00\x00")
	for range copies {
		b = append(append(b, table...), 0xff, 0xff)
	}
	return b
}

func TestBusyboxTable(t *testing.T) {
	all := "bin/ash bin/cat bin/cp bin/ls bin/sh linuxrc usr/bin/[ usr/bin/[[ usr/bin/basename usr/bin/env usr/bin/wc usr/sbin/adduser"
	for _, c := range []struct {
		name string
		bin  []byte
		want string
	}{
		{"a table", fakeBusybox(1), all},
		{"no table", fakeBusybox(0), ""},
		{"two places that fit", fakeBusybox(2), ""},
		{"no binary", []byte("#!/bin/sh\n"), ""},
		{"made to keep us busy", append(fakeBusybox(1), bytes.Repeat(fakeBusybox(1), 2000)...), ""},
	} {
		root := tree.New()
		if err := root.Put(tree.Node{Path: "bin/busybox", Mode: 0o755, User: tree.Root, Group: tree.Root, Content: tree.Bytes(c.bin)}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for p := range busyboxLinks(t, root) {
			got = append(got, p)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestBusyboxLimits: what goes over a bound is an error that names it.
func TestBusyboxLimits(t *testing.T) {
	many := strings.Builder{}
	for i := range 5000 {
		fmt.Fprintf(&many, "/bin/p%d\n", i)
	}
	const list = "etc/busybox-paths.d/busybox"
	for _, c := range []struct{ path, body, want string }{
		{"bin/busybox", strings.Repeat("x", 17<<20), "/bin/busybox: larger than"},
		{list, strings.Repeat("/bin/x\n", 200_000), "/" + list + ": larger than"},
		{list, many.String(), "/" + list + `: "bin/p4096": more than 4096 programs`},
		{list, "/bin/" + strings.Repeat("y", 300), "/" + list + `: "bin/yyyy`},
		{list, "/bin/sh\n/bin/..\n", "/" + list + `: "/bin/.." is no path`},
		{list, "/bin//x\n", "/" + list + `: "/bin//x" is no path`},
		{list, "//bin/x\n", "/" + list + `: "//bin/x" is no path`},
	} {
		root := tree.New()
		files := map[string]string{"bin/busybox": "x"}
		files[c.path] = c.body
		for p, body := range files {
			if err := root.Put(tree.Node{Path: p, Mode: 0o755, User: tree.Root, Group: tree.Root, Content: tree.Bytes([]byte(body))}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := triggers.Apply(root, triggers.Input{Format: "apk", Arch: "x86_64", Lock: testLock()})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.20q: got %v, want %s", c.path, c.body, err, c.want)
		}
	}
}

// TestSuidReal: the real bbsuid names the programs for which the real apk's hooks make links to it.
func TestSuidReal(t *testing.T) {
	files, _ := filepath.Glob("../../shared/data/apk/alpine-3.19-x86_64/apks/busybox-suid-*.apk")
	if len(files) != 1 {
		t.Skip("SKIPPED: no package busybox-suid in ../../shared/data")
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := apk.Format{}.Open(f, info.Size(), pkg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	root := tree.New()
	for e, err := range a.Nodes() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Body != nil {
			b, err := io.ReadAll(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			e.Node.Content = tree.Bytes(b)
		}
		if err := root.Put(e.Node); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for p, target := range busyboxLinks(t, root) {
		got = append(got, p+" "+target)
	}
	slices.Sort(got)
	var want []string
	for _, p := range []string{"bin/mount", "bin/su", "bin/umount", "usr/bin/crontab", "usr/bin/passwd", "usr/bin/traceroute",
		"usr/bin/traceroute6", "usr/bin/vlock"} {
		want = append(want, p+" /bin/bbsuid")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-real +ours:\n%s", d)
	}
}
