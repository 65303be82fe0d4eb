package decompress

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

var errClosed = errors.New("reader is closed")

// An xzReader delivers the blocks of an .xz file in order. The head of its queue is being
// read; the others are being decoded ahead.
type xzReader struct {
	jobs  jobReader
	dict  int64 // largest dictionary
	ahead int   // most blocks in the queue
	queue []*task
	next  *job   // the block after those of the queue, once known
	rest  []byte // of what the head has delivered
	err   error  // sticky; why nothing comes after the queue

	crew    Crew
	wants   bool // what crew was told
	mu      sync.Mutex
	running int // blocks being decoded; of crew we have as many goroutines, and never less than one
}

func newXzReader(r io.ReaderAt, size int64, lim Limits) (*xzReader, error) {
	streams, _, err := scanXz(r, size, lim)
	if err != nil {
		return nil, err
	}
	count := int64(0)
	for _, s := range streams {
		count += s.count
	}
	x := &xzReader{jobs: jobReader{r: r, streams: streams}, dict: lim.dict(64 << 20), ahead: 1, crew: lim.Crew}
	if x.crew == nil {
		x.crew = everybody{}
	}
	if lim.Workers > 1 && count > 1 {
		x.ahead = lim.Workers
	}
	x.start()
	if x.err != nil && x.err != io.EOF && len(x.queue) == 0 {
		return nil, x.err
	}
	return x, nil
}

// start fills the queue, as far as there are goroutines. An error is kept for when the blocks before it have been read.
func (x *xzReader) start() {
	for len(x.queue) < x.ahead && x.peek() && x.begin() {
		b, err := openBlock(x.jobs.r, *x.next, x.dict)
		if err != nil {
			x.err = fmt.Errorf("block at byte %d: %w", x.next.off, err)
			x.ended()
			break
		}
		t := &task{block: b, off: x.next.off, ended: x.ended}
		if x.ahead > 1 && x.next.size <= wholeBlock {
			t.run()
		}
		x.queue, x.next = append(x.queue, t), nil
	}
	if more := len(x.queue) < x.ahead && x.peek(); more != x.wants {
		x.wants = more
		x.crew.Want(more)
	}
}

// peek reports whether there is a next block.
func (x *xzReader) peek() bool {
	if x.err == nil && x.next == nil {
		j, err := x.jobs.next()
		if x.err = err; err == nil {
			x.next = &j
		}
	}
	return x.err == nil
}

// begin takes a goroutine for one more block, if there is one.
func (x *xzReader) begin() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running > 0 && !x.crew.Hire() {
		return false
	}
	x.running++
	return true
}

// ended is begin's inverse.
func (x *xzReader) ended() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running--; x.running > 0 {
		x.crew.Dismiss()
	}
}

// Read implements io.Reader.
func (x *xzReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(x.rest) == 0 {
		if len(x.queue) == 0 {
			if x.err == io.EOF || x.err == errClosed {
				return 0, x.err
			}
			return 0, fmt.Errorf("xz: %w", x.err)
		}
		t := x.queue[0]
		out, err := t.next()
		switch {
		case err == nil:
			x.rest = out
			x.start()
		case err == io.EOF:
			t.stop()
			x.queue = append(x.queue[:0], x.queue[1:]...)
			x.start()
		default:
			x.err = fmt.Errorf("block at byte %d: %w", t.off, err)
			x.stop()
		}
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

// stop ends all tasks.
func (x *xzReader) stop() {
	for _, t := range x.queue {
		t.halt()
	}
	for _, t := range x.queue {
		t.stop()
	}
	x.queue, x.rest = nil, nil
	if x.wants {
		x.wants = false
		x.crew.Want(false)
	}
}

// Close implements io.Closer.
func (x *xzReader) Close() error {
	x.stop()
	x.err = errClosed
	return nil
}

// A task decodes one block: in a goroutine of its own after run, else in the calls to next.
type task struct {
	block *block
	off   int64  // of the block, for errors
	ended func() // called once, when it decodes no more

	running bool
	mu      sync.Mutex
	more    sync.Cond // made, done or halted has changed
	made    uint      // bytes decoded
	done    error     // why there will be no more
	halted  bool
	read    uint // bytes delivered; the reader's own
}

// run starts decoding. The block's output must be kept whole, so that what has been
// delivered stays where it is.
func (t *task) run() {
	t.running = true
	t.more.L = &t.mu
	go func() {
		for {
			_, err := t.block.next()
			t.mu.Lock()
			t.made, t.done = t.block.pos, err
			if t.halted && err == nil {
				t.done = errClosed
			}
			over := t.done != nil
			if over {
				t.ended()
			}
			t.more.Signal()
			t.mu.Unlock()
			if over {
				return
			}
		}
	}()
}

// next returns more output, which stays valid until the next call, or io.EOF.
func (t *task) next() ([]byte, error) {
	if !t.running {
		return t.block.next()
	}
	t.mu.Lock()
	for t.made == t.read && t.done == nil {
		t.more.Wait()
	}
	made, done := t.made, t.done
	t.mu.Unlock()
	if made == t.read {
		return nil, done
	}
	out := t.block.buf[t.read:made]
	t.read = made
	return out, nil
}

// halt asks the goroutine to end.
func (t *task) halt() {
	t.mu.Lock()
	t.halted = true
	t.mu.Unlock()
}

// stop waits for the goroutine to end and frees the decoder.
func (t *task) stop() {
	if t.running {
		t.halt()
		t.mu.Lock()
		for t.done == nil {
			t.more.Wait()
		}
		t.mu.Unlock()
	} else {
		t.ended()
	}
	t.block.free()
}

// A jobReader lists the blocks of a file in order.
type jobReader struct {
	r       io.ReaderAt
	streams []xzStream // still to come, or begun
	index   *indexReader
	left    int64 // records still to come in index
	off     int64 // of the next block
}

// next returns the next block, or io.EOF.
func (x *jobReader) next() (job, error) {
	for x.left == 0 {
		if x.index != nil {
			x.streams = x.streams[1:]
			x.index = nil
		}
		if len(x.streams) == 0 {
			return job{}, io.EOF
		}
		if err := x.open(); err != nil {
			return job{}, err
		}
	}
	rec, err := x.index.record()
	if err != nil {
		return job{}, err
	}
	j := job{record: rec, off: x.off, check: x.streams[0].check}
	x.off += rec.padded()
	x.left--
	return j, nil
}

// open begins the index of the first stream, which scanXz has checked.
func (x *jobReader) open() error {
	s := x.streams[0]
	x.index = newIndexReader(x.r, s.index, s.footer)
	x.off, x.left = s.blocks, s.count
	if _, err := x.index.byte(); err != nil {
		return x.index.fail(err, "read again")
	}
	if n, err := x.index.vli(); err != nil || n != s.count {
		return x.index.fail(err, "changed while being read")
	}
	return nil
}
