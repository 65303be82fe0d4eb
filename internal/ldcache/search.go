package ldcache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Result is what a search found.
type Result struct {
	Entries []Entry
	Subdirs []string // names below glibc-hwcaps
	Links   []Link   // that ldconfig would make
}

// Link is a link from a SONAME to the file beside it.
type Link struct {
	Path   string // without a slash in front
	Target string
}

// searcher is one run of ldconfig.
type searcher struct {
	*Program
	fsys  fs.FS
	dirs  []dir
	found Result
	files int // of configuration
}

// dir is a directory to search.
type dir struct {
	path   string // absolute, as configured
	real   string // the directory that it means
	subdir string // below glibc-hwcaps
}

// Bounds of the configuration.
const (
	mostConf  = 4096
	mostDirs  = 4096
	confDepth = 16
	confSize  = 1 << 20
)

// Search reads etc/ld.so.conf of fsys, a view of a tree ([tree.Tree.FS]), and searches its directories, then the standard
// ones. A directory counts once, below the first name that it has. The order is ldconfig's, with the names of each directory
// sorted; Entries are as they were found, not as they are written.
func (p *Program) Search(fsys fs.FS) (*Result, error) {
	s := &searcher{Program: p, fsys: fsys}
	if err := s.conf("etc/ld.so.conf", 0); err != nil {
		return nil, err
	}
	for _, d := range p.Dirs {
		s.add(d)
	}
	for i := 0; i < len(s.dirs); i++ {
		if err := s.search(s.dirs[i]); err != nil {
			return nil, err
		}
		if len(s.dirs) > mostDirs {
			return nil, fmt.Errorf("/etc/ld.so.conf: more than %d directories", mostDirs)
		}
	}
	return &s.found, nil
}

// conf reads a configuration file, if it is there: directories, comments, and include with patterns.
func (s *searcher) conf(name string, depth int) error {
	fi, err := fs.Stat(s.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.files++; s.files > mostConf || depth > confDepth || fi.Size() > confSize {
		return fmt.Errorf("/%s: too many or too large configuration files", tree.Quote(name))
	}
	b, err := fs.ReadFile(s.fsys, name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "#")
		line, _, _ = strings.Cut(line, "\x00")
		line = strings.TrimLeft(line, " \t\v\f\r\n")
		word := strings.IndexAny(line, " \t")
		switch {
		case line == "":
		case word == 7 && strings.HasPrefix(line, "include"):
			for pattern := range strings.FieldsFuncSeq(line[8:], func(r rune) bool { return r == ' ' || r == '\t' }) {
				if err := s.include(name, pattern, depth); err != nil {
					return err
				}
			}
		case word == 5 && strings.EqualFold(line[:5], "hwcap"):
		default:
			if s.legacy {
				line, _, _ = strings.Cut(line, "=")
			}
			s.add(line)
		}
	}
	return nil
}

// include reads the files that a pattern, relative to the file from, means, sorted.
func (s *searcher) include(from, pattern string, depth int) error {
	if !strings.HasPrefix(pattern, "/") {
		pattern = path.Dir(from) + "/" + pattern
	}
	pattern = path.Clean(strings.TrimLeft(pattern, "/"))
	names, err := fs.Glob(s.fsys, pattern)
	if err != nil {
		return nil // a pattern that means nothing
	}
	slices.Sort(names)
	for _, name := range names {
		if hidden := strings.HasPrefix(path.Base(name), "."); hidden && !strings.HasPrefix(path.Base(pattern), ".") {
			continue
		}
		if err := s.conf(name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// add queues a directory, if it is one and new, and those below its glibc-hwcaps.
func (s *searcher) add(line string) {
	line = strings.TrimRight(strings.TrimRight(line, " \t\v\f\r\n"), "/")
	if !strings.HasPrefix(line, "/") {
		return
	}
	real, ok := s.real(line)
	if !ok || !s.queue(dir{path: line, real: real}) {
		return
	}
	below, err := fs.ReadDir(s.fsys, rel(line)+"/glibc-hwcaps")
	if err != nil {
		return
	}
	for _, e := range below {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.Contains(name, ":") || e.Type().IsRegular() {
			continue
		}
		at := line + "/glibc-hwcaps/" + name
		if real, ok := s.real(at); ok {
			s.found.Subdirs = append(s.found.Subdirs, name)
			s.queue(dir{at, real, name})
		}
	}
}

// queue reports whether d was not there yet.
func (s *searcher) queue(d dir) bool {
	if slices.ContainsFunc(s.dirs, func(o dir) bool { return o.real == d.real }) {
		return false
	}
	s.dirs = append(s.dirs, d)
	return true
}

// real returns the directory that a path means.
func (s *searcher) real(at string) (string, bool) {
	fi, err := fs.Stat(s.fsys, rel(at))
	if err != nil || !fi.IsDir() {
		return "", false
	}
	return fi.Sys().(tree.Node).Path, true
}

func rel(at string) string { return strings.TrimPrefix(path.Clean(at), "/") }

// library is a SONAME of a directory with the file that serves it.
type library struct {
	object
	name string
	link bool
}

// search adds the libraries of d.
func (s *searcher) search(d dir) error {
	list, err := fs.ReadDir(s.fsys, rel(d.path))
	if err != nil {
		return err
	}
	var libs []*library
	for _, e := range list {
		if bit, ok := s.legacyBit(e.Name()); ok && d.subdir == "" && bit >= 0 {
			if real, ok := s.real(d.path + "/" + e.Name()); ok {
				s.queue(dir{path: d.path + "/" + e.Name(), real: real})
				continue
			}
		}
		l, err := s.library(d, e)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", tree.Quote(d.path), tree.Quote(e.Name()), err)
		}
		if l == nil {
			continue
		}
		i := slices.IndexFunc(libs, func(o *library) bool { return o.soname == l.soname })
		switch {
		case i < 0:
			libs = append(libs, l)
		case !l.link && libs[i].link || l.link == libs[i].link && CompareNames(libs[i].name, l.name) < 0:
			l.flags = mergeFlags(libs[i].flags, l.flags)
			libs[i] = l
		}
	}
	for _, l := range libs {
		entry := Entry{Soname: l.soname, Path: d.path + "/" + l.soname, Flags: l.flags, Subdir: d.subdir, ISA: l.isa}
		if d.subdir != "" {
			entry.Path = d.path + "/" + l.name
		} else {
			entry.HWCap = s.hwcap(d.path)
			if !l.link {
				s.link(d, l)
			}
		}
		s.found.Entries = append(s.found.Entries, entry)
	}
	return nil
}

// mergeFlags is what becomes of two libraries of one SONAME: the first's, but that a known kind wins over an unknown.
func mergeFlags(old, new int32) int32 {
	if old == plainELF || new == plainELF {
		return new
	}
	return old
}

// hwcap is the set of the legacy names at the end of a path.
func (s *searcher) hwcap(at string) (set uint64) {
	for {
		bit, ok := s.legacyBit(path.Base(at))
		if !ok {
			return set
		}
		set += 1 << bit
		at = path.Dir(at)
	}
}

// library reads an entry of d; nil if it is none.
func (s *searcher) library(d dir, e fs.DirEntry) (*library, error) {
	name := e.Name()
	isLink := e.Type()&fs.ModeSymlink != 0
	if !isLink && !e.Type().IsRegular() || !isDSO(name) && (!isLink || d.subdir == "") || temporary(name) {
		return nil, nil
	}
	at := rel(d.path) + "/" + name
	if isLink {
		// What a library's name leads to is called like one: nothing else is looked at.
		if to, err := fs.ReadLink(s.fsys, at); err != nil || !strings.Contains(path.Base(to), ".so") {
			return nil, nil
		}
	}
	fi, err := fs.Stat(s.fsys, at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // dangling
	}
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, nil
	}
	content := fi.Sys().(tree.Node).Content
	o, err := s.read(bodyReader{content}, d.subdir != "")
	if errors.Is(err, errNotLibrary) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &library{o, name, isLink}
	if l.soname == "" {
		l.soname = name
	}
	// A link counts as one if it is called as its SONAME says or as what ld(1) looks for, else it is like a file.
	if isLink && name != l.soname && !(strings.HasSuffix(name, ".so") && strings.HasPrefix(l.soname, name)) {
		l.link = false
	}
	if l.link {
		l.soname = name
	}
	return l, nil
}

// link notes that l's SONAME has no file yet.
func (s *searcher) link(d dir, l *library) {
	if l.soname == l.name || strings.Contains(l.soname, "/") || tree.CheckPath(l.soname) != nil {
		return
	}
	at := path.Join(d.real, l.soname)
	if _, err := fs.Lstat(s.fsys, at); errors.Is(err, fs.ErrNotExist) {
		s.found.Links = append(s.found.Links, Link{at, l.name})
	}
}

// isDSO reports whether a file may be a library by its name.
func isDSO(name string) bool {
	return (strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "ld-")) && strings.Contains(name, ".so") ||
		strings.HasPrefix(name, "ld.so.") || strings.HasPrefix(name, "ld64.so.")
}

// temporary reports whether prelink, rpm or dpkg left a file behind.
func temporary(name string) bool {
	const mark = ".#prelink#"
	return strings.HasSuffix(name, mark) || strings.ContainsRune(name, ';') ||
		len(name) >= len(mark)+7 && strings.HasPrefix(name[len(name)-len(mark)-7:], mark+".") ||
		strings.HasSuffix(name, ".dpkg-new") || strings.HasSuffix(name, ".dpkg-tmp")
}

// bodyReader reads parts of a body; one that cannot seek is read anew each time.
type bodyReader struct{ tree.Content }

func (b bodyReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= b.Size {
		return 0, io.EOF
	}
	body, err := b.Open()
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := body.Close(); e != nil {
			err = e
		}
	}()
	if at, ok := body.(io.ReaderAt); ok {
		n, err = at.ReadAt(p, off)
		return n, err
	}
	if _, err := io.CopyN(io.Discard, body, off); err != nil {
		return 0, err
	}
	n, err = io.ReadFull(body, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
