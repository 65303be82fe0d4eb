package deb_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/deb"

	"github.com/detinstall/detinstall/pkg"
)

// TestConfigureOrder: the order of a dpkg.log of bookworm (dpkg 1.21.22), of the packages that matter to one another.
func TestConfigureOrder(t *testing.T) {
	const logged = "libhogweed6 libicu72 dictionaries-common libpcap0.8 inorwegian wswedish passwd libxml2 ingerman adduser wnorwegian bind9-libs bind9 tcpdump chrony"
	depends := map[string]string{"inorwegian": "dictionaries-common|x", "wswedish": "dictionaries-common", "ingerman": "x|dictionaries-common", "wnorwegian": "dictionaries-common",
		"libxml2": "libicu72", "adduser": "passwd", "bind9-libs": "libxml2", "bind9": "bind9-libs,adduser", "tcpdump": "adduser,libpcap0.8,last", "chrony": "adduser,last"}
	provides := map[string]string{"bind9": "last"}
	var ps []*pkg.Package
	for n := range strings.FieldsSeq(logged) {
		rel := &pkg.Relations{}
		for c := range strings.SplitSeq(depends[n], ",") {
			var clause pkg.Clause
			for l := range strings.SplitSeq(c, "|") {
				clause.Any = append(clause.Any, pkg.Literal{Name: l})
			}
			if c != "" {
				rel.Depends = append(rel.Depends, clause)
			}
		}
		if provides[n] != "" {
			rel.Provides = []pkg.Provide{{Name: provides[n]}}
		}
		ps = append(ps, &pkg.Package{Format: "deb", Name: n, Arch: "amd64", Parse: func() *pkg.Relations { return rel }})
	}
	slices.Reverse(ps)
	var got []string
	for _, i := range deb.ConfigureOrder(ps) {
		got = append(got, ps[i].Name)
	}
	if want := logged; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestConfigureCircle(t *testing.T) {
	need := func(n string) func() *pkg.Relations {
		return func() *pkg.Relations {
			return &pkg.Relations{Depends: []pkg.Clause{{Any: []pkg.Literal{{Name: n}}}}}
		}
	}
	ps := []*pkg.Package{{Name: "a", Parse: need("b")}, {Name: "b", Parse: need("a")}, {Name: "c", Parse: need("nowhere")}}
	if got := deb.ConfigureOrder(ps); len(got) != 3 || slices.Equal(got, deb.ConfigureOrder(ps[:2])) {
		t.Error(got)
	}
}
