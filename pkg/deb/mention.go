package deb

import (
	"bytes"
	"math"
)

// mentionFields are the fields whose names apt enters into its cache, in that order.
var mentionFields = []string{
	"Pre-Depends:", "Depends:", "Conflicts:", "Breaks:", "Recommends:", "Suggests:", "Replaces:", "Enhances:", "Provides:",
}

// mentions numbers names in the order in which apt's cache first meets them: stanza by
// stanza, a package's own name first, then those in its relation fields. To apt "name:any" is another
// name, and so is one with a foreign architecture. It reads only as far as it is asked.
type mentions struct {
	lists  []*packages
	arch   string
	list   int // where to go on
	stanza int
	count  int
	slots  []mention // a hash table with open addressing; its length is a power of two
}

// mention is a name, which lies in a list's text, and its number. An empty slot has no length.
type mention struct {
	hash, off, number uint32
	list              uint16
	length            uint16
}

// first returns the number of name, or math.MaxInt if no list mentions it.
func (m *mentions) first(name string) int {
	for {
		if s := m.slot(name, hashName(name)); s != nil && s.length > 0 {
			return int(s.number)
		}
		if !m.advance() {
			return math.MaxInt
		}
	}
}

// slot returns the slot of name, which is empty if name is not known yet; nil if there is no table.
func (m *mentions) slot(name string, hash uint32) *mention {
	mask := len(m.slots) - 1
	for i := int(hash) & mask; mask > 0; i = (i + 1) & mask {
		s := &m.slots[i]
		if s.length == 0 {
			return s
		}
		if s.hash == hash && string(m.lists[s.list].text[s.off:s.off+uint32(s.length)]) == name {
			return s
		}
	}
	return nil
}

// advance reads some more stanzas; it returns false at the end.
func (m *mentions) advance() bool {
	if m.list == len(m.lists) {
		return false
	}
	p := m.lists[m.list]
	end := min(m.stanza+512, len(p.flags))
	for ; m.stanza < end; m.stanza++ {
		if p.flags[m.stanza]&isForeign == 0 {
			m.read(p)
		}
	}
	if m.stanza == len(p.flags) {
		m.list, m.stanza = m.list+1, 0
	}
	return true
}

// read numbers the names of the current stanza.
func (m *mentions) read(p *packages) {
	m.add(p, p.names.off[m.stanza])
	var fields [9]span // as many as mentionFields
	pos, end := int(p.start[m.stanza]), int(p.start[m.stanza+1])
	last := -1
	for pos < end {
		stop := end
		if nl := bytes.IndexByte(p.text[pos:end], '\n'); nl >= 0 {
			stop = pos + nl
		}
		line := p.text[pos:stop]
		switch {
		case len(line) > 0 && (line[0] == ' ' || line[0] == '\t'):
			if last >= 0 {
				fields[last].to = stop
			}
		case len(line) > 0:
			if last = mentionField(line); last >= 0 {
				fields[last] = span{pos + len(mentionFields[last]), stop}
			}
		}
		pos = stop + 1
	}
	for _, f := range fields {
		m.readNames(p, f)
	}
}

// mentionField returns the index of line's field in mentionFields, or -1.
func mentionField(line []byte) int {
	if len(line) < 2 {
		return -1
	}
	// Few lines are relation fields: the first two characters tell nearly all others.
	switch string(line[:2]) {
	case "Pr", "De", "Co", "Br", "Re", "Su", "En":
		for i, f := range mentionFields {
			if len(line) > len(f) && string(line[:len(f)]) == f {
				return i
			}
		}
	}
	return -1
}

// readNames numbers the names of one relation field.
func (m *mentions) readNames(p *packages, f span) {
	for pos := f.from; pos < f.to; {
		c := p.text[pos]
		if c == ' ' || c == ',' || c == '|' || c == '\n' || c == '\t' {
			pos++
			continue
		}
		m.add(p, uint32(pos))
		for pos < f.to && p.text[pos] != ',' && p.text[pos] != '|' {
			pos++
		}
	}
}

// native reports whether b, what follows a name, leaves it the native package's.
func (m *mentions) native(b []byte) bool {
	if len(b) == 0 || b[0] != ':' {
		return true
	}
	arch := string(b[1 : 1+nameLen(b[1:])])
	return arch == m.arch || arch == "native"
}

// add numbers the name at off, unless it is known or not the native package's.
func (m *mentions) add(p *packages, off uint32) {
	b := p.text[off:]
	n := 0
	hash := uint32(2166136261)
	for n < len(b) && classes[b[n]]&nameChars != 0 {
		hash = (hash ^ uint32(b[n])) * 16777619
		n++
	}
	if n == 0 || n > math.MaxUint16 || !m.native(b[n:]) {
		return
	}
	hash ^= hash >> 15
	if m.count*2 >= len(m.slots) {
		m.grow()
	}
	mask := len(m.slots) - 1
	i := int(hash) & mask
	for ; m.slots[i].length > 0; i = (i + 1) & mask {
		s := &m.slots[i]
		if s.hash == hash && int(s.length) == n && bytes.Equal(m.lists[s.list].text[s.off:s.off+uint32(n)], b[:n]) {
			return
		}
	}
	m.slots[i] = mention{hash: hash, off: off, number: uint32(m.count), list: uint16(m.list), length: uint16(n)}
	m.count++
}

func (m *mentions) grow() {
	old := m.slots
	size := 1 << 12
	for _, p := range m.lists { // main indexes mention about twice as many names as they have packages
		for size < 4*len(p.flags) {
			size *= 2
		}
	}
	m.slots = make([]mention, max(size, 2*len(old)))
	mask := len(m.slots) - 1
	for _, s := range old {
		if s.length == 0 {
			continue
		}
		i := int(s.hash) & mask
		for m.slots[i].length > 0 {
			i = (i + 1) & mask
		}
		m.slots[i] = s
	}
}
