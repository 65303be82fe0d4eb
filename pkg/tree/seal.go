package tree

import (
	"fmt"
	"io/fs"
	"math"
	"time"
)

// Seal checks the tree and fixes it: missing parents appear as directories
// 0755 root:root from "implicit", names become ids, times lose their fractions and are
// clamped to [1970, epoch], every directory gets the epoch, and so does what has the zero time.Time (nobody
// set one); hard links are regrouped so that the first name in canonical order carries the body, and all names have
// the mode, owners, time and xattrs of the one that carried it before. It fails with
// *UnknownOwnerError, or *RefusedError where a parent is no directory or a
// hard link's target no regular file. The tree must not be used afterwards.
func (t *Tree) Seal(epoch time.Time, ids IDs) (*Sealed, error) {
	if epoch.Unix() < 0 {
		return nil, refuse("", "epoch %s is before 1970", epoch.UTC().Format(time.RFC3339))
	}
	epoch = Epoch(epoch.Unix())
	nodes, err := t.flatten()
	if err != nil {
		return nil, err
	}
	if err := regroup(t, nodes); err != nil {
		return nil, err
	}
	for i := range nodes {
		n := &nodes[i]
		if n.User, err = ids.resolve(n, "user", n.User, ids.Users); err != nil {
			return nil, err
		}
		if n.Group, err = ids.resolve(n, "group", n.Group, ids.Groups); err != nil {
			return nil, err
		}
		n.ModTime = clamp(n, epoch)
	}
	return &Sealed{nodes: nodes}, nil
}

// flatten returns the nodes in canonical order, missing parents among them.
func (t *Tree) flatten() ([]Node, error) {
	nodes := make([]Node, 0, len(t.nodes))
	var err error
	t.walk(".", func(path string, n *Node) bool {
		if n == nil {
			n = implicit(path)
		}
		if x := t.dirs[path]; x != nil && !n.Mode.IsDir() {
			err = refuse(path, "is not a directory, but %s is below it (from %s)", Quote(x.sort()[0]), n.From)
			return false
		}
		nodes = append(nodes, *n)
		if n.Mode&fs.ModeSymlink != 0 {
			nodes[len(nodes)-1].Mode = fs.ModeSymlink | 0o777 // what Linux makes of every link
		}
		return true
	})
	return nodes, err
}

// regroup makes the first name of every hard-linked file in canonical order its body's carrier.
func regroup(t *Tree, nodes []Node) error {
	carriers := map[string]*Node{} // of every hard link and of what it leads to
	for i := range nodes {
		if n := &nodes[i]; n.IsHardLink() {
			c, err := t.carrier(n)
			if err != nil {
				return err
			}
			carriers[n.Path], carriers[c.Path] = c, c
		}
	}
	if len(carriers) == 0 {
		return nil
	}
	first := map[*Node]string{}
	for i := range nodes {
		n := &nodes[i]
		c := carriers[n.Path]
		if c == nil {
			continue
		}
		path, from := n.Path, n.From
		*n = *c
		n.Path, n.From = path, from
		if f, ok := first[c]; ok {
			n.Link, n.Content = f, Content{}
		} else {
			first[c] = path
		}
	}
	return nil
}

// carrier follows the chain of hard links from n to the file that has the body.
func (t *Tree) carrier(n *Node) (*Node, error) {
	c := n
	for hops := 0; c.IsHardLink(); hops++ {
		next := t.nodes[c.Link]
		switch {
		case next == nil:
			return nil, refuse(n.Path, "hard link to %s, which is not there", Quote(c.Link))
		case !next.Mode.IsRegular():
			return nil, refuse(n.Path, "hard link to %s, which is not a regular file", Quote(c.Link))
		case hops > len(t.nodes):
			return nil, refuse(n.Path, "hard link that leads to itself")
		}
		c = next
	}
	return c, nil
}

// resolve returns the owner o of n as a number alone.
func (ids *IDs) resolve(n *Node, kind string, o Owner, table map[string]uint32) (Owner, error) {
	id, ok := table[o.Name]
	switch {
	case o.Name == "root":
		id = 0
	case o.Name == "":
		id = o.ID
	case ok:
	case ids.Unknown == UnknownNumber:
		id = o.ID
	case ids.Unknown == UnknownRoot:
		id = 0
	case ids.Unknown == "" || ids.Unknown == UnknownError:
		return Owner{}, &UnknownOwnerError{Path: n.Path, From: n.From, Kind: kind, Name: o.Name}
	default:
		return Owner{}, fmt.Errorf("unknown owners: %q is none of error, number, root", ids.Unknown)
	}
	if id == math.MaxUint32 {
		// chown(2) takes it for "leave as it is".
		return Owner{}, refuse(n.Path, "%s id %d is not usable", kind, id)
	}
	return Owner{ID: id}, nil
}

func clamp(n *Node, epoch time.Time) time.Time {
	switch {
	case n.Mode.IsDir() || n.ModTime.IsZero() || n.ModTime.After(epoch):
		return epoch
	case n.ModTime.Unix() < 0:
		return Epoch(0)
	}
	return Epoch(n.ModTime.Unix())
}
