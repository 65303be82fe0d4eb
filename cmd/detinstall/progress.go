package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// meter draws one line of progress on a terminal: files, bytes, rate.
type meter struct {
	mu    sync.Mutex
	w     io.Writer
	now   func() time.Time
	start time.Time
	drawn time.Time
	files int
	bytes int64
	shown bool
}

// meter returns a meter where --progress wants one, else nil.
func (a *app) meter() *meter {
	f, ok := a.stderr.(*os.File)
	tty := ok && term.IsTerminal(int(f.Fd()))
	if a.opt.quiet || a.opt.progress == "none" || (a.opt.progress == "auto" && !tty) || a.opt.progress == "plain" {
		return nil
	}
	return &meter{w: a.stderr, now: a.now, start: a.now()}
}

// Add counts n bytes of the file that is on its way.
func (m *meter) Add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += n
	if t := m.now(); t.Sub(m.drawn) > 100*time.Millisecond {
		m.drawn = t
		m.draw(t)
	}
}

// Start is told of a file that begins to arrive.
func (m *meter) Start(string, int64) {}

// Done counts a file that has arrived.
func (m *meter) Done(_ string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.files++
	}
}

func (m *meter) draw(t time.Time) {
	rate := float64(m.bytes) / max(t.Sub(m.start).Seconds(), 0.1)
	fmt.Fprintf(m.w, "\r\x1b[K%d files, %.1f MB, %.1f MB/s", m.files, float64(m.bytes)/1e6, rate/1e6)
	m.shown = true
}

// clear takes the line away, before anything else is printed.
func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.shown = false
	}
}
