package triggers

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// ucf is the bookkeeping of ucf(1) and ucfr(1).
func ucf() Trigger {
	return Trigger{
		Name: "ucf",
		Doc: "ucf remembers the digest of every configuration file that it was offered, and a copy; ucfr remembers whose it is. " +
			"The same, in the order of the scripts, so that a later ucf knows what the administrator changed; no backups (hashfile.0).",
		For:    []string{"deb"},
		Duties: []hooks.Kind{hooks.Ucf},
		Reads:  []string{"usr/bin/ucf"},
		Owns:   []string{"var/lib/ucf", "var/lib/ucf/cache", "var/lib/ucf/cache/*", ucfHashes, ucfRegistry},
		Run:    makeUcf,
	}
}

const (
	ucfHashes   = "var/lib/ucf/hashfile"
	ucfRegistry = "var/lib/ucf/registry"
	ucfCached   = 25600 // a file of this many bytes is too large for a copy, unless --three-way is said
)

func makeUcf(in Input) ([]Change, error) {
	if !exists(in.FS, "usr/bin/ucf") && len(in.Duties) == 0 {
		return nil, nil
	}
	var hashes, registry []byte
	var out []Change
	for _, d := range lastOfEach(in.Duties) {
		n, body, err := ucfOffered(in.FS, d)
		if err != nil {
			return nil, err
		}
		sum := arg(d, 2)
		if sum == "" && body != nil {
			h := md5.Sum(body)
			sum = hex.EncodeToString(h[:])
		}
		if sum != "" {
			hashes = fmt.Appendf(hashes, "%s  %s\n", sum, arg(d, 0))
		}
		if arg(d, 1) != "" {
			registry = fmt.Appendf(registry, "%s \t %s\n", arg(d, 1), arg(d, 0))
		}
		if body != nil && (len(body) < ucfCached || arg(d, 3) == "three-way") {
			c := file("var/lib/ucf/cache/"+strings.ReplaceAll(arg(d, 0), "/", ":"), 0o644, body)
			if m := arg(d, 4); m != "" {
				if err := setMeta(&c.Node, m, "root", "root"); err != nil {
					return nil, err
				}
			} else if n.Path != "" {
				c.Node.Mode, c.Node.User, c.Node.Group = n.Mode, n.User, n.Group
			}
			c.By = d.Sources()
			out = append(out, c)
		}
	}
	if len(out) > 0 && !exists(in.FS, "var/lib/ucf/cache") {
		out = append([]Change{dir("var/lib/ucf/cache", 0o755)}, out...)
	}
	return append(out, because(in.Duties, file(ucfHashes, 0o644, hashes), file(ucfRegistry, 0o644, registry))...), nil
}

// lastOfEach returns the last duty for each path, in the order of the duties.
func lastOfEach(ds []hooks.Duty) []hooks.Duty {
	var out []hooks.Duty
	for i, d := range ds {
		if !slices.ContainsFunc(ds[i+1:], func(o hooks.Duty) bool { return arg(o, 0) == arg(d, 0) }) {
			out = append(out, d)
		}
	}
	return out
}

// ucfOffered returns the file as ucf was offered it and what has its owner and mode: the duty's body, else the file that is there if that has
// the digest, else no bytes.
func ucfOffered(fsys fs.FS, d hooks.Duty) (n tree.Node, body []byte, err error) {
	fi, err := fs.Stat(fsys, strings.TrimPrefix(arg(d, 0), "/"))
	if err == nil {
		n = fi.Sys().(tree.Node)
	}
	if len(d.Body) > 0 || err != nil {
		return n, d.Body, nil
	}
	if body, err = fs.ReadFile(fsys, strings.TrimPrefix(arg(d, 0), "/")); err != nil {
		return n, nil, err
	}
	if h := md5.Sum(body); arg(d, 2) != "" && hex.EncodeToString(h[:]) != arg(d, 2) {
		return n, nil, nil
	}
	return n, body, nil
}
