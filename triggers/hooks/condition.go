package hooks

import (
	"slices"
	"strconv"
)

// test evaluates [ and test. What it asks of files is not known.
func test(_ *walker, c invocation) (truth, flow) {
	args := c.args
	if c.name == "[" {
		if len(args) == 0 || args[len(args)-1] != known("]") {
			return unknown, next
		}
		args = args[:len(args)-1]
	}
	if !c.certain {
		return unknown, next
	}
	return condition(args), next
}

func condition(args []value) truth {
	if len(args) > 4 || len(args) > 3 && args[0] != known("!") {
		for _, op := range []string{"-o", "-a"} {
			if i := slices.Index(args, known(op)); i > 0 {
				return combine(op, condition(args[:i]), condition(args[i+1:]))
			}
		}
		return unknown
	}
	switch len(args) {
	case 0:
		return no
	case 1:
		return nonEmpty(args[0])
	case 2:
		switch args[0] {
		case known("!"):
			return nonEmpty(args[1]).not()
		case known("-n"):
			return nonEmpty(args[1])
		case known("-z"):
			return nonEmpty(args[1]).not()
		}
		if args[1] == known("/run/systemd/system") { // it is there while systemd runs
			return no
		}
		return unknown
	}
	if args[0] == known("!") {
		return condition(args[1:]).not()
	}
	if args[1] == known("-a") || args[1] == known("-o") {
		return combine(args[1].text, nonEmpty(args[0]), nonEmpty(args[2]))
	}
	return compare(args[0], args[1], args[2])
}

func nonEmpty(v value) truth {
	switch {
	case !v.known:
		return unknown
	case v.text != "":
		return yes
	}
	return no
}

func combine(op string, a, b truth) truth {
	if op == "-o" {
		return combine("-a", a.not(), b.not()).not()
	}
	switch {
	case a == no || b == no:
		return no
	case a == yes && b == yes:
		return yes
	}
	return unknown
}

func compare(a, op, b value) truth {
	if !a.known || !op.known || !b.known {
		return unknown
	}
	is := func(t bool) truth {
		if t {
			return yes
		}
		return no
	}
	switch op.text {
	case "=", "==":
		return is(a.text == b.text)
	case "!=":
		return is(a.text != b.text)
	}
	x, err := strconv.Atoi(a.text)
	y, err2 := strconv.Atoi(b.text)
	if err != nil || err2 != nil {
		return unknown
	}
	switch op.text {
	case "-eq":
		return is(x == y)
	case "-ne":
		return is(x != y)
	case "-lt":
		return is(x < y)
	case "-le":
		return is(x <= y)
	case "-gt":
		return is(x > y)
	case "-ge":
		return is(x >= y)
	}
	return unknown
}
