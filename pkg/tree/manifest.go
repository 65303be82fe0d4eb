package tree

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A manifest is a sealed tree as text, one line per node in canonical order:
//
//	#tree 1 epoch=1700000000
//	. dir 0755 0 0 1700000000
//	bin link 0777 0 0 1690000000 link=usr/bin from=deb:base-files=13
//	usr dir 0755 0 0 1700000000
//	usr/a\040b file 4755 0 8 1690000000 size=6 sha256=5891b5b5…be03 xattr=user.x=\001 from=deb:a=1
//	usr/c hard 4755 0 8 1690000000 link=usr/a\040b xattr=user.x=\001
//	usr/null char 0666 0 0 0 device=1,3
//
// that is PATH TYPE MODE UID GID MTIME and, where the node has it, in this order: size, sha256 (not of the empty file), link,
// device, xattr (one field for each), from. MTIME is seconds since 1970, with decimals if it has a fraction. Names and values are spelled by
// [Quote], the '=' in an xattr's name as \075. Two trees with the same digest have manifests that differ in from alone. There is
// one way to write a tree, and no other is read.

const manifestHead = "#tree 1 epoch="

// types are the words for what a node is. A hard link is a file but for its word.
var types = []typeWord{
	{"file", 0},
	{"hard", 0},
	{"dir", fs.ModeDir},
	{"link", fs.ModeSymlink},
	{"char", fs.ModeDevice | fs.ModeCharDevice},
	{"block", fs.ModeDevice},
	{"fifo", fs.ModeNamedPipe},
}

type typeWord struct {
	name string
	mode fs.FileMode
}

// WriteManifest writes one line per node with every field (see manifest.go).
func (s *Sealed) WriteManifest(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(b, "%s%s\n", manifestHead, formatTime(s.Epoch()))
	var line []byte
	for i := range s.nodes {
		line = appendLine(line[:0], &s.nodes[i])
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	return b.Flush()
}

// appendLine appends n's line, newline included.
func appendLine(b []byte, n *Node) []byte {
	kind := "hard"
	if !n.IsHardLink() {
		i := slices.IndexFunc(types, func(t typeWord) bool { return t.mode == n.Mode&typeBits })
		kind = types[i].name
	}
	b = append(b, Quote(n.Path)...)
	b = fmt.Appendf(b, " %s %04o %d %d %s", kind, ModeBits(n.Mode), n.User.ID, n.Group.ID, formatTime(n.ModTime))
	if kind == "file" {
		b = strconv.AppendInt(append(b, " size="...), n.Content.Size, 10)
		if n.Content.Size > 0 {
			b = append(append(b, " sha256="...), n.Content.Digest.Hex()...)
		}
	}
	if n.Link != "" {
		b = append(append(b, " link="...), Quote(n.Link)...)
	}
	if n.Mode&fs.ModeDevice != 0 {
		b = fmt.Appendf(b, " device=%d,%d", n.Major, n.Minor)
	}
	for _, x := range n.Xattrs {
		b = append(append(b, " xattr="...), strings.ReplaceAll(Quote(x.Name), "=", `\075`)...)
		b = append(append(b, '='), Quote(x.Value)...)
	}
	if n.From != "" {
		b = append(append(b, " from="...), Quote(n.From)...)
	}
	return append(b, '\n')
}

// ParseManifest reads what WriteManifest wrote; contents have no bodies. It
// accepts nothing else: what it accepts is written again byte for byte.
func ParseManifest(r io.Reader) (*Sealed, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, err := b.ReadString('\n')
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	epoch, ok := strings.CutPrefix(head, manifestHead)
	if !ok {
		return nil, fmt.Errorf("manifest: line 1: want %sSECONDS", manifestHead)
	}
	s := new(Sealed)
	var again []byte
	for no := 2; ; no++ {
		line, err := b.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		n, err := parseLine(string(line))
		if err != nil {
			return nil, fmt.Errorf("manifest: line %d: %w", no, err)
		}
		if again = appendLine(again[:0], &n); !bytes.Equal(line, again) {
			return nil, fmt.Errorf("manifest: line %d: not in canonical form, which is %s", no, again)
		}
		s.nodes = append(s.nodes, n)
	}
	if err := validate(s.nodes); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if formatTime(s.Epoch())+"\n" != epoch {
		return nil, fmt.Errorf("manifest: line 1: epoch is not the time of the root")
	}
	return s, nil
}

func parseLine(line string) (Node, error) {
	var n Node
	f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(f) < 6 {
		return n, fmt.Errorf("want PATH TYPE MODE UID GID MTIME")
	}
	var err error
	if n.Path, err = Unquote(f[0]); err != nil {
		return n, err
	}
	bits, err := strconv.ParseUint(f[2], 8, 12)
	if err != nil {
		return n, fmt.Errorf("mode: %w", err)
	}
	if n.Mode, err = parseType(f[1]); err != nil {
		return n, err
	}
	n.Mode |= FileMode(uint32(bits))
	if n.User, err = parseID(f[3]); err != nil {
		return n, fmt.Errorf("uid: %w", err)
	}
	if n.Group, err = parseID(f[4]); err != nil {
		return n, fmt.Errorf("gid: %w", err)
	}
	if n.ModTime, err = parseTime(f[5]); err != nil {
		return n, fmt.Errorf("mtime: %w", err)
	}
	for _, field := range f[6:] {
		if err := parseField(&n, field); err != nil {
			return n, err
		}
	}
	return n, check(&n)
}

func parseType(name string) (fs.FileMode, error) {
	for _, t := range types {
		if t.name == name {
			return t.mode, nil
		}
	}
	return 0, fmt.Errorf("no type is called %q", name)
}

func parseID(s string) (Owner, error) {
	id, err := strconv.ParseUint(s, 10, 32)
	return Owner{ID: uint32(id)}, err
}

func parseField(n *Node, field string) error {
	name, value, _ := strings.Cut(field, "=")
	var err error
	switch name {
	case "size":
		n.Content.Size, err = strconv.ParseInt(value, 10, 64)
	case "sha256":
		n.Content.Digest, err = ParseDigest(value)
	case "link":
		n.Link, err = Unquote(value)
	case "device":
		major, minor, _ := strings.Cut(value, ",")
		var ma, mi uint64
		if ma, err = strconv.ParseUint(major, 10, 32); err == nil {
			mi, err = strconv.ParseUint(minor, 10, 32)
		}
		n.Major, n.Minor = uint32(ma), uint32(mi)
	case "xattr":
		key, val, _ := strings.Cut(value, "=")
		var x Xattr
		if x.Name, err = Unquote(key); err == nil {
			x.Value, err = Unquote(val)
		}
		n.Xattrs = append(n.Xattrs, x)
	case "from":
		n.From, err = Unquote(value)
	default:
		return fmt.Errorf("no field is called %q", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// parseTime is the inverse of formatTime, and takes more than it writes.
func parseTime(s string) (time.Time, error) {
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	var nsec uint64
	if frac != "" {
		if nsec, err = strconv.ParseUint((frac + "000000000")[:9], 10, 32); err != nil {
			return time.Time{}, err
		}
	}
	if strings.HasPrefix(whole, "-") {
		return time.Unix(sec, -int64(nsec)).UTC(), nil
	}
	return time.Unix(sec, int64(nsec)).UTC(), nil
}
