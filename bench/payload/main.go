// Command payload checks that a root has every path of every package of a lock
// as dpkg-deb unpacks it: type, mode, owner, link, content and, but for
// directories, time. Usage: payload LOCK MIRROR ROOT [ORACLE]
//
// What hooks change is counted apart: var/run and var/lock, and where ORACLE, a root of the same packages that their real
// hooks configured, has a path just as we have it. Without an oracle everything else counts as a difference.
package main

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/detinstall/detinstall/bench/internal/configured"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// onPurpose are shipped paths that Debian's own hooks change on every fresh
// install, and what they become.
var onPurpose = map[string]string{
	"var/run":  "an empty directory that base-files turns into a link",
	"var/lock": "an empty directory that base-files turns into a link",
}

func main() {
	if len(os.Args) < 4 || len(os.Args) > 5 {
		fmt.Fprintln(os.Stderr, "usage: payload LOCK MIRROR ROOT [ORACLE]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], strings.Join(os.Args[4:], "")); err != nil {
		fmt.Fprintln(os.Stderr, "payload:", err)
		os.Exit(1)
	}
}

func run(lockfile, mirror, root, oracle string) error {
	b, err := os.ReadFile(lockfile)
	if err != nil {
		return err
	}
	lk, err := lock.Parse(b)
	if err != nil {
		return err
	}
	var hooks *judge
	if oracle != "" {
		if hooks, err = newJudge(root, oracle); err != nil {
			return err
		}
	}
	paths, purpose, bad := 0, 0, 0
	for _, p := range lk.Arches[0].Packages {
		n, m, diffs, err := compare(filepath.Join(mirror, p.Path), root, hooks, lk.Epoch)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		paths, purpose, bad = paths+n, purpose+m, bad+len(diffs)
		for _, d := range diffs {
			fmt.Printf("%s: %s\n", p.Name, d)
		}
	}
	fmt.Printf("%d packages, %d paths: %d differ, %d as hooks change them\n", len(lk.Arches[0].Packages), paths, bad, purpose)
	if bad > 0 {
		return errors.New("the payload is not as shipped")
	}
	return nil
}

// judge knows what real hooks made.
type judge struct{ ours, oracle *configured.Root }

func newJudge(root, oracle string) (*judge, error) {
	ours, err := configured.ReadRoot(root)
	if err != nil {
		return nil, err
	}
	theirs, err := configured.ReadRoot(oracle)
	return &judge{ours, theirs}, err
}

// made reports whether the real hooks made of a path what is in our root.
func (j *judge) made(name string) bool {
	return j != nil && j.ours.Lines[name] != "" && j.ours.Lines[name] == j.oracle.Lines[name]
}

// compare holds the stream of dpkg-deb --fsys-tarfile against root.
func compare(deb, root string, hooks *judge, epoch int64) (paths, purpose int, diffs []string, err error) {
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, nil, err
	}
	tr := tar.NewReader(out)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return paths, purpose, diffs, err
		}
		paths++
		name := path.Clean(strings.TrimPrefix(h.Name, "./"))
		if onPurpose[name] != "" {
			purpose++
			continue
		}
		d := differs(h, tr, root, name, epoch)
		switch {
		case d == "":
		case hooks.made(name):
			purpose++
		default:
			diffs = append(diffs, tree.Quote(name)+": "+d)
		}
	}
	return paths, purpose, diffs, cmd.Wait()
}

func differs(h *tar.Header, body io.Reader, root, name string, epoch int64) string {
	at := filepath.Join(root, name)
	fi, err := os.Lstat(at)
	if err != nil {
		return "missing"
	}
	st := fi.Sys().(*syscall.Stat_t)
	if h.Typeflag == tar.TypeDir && fi.Mode()&fs.ModeSymlink != 0 {
		if fi, err = os.Stat(at); err == nil && fi.IsDir() {
			return "" // a merged directory: dpkg keeps the link
		}
	}
	want := h.FileInfo().Mode()
	if h.Typeflag == tar.TypeLink {
		target, err := os.Lstat(filepath.Join(root, path.Clean(h.Linkname)))
		if err != nil || !os.SameFile(fi, target) {
			return "no hard link to " + h.Linkname
		}
		return ""
	}
	const bits = fs.ModeType | fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	switch {
	case h.Typeflag != tar.TypeSymlink && fi.Mode()&bits != want&bits:
		return fmt.Sprintf("mode %v, shipped %v", fi.Mode()&bits, want&bits)
	case int(st.Uid) != h.Uid || int(st.Gid) != h.Gid:
		return fmt.Sprintf("owner %d:%d, shipped %d:%d", st.Uid, st.Gid, h.Uid, h.Gid)
	case h.Typeflag != tar.TypeDir && fi.ModTime().Unix() != min(h.ModTime.Unix(), epoch):
		return fmt.Sprintf("time %d, shipped %d", fi.ModTime().Unix(), h.ModTime.Unix())
	case h.Typeflag == tar.TypeSymlink:
		if l, err := os.Readlink(at); err != nil || l != h.Linkname {
			return fmt.Sprintf("link %q, shipped %q", l, h.Linkname)
		}
	case h.Typeflag == tar.TypeReg:
		return differsInContent(body, at)
	}
	return ""
}

func differsInContent(body io.Reader, at string) string {
	f, err := os.Open(at)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	shipped, ours := sha256.New(), sha256.New()
	if _, err := io.Copy(shipped, body); err != nil {
		return err.Error()
	}
	if _, err := io.Copy(ours, f); err != nil {
		return err.Error()
	}
	if string(shipped.Sum(nil)) != string(ours.Sum(nil)) {
		return "content"
	}
	return ""
}
