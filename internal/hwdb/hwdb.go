// Package hwdb compiles udev's hardware database, as systemd-hwdb(8) does: hwdb.bin of the files in hwdb.d.
//
// A file holds records: lines that match a device, then lines that begin with a blank and say KEY=VALUE, then an empty line. # begins a
// comment. The database is a header of numbers, a radix tree of the matches and a table of strings that share their ends
// (systemd: src/libsystemd/sd-hwdb/hwdb-internal.h); numbers are little-endian. Where files say something of the same match and key, the
// last counts.
package hwdb

import (
	"bytes"
	"strings"
)

// File is one file of the database.
type File struct {
	Name string // absolute
	Body []byte
}

// node is one of the radix tree: what leads from its parent to it, after the first byte, and what is known there.
type node struct {
	prefix   int // an offset of strings
	children []child
	values   []entry // by key
}

type child struct {
	c    byte
	node *node
}

// entry is a key with its value, and the file and line it comes of.
type entry struct {
	key, value, file int // offsets of strings
	line             uint32
	priority         uint16
}

// Compile returns the database of files in the order given, which systemd-hwdb takes by their base names; version is systemd's.
func Compile(files []File, version uint64) []byte {
	t := &trie{strings: newTable(), root: &node{}}
	for i, f := range files {
		t.read(f, uint16(i+1))
	}
	return t.encode(version)
}

type trie struct {
	strings *table
	root    *node
}

// read adds a file. As in the program, what is out of place is passed over.
func (t *trie) read(f File, priority uint16) {
	var matches []string
	data := false
	line := uint32(0)
	for l := range bytes.Lines(f.Body) {
		line++
		if l[0] == '#' {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimRight(string(l), "\n"), "#")
		text, _, _ = strings.Cut(text, "\x00")
		text = strings.TrimRight(text, " \t\n\v\f\r")
		blank := strings.HasPrefix(text, " ")
		switch {
		case text == "" || data && !blank:
			matches, data = nil, false
		case !blank:
			matches = append(matches, text)
		case len(matches) > 0:
			data = true
			t.add(matches, text, f.Name, priority, line)
		}
	}
}

// add adds what a line says of matches.
func (t *trie) add(matches []string, text, file string, priority uint16, line uint32) {
	key, v, ok := strings.Cut(text, "=")
	if !ok {
		return
	}
	for len(key) > 1 && isBlank(key[0]) && isBlank(key[1]) {
		key = key[1:]
	}
	if len(key) < 2 {
		return
	}
	for _, m := range matches {
		n := t.insert(m)
		e := entry{key: t.strings.add(key), value: t.strings.add(v), file: t.strings.add(file), line: line, priority: priority}
		t.put(n, e)
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// insert returns the node of a match.
func (t *trie) insert(match string) *node {
	n := t.root
	for {
		prefix := t.strings.at(n.prefix)
		p := 0
		for p < len(prefix) && p < len(match) && prefix[p] == match[p] {
			p++
		}
		if p < len(prefix) {
			t.split(n, prefix, p)
		}
		match = match[p:]
		if match == "" {
			return n
		}
		next := n.child(match[0])
		if next == nil {
			next = &node{prefix: t.strings.add(match[1:])}
			n.add(match[0], next)
			return next
		}
		n, match = next, match[1:]
	}
}

// split puts a node between n and what is below it, after the first p bytes of its prefix.
func (t *trie) split(n *node, prefix string, p int) {
	below := &node{prefix: n.prefix + p + 1, children: n.children, values: n.values}
	*n = node{prefix: t.strings.add(prefix[:p])}
	n.add(prefix[p], below)
}
