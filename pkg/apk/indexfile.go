package apk

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// An APKINDEX has tens of thousands of records, of which a solver reaches few. So it is kept as the text it is, and one
// pass over its lines notes where records begin, how their packages are called and what they provide; it also checks the fields
// without which a package cannot be named or fetched. All else is parsed for the records that are asked for.
//
//	C:Q1mcpyM8ftLHlvmaMjdLoBo6zq/Fo=      sha1 of the control member
//	P:alpine-base                         name
//	V:3.19.1-r0
//	A:x86_64
//	S:1518                                bytes of the file
//	I:4096                                bytes of the unpacked files
//	t:1706291505                          when it was built
//	D:alpine-baselayout alpine-conf so:libc.musl-x86_64.so.1
//	p:cmd:x=3.19.1-r0                     provides
//	i:docs foo=1                          install_if
//	k:100                                 provider_priority
//
// Records are ended by empty lines.

// List is the text of one index and where it came from.
type List struct {
	Repo *pkg.Repo
	Dir  string // of the packages, relative to the repository's base
	Text []byte

	fileNames string // see Info.fileName
}

// list is a List that was scanned. It is immutable.
type list struct {
	List
	start    []uint32 // of each record
	end      []uint32
	names    nameTable // entry i is record i's name
	provided nameTable // entries are the words of p: lines
	needed   nameTable // entries are the words of i: lines
	newest   int64     // the latest time of building
}

const maxIndex = 1 << 30

// newList scans l for arch; errors name the line.
func newList(l List, arch string) (*list, error) {
	if len(l.Text) > maxIndex {
		return nil, fmt.Errorf("%d bytes: limit is %d", len(l.Text), maxIndex)
	}
	x := &list{List: l}
	for _, t := range []*nameTable{&x.names, &x.provided, &x.needed} {
		t.text = l.Text
	}
	for pos := 0; pos < len(l.Text); {
		if l.Text[pos] == '\n' {
			pos++
			continue
		}
		end := len(l.Text)
		if i := bytes.Index(l.Text[pos:], []byte("\n\n")); i >= 0 {
			end = pos + i + 1
		}
		if err := x.scan(pos, end, arch); err != nil {
			return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(l.Text[:pos], []byte("\n")), err)
		}
		pos = end
	}
	for _, t := range []*nameTable{&x.names, &x.provided, &x.needed} {
		t.link()
	}
	return x, nil
}

// scan looks at the record in text[pos:end]. One that is for another architecture, or has a field that a newer
// apk would have to understand (an unknown one in upper case), is as if it were not there.
func (x *list) scan(pos, end int, arch string) error {
	begin := pos
	provided, needed := len(x.provided.entries), len(x.needed.entries)
	var seen uint64
	var name, version span
	usable := true
	for pos < end {
		stop := end
		if nl := bytes.IndexByte(x.Text[pos:end], '\n'); nl >= 0 {
			stop = pos + nl
		}
		line := x.Text[pos:stop]
		if len(line) < 2 || line[1] != ':' {
			return fmt.Errorf("malformed line %.80q", line)
		}
		value := span{pos + 2, stop}
		switch c := line[0]; c {
		case 'P':
			name = value
		case 'V':
			version = value
		case 'A':
			usable = usable && (string(line[2:]) == arch || string(line[2:]) == "noarch" || arch == "")
		case 'p':
			x.provided.words(value, len(x.start))
		case 'i':
			x.needed.words(value, len(x.start))
		case 't':
			x.newest = max(x.newest, digits(line[2:]))
		case 'C', 'S', 'I', 'T', 'U', 'L', 'o', 'm', 'c', 'k', 'D', 'q', 'r':
		default:
			usable = usable && (c < 'A' || c > 'Z')
		}
		if bit := letterBit(line[0]); seen&bit != 0 && strings.IndexByte("Dpir", line[0]) < 0 {
			return fmt.Errorf("field %c comes twice", line[0])
		} else {
			seen |= bit
		}
		pos = stop + 1
	}
	if !goodName(string(x.Text[name.from:name.to])) || bytes.IndexByte(x.Text[name.from:name.to], '/') >= 0 {
		return fmt.Errorf("missing or malformed package name %q", x.Text[name.from:name.to])
	}
	if !goodVersion(string(x.Text[version.from:version.to])) {
		return fmt.Errorf("package %s: missing or malformed version %q", x.Text[name.from:name.to], x.Text[version.from:version.to])
	}
	if !usable {
		x.provided.entries, x.needed.entries = x.provided.entries[:provided], x.needed.entries[:needed]
		return nil
	}
	x.names.add(name, len(x.start))
	x.start, x.end = append(x.start, uint32(begin)), append(x.end, uint32(end))
	return nil
}

func letterBit(c byte) uint64 {
	if c < 'A' || c > 'z' {
		return 0
	}
	return 1 << (c - 'A')
}

// digits reads a decimal number, 0 if it is none.
func digits(b []byte) (n int64) {
	if len(b) > 15 {
		return 0
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// parse makes the package of record i.
func (x *list) parse(i int, arch string) (*pkg.Package, error) {
	r := infoReader{info: &Info{}}
	for line := range strings.Lines(string(x.Text[x.start[i]:x.end[i]])) {
		line = strings.TrimSuffix(line, "\n")
		if err := r.set(line[0], "", line[2:]); err != nil {
			return nil, fmt.Errorf("package %s: field %c: %w", x.names.at(i), line[0], err)
		}
	}
	info, err := r.read()
	if err != nil {
		return nil, err
	}
	if info.Arch == "" {
		info.Arch = arch
	}
	p := info.Package()
	p.Repo = x.Repo
	if p.Path, err = x.path(info); err != nil {
		return nil, err
	}
	return p, nil
}

// path returns where the package's file is, relative to the repository's base. What an index of format 3 says of that counts from
// above the directories of architectures, if there are such.
func (x *list) path(info *Info) (string, error) {
	if x.fileNames == "" {
		return join(x.Dir, info.File()), nil
	}
	name, err := info.fileName(x.fileNames)
	return join(suiteDir(x.Repo), name), err
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
