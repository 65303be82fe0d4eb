// Package ghash is a map of strings that is walked in the order of GLib's GHashTable with g_str_hash.
//
// Programs of GLib write such tables to files as they walk them, so the order is part of their output. It follows from
// the keys and the order they came in: open addressing with triangular probing in a table of a power of two, the first place being
// eleven times the hash modulo the largest prime below the size; it is the same from GLib 2.60 on.
package ghash

import "iter"

// Map is a table without removal. The zero Map is empty.
type Map[V any] struct {
	slots []slot[V]
	shift uint
	n     int
}

type slot[V any] struct {
	hash  uint32 // 0: free
	key   string
	value V
}

// primes are the largest primes not above 1<<i.
var primes = [32]uint32{1, 2, 3, 7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071, 262139, 524287,
	1048573, 2097143, 4194301, 8388593, 16777213, 33554393, 67108859, 134217689, 268435399, 536870909, 1073741789, 2147483647}

const minShift = 3

// Hash is g_str_hash: Bernstein's, of signed bytes.
func Hash(s string) uint32 {
	h := uint32(5381)
	for i := range len(s) {
		h = h*33 + uint32(int8(s[i]))
	}
	return h
}

// real keeps a hash clear of the values that mark free slots and tombstones.
func real(h uint32) uint32 {
	if h < 2 {
		return 2
	}
	return h
}

func (m *Map[V]) first(h uint32) uint32 { return h * 11 % primes[m.shift] }

// find returns the slot of key, or the free one where it belongs.
func (m *Map[V]) find(key string) *slot[V] {
	h := real(Hash(key))
	i := m.first(h)
	for step := uint32(1); ; step++ {
		s := &m.slots[i]
		if s.hash == 0 || s.hash == h && s.key == key {
			return s
		}
		i = (i + step) & uint32(len(m.slots)-1)
	}
}

// Get returns the value of key.
func (m *Map[V]) Get(key string) (V, bool) {
	if m.n == 0 {
		var none V
		return none, false
	}
	s := m.find(key)
	return s.value, s.hash != 0
}

// Set gives key a value; a key that is there stays where it is.
func (m *Map[V]) Set(key string, value V) {
	if m.slots == nil {
		m.shift, m.slots = minShift, make([]slot[V], 1<<minShift)
	}
	s := m.find(key)
	fresh := s.hash == 0
	*s = slot[V]{real(Hash(key)), key, value}
	if !fresh {
		return
	}
	m.n++
	if size := len(m.slots); size > m.n*4 && size > 1<<minShift || size <= m.n+m.n/16 {
		m.resize()
	}
}

// Len is the number of keys.
func (m *Map[V]) Len() int { return m.n }

// All walks the table from its first slot to the last. Values of keys that are there may be set meanwhile.
func (m *Map[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, s := range m.slots {
			if s.hash != 0 && !yield(s.key, s.value) {
				return
			}
		}
	}
}

// resize moves each entry, in the order of the old slots, to its new place; whoever is there and was not moved yet
// is moved next.
func (m *Map[V]) resize() {
	old := len(m.slots)
	m.shift = 0
	for n := int(float64(m.n) * 1.333); n > 0; n >>= 1 {
		m.shift++
	}
	m.shift = max(m.shift, minShift)
	size := 1 << m.shift
	slots := make([]slot[V], max(size, old))
	copy(slots, m.slots)
	moved := make([]bool, len(slots))
	for i := range old {
		if moved[i] || slots[i].hash == 0 {
			continue
		}
		e := slots[i]
		slots[i] = slot[V]{}
		for e.hash != 0 {
			j := m.first(e.hash)
			for step := uint32(1); moved[j]; step++ {
				j = (j + step) & uint32(size-1)
			}
			moved[j] = true
			e, slots[j] = slots[j], e
		}
	}
	m.slots = slots[:size]
}
