package unpack

import (
	"context"
	"sync"
)

// A crew is the goroutines that decode, shared by the archives of one run. It implements [pkg.Crew]. An archive that is being
// decoded and has work for more comes before one that waits: the largest are begun first, and must not be the last to end.
type crew struct {
	mu      sync.Mutex
	changed sync.Cond
	free    int // goroutines
	wanting int // archives that would take more
}

func newCrew(n int) *crew {
	c := &crew{free: n}
	c.changed.L = &c.mu
	return c
}

// join waits for a goroutine to begin an archive with; Dismiss gives it back.
func (c *crew) join(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})()
	c.mu.Lock()
	defer c.mu.Unlock()
	for ctx.Err() == nil && (c.free == 0 || c.wanting > 0) {
		c.changed.Wait()
	}
	if err := ctx.Err(); err != nil {
		c.changed.Signal() // it may have been meant for another
		return err
	}
	c.free--
	return nil
}

// Hire implements pkg.Crew.
func (c *crew) Hire() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.free == 0 {
		return false
	}
	c.free--
	return true
}

// Dismiss implements pkg.Crew.
func (c *crew) Dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free++
	c.changed.Signal()
}

// Want implements pkg.Crew.
func (c *crew) Want(more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if more {
		c.wanting++
		return
	}
	if c.wanting--; c.wanting == 0 {
		c.changed.Broadcast()
	}
}
