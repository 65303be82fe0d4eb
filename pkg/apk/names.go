package apk

// span is a part of a text.
type span struct{ from, to int }

// nameTable finds names in a text without copying them: a hash table with chains, whose entries are places.
type nameTable struct {
	text    []byte
	entries []nameEntry
	heads   []int32 // by hash: 1 + the chain's first entry, 0 if there is none
}

// nameEntry is one name in the text.
type nameEntry struct {
	off    uint32
	hash   uint32
	len    uint16
	record int32 // whose name it is
	next   int32 // 1 + the chain's next entry
}

// add enters a name; one that is too long to be one is left out.
func (t *nameTable) add(s span, record int) {
	if n := s.to - s.from; n > 0 && n <= 1<<15 {
		t.entries = append(t.entries, nameEntry{
			off: uint32(s.from), hash: hashName(t.text[s.from:s.to]), len: uint16(n), record: int32(record),
		})
	}
}

// words enters the name of each dependency in a part of the text; a conflict's is entered like any other.
func (t *nameTable) words(s span, record int) {
	for pos := s.from; pos < s.to; {
		if t.text[pos] == ' ' {
			pos++
			continue
		}
		from, name := pos, -1
		if t.text[from] == '!' {
			from++
		}
		for pos < s.to && t.text[pos] != ' ' {
			if name < 0 && pos >= from && isOperator(t.text[pos]) {
				name = pos
			}
			pos++
		}
		if name < 0 {
			name = pos
		}
		t.add(span{from, name}, record)
	}
}

func isOperator(c byte) bool { return c == '=' || c == '<' || c == '>' || c == '~' || c == '@' }

// link builds the chains; entries of equal names follow one another in their order.
func (t *nameTable) link() {
	size := 1
	for size < 2*len(t.entries) {
		size *= 2
	}
	t.heads = make([]int32, size)
	for i := len(t.entries) - 1; i >= 0; i-- {
		head := &t.heads[t.entries[i].hash&uint32(size-1)]
		t.entries[i].next, *head = *head, int32(i+1)
	}
}

// at returns the name of an entry.
func (t *nameTable) at(entry int) []byte {
	e := t.entries[entry]
	return t.text[e.off:][:e.len]
}

// find yields the records that have the name, in order and each once for every time that it has it.
func (t *nameTable) find(name string) func(yield func(record int) bool) {
	return func(yield func(int) bool) {
		if len(t.heads) == 0 {
			return
		}
		h := hashName([]byte(name))
		for e := t.heads[h&uint32(len(t.heads)-1)]; e > 0; e = t.entries[e-1].next {
			x := &t.entries[e-1]
			if x.hash == h && string(t.at(int(e-1))) == name && !yield(int(x.record)) {
				return
			}
		}
	}
}

// hashName is FNV-1a.
func hashName(s []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range s {
		h = (h ^ uint32(c)) * 16777619
	}
	return h ^ h>>15
}
