// Command minirootfs holds a root of ours against Alpine's own minirootfs, made of the same packages, some in other versions:
//
//	minirootfs OURS THEIRS
//
// A path that a package of the same version owns in both must be the same by type, mode, owner, link, content and, of files,
// time (apk gives links none); so must every link that no package owns. The other differences are listed by cause. The exit status is 1 where one must
// not be.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: minirootfs OURS THEIRS")
		os.Exit(2)
	}
	bad, err := compare(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "minirootfs:", err)
		os.Exit(1)
	}
	if bad > 0 {
		os.Exit(1)
	}
}

func compare(ours, theirs string) (bad int, err error) {
	a, err := read(ours)
	if err != nil {
		return 0, err
	}
	b, err := read(theirs)
	if err != nil {
		return 0, err
	}
	counts := map[string]int{}
	for _, p := range paths(a, b) {
		x, y := a.line(p), b.line(p)
		cause, must := a.cause(b, p)
		switch {
		case x == y:
			counts["the same: "+cause]++
			continue
		case must:
			bad++
		}
		counts["other: "+cause]++
		if must || cause == "of nobody" || cause == "the builder's sed" {
			fmt.Printf("%s: /%s\n  ours   %s\n  theirs %s\n", cause, tree.Quote(p), x, y)
		}
	}
	for _, c := range keys(counts) {
		fmt.Printf("%6d %s\n", counts[c], c)
	}
	return bad, nil
}

// root is a tree with its database.
type root struct {
	nodes    map[string]tree.Node
	owner    map[string]string // package and version by path
	versions map[string]string
}

func read(dir string) (*root, error) {
	t, err := tree.FromDir(dir)
	if err != nil {
		return nil, err
	}
	r := &root{nodes: map[string]tree.Node{}, owner: map[string]string{}, versions: map[string]string{}}
	for n := range t.All() {
		if n.IsHardLink() {
			if first, ok := t.Lookup(n.Link); ok {
				first.Path = n.Path
				n = first
			}
		}
		r.nodes[n.Path] = n
	}
	b, err := os.ReadFile(filepath.Join(dir, "lib/apk/db/installed"))
	if err != nil {
		return nil, err
	}
	var name, folder string
	for l := range strings.Lines(string(b)) {
		key, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), ":")
		switch key {
		case "P":
			name, folder = v, ""
		case "V":
			r.versions[name] = v
		case "F":
			folder = v
			r.owner[folder] = name
		case "R":
			r.owner[strings.TrimPrefix(folder+"/"+v, "/")] = name
		}
	}
	return r, nil
}

// cause says whose a path is, and whether it must be the same in o.
func (r *root) cause(o *root, p string) (string, bool) {
	x, y := r.owner[p], o.owner[p]
	n, ok := r.nodes[p]
	if !ok {
		n = o.nodes[p]
	}
	switch {
	case p == "etc/shadow":
		return "the builder's sed", false
	case strings.HasPrefix(p, "dev/"):
		return "emptied by the builder", false
	case x != "" && x == y && r.versions[x] == o.versions[x]:
		return "of a package of the same version", true
	case x != "" || y != "":
		return "of a package of another version", false
	case n.Link != "":
		return "links that no package owns", true
	case strings.HasPrefix(p, "lib/apk/db/"):
		return "the database", false
	}
	return "of nobody", false
}

func (r *root) line(p string) string {
	n, ok := r.nodes[p]
	if !ok {
		return "none"
	}
	l := fmt.Sprintf("%v %d:%d %s", n.Mode, n.User.ID, n.Group.ID, n.Link)
	if n.Mode.IsRegular() {
		l += fmt.Sprintf(" %.16s", n.Content.Digest.Hex())
	}
	if n.Mode.IsRegular() && r.owner[p] != "" {
		l += " " + n.ModTime.UTC().Format("2006-01-02T15:04:05")
	}
	return l
}

func paths(a, b *root) []string {
	all := map[string]int{}
	for p := range a.nodes {
		all[p]++
	}
	for p := range b.nodes {
		all[p]++
	}
	return keys(all)
}

func keys(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
