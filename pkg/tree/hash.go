package tree

import (
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// sums computes the digests of bodies on all CPUs.
type sums struct {
	jobs chan sumJob
	wg   sync.WaitGroup
	done []*sumResult // in the order of add
}

type sumJob struct {
	body   io.ReadCloser
	result *sumResult
}

type sumResult struct {
	node   int
	size   int64 // wanted
	digest Digest
	err    error
}

func newSums() *sums {
	workers := runtime.GOMAXPROCS(0)
	s := &sums{jobs: make(chan sumJob, 4*workers)}
	for range workers {
		s.wg.Go(s.work)
	}
	return s
}

// add has body hashed, which must be of size bytes, and closed.
func (s *sums) add(node int, size int64, body io.ReadCloser) {
	r := &sumResult{node: node, size: size}
	s.done = append(s.done, r)
	s.jobs <- sumJob{body, r}
}

func (s *sums) work() {
	buf := make([]byte, chunkSize)
	h := sha256.New()
	for j := range s.jobs {
		h.Reset()
		var size int64
		for j.result.err == nil {
			n, err := j.body.Read(buf)
			h.Write(buf[:n])
			size += int64(n)
			if err == io.EOF {
				break
			}
			j.result.err = err
		}
		j.body.Close()
		if j.result.err == nil && size != j.result.size {
			j.result.err = fmt.Errorf("%d bytes were read, want %d", size, j.result.size)
		}
		h.Sum(j.result.digest[:0])
	}
}

// wait enters the digests into nodes. The error is that of the first body added that has one.
func (s *sums) wait(nodes []Node) error {
	close(s.jobs)
	s.wg.Wait()
	for _, r := range s.done {
		n := &nodes[r.node]
		if r.err != nil {
			return fmt.Errorf("/%s: %w", Quote(n.Path), r.err)
		}
		n.Content.Size, n.Content.Digest = r.size, r.digest
	}
	return nil
}
