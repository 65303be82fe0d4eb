package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// meter shows downloads: on a terminal one line with files, bytes and rate; plainly, a line for each file.
type meter struct {
	plain bool
	mu    sync.Mutex
	w     io.Writer
	now   func() time.Time
	start time.Time
	drawn time.Time
	files int
	bytes int64
	shown bool
}

// newMeter returns a meter where --progress wants one, else nil.
func (a *app) newMeter() (*meter, error) {
	m := &meter{w: a.stderr, now: a.now, start: a.now()}
	switch a.opt.progress {
	case "auto":
		f, ok := a.stderr.(*os.File)
		if !ok || !term.IsTerminal(int(f.Fd())) {
			return nil, nil
		}
	case "plain":
		m.plain = true
	case "none":
		return nil, nil
	default:
		return nil, usage("--progress " + a.opt.progress + ": want auto, plain or none")
	}
	if a.opt.quiet {
		return nil, nil
	}
	return m, nil
}

// Add counts n bytes of the file that is on its way.
func (m *meter) Add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += n
	if t := m.now(); !m.plain && t.Sub(m.drawn) > 100*time.Millisecond {
		m.drawn = t
		m.draw(t)
	}
}

// Start is told of a file that begins to arrive.
func (m *meter) Start(string, int64) {}

// Done counts a file that has arrived.
func (m *meter) Done(name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		return
	}
	m.files++
	if m.plain {
		fmt.Fprintf(m.w, "detinstall: fetched %s\n", name)
	}
}

func (m *meter) draw(t time.Time) {
	rate := float64(m.bytes) / max(t.Sub(m.start).Seconds(), 0.1)
	fmt.Fprintf(m.w, "\r\x1b[K%d files, %.1f MB, %.1f MB/s", m.files, float64(m.bytes)/1e6, rate/1e6)
	m.shown = true
}

// clear takes the line away, before anything else is printed. A nil meter has none.
func (m *meter) clear() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.shown = false
	}
}
