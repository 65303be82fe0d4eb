package triggers

import "strings"

// pattern is a path pattern of a [Trigger], split into components.
type pattern struct {
	parts   []string
	literal bool // parts are names, not patterns
}

func patterns(texts []string) []pattern {
	ps := make([]pattern, len(texts))
	for i, t := range texts {
		ps[i] = pattern{parts: split(t)}
	}
	return ps
}

func literals(paths []string) []pattern {
	ps := patterns(paths)
	for i := range ps {
		ps[i].literal = true
	}
	return ps
}

// split returns the components of path, none for the root.
func split(path string) []string {
	if path == "." {
		return nil
	}
	return strings.Split(path, "/")
}

func matchAny(ps []pattern, path string) bool {
	parts := split(path)
	for _, p := range ps {
		if p.match(parts) {
			return true
		}
	}
	return false
}

// leadsAny reports whether a path below dir may match one of ps.
func leadsAny(ps []pattern, dir string) bool {
	parts := split(dir)
	for _, p := range ps {
		if p.leads(parts) {
			return true
		}
	}
	return false
}

func (p pattern) tail() pattern { return pattern{p.parts[1:], p.literal} }

func (p pattern) deep() bool { return !p.literal && len(p.parts) > 0 && p.parts[0] == "**" }

func (p pattern) one(name string) bool {
	return p.literal && p.parts[0] == name || !p.literal && glob(p.parts[0], name)
}

func (p pattern) match(path []string) bool {
	if len(p.parts) == 0 {
		return len(path) == 0
	}
	if p.deep() {
		return p.tail().match(path) || len(path) > 0 && p.match(path[1:])
	}
	return len(path) > 0 && p.one(path[0]) && p.tail().match(path[1:])
}

func (p pattern) leads(dir []string) bool {
	if len(p.parts) == 0 || len(dir) == 0 || p.deep() {
		return len(p.parts) > 0
	}
	return p.one(dir[0]) && p.tail().leads(dir[1:])
}

// overlaps reports whether some path matches both p and q.
func (p pattern) overlaps(q pattern) bool {
	switch {
	case p.literal:
		return q.match(p.parts)
	case q.literal:
		return p.match(q.parts)
	case p.deep():
		return p.tail().overlaps(q) || len(q.parts) > 0 && p.overlaps(q.tail())
	case q.deep():
		return q.overlaps(p)
	case len(p.parts) == 0 || len(q.parts) == 0:
		return len(p.parts) == len(q.parts)
	}
	return globsOverlap(p.parts[0], q.parts[0]) && p.tail().overlaps(q.tail())
}

// glob matches one component: * is any bytes, ? is one.
func glob(p, name string) bool {
	for {
		switch {
		case p == "":
			return name == ""
		case p[0] == '*':
			return glob(p[1:], name) || name != "" && glob(p, name[1:])
		case name == "" || p[0] != '?' && p[0] != name[0]:
			return false
		}
		p, name = p[1:], name[1:]
	}
}

// globsOverlap reports whether some name matches both.
func globsOverlap(p, q string) bool {
	switch {
	case p != "" && p[0] == '*':
		return globsOverlap(p[1:], q) || q != "" && globsOverlap(p, q[1:])
	case q != "" && q[0] == '*':
		return globsOverlap(q, p)
	case p == "" || q == "":
		return p == q
	}
	return (p[0] == '?' || q[0] == '?' || p[0] == q[0]) && globsOverlap(p[1:], q[1:])
}
