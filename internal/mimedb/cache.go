package mimedb

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/ghash"
)

// cacheWriter writes mime.cache, version 1.2: numbers are big-endian, strings and data padded to four bytes.
type cacheWriter struct {
	b       []byte
	strings ghash.Map[uint32] // where each is
}

func (w *cacheWriter) put(ns ...uint32) {
	for _, n := range ns {
		w.b = binary.BigEndian.AppendUint32(w.b, n)
	}
}

func (w *cacheWriter) pad(data []byte) {
	w.b = append(w.b, data...)
	for len(w.b)%4 != 0 {
		w.b = append(w.b, 0)
	}
}

// at is where a string is, which was collected.
func (w *cacheWriter) at(s string) uint32 {
	off, _ := w.strings.Get(s)
	return off
}

const cacheHeader = 44

func (db *database) cache() ([]byte, error) {
	w := &cacheWriter{b: make([]byte, cacheHeader)}
	db.collect(&w.strings)
	for s := range w.strings.All() {
		w.strings.Set(s, uint32(len(w.b)))
		w.pad(append([]byte(s), 0))
	}
	var suffixes []*suffix
	for pattern, gs := range db.globs.All() {
		if kindOf(pattern) != simple {
			continue
		}
		letters := []rune(pattern[1:])
		if len(letters) == 0 || slices.Contains(letters, 0) {
			return nil, fmt.Errorf("glob %q of %s: not for a cache", pattern, gs[0].typ)
		}
		slices.Reverse(letters)
		for _, g := range gs {
			suffixes = insert(suffixes, letters, g)
		}
	}
	parts := []func(){
		func() { w.pairs(&db.aliases) },
		func() { w.parents(&db.subclasses) },
		func() { w.globs(&db.globs, literal) },
		func() { w.suffixes(suffixes) },
		func() { w.globs(&db.globs, full) },
		func() { w.magic(db.magic) },
		func() { w.namespaces(&db.namespaces) },
		func() { w.pairs(&db.icons) },
		func() { w.pairs(&db.genericIcons) },
		func() {
			w.put(uint32(db.types.Len()))
			for _, l := range db.typeLines() {
				w.put(w.at(l)) // with its line feed, as the program looks it up, so 0
			}
		},
	}
	head := []byte{0, 1, 0, 2}
	for _, part := range parts {
		head = binary.BigEndian.AppendUint32(head, uint32(len(w.b)))
		part()
	}
	copy(w.b, head)
	return w.b, nil
}

// collect adds all strings, in the order of the program.
func (db *database) collect(m *ghash.Map[uint32]) {
	for a, t := range db.aliases.All() {
		m.Set(a, 0)
		m.Set(t, 0)
	}
	for t, above := range db.subclasses.All() {
		m.Set(t, 0)
		for _, a := range above {
			m.Set(a, 0)
		}
	}
	for p, gs := range db.globs.All() {
		if kindOf(p) != simple {
			m.Set(p, 0)
		}
		for _, g := range gs {
			m.Set(g.typ, 0)
		}
	}
	for _, g := range db.magic {
		m.Set(g.typ, 0)
	}
	for k, t := range db.namespaces.All() {
		uri, local, _ := strings.Cut(k, " ")
		m.Set(t, 0)
		m.Set(uri, 0)
		m.Set(local, 0)
	}
	for _, icons := range []*ghash.Map[string]{&db.genericIcons, &db.icons} {
		for t, icon := range icons.All() {
			m.Set(t, 0)
			m.Set(icon, 0)
		}
	}
}

// keys returns the sorted keys.
func keys[V any](m *ghash.Map[V]) []string {
	var ks []string
	for k := range m.All() {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

func (w *cacheWriter) pairs(m *ghash.Map[string]) {
	w.put(uint32(m.Len()))
	for _, k := range keys(m) {
		v, _ := m.Get(k)
		w.put(w.at(k), w.at(v))
	}
}

func (w *cacheWriter) namespaces(m *ghash.Map[string]) {
	w.put(uint32(m.Len()))
	for _, k := range keys(m) {
		uri, local, _ := strings.Cut(k, " ")
		t, _ := m.Get(k)
		w.put(w.at(uri), w.at(local), w.at(t))
	}
}

func (w *cacheWriter) parents(m *ghash.Map[[]string]) {
	ks := keys(m)
	w.put(uint32(len(ks)))
	off := uint32(len(w.b) + 8*len(ks))
	for _, k := range ks {
		w.put(w.at(k), off)
		above, _ := m.Get(k)
		off += 4 + 4*uint32(len(above))
	}
	for _, k := range ks {
		above, _ := m.Get(k)
		w.put(uint32(len(above)))
		for _, a := range above {
			w.put(w.at(a))
		}
	}
}

// kind is where the cache keeps a glob.
type kind int

const (
	literal kind = iota
	simple       // a * and a suffix
	full
)

func kindOf(glob string) kind {
	rest, star := strings.CutPrefix(glob, "*")
	switch {
	case strings.ContainsAny(rest, `\[?*`):
		return full
	case star:
		return simple
	}
	return literal
}

// flags is the weight with the flag of case.
func (g glob) flags() uint32 { return uint32(g.weight&0xff | btoi(g.cased)<<8) }

func (w *cacheWriter) globs(m *ghash.Map[[]glob], want kind) {
	var all []glob
	for _, k := range keys(m) {
		if kindOf(k) == want {
			gs, _ := m.Get(k)
			all = append(all, gs...)
		}
	}
	w.put(uint32(len(all)))
	for _, g := range all {
		w.put(w.at(g.pattern), w.at(g.typ), g.flags())
	}
}

// suffix is a letter of the tree of suffixes, which is read from a name's end, or where letter is 0, a type.
type suffix struct {
	letter rune
	glob   glob
	kids   []*suffix
}

// insert adds a suffix to sorted siblings.
func insert(siblings []*suffix, letters []rune, g glob) []*suffix {
	i, ok := slices.BinarySearchFunc(siblings, letters[0], func(s *suffix, r rune) int { return int(s.letter - r) })
	if !ok {
		siblings = slices.Insert(siblings, i, &suffix{letter: letters[0]})
	}
	s := siblings[i]
	if len(letters) > 1 {
		s.kids = insert(s.kids, letters[1:], g)
		return siblings
	}
	n := 0
	for ; n < len(s.kids) && s.kids[n].letter == 0; n++ {
		if k := s.kids[n]; k.glob.typ == g.typ {
			k.glob.weight = max(k.glob.weight, g.weight)
			return siblings
		}
	}
	s.kids = slices.Insert(s.kids, n, &suffix{glob: g})
	return siblings
}

// suffixes writes the tree breadth first.
func (w *cacheWriter) suffixes(level []*suffix) {
	w.put(uint32(len(level)), uint32(len(w.b)+8))
	next := uint32(len(w.b) + 12*len(level))
	for len(level) > 0 {
		var below []*suffix
		for _, s := range level {
			if s.letter == 0 {
				w.put(0, w.at(s.glob.typ), s.glob.flags())
				continue
			}
			w.put(uint32(s.letter), uint32(len(s.kids)), next)
			next += 12 * uint32(len(s.kids))
			below = append(below, s.kids...)
		}
		level = below
	}
}

// siblingsOf lists matches, and then those below each, depth first.
func siblingsOf(ms, all []*match) []*match {
	all = append(all, ms...)
	for _, m := range ms {
		all = siblingsOf(m.matches, all)
	}
	return all
}

func (w *cacheWriter) magic(rules []*magic) {
	var all []*match
	for _, r := range rules {
		all = siblingsOf(r.matches, all)
	}
	index, extent := map[*match]int{}, int64(0)
	for i, m := range all {
		index[m] = i
		extent = max(extent, int64(len(m.data))+m.start+m.length)
	}
	w.put(uint32(len(rules)), uint32(extent), uint32(len(w.b)+12))
	base := len(w.b) + 16*len(rules)
	first := func(ms []*match) uint32 { return uint32(base + 32*index[ms[0]]) }
	for _, r := range rules {
		w.put(uint32(r.priority), w.at(r.typ), uint32(len(r.matches)), first(r.matches))
	}
	data := uint32(base + 32*len(all))
	for _, m := range all {
		size := uint32(len(m.data)+3) &^ 3
		w.put(uint32(m.start), uint32(m.length), uint32(m.word), uint32(len(m.data)), data)
		data += size
		if m.mask != nil {
			w.put(data)
			data += size
		} else {
			w.put(0)
		}
		if len(m.matches) > 0 {
			w.put(uint32(len(m.matches)), first(m.matches))
		} else {
			w.put(0, 0)
		}
	}
	for _, m := range all {
		w.pad(m.data)
		w.pad(m.mask)
	}
}
