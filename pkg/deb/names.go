package deb

// nameTable finds names in a text without copying them: a hash table with chains, whose entries are offsets.
type nameTable struct {
	text  []byte
	off   []uint32 // of each entry's name, which a character that no name has ends
	heads []int32  // by hash: 1 + the chain's first entry, 0 if there is none
	next  []int32  // by entry: 1 + the chain's next one
}

// link builds the chains of the entries that keep accepts, given the names' hashes. Entries of
// equal names follow one another in their order.
func (t *nameTable) link(hashes []uint32, keep func(entry int) bool) {
	size := 1
	for size < 2*len(hashes) {
		size *= 2
	}
	t.heads, t.next = make([]int32, size), make([]int32, len(hashes))
	for i := len(hashes) - 1; i >= 0; i-- {
		if keep(i) {
			head := &t.heads[hashes[i]&uint32(size-1)]
			t.next[i], *head = *head, int32(i+1)
		}
	}
}

// at returns the name of an entry.
func (t *nameTable) at(entry int) []byte {
	b := t.text[t.off[entry]:]
	return b[:nameLen(b)]
}

// find yields the entries of a name in their order.
func (t *nameTable) find(name string) func(yield func(entry int) bool) {
	return func(yield func(int) bool) {
		if len(t.heads) == 0 {
			return
		}
		for e := t.heads[hashName(name)&uint32(len(t.heads)-1)]; e > 0; e = t.next[e-1] {
			if string(t.at(int(e-1))) == name && !yield(int(e-1)) {
				return
			}
		}
	}
}

// nameLen returns how many bytes at the beginning of b are a name, qualified or not.
func nameLen(b []byte) int {
	for i, c := range b {
		if classes[c]&nameChars == 0 && c != ':' {
			return i
		}
	}
	return len(b)
}

// hashName is FNV-1a.
func hashName[S string | []byte](s S) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h ^ h>>15
}
