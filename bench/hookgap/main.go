// Command hookgap holds a root of ours against one that the real hooks
// configured, made from the same packages: of all paths that hooks made or
// changed, how many do we have, and the same?
//
//	hookgap [-v] [-deliberate doc/deliberate.md] LOCK MIRROR OURS ORACLE
//
// Compared are type, mode, owner and group by name, link target and content;
// account files by name and line. Times are not, since hooks run at any. The exit status is 1 below 99 %, or where
// we have paths that the oracle lacks.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
)

func main() {
	verbose := flag.Bool("v", false, "list every path that is not the same")
	doc := flag.String("deliberate", "doc/deliberate.md", "the table of what is not counted")
	flag.Parse()
	if flag.NArg() != 4 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := run(flag.Arg(0), flag.Arg(1), flag.Arg(2), flag.Arg(3), *doc, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookgap:", err)
		os.Exit(1)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(lockfile, mirror, ours, oracle, doc string, verbose bool) (bool, error) {
	skip, err := deliberate(doc)
	if err != nil {
		return false, err
	}
	shipped, err := payload(lockfile, mirror)
	if err != nil {
		return false, err
	}
	a, err := readRoot(ours)
	if err != nil {
		return false, err
	}
	b, err := readRoot(oracle)
	if err != nil {
		return false, err
	}
	total, same, skipped := 0, 0, 0
	missing := map[string]int{}
	for _, p := range b.paths {
		if shipped[p] == b.nodes[p] {
			continue // as shipped: no hook was here
		}
		if matchAny(skip, p) {
			skipped++
			continue
		}
		total++
		if a.nodes[p] == b.nodes[p] {
			same++
			continue
		}
		missing[group(p)]++
		if verbose {
			fmt.Printf("differs  /%s\n  ours   %s\n  oracle %s\n", tree.Quote(p), a.nodes[p], b.nodes[p])
		}
	}
	extra := 0
	for _, p := range a.paths {
		if b.nodes[p] == "" && shipped[p] == "" && !matchAny(skip, p) {
			extra++
			if verbose {
				fmt.Printf("extra    /%s %s\n", tree.Quote(p), a.nodes[p])
			}
		}
	}
	for _, g := range byCount(missing) {
		fmt.Printf("%6d not the same below %s\n", missing[g], g)
	}
	fmt.Printf("%d paths that hooks made or changed: %d the same (%.2f %%), %d extra, %d deliberately not\n",
		total, same, 100*float64(same)/float64(max(total, 1)), extra, skipped)
	return extra == 0 && 100*same >= 99*total, nil
}

// root is a finished directory: a line of everything that is compared, by path.
type root struct {
	nodes map[string]string
	paths []string
}

func readRoot(dir string) (*root, error) {
	t, err := tree.FromDir(dir)
	if err != nil {
		return nil, err
	}
	users, groups := names(filepath.Join(dir, "etc/passwd")), names(filepath.Join(dir, "etc/group"))
	r := &root{nodes: map[string]string{}}
	for n := range t.All() {
		if n.IsHardLink() {
			if first, ok := t.Lookup(n.Link); ok {
				n.Content = first.Content
			}
		}
		r.paths = append(r.paths, n.Path)
		r.nodes[n.Path] = line(n, users[n.User.ID], groups[n.Group.ID], dir)
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
	}
	return fmt.Sprintf("%v %s:%s %s", n.Mode, user, group, content)
}

// withoutIDs returns an account file's lines, sorted, without ids and dates.
func withoutIDs(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	var out []string
	for l := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(l), ":")
		switch filepath.Base(file) {
		case "passwd":
			f[2], f[3] = "", ""
		case "group", "shadow":
			f[2] = ""
		case "subuid", "subgid":
			f[1] = ""
		}
		out = append(out, strings.Join(f, ":"))
	}
	slices.Sort(out)
	return tree.Sum([]byte(strings.Join(out, "\n"))).Hex()
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

// payload merges the packages of a lock and returns the lines of what they ship.
func payload(lockfile, mirror string) (map[string]string, error) {
	b, err := os.ReadFile(lockfile)
	if err != nil {
		return nil, err
	}
	lk, err := lock.Parse(b)
	if err != nil {
		return nil, err
	}
	repo := &pkg.Repo{ID: lk.Sources[0].ID}
	store := unpack.NewStore(unpack.Config{Get: directory(mirror), Formats: []pkg.Format{deb.Format{}}, Bodies: hashes{}, Jobs: 2})
	a := lk.Arches[0]
	ps, err := store.Unpack(context.Background(), map[string]*pkg.Repo{repo.ID: repo}, a.Packages)
	if err != nil {
		return nil, err
	}
	m, err := unpack.Merge(ps, unpack.Options{Compare: deb.Compare, MergedUsr: lk.Settings.MergedUsr, Diversions: a.Diversions, AllowDevices: true})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for n := range m.Tree.All() {
		if n.IsHardLink() {
			if first, ok := m.Tree.Get(n.Link); ok {
				n.Content = first.Content
			}
		}
		out[n.Path] = line(n, n.User.Name, n.Group.Name, "")
	}
	return out, nil
}

// directory is a getter of files below a directory.
type directory string

func (d directory) Get(_ context.Context, ref pkg.Ref) (pkg.Blob, error) {
	f, err := os.Open(filepath.Join(string(d), ref.Path))
	if err != nil {
		return nil, err
	}
	return blob{f, ref.Size}, nil
}

type blob struct {
	*os.File
	size int64
}

func (b blob) Size() int64 { return b.size }

// hashes keeps no bodies, only what they are.
type hashes struct{}

func (hashes) Put(r io.Reader, size int64) (tree.Content, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return tree.Content{}, err
	}
	c := tree.Bytes(b)
	c.Body = nil
	return c, nil
}

// deliberate reads the patterns of the table.
func deliberate(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []string
	for l := range strings.Lines(string(b)) {
		if f := strings.Split(l, "|"); len(f) == 4 && strings.Contains(f[1], "`") {
			out = append(out, strings.Trim(f[1], " `"))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no rows", file)
	}
	return out, nil
}

func matchAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pat string) bool { return match(strings.Split(pat, "/"), strings.Split(p, "/")) })
}

func match(pat, p []string) bool {
	switch {
	case len(pat) == 0:
		return len(p) == 0
	case pat[0] == "**":
		return match(pat[1:], p) || len(p) > 0 && match(pat, p[1:])
	case len(p) == 0:
		return false
	}
	ok, err := path.Match(pat[0], p[0])
	return err == nil && ok && match(pat[1:], p[1:])
}

// group names the place of a path in the summary: two levels.
func group(p string) string {
	f := strings.Split(p, "/")
	return "/" + strings.Join(f[:min(len(f), 3)], "/")
}

func byCount(m map[string]int) []string {
	var out []string
	for g := range m {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(a, b)
	})
	return out
}
