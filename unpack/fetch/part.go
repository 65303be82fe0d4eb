package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
)

// part is a blob in the making: partial/HEX.part, which only the holder of its lock
// writes, and partial/HEX.from, which says whence the bytes came and what must hold to go on with
// them. It becomes a blob by commit alone.
type part struct {
	f      *os.File
	final  string
	from   string
	shared *os.File // the cache's lock
	there  bool     // the blob exists: nothing is to be done
	moved  bool     // f belongs to somebody else now
}

// begin makes a blob's part and locks it. While another process has the lock it waits; if that one
// brought the blob, there is set.
func (c *Cache) begin(ctx context.Context, d tree.Digest) (*part, error) {
	shared, err := c.lock(unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	p := &part{final: c.blobPath(d), shared: shared}
	dir := filepath.Join(c.dir, "partial")
	for _, dir := range []string{dir, filepath.Dir(p.final)} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			shared.Close()
			return nil, err
		}
	}
	name := filepath.Join(dir, d.Hex()+".part")
	p.from = filepath.Join(dir, d.Hex()+".from")
	for {
		f, err := openLocked(name)
		if err == nil {
			p.f = f
			p.there = exists(p.final)
			return p, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			if p.there = exists(p.final); p.there {
				return p, nil
			}
			err = sleep(ctx, 20*time.Millisecond)
		}
		if err != nil {
			shared.Close()
			return nil, err
		}
	}
}

// openLocked opens and locks the file called name. EWOULDBLOCK means: not now, try again.
func openLocked(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o666)
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	// The one who had the lock may have renamed or removed what was opened.
	mine, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if now, err := os.Lstat(name); err != nil || !os.SameFile(mine, now) {
		f.Close()
		return nil, unix.EWOULDBLOCK
	}
	return f, nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// resume returns how many bytes are there from url, and the validator (an ETag or a date) under which the
// server may go on after them; 0 if it cannot.
func (p *part) resume(url string) (int64, string) {
	note, err := os.ReadFile(p.from)
	if err != nil {
		return 0, ""
	}
	from, validator, _ := strings.Cut(strings.TrimSuffix(string(note), "\n"), "\n")
	st, err := p.f.Stat()
	if err != nil || from != url || validator == "" || strings.ContainsAny(validator, "\r\n") {
		return 0, ""
	}
	return st.Size(), validator
}

// restart empties the part; its bytes will come from url. An empty validator means that they cannot be resumed.
func (p *part) restart(url, validator string) error {
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if url == "" || validator == "" {
		err := os.Remove(p.from)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	return replace(p.from, fmt.Appendf(nil, "%s\n%s\n", url, validator))
}

// commit gives the part its final name. Its bytes have been verified.
func (p *part) commit() error {
	if err := os.Rename(p.f.Name(), p.final); err != nil {
		return err
	}
	os.Remove(p.from)
	p.there = true
	return nil
}

// take hands over the open file of a committed part.
func (p *part) take() *os.File {
	flock(p.f, unix.LOCK_UN)
	p.moved = true
	return p.f
}

// close unlocks. What cannot be resumed is removed.
func (p *part) close() {
	defer p.shared.Close()
	if p.f == nil || p.moved {
		return
	}
	defer p.f.Close()
	st, err := p.f.Stat()
	if p.there || err != nil || st.Size() == 0 || !exists(p.from) {
		// After commit the name is free or, if there was set from the start, still ours.
		if now, err := os.Lstat(p.f.Name()); err == nil && st != nil && os.SameFile(now, st) {
			os.Remove(p.f.Name())
			os.Remove(p.from)
		}
	}
}
