package catalog

import "strings"

// texts is systemd's strbuf: strings one after another, each ended by a NUL, in which what is the end of an earlier string is not stored again.
// It is a trie by the bytes from the last on, in which a string has a node where it parts from all before it.
type texts struct {
	buf  []byte
	root *node
}

type node struct {
	offset, length int
	next           map[byte]*node
}

func newStrings() *texts { return &texts{buf: []byte{0}, root: &node{}} }

// add returns where s begins.
func (t *texts) add(s string) int {
	if s == "" {
		return 0
	}
	at := t.root
	for depth := 0; depth <= len(s); depth++ {
		begin := at.offset + at.length - len(s)
		if depth == len(s) || at.length >= len(s) && strings.HasPrefix(string(t.buf[begin:begin+len(s)]), s) {
			return begin
		}
		c := s[len(s)-1-depth]
		if at.next[c] == nil {
			if at.next == nil {
				at.next = map[byte]*node{}
			}
			at.next[c] = &node{offset: len(t.buf), length: len(s)}
			break
		}
		at = at.next[c]
	}
	begin := len(t.buf)
	t.buf = append(append(t.buf, s...), 0)
	return begin
}
