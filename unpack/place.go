package unpack

import (
	"fmt"
	"path"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// maxHops is how many symbolic links one path may lead through, as in Linux.
const maxHops = 40

// places turns shipped paths into canonical ones: no parent of a canonical path is a symbolic link. Links
// are those of the model, with the root as "/"; nothing on a disk is ever looked at.
type places struct {
	links map[string]string // canonical path -> target as written
	used  map[string]bool   // links that something was placed through
	dirs  map[string]string // canonical paths that have something below them, or are shipped as directories -> by whom first
	known map[string]string // shipped directory -> canonical
	by    string            // whose entries are being placed
}

func newPlaces() *places {
	return &places{links: map[string]string{}, used: map[string]bool{}, dirs: map[string]string{".": "the root"}, by: "a diversion", known: map[string]string{}}
}

// dir returns the canonical path of a directory, following every link, and makes it and its parents known as directories.
//
// Answers are remembered and stay right: a link can only appear at a path that is not in
// dirs, and an answer puts every component that it passed into dirs or used.
func (p *places) dir(shipped string) (string, error) {
	if c, ok := p.known[shipped]; ok {
		return c, nil
	}
	c, err := p.follow(shipped)
	if err != nil {
		return "", err
	}
	p.mark(c)
	p.known[shipped] = c
	return c, nil
}

// mark makes a canonical path and its parents known as directories.
func (p *places) mark(c string) {
	for ; p.dirs[c] == ""; c = path.Dir(c) {
		p.dirs[c] = p.by
	}
}

// entry returns the canonical path of what is no directory: its last component is not followed.
func (p *places) entry(shipped string) (string, error) {
	parent, base := path.Split(shipped)
	if parent == "" {
		return shipped, nil
	}
	c, err := p.dir(strings.TrimSuffix(parent, "/"))
	if err != nil {
		return "", err
	}
	return join(c, base), nil
}

func join(dir, base string) string {
	if dir == "." {
		return base
	}
	return dir + "/" + base
}

// follow resolves all components of name.
func (p *places) follow(name string) (string, error) {
	cur, todo, hops := ".", name, 0
	for todo != "" {
		var base string
		base, todo, _ = strings.Cut(todo, "/")
		switch base {
		case "", ".":
			continue
		case "..":
			p.mark(cur) // else a later link there would change what the answer means
			cur = path.Dir(cur)
			continue
		}
		next := join(cur, base)
		target, isLink := p.links[next]
		if !isLink {
			cur = next
			continue
		}
		if hops++; hops > maxHops {
			return "", refuse(name, "more than %d symbolic links on the way", maxHops)
		}
		p.used[next] = true
		if strings.HasPrefix(target, "/") {
			cur = "."
		}
		todo = target + "/" + todo
	}
	if err := tree.CheckPath(cur); err != nil {
		return "", err
	}
	return cur, nil
}

func refuse(what, format string, args ...any) error {
	return &tree.RefusedError{What: what, Reason: fmt.Sprintf(format, args...)}
}
