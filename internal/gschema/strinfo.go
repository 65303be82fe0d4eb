package gschema

import (
	"encoding/binary"
	"fmt"
)

// strinfo is a map of strings to numbers: of each the number, then the string between 0xff, or 0xfe of an alias, and 0xff, padded to
// words.
type strinfo struct {
	b     []byte
	names map[string]named
}

type named struct {
	index uint32 // of the number, in words
	value int64
	alias bool
}

func (s *strinfo) clone() strinfo {
	c := strinfo{b: append([]byte(nil), s.b...), names: map[string]named{}}
	for k, v := range s.names {
		c.names[k] = v
	}
	return c
}

const longestName = 65

func (s *strinfo) add(name string, value int64, first byte) error {
	if _, ok := s.names[name]; ok || len(name) > longestName {
		return fmt.Errorf("%q is there, or too long", name)
	}
	if s.names == nil {
		s.names = map[string]named{}
	}
	s.names[name] = named{uint32(len(s.b) / 4), value, first == 0xfe}
	s.b = binary.LittleEndian.AppendUint32(s.b, uint32(value))
	words := make([]byte, 4*max(2, (len(name)+6)/4))
	words[0], words[len(words)-1] = first, 0xff
	copy(words[1:], name)
	s.b = append(s.b, words...)
	return nil
}

func (s *strinfo) alias(name, target string) error {
	t, ok := s.names[target]
	if !ok || t.alias {
		return fmt.Errorf("alias of %q, which is not there", target)
	}
	return s.add(name, int64(t.index), 0xfe)
}

// has reports whether all strings are among those that are no aliases.
func (s *strinfo) has(all []string) bool {
	for _, a := range all {
		if n, ok := s.names[a]; !ok || n.alias {
			return false
		}
	}
	return true
}
