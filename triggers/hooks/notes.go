package hooks

import "strings"

// printable replaces what a terminal might act on.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' || 0x80 <= r && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

func (w *walker) text(line int) string {
	if line < 1 || line > len(w.lines) {
		return ""
	}
	return printable(strings.TrimSpace(strings.ReplaceAll(w.lines[line-1], "\t", " ")))
}

// note adds a note to list once.
func (w *walker) note(list *[]Note, line int, text, reason string) {
	n := Note{line, printable(text), reason}
	if !w.seen[n] {
		w.seen[n] = true
		*list = append(*list, n)
	}
}

func (w *walker) leftover(line int, text, reason string) {
	w.note(&w.reading.Pending, line, text, "not read yet: "+reason)
}

func (w *walker) noop(line int, reason string) {
	w.note(&w.reading.Noops, line, w.text(line), reason)
}
