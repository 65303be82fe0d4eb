package tree

import "strings"

// Compare orders paths canonically: depth-first, names byte-sorted within each
// directory, the root first ("a", "a/x", "a-b"). It is the order of the tar, the manifest and
// of every listing, and what GNU tar's --sort=name gives.
func Compare(a, b string) int {
	if a == "." || b == "." {
		switch {
		case a == b:
			return 0
		case a == ".":
			return -1
		}
		return 1
	}
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		// A slash ends a name, so it is less than any byte of a name.
		switch {
		case x == '/':
			return -1
		case y == '/' || x > y:
			return 1
		}
		return -1
	}
	return len(a) - len(b)
}

// parent returns the directory that path lies in; the root's is the root.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

// base returns the last component of path.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// join returns the path of name in directory dir.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
