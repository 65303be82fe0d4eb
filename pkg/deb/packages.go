package deb

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"path"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// A Packages file has tens of thousands of stanzas, of which a solver reaches a few
// per cent. So it is kept as the bytes it is, and one pass over its lines, split over the processors, notes where
// stanzas begin, how their packages are called and which of them matter to base sets; it also checks the fields without which
// a package cannot be named or fetched. All else is parsed for the stanzas that are asked for.

// flags of a stanza.
const (
	prioMask     = 7      // the rank of its priority
	isEssential  = 1 << 3 // Essential: yes
	hasProvides  = 1 << 4
	isForeign    = 1 << 5 // of another architecture: as if it were not there
	maxIndexSize = 1 << 31
)

// packages is one Packages file. It is immutable after newPackages.
type packages struct {
	repo  *pkg.Repo
	pin   int // apt's default pin of its repository
	text  []byte
	start []uint32 // of each stanza; one more entry is the end of text
	flags []uint8
	names nameTable // entry i is stanza i's name
}

// newPackages reads text for arch; errors name the line.
func newPackages(repo *pkg.Repo, text []byte, arch string) (*packages, error) {
	if len(text) >= maxIndexSize {
		return nil, fmt.Errorf("%d bytes: limit is %d", len(text), maxIndexSize)
	}
	parts := splitStanzas(text, min(runtime.GOMAXPROCS(0), 8))
	scans := make([]scan, len(parts)-1)
	var wg sync.WaitGroup
	for i := range scans {
		wg.Go(func() {
			scans[i] = scan{text: text[:parts[i+1]], arch: arch}
			scans[i].run(parts[i])
		})
	}
	wg.Wait()
	n := 0
	for _, s := range scans {
		if s.err != nil {
			line := bytes.Count(text[:s.errAt], []byte("\n")) + 1
			return nil, fmt.Errorf("line %d: %w", line, s.err)
		}
		n += len(s.flags)
	}
	p := &packages{repo: repo, text: text, start: make([]uint32, 0, n+1), flags: make([]uint8, 0, n)}
	p.names = nameTable{text: text, off: make([]uint32, 0, n)}
	hashes := make([]uint32, 0, n)
	for _, s := range scans {
		p.start = append(p.start, s.start...)
		p.flags = append(p.flags, s.flags...)
		p.names.off = append(p.names.off, s.name...)
		hashes = append(hashes, s.hash...)
	}
	p.start = append(p.start, uint32(len(text)))
	p.names.link(hashes, func(i int) bool { return p.flags[i]&isForeign == 0 })
	return p, nil
}

// splitStanzas cuts text between stanzas into about n parts and returns the cuts, 0 and len(text) included.
func splitStanzas(text []byte, n int) []int {
	cuts := []int{0}
	for i := 1; i < n; i++ {
		at := max(len(text)/n*i, cuts[len(cuts)-1])
		j := bytes.Index(text[at:], []byte("\n\n"))
		if j < 0 {
			break
		}
		cuts = append(cuts, at+j+2)
	}
	return append(cuts, len(text))
}

// scan is the pass over one part.
type scan struct {
	text  []byte // up to the part's end
	arch  string
	start []uint32
	flags []uint8
	name  []uint32 // offsets
	hash  []uint32 // of the names
	err   error
	errAt int
}

// run scans the stanzas from offset pos on.
func (s *scan) run(pos int) {
	// 600 bytes a stanza is less than real indexes have, so that these seldom grow.
	n := (len(s.text) - pos) / 600
	s.start, s.flags = make([]uint32, 0, n), make([]uint8, 0, n)
	s.name, s.hash = make([]uint32, 0, n), make([]uint32, 0, n)
	for pos < len(s.text) {
		if s.text[pos] == '\n' {
			pos++
			continue
		}
		begin := pos
		st := readStanza(s.text, pos)
		pos = st.end
		if s.err = st.check(s.text, s.arch); s.err != nil {
			s.errAt = begin
			return
		}
		s.start = append(s.start, uint32(begin))
		s.flags = append(s.flags, st.flags)
		s.name = append(s.name, uint32(st.name.from))
		s.hash = append(s.hash, hashName(s.text[st.name.from:st.name.to]))
	}
}

// span is a field's value: its offsets in the file, without the blanks before it.
type span struct{ from, to int }

// stanza is what the pass notes of one stanza.
type stanza struct {
	name, version, arch, file, size, sha256 span
	priority, essential                     span
	flags                                   uint8
	twice                                   bool // one of them occurs twice
	end                                     int  // the offset of the blank line after it, or of the text's end
}

// readStanza notes the stanza at pos.
func readStanza(text []byte, pos int) stanza {
	var s stanza
	if s.lines(text, pos); !s.complete() {
		return slowly(text[pos:s.end], pos)
	}
	return s
}

func (s *stanza) complete() bool {
	return s.name.to > 0 && s.version.to > 0 && s.arch.to > 0 && s.file.to > 0 && s.size.to > 0 && s.sha256.to > 0
}

// lines notes the fields of the stanza at pos, and where it ends.
func (s *stanza) lines(text []byte, pos int) {
	s.end = len(text)
	for pos < len(text) {
		nl := bytes.IndexByte(text[pos:], '\n')
		if nl == 0 {
			s.end = pos
			return
		}
		end := pos + nl
		if nl < 0 {
			end = len(text)
		}
		line := text[pos:end]
		switch line[0] {
		case 'P':
			s.note(&s.name, line, pos, "Package:")
			s.note(&s.priority, line, pos, "Priority:")
			if valueOf(line, pos, "Provides:").to > 0 {
				s.flags |= hasProvides
			}
		case 'V':
			s.note(&s.version, line, pos, "Version:")
		case 'A':
			s.note(&s.arch, line, pos, "Architecture:")
		case 'E':
			s.note(&s.essential, line, pos, "Essential:")
		case 'F':
			s.note(&s.file, line, pos, "Filename:")
		case 'S':
			s.note(&s.size, line, pos, "Size:")
			s.note(&s.sha256, line, pos, "SHA256:")
		}
		pos = end + 1
	}
}

// note keeps the value of line, which begins at offset pos, if it is the given field.
func (s *stanza) note(f *span, line []byte, pos int, field string) {
	if v := valueOf(line, pos, field); v.to > 0 {
		s.twice = s.twice || f.to > 0
		*f = v
	}
}

// valueOf returns the value of line, which begins at offset pos, if it is the given field.
func valueOf(line []byte, pos int, field string) span {
	if len(line) < len(field) || string(line[:len(field)]) != field {
		return span{}
	}
	i, j := len(field), len(line)
	for i < j && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	for i < j && (line[j-1] == ' ' || line[j-1] == '\t') {
		j--
	}
	return span{pos + i, pos + j}
}

// slowly notes the fields of a stanza in which some names are not spelled as usual.
func slowly(text []byte, begin int) stanza {
	s := stanza{end: begin + len(text)}
	for pos := 0; pos < len(text); {
		end := len(text)
		if nl := bytes.IndexByte(text[pos:], '\n'); nl >= 0 {
			end = pos + nl
		}
		line := text[pos:end]
		name, _, _ := strings.Cut(string(line), ":")
		for _, f := range []struct {
			name string
			span *span
		}{
			{"Package", &s.name}, {"Version", &s.version}, {"Architecture", &s.arch}, {"Filename", &s.file},
			{"Size", &s.size}, {"SHA256", &s.sha256}, {"Priority", &s.priority}, {"Essential", &s.essential},
		} {
			if strings.EqualFold(name, f.name) {
				s.note(f.span, line, begin+pos, name+":")
			}
		}
		if strings.EqualFold(name, "Provides") {
			s.flags |= hasProvides
		}
		pos = end + 1
	}
	return s
}

// check checks the noted fields and turns them into flags.
func (s *stanza) check(text []byte, arch string) error {
	name := text[s.name.from:s.name.to]
	if !only(name, nameChars) || name[0] == '-' || name[0] == '.' || name[0] == '+' {
		return fmt.Errorf("missing or malformed package name %q", name)
	}
	size, sum, file := text[s.size.from:s.size.to], text[s.sha256.from:s.sha256.to], text[s.file.from:s.file.to]
	switch {
	case s.twice:
		return fmt.Errorf("package %s: a field occurs twice", name)
	case !only(text[s.version.from:s.version.to], versionChars):
		return fmt.Errorf("package %s: missing or malformed version %q", name, text[s.version.from:s.version.to])
	case !only(text[s.arch.from:s.arch.to], nameChars):
		return fmt.Errorf("package %s: missing or malformed architecture %q", name, text[s.arch.from:s.arch.to])
	case !goodPath(file):
		return fmt.Errorf("package %s: missing or malformed file name %q", name, file)
	case !only(size, digitChars) || len(size) > 15:
		return fmt.Errorf("package %s: missing or malformed size %q", name, size)
	case !only(sum, hexChars) || len(sum) != hex.EncodedLen(len(tree.Digest{})) || len(bytes.Trim(sum, "0")) == 0: // the zero digest means none
		return fmt.Errorf("package %s: missing or malformed SHA256 %q", name, sum)
	}
	if a := text[s.arch.from:s.arch.to]; string(a) != arch && string(a) != "all" {
		s.flags |= isForeign
	}
	if string(text[s.essential.from:s.essential.to]) == "yes" {
		s.flags |= isEssential
	}
	s.flags |= uint8(priorityOf(string(text[s.priority.from:s.priority.to])))
	return nil
}

// goodPath accepts a relative path that stays below where it starts.
func goodPath(p []byte) bool {
	if len(p) == 0 || p[0] == '/' || len(p) > 4096 || bytes.IndexByte(p, 0) >= 0 {
		return false
	}
	return !bytes.Contains(p, []byte("..")) || !bytes.Contains(append(append([]byte("/"), p...), '/'), []byte("/../"))
}

// Character classes, as bits.
const (
	nameChars = 1 << iota
	versionChars
	digitChars
	hexChars
)

var classes = func() (c [256]uint8) {
	set := func(chars string, class uint8) {
		for i := range len(chars) {
			c[chars[i]] |= class
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	set("0123456789"+letters+"+-._", nameChars)
	set("0123456789"+letters+".+-~:", versionChars)
	set("0123456789", digitChars)
	set("0123456789abcdef", hexChars)
	return c
}()

// only reports whether b is not empty and has only characters of a class.
func only(b []byte, class uint8) bool {
	for _, x := range b {
		if classes[x]&class == 0 {
			return false
		}
	}
	return len(b) > 0
}

// stanzaText returns the bytes of stanza i without its last newline.
func (p *packages) stanzaText(i int) []byte {
	return bytes.TrimRight(p.text[p.start[i]:p.start[i+1]], "\n")
}

// name returns the name of stanza i's package.
func (p *packages) name(i int) []byte { return p.names.at(i) }

// stanzaAt returns the stanza that holds the offset.
func (p *packages) stanzaAt(offset int) int {
	return sort.Search(len(p.flags), func(i int) bool { return int(p.start[i+1]) > offset })
}

// parse makes the package of stanza i. What the pass checked is read as the pass read it.
func (p *packages) parse(i int) *pkg.Package {
	text := string(p.stanzaText(i))
	st := readStanza([]byte(text), 0)
	c := newControl(text)
	q := c.Package()
	q.Repo = p.repo
	q.Name, q.Version, q.Arch = text[st.name.from:st.name.to], text[st.version.from:st.version.to], text[st.arch.from:st.arch.to]
	q.Path = path.Clean(text[st.file.from:st.file.to])
	q.Size, _ = strconv.ParseInt(text[st.size.from:st.size.to], 10, 64)
	_, _ = hex.Decode(q.SHA256[:], []byte(text[st.sha256.from:st.sha256.to]))
	return q
}
