package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync/atomic"
)

// WriteTar writes the canonical tar (D5): byte for byte what GNU tar
// writes for the same root with the options that the package's tar.go gives. Every body is
// read once, and verified against its digest and size on the way; a mismatch is an error that names the path, the first
// one in the order of the archive. w is called from the caller's goroutine only.
func (s *Sealed) WriteTar(w io.Writer) error {
	p := newPipe()
	checked := make(chan *chunk, chunks)
	go func() {
		f := &filler{pipe: p}
		f.fill(s.nodes)
	}()
	go func() {
		defer close(checked)
		check := checker{nodes: s.nodes, hash: sha256.New()}
		for c := range p.filled {
			check.run(c)
			checked <- c
		}
	}()

	var sum hash.Hash
	if _, ok := s.known(); !ok {
		sum = sha256.New()
	}
	err := p.drain(checked, w, sum)
	if err == nil && sum != nil {
		s.learn(Digest(sum.Sum(nil)))
	}
	return err
}

// A tar is made by three goroutines, each of which hands chunks to the next: one reads bodies into them, one compares the
// bodies' digests, one hashes and writes the whole. The sums are what costs, and so they run side by side.
const (
	chunks    = 8
	chunkSize = 128 << 10
)

// chunk is a piece of the archive.
type chunk struct {
	buf  []byte
	runs []run
	err  error // what went wrong after the bytes of buf
}

// run is a piece of a body within a chunk.
type run struct {
	node     int
	from, to int
	last     bool
}

// pipe is the circle in which chunks go round.
type pipe struct {
	free, filled chan *chunk
	stop         atomic.Bool // nobody wants more
}

func newPipe() *pipe {
	p := &pipe{free: make(chan *chunk, chunks), filled: make(chan *chunk, chunks)}
	for range chunks {
		p.free <- &chunk{buf: make([]byte, 0, chunkSize)}
	}
	return p
}

// drain takes the chunks from in, hashes and writes them until the first error, and gives them back until in is closed.
func (p *pipe) drain(in <-chan *chunk, w io.Writer, sum hash.Hash) error {
	var err error
	for c := range in {
		if err == nil {
			if sum != nil {
				sum.Write(c.buf)
			}
			if w != io.Discard {
				_, err = w.Write(c.buf)
			}
			if err == nil {
				err = c.err
			}
			if err != nil {
				p.stop.Store(true)
			}
		}
		c.buf, c.runs, c.err = c.buf[:0], c.runs[:0], nil
		p.free <- c
	}
	return err
}

// filler lays out the archive in chunks.
type filler struct {
	*pipe
	cur   *chunk
	probe [1]byte
}

var errStopped = errors.New("stopped")

func (f *filler) fill(nodes []Node) {
	defer close(f.filled)
	f.cur = <-f.free
	var enc encoder
	for i := range nodes {
		n := &nodes[i]
		f.write(enc.header(n))
		if n.Content.Size == 0 {
			continue
		}
		if err := f.body(i, n.Content); err != nil {
			f.cur.err = fmt.Errorf("/%s: %w", Quote(n.Path), err)
			f.filled <- f.cur
			return
		}
		f.write(zeros[:padding(n.Content.Size)])
	}
	f.write(zeros[:2*blockSize])
	f.filled <- f.cur
}

// room returns the free part of a chunk that has some.
func (f *filler) room() []byte {
	if len(f.cur.buf) == cap(f.cur.buf) {
		f.filled <- f.cur
		f.cur = <-f.free
	}
	return f.cur.buf[len(f.cur.buf):cap(f.cur.buf)]
}

func (f *filler) write(b []byte) {
	for len(b) > 0 {
		n := copy(f.room(), b)
		f.cur.buf = f.cur.buf[:len(f.cur.buf)+n]
		b = b[n:]
	}
}

func (f *filler) body(node int, c Content) error {
	if f.stop.Load() {
		return errStopped
	}
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	for left := c.Size; left > 0; {
		buf := f.room()
		buf = buf[:min(int64(len(buf)), left)]
		n, err := io.ReadFull(r, buf)
		if err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return fmt.Errorf("body has %d bytes, want %d: %w", c.Size-left+int64(n), c.Size, io.ErrUnexpectedEOF)
			}
			return err
		}
		from := len(f.cur.buf)
		f.cur.buf = f.cur.buf[:from+n]
		left -= int64(n)
		f.cur.runs = append(f.cur.runs, run{node, from, from + n, left == 0})
		if f.stop.Load() {
			return errStopped
		}
	}
	if _, err := io.ReadFull(r, f.probe[:]); err == nil {
		return fmt.Errorf("body has more than %d bytes", c.Size)
	} else if err != io.EOF {
		return err
	}
	return nil
}

// checker compares bodies with their digests, or with their checksums where they are [Summed].
type checker struct {
	nodes  []Node
	hash   hash.Hash
	crc    uint32
	failed bool
	sum    [sha256.Size]byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (k *checker) run(c *chunk) {
	for _, r := range c.runs {
		if k.failed {
			return
		}
		n := &k.nodes[r.node]
		summed, quick := n.Content.Body.(Summed)
		if quick {
			k.crc = crc32.Update(k.crc, castagnoli, c.buf[r.from:r.to])
		} else {
			k.hash.Write(c.buf[r.from:r.to])
		}
		if !r.last {
			continue
		}
		if quick {
			if want := summed.CRC32C(); k.crc != want {
				c.err = fmt.Errorf("/%s: body was damaged: its CRC-32C is %08x, want %08x", Quote(n.Path), k.crc, want)
			}
		} else if got := Digest(k.hash.Sum(k.sum[:0])); got != n.Content.Digest {
			c.err = fmt.Errorf("/%s: body is %s, want %s", Quote(n.Path), got, n.Content.Digest)
		}
		k.failed = c.err != nil
		k.crc = 0
		k.hash.Reset()
	}
}
