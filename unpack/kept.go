package unpack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// A keptStore is the unpacked store: what archives held, so that a second installation of a package
// needs neither its archive nor any decompression. A package has a directory by the digest of its archive,
//
//	DIR/sha256/2f/2f6c.../data   all bodies, those of 4096 bytes or more at multiples of 4096 (for reflinks)
//	DIR/sha256/2f/2f6c.../meta   entries and control members (see keptmeta.go)
//
// which is made as .2f6c....part under a lock and renamed. A directory whose meta is damaged or of another
// version, or whose data has another size, is as good as absent, and is made anew. The bytes of bodies are
// not looked at before they are used; [Store.Heal] finds damaged ones.
//
// What is in the store is believed: it is the user's own, as the program is. A nil *keptStore is empty and keeps nothing.
type keptStore struct {
	dir       string
	open      atomic.Int64 // data files that are kept open
	noReflink atomic.Bool
}

// maxOpen is how many data files are kept open; others are opened for each body.
const maxOpen = 256

// describer is a format whose packages can be kept: package and scripts follow from the control members alone.
type describer interface {
	Describe(control fs.FS) (*pkg.Package, []pkg.Script, error)
}

func (k *keptStore) path(d tree.Digest) string {
	h := d.Hex()
	return filepath.Join(k.dir, "sha256", h[:2], h)
}

// load returns a kept package, or nil.
func (k *keptStore) load(d tree.Digest, f pkg.Format) *pkg.Unpacked {
	desc, ok := f.(describer)
	if k == nil || !ok {
		return nil
	}
	dir := k.path(d)
	b, err := os.ReadFile(filepath.Join(dir, "meta"))
	if err != nil {
		return nil
	}
	info, err := os.Stat(filepath.Join(dir, "data"))
	if err != nil {
		return nil
	}
	m, err := parseMeta(b)
	if err != nil || m.digest != d || m.dataSize != info.Size() {
		return nil
	}
	u := &pkg.Unpacked{Control: archive.NewFiles(m.control), Nodes: m.nodes}
	if u.Package, u.Scripts, err = desc.Describe(u.Control); err != nil {
		return nil
	}
	data := &keptData{store: k, path: filepath.Join(dir, "data")}
	origin := u.Package.Origin()
	for i := range u.Nodes {
		u.Nodes[i].From = origin
		if b, ok := u.Nodes[i].Content.Body.(*keptBody); ok {
			b.data = data
		}
	}
	return u
}

// create begins to keep a package. It returns nil if packages of f cannot be kept, and
// if another process is keeping this one right now.
func (k *keptStore) create(d tree.Digest, f pkg.Format) (*keptWriter, error) {
	if _, ok := f.(describer); k == nil || !ok {
		return nil, nil
	}
	final := k.path(d)
	part := filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".part")
	if err := os.MkdirAll(part, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.Open(part)
	if err != nil {
		return nil, err
	}
	if locked, err := lockDir(dir, part); !locked {
		return nil, errors.Join(err, dir.Close())
	}
	data, err := os.Create(filepath.Join(part, "data"))
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	w := &keptWriter{store: k, digest: d, part: part, final: final, lock: dir, file: data}
	w.data = &keptData{store: k, path: filepath.Join(final, "data")}
	return w, nil
}

// lockDir locks the open directory dir without waiting, and makes sure that it still is the one at path:
// who had the lock before may have renamed it to its final name.
func lockDir(dir *os.File, path string) (bool, error) {
	err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "flock", Path: path, Err: err}
	}
	have, err := dir.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(have, now), err
}

// keptData is a package's data file.
type keptData struct {
	store *keptStore
	path  string
	mu    sync.Mutex
	f     *os.File // kept open, or nil
}

// acquire opens the file, or uses the open one. release must be called.
func (d *keptData) acquire() (f *os.File, release func() error, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	nothing := func() error { return nil }
	if d.f != nil {
		return d.f, nothing, nil
	}
	if f, err = os.Open(d.path); err != nil {
		return nil, nil, fmt.Errorf("unpacked store: %w", err)
	}
	if d.store.open.Add(1) <= maxOpen {
		d.f = f
		return f, nothing, nil
	}
	d.store.open.Add(-1)
	return f, f.Close, nil
}

// Heal reads every body that the unpacked store has of ps, removes packages of which one is not what it was
// when it was kept, and returns their names in the order of ps; the next Unpack decodes them anew. It is for after an
// output that found a body with a wrong digest.
func (s *Store) Heal(ps []lock.Package) ([]string, error) {
	var healed []string
	for _, p := range ps {
		if s.kept == nil {
			break
		}
		bad, err := s.kept.damaged(p.SHA256)
		if err != nil {
			return healed, err
		}
		if !bad {
			continue
		}
		if err := os.RemoveAll(s.kept.path(p.SHA256)); err != nil {
			return healed, err
		}
		s.mu.Lock()
		delete(s.slots, p.SHA256)
		s.mu.Unlock()
		healed = append(healed, p.Name)
	}
	return healed, nil
}

// damaged reports whether a package is kept, but not as it was written.
func (k *keptStore) damaged(d tree.Digest) (bool, error) {
	b, err := os.ReadFile(filepath.Join(k.path(d), "meta"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	m, err := parseMeta(b)
	if err != nil {
		return true, nil
	}
	data := &keptData{store: k, path: filepath.Join(k.path(d), "data")}
	f, err := os.Open(data.path)
	if err != nil {
		return true, nil
	}
	defer f.Close()
	for _, n := range m.nodes {
		body, ok := n.Content.Body.(*keptBody)
		if !ok {
			continue
		}
		h := newHash()
		if _, err := io.Copy(h, io.NewSectionReader(f, body.off, n.Content.Size)); err != nil {
			return false, err
		}
		if sum(h) != n.Content.Digest {
			return true, nil
		}
	}
	return false, nil
}
