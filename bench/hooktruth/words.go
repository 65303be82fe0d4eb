package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
)

// words are what the reader says of a package: of its duties, and of what it left or deferred.
type words struct {
	duties []string
	named  []string
}

// readHooks reads the report of detinstall hooks --json, by package.
func readHooks(file string) (map[string]*words, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	type note struct{ Text, Reason string }
	var report struct {
		Packages []struct {
			Name    string
			Scripts []struct {
				Duties   []struct{ Args []string }
				Deferred []note
				Pending  []note
			}
		}
	}
	if err := json.Unmarshal(b, &report); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := map[string]*words{}
	for _, p := range report.Packages {
		w := &words{}
		for _, s := range p.Scripts {
			for _, d := range s.Duties {
				w.duties = append(w.duties, d.Args...)
			}
			for _, n := range append(s.Deferred, s.Pending...) {
				w.named = append(w.named, n.Text+" "+n.Reason)
			}
		}
		out[p.Name] = w
	}
	return out, nil
}

// names reports whether a deferred item or a leftover names the path p, or the directory that it is in.
func (w *words) names(p string) bool {
	if w == nil {
		return false
	}
	for ; strings.Count(p, "/") > 1; p = path.Dir(p) {
		for _, n := range w.named {
			if strings.Contains(n, "/"+p) {
				return true
			}
		}
	}
	return false
}

// does reports whether a duty names the path p.
func (w *words) does(p string) bool {
	if w == nil {
		return false
	}
	for _, a := range w.duties {
		if a == "/"+p {
			return true
		}
	}
	return false
}
