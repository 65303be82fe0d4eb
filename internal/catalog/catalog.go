// Package catalog makes the binary message catalog of systemd's journal, which journalctl --update-catalog writes to
// /var/lib/systemd/catalog/database, from the texts in /usr/lib/systemd/catalog.
//
// A text file NAME.catalog or NAME.LANGUAGE.catalog holds entries like
//
//	-- f77379a8490b408bbe5f6940505a777b
//	Subject: The journal has been started
//	Defined-By: systemd
//
//	The system journal process has started up.
//
// with an optional language behind the id, and comments that begin with # or ;. The database is a header, items of 56
// bytes sorted by id and language, and the texts, each ended by a NUL (systemd: src/libsystemd/sd-journal/catalog.c).
package catalog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

// File is one text file.
type File struct {
	Name string // whose last component ends in .catalog and may name the language
	Body []byte
}

// maxLanguage is how long a language's name may be, and what its field in an item holds with a NUL.
const maxLanguage = 31

// item is an entry by its key.
type item struct {
	id       [16]byte
	language string
	text     string
	offset   uint64
}

// Compile returns the database of files, in the order given; journalctl takes them by name. An entry that comes again has its headers and,
// where it has any, its body go before the earlier ones.
func Compile(files []File) ([]byte, error) {
	db := &database{at: map[key]int{}}
	for _, f := range files {
		if err := db.read(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return db.marshal(), nil
}

type key struct {
	id       [16]byte
	language string
}

type database struct {
	items []item
	at    map[key]int // index in items
}

// language returns the language in a file's name, or "".
func language(name string) string {
	stem, _ := strings.CutSuffix(path.Base(name), ".catalog")
	i := strings.LastIndexByte(stem, '.')
	if i < 0 || len(stem)-i > maxLanguage {
		return ""
	}
	return stem[i+1:]
}

// reader reads one file.
type reader struct {
	db            *database
	id            [16]byte
	lang, deflang string
	open          bool // there was an id
	text          strings.Builder
}

func (db *database) read(f File) error {
	r := &reader{db: db, deflang: language(f.Name)}
	blank := true
	for n, line := range strings.Split(string(f.Body), "\n") {
		switch {
		case strings.Contains(line, "\x00"):
			return fmt.Errorf("line %d: a NUL", n+1)
		case line == "":
			blank = true
			continue
		case line[0] == '#' || line[0] == ';':
			continue
		}
		if id, lang, ok := entry(line); ok && blank {
			if err := r.begin(id, lang); err != nil {
				return fmt.Errorf("line %d: %w", n+1, err)
			}
			blank = false
			continue
		}
		if !r.open {
			return fmt.Errorf("line %d: text before the first id", n+1)
		}
		if blank {
			r.text.WriteByte('\n')
		}
		r.text.WriteString(line + "\n")
		blank = false
	}
	return r.end()
}

// entry reads the line that begins an entry.
func entry(line string) (id [16]byte, lang string, ok bool) {
	const word = len("-- ") + 32
	if len(line) < word || !strings.HasPrefix(line, "-- ") || len(line) > word && line[word] != ' ' {
		return id, "", false
	}
	if _, err := hex.Decode(id[:], []byte(line[3:word])); err != nil {
		return id, "", false
	}
	return id, strings.Trim(line[word:], " \t\r"), true
}

// begin ends the entry before and begins another.
func (r *reader) begin(id [16]byte, lang string) error {
	if err := r.end(); err != nil {
		return err
	}
	if lang != "" && (len(lang) < 2 || len(lang) > maxLanguage) {
		return fmt.Errorf("language %q: too short or too long", lang)
	}
	if r.id, r.lang, r.open = id, lang, true; lang == "" {
		r.lang = r.deflang
	}
	r.text.Reset()
	return nil
}

// end keeps the entry that is open.
func (r *reader) end() error {
	if !r.open {
		return nil
	}
	text := r.text.String()
	if text == "" {
		return fmt.Errorf("entry %x: no text", r.id)
	}
	k := key{r.id, r.lang}
	if i, ok := r.db.at[k]; ok {
		r.db.items[i].text = combine(text, r.db.items[i].text)
		return nil
	}
	r.db.at[k] = len(r.db.items)
	r.db.items = append(r.db.items, item{id: r.id, language: r.lang, text: text})
	return nil
}

// combine puts the headers of both together before the body of one, or, if it has none, of two.
func combine(one, two string) string {
	b1, b2 := headers(one), headers(two)
	body := one[b1:]
	if body == "" {
		body = two[b2:]
	}
	return one[:b1] + two[:b2] + body
}

// headers returns how long the headers of a text are: the lines before the first empty one.
func headers(text string) int {
	n := 0
	for {
		i := strings.IndexByte(text[n:], '\n')
		if i <= 0 {
			return n
		}
		n += i + 1
	}
}

func (db *database) marshal() []byte {
	texts := newStrings()
	for i := range db.items {
		db.items[i].offset = uint64(texts.add(db.items[i].text))
	}
	sorted := slices.Clone(db.items)
	slices.SortFunc(sorted, func(a, b item) int {
		if c := bytes.Compare(a.id[:], b.id[:]); c != 0 {
			return c
		}
		return strings.Compare(a.language, b.language)
	})
	const headerSize, itemSize = 40, 16 + maxLanguage + 1 + 8
	out := append([]byte("RHHHKSLP"), make([]byte, 8)...) // no flags
	for _, n := range []int{headerSize, len(sorted), itemSize} {
		out = binary.LittleEndian.AppendUint64(out, uint64(n))
	}
	for _, it := range sorted {
		out = append(out, it.id[:]...)
		out = append(out, it.language...)
		out = append(out, make([]byte, maxLanguage+1-len(it.language))...)
		out = binary.LittleEndian.AppendUint64(out, it.offset)
	}
	return append(out, texts.buf...)
}
