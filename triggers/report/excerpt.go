package report

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
)

// line is a line of a script as it is shown; a Number of 0 stands for lines that are left out.
type line struct {
	Number int
	Text   string
	Hit    bool
}

const (
	maxLine = 300 // bytes of a line that is shown
	maxJoin = 6   // lines that backslashes join to the one that is meant
)

// excerpt returns the lines hits of a script, each with the lines that it goes on in and around lines on both sides.
func excerpt(script []byte, around int, hits ...int) []line {
	all := bytes.Split(script, []byte("\n"))
	shown := map[int]bool{} // the value: is it meant?
	for _, h := range hits {
		if h < 1 || h > len(all) {
			continue
		}
		end := h
		for end < len(all) && end < h+maxJoin && bytes.HasSuffix(all[end-1], []byte(`\`)) {
			end++
		}
		for n := max(1, h-around); n <= min(len(all), end+around); n++ {
			shown[n] = shown[n] || n >= h && n <= end
		}
	}
	var numbers []int
	for n := range shown {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var out []line
	for _, n := range numbers {
		text := clean(string(all[n-1]))
		if !shown[n] && strings.TrimSpace(text) == "" {
			continue
		}
		if len(out) > 0 && out[len(out)-1].Number < n-1 {
			out = append(out, line{})
		}
		out = append(out, line{n, text, shown[n]})
	}
	return out
}

// clean returns s as it may be shown: valid text without what a browser would act on, and not too long.
func clean(s string) string {
	if len(s) > maxLine {
		s = s[:maxLine] + "…"
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\t", "    ")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r >= 0xfffe && r&0xfffe == 0xfffe {
			return '\uFFFD'
		}
		return r
	}, s)
}
