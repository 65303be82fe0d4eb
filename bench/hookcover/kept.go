package main

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
)

// kept is what reading scripts needs of a package.
type kept struct {
	Control map[string][]byte
	Nodes   []node
	Cut     bool // the payload is not there: Nodes are guessed
}

// node is a [tree.Node] that can be written to a file.
type node struct {
	Path, User, Group, Link string
	Mode                    fs.FileMode
	Size                    int64
	Body                    []byte // of the files that scripts may look at
}

// looked are the places of files whose bytes scripts may look at, and unlooked those below them that have many.
var (
	looked   = regexp.MustCompile(`^(etc|opt|srv|var|usr/share/[^/]*|usr/lib/(sysusers|tmpfiles)\.d|usr/s?bin|usr/lib/[^/]*)/`)
	unlooked = regexp.MustCompile(`^usr/share/(doc|locale|icons|man|info|fonts|help|gnome/help|pixmaps|texlive|texmf)/`)
)

// keep reads a package; without a payload its files are those that its lists name.
func keep(r io.ReaderAt, size int64, payload bool) (*kept, error) {
	a, err := deb.Format{}.Open(r, size, pkg.Limits{})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	k := &kept{Control: map[string][]byte{}, Cut: !payload}
	list, err := fs.ReadDir(a.Control(), ".")
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if k.Control[e.Name()], err = fs.ReadFile(a.Control(), e.Name()); err != nil {
			return nil, err
		}
	}
	if !payload {
		k.guess()
		return k, nil
	}
	for e, err := range a.Nodes() {
		if err != nil {
			return nil, err
		}
		if err := k.add(e); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// add keeps an entry, and the bytes of a small file.
func (k *kept) add(e pkg.Entry) error {
	n := node{Path: e.Node.Path, User: e.Node.User.Name, Group: e.Node.Group.Name, Link: e.Node.Link, Mode: e.Node.Mode, Size: e.Size}
	if e.Body != nil && e.Size <= 1<<20 && looked.MatchString(n.Path) && !unlooked.MatchString(n.Path) {
		b, err := io.ReadAll(e.Body)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(b, []byte("\x7fELF")) {
			n.Body = b
		}
	}
	k.Nodes = append(k.Nodes, n)
	return nil
}

// guess makes nodes of md5sums and conffiles: files whose bytes are not known, and the directories above them. Neither list
// names links and empty directories, nor modes: what is in a directory of commands counts as executable.
func (k *kept) guess() {
	var files []string
	for l := range strings.Lines(string(k.Control["md5sums"])) {
		if _, p, ok := strings.Cut(strings.TrimSpace(l), "  "); ok {
			files = append(files, p)
		}
	}
	for l := range strings.Lines(string(k.Control["conffiles"])) {
		if p := strings.TrimSpace(l); strings.HasPrefix(p, "/") {
			files = append(files, p[1:])
		}
	}
	slices.Sort(files)
	seen := map[string]bool{".": true}
	for _, p := range slices.Compact(files) {
		var dirs []node
		for d := path.Dir(p); !seen[d]; d = path.Dir(d) {
			seen[d] = true
			dirs = append(dirs, node{Path: d, Mode: fs.ModeDir | 0o755})
		}
		slices.Reverse(dirs)
		mode := fs.FileMode(0o644)
		if slices.Contains([]string{"bin", "sbin", "games", "init.d"}, path.Base(path.Dir(p))) {
			mode = 0o755
		}
		k.Nodes = append(append(k.Nodes, dirs...), node{Path: p, Mode: mode, Size: 1})
	}
}

// unpacked returns the package as the reader takes it.
func (k *kept) unpacked() (*pkg.Unpacked, error) {
	control := fstest.MapFS{}
	for name, data := range k.Control {
		control[name] = &fstest.MapFile{Data: data, Mode: 0o755}
	}
	u := &pkg.Unpacked{Control: control}
	var err error
	if u.Package, u.Scripts, err = (deb.Format{}).Describe(control); err != nil {
		return nil, err
	}
	for _, n := range k.Nodes {
		t := tree.Node{Path: n.Path, Mode: n.Mode, User: tree.Owner{Name: n.User}, Group: tree.Owner{Name: n.Group}, Link: n.Link,
			Content: tree.Content{Size: n.Size}}
		if n.Body != nil {
			t.Content = tree.Bytes(n.Body)
		}
		u.Nodes = append(u.Nodes, t)
	}
	return u, nil
}

// scripted reports whether the package has a script that an installation runs.
func (k *kept) scripted() bool { return k.Control["preinst"] != nil || k.Control["postinst"] != nil }

func load(file string) (*kept, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	k := &kept{}
	return k, gob.NewDecoder(f).Decode(k)
}

// save writes k so that no half of it can be taken for the whole. Beside one without payload lies a file that says so.
func (k *kept) save(file string) error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(k); err != nil {
		return err
	}
	part, cut := file+".part", file+".cut"
	if err := os.WriteFile(cut, nil, 0o644); err != nil {
		return err
	}
	if !k.Cut {
		defer os.Remove(cut)
	}
	return errors.Join(os.WriteFile(part, b.Bytes(), 0o644), os.Rename(part, file))
}
