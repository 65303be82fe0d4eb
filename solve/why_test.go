package solve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
)

func chain(sol *Solution, name string) string {
	var out []string
	for _, p := range Why(sol, name) {
		because := "request " + p.Because.Clause.Text
		if p.Because.Parent != nil {
			because = p.Because.Parent.Name + " needs " + p.Because.Clause.Text
		}
		out = append(out, fmt.Sprintf("%s <- %s", p.Package.Name, because))
	}
	return strings.Join(out, "; ")
}

func TestWhy(t *testing.T) {
	u := readUniverse(`Package: base
Depends: lib

Package: app
Depends: tool (>= 1) | other, mail
Recommends: extra

Package: tool
Pre-Depends: lib

Package: lib

Package: exim
Provides: mail

Package: extra
`)
	r := Request{Arch: "amd64", Compare: compareNumbers, Recommends: true, Stages: [][]Want{
		{{Literal: pkg.Literal{Name: "base"}}},
		{{Literal: pkg.Literal{Name: "app"}, Text: "app"}},
	}}
	want := map[string]string{
		"base":   "base <- request ",
		"lib":    "base <- request ; lib <- base needs lib",
		"app":    "app <- request app",
		"tool":   "app <- request app; tool <- app needs tool (>= 1) | other",
		"exim":   "app <- request app; exim <- app needs mail",
		"extra":  "app <- request app; extra <- app needs extra",
		"absent": "",
	}
	for _, p := range []Policy{classic{}, apt{}} {
		sol, err := p.Solve(u, r)
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range want {
			if diff := cmp.Diff(w, chain(sol, name)); diff != "" {
				t.Errorf("%T: why %s (-want +got):\n%s", p, name, diff)
			}
		}
		for _, pick := range sol.Picks {
			if pick.Requested != (pick.Package.Name == "app") {
				t.Errorf("%T: %s: requested %v", p, pick.Package.Name, pick.Requested)
			}
		}
	}
}

func TestNear(t *testing.T) {
	u := readUniverse("Package: " + strings.Join([]string{"nginx", "nginx-core", "python3", "python3-all", "pythom3", "vim", "zsh", "a"}, "\n\nPackage: "))
	for _, c := range []struct{ name, want string }{
		{"ngnix", "nginx"},
		{"nginz", "nginx"},
		{"nginx-", "nginx nginx-core"},
		{"python", "python3 pythom3 python3-all"},
		{"vmi", "vim"},
		{"xx", ""},
		{"b", ""},
	} {
		if got := strings.Join(near(u, c.name), " "); got != c.want {
			t.Errorf("near %s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		limit, want int
	}{
		{"", "", 2, 0}, {"abc", "abc", 2, 0}, {"abc", "abd", 2, 1}, {"abc", "acb", 2, 1}, {"abc", "ab", 2, 1},
		{"abc", "xabc", 2, 1}, {"abcd", "badc", 2, 2}, {"abc", "xyz", 2, 3}, {"abcdef", "fedcba", 1, 2}, {"ab", "ba", 0, 1},
	} {
		if got, _ := distance(c.a, c.b, c.limit, nil); got != c.want {
			t.Errorf("%q to %q, at most %d: %d, want %d", c.a, c.b, c.limit, got, c.want)
		}
	}
}

func TestPolicies(t *testing.T) {
	if _, err := Policies("aptitude"); err == nil || !strings.Contains(err.Error(), "apt-classic") {
		t.Errorf("unknown policy: %v", err)
	}
}
