package hooks

import (
	"slices"
	"strings"
	"unicode"
)

// Printable returns a line of a script as it may be shown: what a terminal might act on is replaced, and a long one is cut.
func Printable(line string) string {
	return printable(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")))
}

// printable replaces what a terminal might act on.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' || 0x80 <= r && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

func (r *Reading) text(line int) string {
	if line < 1 || line > len(r.lines) {
		return ""
	}
	return Printable(r.lines[line-1])
}

// note adds a note to list once.
func (r *Reading) note(list *[]Note, line int, reason string) {
	n := Note{line, r.text(line), printable(reason)}
	if !r.seen[n] {
		r.seen[n] = true
		*list = append(*list, n)
	}
}

func (w *walker) leftover(line int, reason string) {
	w.reading.note(&w.reading.Pending, line, "not read yet: "+reason)
	w.unknownOutput()
}

func (w *walker) noop(line int, reason string) { w.reading.note(&w.reading.Noops, line, reason) }

// served notes that a trigger does from the tree what a line asks for. What it cannot make sense of there is left over.
func (w *walker) served(line int, trigger string) {
	if w.world.Unread != nil && w.world.FS != nil {
		for _, why := range w.world.Unread(w.world.FS, trigger) {
			w.reading.note(&w.reading.Pending, line, "not read yet: "+why)
		}
	}
	w.noop(line, "trigger "+trigger+" does it")
	w.reading.serve(line, trigger)
}

func (r *Reading) serve(line int, trigger string) {
	if s := (Served{line, trigger}); !slices.Contains(r.Served, s) {
		r.Served = append(r.Served, s)
	}
}

func (w *walker) deferred(line int, reason string) {
	w.reading.note(&w.reading.Deferred, line, reason)
}
