package fetch

import (
	"context"
	"errors"

	"github.com/detinstall/detinstall/pkg"
)

// flight is work that several callers want and one does.
type flight struct {
	done chan struct{}
	err  error
	data []byte // the result, where it is in memory
}

// join returns the flight for key, and whether the caller has to do the work.
func (c *Client) join(key string) (f *flight, lead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{}), err: errors.New("abandoned")}
	c.flights[key] = f
	return f, true
}

// lead does the work and lets the others go.
func (f *flight) lead(c *Client, key string, work func() (pkg.Blob, error)) (pkg.Blob, error) {
	defer func() {
		c.mu.Lock()
		delete(c.flights, key)
		c.mu.Unlock()
		close(f.done)
	}()
	b, err := work()
	f.err = err
	if m, ok := b.(memory); ok {
		f.data = m.data
	}
	return b, err
}

// wait waits for the one who leads. No error means: look again, or take f.data. That the leader
// was interrupted is no error for those who were not.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
		return ctx.Err()
	}
	return f.err
}
