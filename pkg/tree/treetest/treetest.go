// Package treetest writes trees as text, one line per path, for tests.
//
//	dir   0755 root:root etc
//	file  0644 root:root etc/motd "hello\n"
//	file  4755 root:mail usr/bin/m "x" @86400 security.capability="\x01" from=deb:m=1
//	link  0777 root:root bin -> usr/bin
//	hard  0644 root:root usr/bin/n -> usr/bin/m
//	char  0666 root:root dev/null 1,3
//	block 0660 root:disk dev/sda 8,0
//	fifo  0600 7:7 run/initctl
//
// A line is TYPE MODE USER:GROUP PATH, then what the type has (a body as a Go string, none meaning empty; a target;
// MAJOR,MINOR), then in this order what is wanted of @SECONDS (no time means none set), NAME="VALUE" for each xattr, and from=WHO. Owners
// of digits are numbers. Paths, targets, xattr names and WHO are spelled by [tree.Quote]. Empty lines and lines that begin
// with # mean nothing. A body over 256 bytes, or one that was not kept, is printed as sha256:DIGEST,SIZE, which Parse takes as a content
// without a body.
package treetest

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

var types = []struct {
	name string
	mode fs.FileMode
}{
	{"file", 0},
	{"hard", 0},
	{"dir", fs.ModeDir},
	{"link", fs.ModeSymlink},
	{"char", fs.ModeDevice | fs.ModeCharDevice},
	{"block", fs.ModeDevice},
	{"fifo", fs.ModeNamedPipe},
}

// Parse returns the tree that text describes. It panics, naming the line, where text is
// malformed or the tree refuses a node.
func Parse(text string) *tree.Tree {
	t := tree.New()
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		n, err := parseLine(line)
		if err == nil {
			err = t.Put(n)
		}
		if err != nil {
			panic(fmt.Sprintf("treetest: line %d: %s: %v", i+1, line, err))
		}
	}
	return t
}

func parseLine(line string) (tree.Node, error) {
	f := fields(line)
	if len(f) < 4 {
		return tree.Node{}, fmt.Errorf("want TYPE MODE USER:GROUP PATH")
	}
	var n tree.Node
	kind, err := typeOf(f[0])
	if err != nil {
		return n, err
	}
	bits, err := strconv.ParseUint(f[1], 8, 12)
	if err != nil {
		return n, err
	}
	n.Mode = kind | tree.FileMode(uint32(bits))
	user, group, _ := strings.Cut(f[2], ":")
	n.User, n.Group = owner(user), owner(group)
	if n.Path, err = tree.Unquote(f[3]); err != nil {
		return n, err
	}
	rest, err := parseExtra(&n, f[0], f[4:])
	if err != nil {
		return n, err
	}
	return n, parseOptions(&n, rest)
}

func typeOf(name string) (fs.FileMode, error) {
	for _, t := range types {
		if t.name == name {
			return t.mode, nil
		}
	}
	return 0, fmt.Errorf("no type %q", name)
}

// fields splits at spaces outside Go strings.
func fields(line string) []string {
	var out []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return out
		}
		end, quoted := 0, false
		for end < len(line) && (quoted || line[end] != ' ' && line[end] != '\t') {
			switch {
			case quoted && line[end] == '\\':
				end++
			case line[end] == '"':
				quoted = !quoted
			}
			end++
		}
		end = min(end, len(line))
		out = append(out, line[:end])
		line = line[end:]
	}
}

func parseExtra(n *tree.Node, kind string, f []string) ([]string, error) {
	var err error
	switch {
	case kind == "file" && len(f) > 0 && strings.HasPrefix(f[0], `"`):
		var body string
		body, err = strconv.Unquote(f[0])
		n.Content = tree.Bytes([]byte(body))
		return f[1:], err
	case kind == "file" && len(f) > 0 && strings.HasPrefix(f[0], "sha256:"):
		digest, size, _ := strings.Cut(f[0], ",")
		if n.Content.Digest, err = tree.ParseDigest(digest); err == nil {
			n.Content.Size, err = strconv.ParseInt(size, 10, 64)
		}
		return f[1:], err
	case kind == "link" || kind == "hard":
		if len(f) < 2 || f[0] != "->" {
			return nil, fmt.Errorf("want -> TARGET")
		}
		n.Link, err = tree.Unquote(f[1])
		return f[2:], err
	case kind == "char" || kind == "block":
		if len(f) < 1 {
			return nil, fmt.Errorf("want MAJOR,MINOR")
		}
		_, err = fmt.Sscanf(f[0], "%d,%d", &n.Major, &n.Minor)
		return f[1:], err
	}
	return f, nil
}

func parseOptions(n *tree.Node, f []string) error {
	for _, opt := range f {
		name, value, ok := strings.Cut(opt, "=")
		var err error
		switch {
		case opt[0] == '@':
			var sec int64
			sec, err = strconv.ParseInt(opt[1:], 10, 64)
			n.ModTime = tree.Epoch(sec)
		case !ok:
			return fmt.Errorf("what is %q?", opt)
		case name == "from":
			n.From, err = tree.Unquote(value)
		default:
			x := tree.Xattr{}
			if x.Name, err = tree.Unquote(name); err == nil {
				x.Value, err = strconv.Unquote(value)
			}
			n.Xattrs = append(n.Xattrs, x)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", opt, err)
		}
	}
	return nil
}

// Format writes s as text that Parse reads, in canonical order. Owners are numbers and times are there.
func Format(s *tree.Sealed) string {
	var b strings.Builder
	for n := range s.All() {
		formatLine(&b, n)
	}
	return b.String()
}

func formatLine(b *strings.Builder, n tree.Node) {
	kind := "file"
	for _, t := range types {
		if t.mode == n.Mode.Type() && (t.name == "hard") == n.IsHardLink() {
			kind = t.name
		}
	}
	fmt.Fprintf(b, "%-5s %04o %s:%s %s", kind, tree.ModeBits(n.Mode), ownerText(n.User), ownerText(n.Group), tree.Quote(n.Path))
	switch kind {
	case "file":
		b.WriteString(bodyText(n.Content))
	case "link", "hard":
		b.WriteString(" -> " + tree.Quote(n.Link))
	case "char", "block":
		fmt.Fprintf(b, " %d,%d", n.Major, n.Minor)
	}
	if !n.ModTime.IsZero() {
		fmt.Fprintf(b, " @%d", n.ModTime.Unix())
	}
	for _, x := range n.Xattrs {
		fmt.Fprintf(b, " %s=%s", strings.ReplaceAll(tree.Quote(x.Name), "=", `\075`), strconv.QuoteToASCII(x.Value))
	}
	if n.From != "" {
		b.WriteString(" from=" + tree.Quote(n.From))
	}
	b.WriteByte('\n')
}

func bodyText(c tree.Content) string {
	if c.Size == 0 {
		return ""
	}
	if body, err := c.ReadAll(256); err == nil {
		return " " + strconv.QuoteToASCII(string(body))
	}
	return fmt.Sprintf(" %s,%d", c.Digest, c.Size)
}

func owner(s string) tree.Owner {
	if id, err := strconv.ParseUint(s, 10, 32); err == nil {
		return tree.Owner{ID: uint32(id)}
	}
	return tree.Owner{Name: s}
}

func ownerText(o tree.Owner) string {
	if o.Name == "" {
		return strconv.FormatUint(uint64(o.ID), 10)
	}
	return o.Name
}
