package archive

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// File is one of [Files].
type File struct {
	Name string // a single path component
	Mode fs.FileMode
	Data []byte // not to be changed
}

// Files is a flat file system in memory: the control members of a package. It is an fs.FS whose
// root lists the files byte-sorted, and an fs.ReadFileFS. It is immutable and safe for concurrent use.
type Files struct{ files []File }

// NewFiles returns files as a file system. Of two with one name the first stays.
func NewFiles(files []File) *Files {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return &Files{slices.CompactFunc(files, func(a, b File) bool { return a.Name == b.Name })}
}

// All returns the files, byte-sorted by name. The result must not be changed.
func (f *Files) All() []File { return f.files }

func (f *Files) find(op, name string) (*File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	i, ok := slices.BinarySearchFunc(f.files, name, func(e File, n string) int { return strings.Compare(e.Name, n) })
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return &f.files[i], nil
}

// Open opens a file, or the root for ".".
func (f *Files) Open(name string) (fs.File, error) {
	if name == "." {
		return &openRoot{files: f.files}, nil
	}
	e, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	return &openFile{Reader: bytes.NewReader(e.Data), file: e}, nil
}

// ReadFile returns a copy of a file's bytes.
func (f *Files) ReadFile(name string) ([]byte, error) {
	e, err := f.find("read", name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(e.Data), nil
}

// openFile is a file that is open for reading.
type openFile struct {
	*bytes.Reader
	file *File
}

func (o *openFile) Stat() (fs.FileInfo, error) { return fileInfo{o.file}, nil }
func (o *openFile) Close() error               { return nil }

// openRoot is the directory of all files.
type openRoot struct {
	files []File
	next  int
}

func (o *openRoot) Stat() (fs.FileInfo, error) {
	return fileInfo{&File{Name: ".", Mode: fs.ModeDir | 0o555}}, nil
}
func (o *openRoot) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}
func (o *openRoot) Close() error { return nil }

// ReadDir is as fs.ReadDirFile says.
func (o *openRoot) ReadDir(n int) ([]fs.DirEntry, error) {
	end := len(o.files)
	if n > 0 {
		if o.next == end {
			return nil, io.EOF
		}
		end = min(end, o.next+n)
	}
	list := make([]fs.DirEntry, 0, end-o.next)
	for ; o.next < end; o.next++ {
		list = append(list, fs.FileInfoToDirEntry(fileInfo{&o.files[o.next]}))
	}
	return list, nil
}

// fileInfo describes a file. Control members have no time.
type fileInfo struct{ f *File }

func (i fileInfo) Name() string       { return i.f.Name }
func (i fileInfo) Size() int64        { return int64(len(i.f.Data)) }
func (i fileInfo) Mode() fs.FileMode  { return i.f.Mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.f.Mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
