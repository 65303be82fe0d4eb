package tree

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// FS returns a read-only view with symbolic links resolved inside the root.
// It implements fs.StatFS, fs.ReadDirFS, fs.ReadFileFS and ReadLink/Lstat (fs.ReadLinkFS). Names are bytes: those that
// are not valid UTF-8, which fs.ValidPath refuses, are served too. The view follows the tree's changes. FileInfo.Sys is the
// [Node], with the path that the name led to; a hard link's has the content of the file that it means.
func (t *Tree) FS() fs.FS { return view{t} }

// view is a Tree as an fs.FS.
type view struct{ t *Tree }

var errNotFile = errors.New("not a regular file")

// find returns the node that name means, following its last component only if follow is set.
func (v view) find(op, name string, follow bool) (*Node, error) {
	fail := func(err error) (*Node, error) { return nil, &fs.PathError{Op: op, Path: name, Err: err} }
	if CheckPath(name) != nil {
		return fail(fs.ErrInvalid)
	}
	path, err := v.t.resolve(name, follow)
	if err != nil {
		return fail(err)
	}
	n := v.t.nodes[path]
	if n == nil && v.t.dirs[path] != nil {
		n = implicit(path)
	}
	if n == nil {
		return fail(fs.ErrNotExist)
	}
	if n.IsHardLink() {
		c, err := v.t.carrier(n)
		if err != nil {
			return fail(fs.ErrNotExist)
		}
		whole := *c
		whole.Path = n.Path
		n = &whole
	}
	return n, nil
}

func (v view) Open(name string) (fs.File, error) {
	n, err := v.find("open", name, true)
	if err != nil {
		return nil, err
	}
	f := file{info: info{base(name), n}}
	switch {
	case n.Mode.IsDir():
		return &openDir{file: f, entries: v.entries(n.Path)}, nil
	case n.Mode.IsRegular():
		if f.body, err = n.Content.Open(); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &f, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errNotFile}
}

func (v view) Stat(name string) (fs.FileInfo, error) {
	n, err := v.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return info{base(name), n}, nil
}

func (v view) Lstat(name string) (fs.FileInfo, error) {
	n, err := v.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return info{base(name), n}, nil
}

func (v view) ReadLink(name string) (string, error) {
	n, err := v.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.Mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.Link, nil
}

func (v view) ReadFile(name string) ([]byte, error) {
	n, err := v.find("read", name, true)
	if err == nil && !n.Mode.IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errNotFile}
	}
	if err != nil {
		return nil, err
	}
	b, err := n.Content.ReadAll(n.Content.Size)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

func (v view) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := v.find("readdir", name, true)
	if err == nil && !n.Mode.IsDir() {
		err = &fs.PathError{Op: "readdir", Path: name, Err: &notDirError{n.Path}}
	}
	if err != nil {
		return nil, err
	}
	return v.entries(n.Path), nil
}

// entries returns what lies directly below the directory dir.
func (v view) entries(dir string) []fs.DirEntry {
	names := v.t.Children(dir)
	entries := make([]fs.DirEntry, 0, len(names))
	for _, name := range names {
		// A dangling hard link, which Seal will refuse, is left out.
		if n, err := v.find("readdir", join(dir, name), false); err == nil {
			entries = append(entries, info{name, n})
		}
	}
	return entries
}

// info is a node as fs.FileInfo and fs.DirEntry.
type info struct {
	name string
	node *Node
}

func (i info) Name() string               { return i.name }
func (i info) Mode() fs.FileMode          { return i.node.Mode }
func (i info) Type() fs.FileMode          { return i.node.Mode.Type() }
func (i info) ModTime() time.Time         { return i.node.ModTime }
func (i info) IsDir() bool                { return i.node.Mode.IsDir() }
func (i info) Sys() any                   { return *i.node }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) String() string             { return fs.FormatFileInfo(i) }

// Size is that of the body, and a symbolic link's that of its target, as on Linux.
func (i info) Size() int64 {
	if i.node.Mode&fs.ModeSymlink != 0 {
		return int64(len(i.node.Link))
	}
	return i.node.Content.Size
}

// file is an open regular file.
type file struct {
	info info
	body io.ReadCloser
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Read(b []byte) (int, error) { return f.body.Read(b) }
func (f *file) Close() error               { return f.body.Close() }

// openDir is an open directory.
type openDir struct {
	file
	entries []fs.DirEntry
}

func (d *openDir) Close() error { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.node.Path, Err: errNotFile}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	list := d.entries[:n:n]
	d.entries = d.entries[n:]
	return list, nil
}

var _ interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadFileFS
	fs.ReadLinkFS
} = view{}
