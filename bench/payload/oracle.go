package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// asHooksMade reports whether the real hooks, which configured the root oracle, made of a path what is in root: the
// same type, mode, owner and group by name, link target and content.
func asHooksMade(root, oracle, name string) bool {
	a, b := filepath.Join(root, name), filepath.Join(oracle, name)
	x, err := os.Lstat(a)
	if err != nil {
		return false
	}
	y, err := os.Lstat(b)
	if err != nil || x.Mode() != y.Mode() {
		return false
	}
	s, t := x.Sys().(*syscall.Stat_t), y.Sys().(*syscall.Stat_t)
	if idName(root, "passwd", s.Uid) != idName(oracle, "passwd", t.Uid) || idName(root, "group", s.Gid) != idName(oracle, "group", t.Gid) {
		return false
	}
	switch {
	case x.Mode().IsRegular():
		p, err1 := os.ReadFile(a)
		q, err2 := os.ReadFile(b)
		return err1 == nil && err2 == nil && bytes.Equal(p, q)
	case x.Mode()&os.ModeSymlink != 0:
		p, err1 := os.Readlink(a)
		q, err2 := os.Readlink(b)
		return err1 == nil && err2 == nil && p == q
	}
	return true
}

// idName returns the name of an id in the account file of a root, or the id.
func idName(root, file string, id uint32) string {
	b, _ := os.ReadFile(filepath.Join(root, "etc", file))
	for l := range strings.Lines(string(b)) {
		if f := strings.Split(l, ":"); len(f) > 2 && f[2] == strconv.Itoa(int(id)) {
			return f[0]
		}
	}
	return strconv.Itoa(int(id))
}
