package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

func TestSingleFlight(t *testing.T) {
	for _, digest := range []bool{true, false} {
		data := body(1, 2<<20)
		var asked atomic.Int32
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			time.Sleep(50 * time.Millisecond)
			w.Write(data)
		})
		w := newWorld(t, nil)
		ref := refTo(data, s.URL)
		if !digest {
			ref.SHA256 = tree.Digest{}
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { mustGet(t, w, ref, data) })
		}
		wg.Wait()
		if asked.Load() != 1 {
			t.Errorf("digest %v: %d transfers, want 1", digest, asked.Load())
		}
	}
}

// An impatient leader must not make the patient fail.
func TestLeaderCancelled(t *testing.T) {
	data := body(1, 1000)
	var asked atomic.Int32
	first := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(first)
			<-r.Context().Done()
			return
		}
		w.Write(data)
	})
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	lead := make(chan error)
	go func() {
		_, err := w.Get(ctx, refTo(data, s.URL))
		lead <- err
	}()
	<-first
	follow := make(chan error)
	go func() {
		b, err := w.Get(context.Background(), refTo(data, s.URL))
		if err == nil {
			b.Close()
		}
		follow <- err
	}()
	time.Sleep(20 * time.Millisecond)
	cancel()
	if err := <-lead; !errors.Is(err, context.Canceled) {
		t.Errorf("leader: %v", err)
	}
	if err := <-follow; err != nil {
		t.Errorf("follower: %v", err)
	}
}

func TestJobs(t *testing.T) {
	var now, most atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(10 * time.Millisecond)
		fmt.Fprint(w, r.URL.Path)
	})
	w := newWorld(t, func(c *Config) { c.Jobs = 3 })
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			p := fmt.Sprintf("f%d", i)
			mustGet(t, w, pkg.Ref{Repo: &pkg.Repo{ID: "r", Base: s.URL}, Path: p, Size: -1, SHA256: tree.Sum([]byte("/" + p))}, []byte("/"+p))
		})
	}
	wg.Wait()
	if most.Load() != 3 {
		t.Errorf("%d connections at once, want 3", most.Load())
	}
}
