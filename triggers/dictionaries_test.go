package triggers

import (
	"testing"
	"testing/fstest"

	"github.com/detinstall/detinstall/pkg"
)

// TestDictDefault: the default is that of the package whose script runs first, as dpkg configures them; and of those that are there before
// dictionaries-common, the one for the first language in its list.
func TestDictDefault(t *testing.T) {
	member := func(name, list string, needs ...string) Installed {
		rel := &pkg.Relations{}
		for _, n := range needs {
			rel.Depends = append(rel.Depends, pkg.Clause{Any: []pkg.Literal{{Name: n}}})
		}
		return Installed{Unpacked: &pkg.Unpacked{Package: &pkg.Package{Name: name, Parse: func() *pkg.Relations { return rel }},
			Control: fstest.MapFS{"templates": {Data: []byte("Template: shared/packages-wordlist\nType: text\n\nTemplate: " + name + "/languages\nType: text\nDefault: " + list + "\n")}}}}
	}
	common := Installed{Unpacked: &pkg.Unpacked{Package: &pkg.Package{Name: "dictionaries-common"}, Control: fstest.MapFS{}}}
	needsAmerican := &pkg.Relations{Depends: []pkg.Clause{{Any: []pkg.Literal{{Name: "wamerican"}}}}}
	late := Installed{Unpacked: &pkg.Unpacked{Package: &pkg.Package{Name: "dictionaries-common", Parse: func() *pkg.Relations { return needsAmerican }}, Control: fstest.MapFS{}}}
	const nn, sv, en, de = "nynorsk (New Norwegian)", "svenska (Swedish)", "american (American English)", "deutsch (New German)"
	norwegian := member("wnorwegian", "bokm\u00e5l (Bokm\u00e5l Norwegian), "+nn, "dictionaries-common")
	swedish := member("wswedish", sv, "dictionaries-common")
	american := member("wamerican", en)
	german := member("wngerman", de, "dictionaries-common")
	for _, c := range []struct {
		ps   []Installed
		want string
	}{
		{[]Installed{common, norwegian, swedish}, sv}, // 48677 in dpkg's table, before 7416 of the next round
		{[]Installed{common, norwegian}, nn},
		{[]Installed{american, common, german}, de}, // 16807, before 39025
		{[]Installed{american, late, german}, en},   // the other way round
		{[]Installed{common, member("wother", en)}, "a"},
		{nil, "a"},
	} {
		dicts := map[string]record{nn: {}, sv: {}, en: {}, de: {}, "a": {}}
		if got := (Input{Packages: c.ps}).dictDefault("wordlist", dicts); got != c.want {
			t.Errorf("%d packages: %q, want %q", len(c.ps), got, c.want)
		}
	}
	if got := (Input{}).dictDefault("ispell", nil); got != "" {
		t.Errorf("%q of no dictionaries", got)
	}
}
