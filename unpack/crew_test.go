package unpack

import (
	"context"
	"testing"
	"time"
)

// TestCrewPrefersWant checks that whoever has work for more comes before an archive that waits, and that waiting ends.
func TestCrewPrefersWant(t *testing.T) {
	c := newCrew(2)
	ctx := context.Background()
	for range 2 {
		if err := c.join(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if c.Hire() {
		t.Error("hired a third of two")
	}
	c.Want(true)
	joined := make(chan error, 1)
	go func() { joined <- c.join(ctx) }()
	c.Dismiss()
	select {
	case <-joined:
		t.Fatal("joined before one who wants more")
	case <-time.After(20 * time.Millisecond):
	}
	if !c.Hire() {
		t.Error("not hired")
	}
	c.Want(false)
	c.Dismiss()
	if err := <-joined; err != nil {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	go func() { joined <- c.join(stopped) }()
	cancel()
	if err := <-joined; err != context.Canceled {
		t.Errorf("join after cancel: %v", err)
	}
}
