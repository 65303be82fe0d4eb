package emit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"

	"github.com/klauspost/compress/flate"
)

// What shapes the bytes of a .gz: the version of klauspost/compress (see go.mod), and these.
// Changing any of them changes the digests of all blobs, though never the digest of a tree.
const (
	gzipLevel = 6
	gzipBlock = 1 << 20 // compressed on its own, with the 32 KiB before it as a dictionary
	gzipDict  = 32 << 10
)

// gzipHeader is that of RFC 1952: deflate, no flags, no time, no extra flags, unknown system.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// A gzipWriter makes one gzip member. The input is cut into blocks of a fixed size, which
// are compressed at the same time and written in order, each ending with an empty stored block
// (a sync flush). So the bytes depend neither on the number of processors nor on
// how the input was written.
type gzipWriter struct {
	dict  []byte // the end of the block before
	crc   uint32
	size  uint32
	queue chan *gzipJob
	free  chan *gzipJob
	done  chan error // the writer's verdict, once queue is closed
	stop  chan struct{}
	job   *gzipJob
}

type gzipJob struct {
	in    []byte
	dict  []byte
	out   bytes.Buffer
	err   error
	ready chan struct{}
}

func newGzip(w io.Writer) *gzipWriter {
	n := runtime.GOMAXPROCS(0) + 1
	z := &gzipWriter{queue: make(chan *gzipJob, n), free: make(chan *gzipJob, n), done: make(chan error, 1), stop: make(chan struct{})}
	for range n {
		z.free <- &gzipJob{in: make([]byte, 0, gzipBlock), ready: make(chan struct{}, 1)}
	}
	z.job = <-z.free
	go z.drain(w)
	return z
}

// drain writes what was compressed, in order. After an error it says so by stop, and goes on
// only to give the buffers back.
func (z *gzipWriter) drain(w io.Writer) {
	_, err := io.WriteString(w, gzipHeader)
	if err != nil {
		close(z.stop)
	}
	for j := range z.queue {
		<-j.ready
		if err == nil {
			if err = j.err; err == nil {
				_, err = w.Write(j.out.Bytes())
			}
			if err != nil {
				close(z.stop)
			}
		}
		z.free <- j
	}
	if err == nil {
		// The last block of the stream: empty, with fixed codes.
		tail := binary.LittleEndian.AppendUint32([]byte{3, 0}, z.crc)
		_, err = w.Write(binary.LittleEndian.AppendUint32(tail, z.size))
	}
	z.done <- err
}

var errGzip = errors.New("gzip: output was given up")

// Write implements io.Writer. The error of the underlying writer is returned by Close.
func (z *gzipWriter) Write(p []byte) (int, error) {
	z.crc = crc32.Update(z.crc, crc32.IEEETable, p)
	z.size += uint32(len(p))
	written := 0
	for len(p) > 0 {
		n := min(len(p), gzipBlock-len(z.job.in))
		z.job.in = append(z.job.in, p[:n]...)
		p, written = p[n:], written+n
		if len(z.job.in) == gzipBlock {
			select {
			case <-z.stop:
				return written, errGzip
			default:
				z.submit()
			}
		}
	}
	return written, nil
}

// submit hands the filled block over and takes a free one.
func (z *gzipWriter) submit() {
	j := z.job
	j.dict = append(j.dict[:0], z.dict...)
	z.dict = append(z.dict[:0], j.in[max(0, len(j.in)-gzipDict):]...)
	z.queue <- j
	go j.compress()
	z.job = <-z.free
	z.job.in = z.job.in[:0]
}

// compress uses a new compressor for each block: one that was used before might remember.
func (j *gzipJob) compress() {
	j.out.Reset()
	fw, err := flate.NewWriterDict(&j.out, gzipLevel, j.dict)
	if err == nil {
		_, err = fw.Write(j.in)
	}
	if err == nil {
		err = fw.Flush()
	}
	j.err = err
	j.ready <- struct{}{}
}

// Close writes what is left and waits for the writer. It returns the first error of all.
func (z *gzipWriter) Close() error {
	if len(z.job.in) > 0 {
		z.submit()
	}
	close(z.queue)
	return <-z.done
}
