// Package configured holds roots of ours against roots that the packages' own
// hooks configured, made from the same packages.
//
// Compared are type, mode, owner and group by name, link target and content;
// account files by name and line. Times are not compared, since hooks run at any.
package configured

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Root is a finished directory: of every path a line of all that is compared.
type Root struct {
	Lines map[string]string
	Paths []string // in tree order
}

// ReadRoot reads a directory. Of the files named in unordered the order of lines is not
// compared: for roots whose packages were not installed in the same order.
func ReadRoot(dir string, unordered ...string) (*Root, error) {
	t, err := tree.FromDir(dir)
	if err != nil {
		return nil, err
	}
	users, groups := names(filepath.Join(dir, "etc/passwd")), names(filepath.Join(dir, "etc/group"))
	r := &Root{Lines: map[string]string{}}
	for n := range t.All() {
		if n.IsHardLink() {
			if first, ok := t.Lookup(n.Link); ok {
				n.Content = first.Content
			}
		}
		r.Paths = append(r.Paths, n.Path)
		r.Lines[n.Path] = line(n, users[n.User.ID], groups[n.Group.ID], dir)
		if slices.Contains(unordered, n.Path) && n.Mode.IsRegular() {
			r.Lines[n.Path] = fmt.Sprintf("%v %s:%s %s", n.Mode, users[n.User.ID], groups[n.Group.ID], sortedLines(filepath.Join(dir, n.Path)))
		}
	}
	return r, nil
}

// accountFiles are compared by name and line: ids differ on purpose.
var accountFiles = []string{"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid"}

func line(n tree.Node, user, group, dir string) string {
	content := n.Content.Digest.Hex()
	if n.Content.Size == 0 {
		content = "empty"
	}
	switch {
	case n.Mode.IsDir():
		content = ""
	case !n.Mode.IsRegular():
		content = n.Link
	case dir != "" && slices.Contains(accountFiles, n.Path):
		content = withoutIDs(filepath.Join(dir, n.Path))
	case dir != "" && strings.HasSuffix(n.Path, "lib/apk/db/installed"):
		content = installed(dir, n.Path)
	case dir != "" && strings.HasSuffix(n.Path, "lib/apk/db/scripts.tar"):
		content = members(filepath.Join(dir, n.Path))
	case dir != "" && n.Path == keyStore:
		content = withoutDates(filepath.Join(dir, n.Path))
	}
	return fmt.Sprintf("%v %s:%s %s", n.Mode, user, group, content)
}

// withoutIDs returns the digest of an account file's lines, sorted, without ids and dates.
func withoutIDs(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	var out []string
	for l := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(l), ":")
		switch base := filepath.Base(file); {
		case base == "passwd" && len(f) > 3:
			f[2], f[3] = "", ""
		case (base == "group" || base == "shadow") && len(f) > 2:
			f[2] = ""
		case (base == "subuid" || base == "subgid") && len(f) > 1:
			f[1] = ""
		}
		out = append(out, strings.Join(f, ":"))
	}
	slices.Sort(out)
	return tree.Sum([]byte(strings.Join(out, "\n"))).Hex()
}

func sortedLines(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := slices.Sorted(strings.Lines(string(b)))
	return tree.Sum([]byte(strings.Join(lines, ""))).Hex()
}

func names(file string) map[uint32]string {
	m := map[uint32]string{}
	b, _ := os.ReadFile(file) // a root without accounts has numbers only
	for l := range strings.Lines(string(b)) {
		if f := strings.Split(l, ":"); len(f) > 2 {
			if id, err := strconv.ParseUint(f[2], 10, 32); err == nil && m[uint32(id)] == "" {
				m[uint32(id)] = f[0]
			}
		}
	}
	return m
}

const keyStore = "etc/ssl/certs/java/cacerts"

// withoutDates returns the digest of a Java key store's aliases and certificates, sorted. One that cannot be read is as it is.
func withoutDates(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	var entries []string
	rest, ok := bytes.CutPrefix(b, []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"))
	take := func(n uint32) (out []byte) {
		if ok = ok && uint64(n) <= uint64(len(rest)); ok {
			out, rest = rest[:n], rest[n:]
		}
		return out
	}
	number := func(size uint32) (n uint32) {
		for _, c := range take(size) {
			n = n<<8 | uint32(c)
		}
		return n
	}
	for range number(4) {
		kind, alias := number(4), take(number(2))
		take(8) // the date
		entries = append(entries, fmt.Sprintf("%d %s %s %s", kind, alias, take(number(2)), tree.Sum(take(number(4))).Hex()))
		if !ok {
			return tree.Sum(b).Hex()
		}
	}
	slices.Sort(entries)
	return "store " + tree.Sum([]byte(strings.Join(entries, "\n"))).Hex()
}
