package configured

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
)

// Payload merges the packages of a lock, which lie below mirror, and returns the lines of what they ship.
func Payload(lockfile, mirror string) (map[string]string, error) {
	b, err := os.ReadFile(lockfile)
	if err != nil {
		return nil, err
	}
	lk, err := lock.Parse(b)
	if err != nil {
		return nil, err
	}
	repo := &pkg.Repo{ID: lk.Sources[0].ID}
	formats := map[string]pkg.Format{"apt": deb.Format{}, "apt-classic": deb.Format{}, "apk": apk.Format{}, "apk-classic": apk.Format{}}
	format := formats[lk.Policy]
	store := unpack.NewStore(unpack.Config{Get: directory(mirror), Formats: []pkg.Format{format}, Bodies: hashes{}, Jobs: 2})
	a := lk.Arches[0]
	ps, err := store.Unpack(context.Background(), map[string]*pkg.Repo{repo.ID: repo}, a.Packages)
	if err != nil {
		return nil, err
	}
	m, err := unpack.Merge(ps, unpack.Options{Compare: format.Compare, MergedUsr: lk.Settings.MergedUsr, Diversions: a.Diversions, AllowDevices: true})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for n := range m.Tree.All() {
		if n.IsHardLink() {
			if first, ok := m.Tree.Get(n.Link); ok {
				n.Content = first.Content
			}
		}
		out[n.Path] = line(n, n.User.Name, n.Group.Name, "")
	}
	return out, nil
}

// directory is a getter of files below a directory.
type directory string

func (d directory) Get(_ context.Context, ref pkg.Ref) (pkg.Blob, error) {
	f, err := os.Open(filepath.Join(string(d), ref.Path))
	if err != nil {
		return nil, err
	}
	return blob{f, ref.Size}, nil
}

type blob struct {
	*os.File
	size int64
}

func (b blob) Size() int64 { return b.size }

// hashes keeps no bodies, only what they are.
type hashes struct{}

func (hashes) Put(r io.Reader, size int64) (tree.Content, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return tree.Content{}, err
	}
	c := tree.Bytes(b)
	c.Body = nil
	return c, nil
}
