package deb

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/google/go-cmp/cmp"
)

// universe makes one from Packages files, a repository each: "a", "b", … with pin 500.
func universe(t testing.TB, pins []pkg.Pin, texts ...string) *Universe {
	t.Helper()
	var lists []*packages
	for i, text := range texts {
		p, err := newPackages(&pkg.Repo{ID: string('a' + rune(i))}, []byte(text), "amd64")
		if err != nil {
			t.Fatal(err)
		}
		p.pin = 500
		lists = append(lists, p)
	}
	return newUniverse(lists, "amd64", pins, nil)
}

// named returns the versions of a name with their repositories.
func named(u *Universe, name string) string {
	var s []string
	for _, p := range u.Named(name) {
		s = append(s, p.Version+"@"+p.Repo.ID)
	}
	return strings.Join(s, " ")
}

func TestCandidates(t *testing.T) {
	a := stanzas("x 1 amd64", "y 2 amd64", "z 1 amd64; Section: a", "w 1 all")
	b := stanzas("x 2 amd64", "y 1 amd64", "z 1 amd64; Section: b", "w 2 amd64")
	c := stanzas("x 3 amd64", "y 2 amd64", "z 1 amd64; Section: a")
	for _, tt := range []struct {
		name string
		pins []pkg.Pin
		own  [3]int // the repositories' own pins
		want string // of x, y, z, w
	}{
		{"versions decide, then the order", nil, [3]int{500, 500, 500},
			"3@c 2@b 1@a / 2@a 1@b / 1@a 1@b / 2@b 1@a"},
		{"NotAutomatic", nil, [3]int{500, 500, 1},
			"2@b 1@a 3@c / 2@a 1@b / 1@a 1@b / 2@b 1@a"},
		{"ButAutomaticUpgrades", nil, [3]int{1, 100, 500},
			"3@c 2@b 1@a / 2@a 1@b / 1@a 1@b / 2@b 1@a"},
		{"a pinned repository", []pkg.Pin{{Repo: "b", Priority: 900}}, [3]int{500, 500, 500},
			"2@b 3@c 1@a / 1@b 2@a / 1@b 1@a / 2@b 1@a"},
		{"a pinned package", []pkg.Pin{{Repo: "b", Priority: 900}, {Package: "x", Repo: "a", Priority: 990}}, [3]int{500, 500, 500},
			"1@a 2@b 3@c / 1@b 2@a / 1@b 1@a / 2@b 1@a"},
		{"the first pin counts", []pkg.Pin{{Repo: "b", Priority: 100}, {Repo: "b", Priority: 900}}, [3]int{500, 500, 500},
			"3@c 1@a 2@b / 2@a 1@b / 1@a 1@b / 1@a 2@b"},
		{"a negative pin", []pkg.Pin{{Repo: "c", Priority: -1}, {Package: "w", Priority: -1}}, [3]int{500, 500, 500},
			"2@b 1@a / 2@a 1@b / 1@a 1@b / "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := universe(t, tt.pins, a, b, c)
			for i, l := range u.lists {
				l.pin = tt.own[i]
			}
			got := strings.Join([]string{named(u, "x"), named(u, "y"), named(u, "z"), named(u, "w")}, " / ")
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestProviding(t *testing.T) {
	u := universe(t, nil,
		stanzas("real 1 amd64", "p1 1 amd64; Provides: mta, real (= 2), q:any", "p2 1 amd64; Provides:mta (= 1),\n mta (= 2), imap", "p3 1 i386; Provides: mta", "p4 1 amd64; Provides: mta-x"),
		stanzas("p1 1 amd64; Provides: mta, real (= 2), q:any", "p5 1 all; Provides: x, mta"))
	get := func(name string) string {
		var s []string
		for _, p := range u.Providing(name) {
			s = append(s, p.Name+"@"+p.Repo.ID)
		}
		return strings.Join(s, " ")
	}
	for name, want := range map[string]string{
		"mta": "p1@a p2@a p5@b", "real": "p1@a", "imap": "p2@a", "mta-x": "p4@a", "x": "p5@b", "q": "", "q:any": "p1@a", "none": "", "": "",
	} {
		if got := get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestFirstMention(t *testing.T) {
	u := universe(t, nil,
		stanzas("m 1 amd64; Provides: i; Depends: c | d, e (>= 1); Pre-Depends: b; Description: no-name; Suggests: f,\n g; Enhances: h; Conflicts: x:any, y:i386, z:amd64, zz:native",
			"b 1 amd64; Recommends: j", "foreign 1 i386; Depends: no-name"),
		stanzas("k 1 amd64; Depends: x, m"))
	names := strings.Fields("m b c d e z zz f g h i j k x")
	var got []string
	order := map[int]string{}
	for _, n := range slices.Backward(names) { // the order of questions does not matter
		order[u.FirstMention(n)] = n
	}
	for i := range names {
		got = append(got, order[i])
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Error(diff)
	}
	for _, n := range []string{"no-name", "y", "x:any", ""} {
		if got := u.FirstMention(n); got != math.MaxInt {
			t.Errorf("%q is mentioned: %d", n, got)
		}
	}
}

func TestBase(t *testing.T) {
	u := universe(t, nil,
		stanzas("e 1 amd64; Essential: yes; Priority: optional", "r 1 all; Priority: required", "i 1 amd64; Priority: important", "s 1 amd64; Priority: standard", "o 1 amd64; Priority: optional", "n 1 amd64", "old 1 amd64; Essential: yes"),
		stanzas("old 2 amd64; Priority: optional", "e 1 amd64; Essential: yes; Priority: optional"))
	for set, want := range map[string]string{
		"none": "", "essential": "e", "minbase": "e r", "important": "e i r", "standard": "e i r s",
	} {
		got, err := u.Base(set)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v", set, got, err)
		}
	}
	if _, err := u.Base("kitchen"); err == nil || !strings.Contains(err.Error(), "essential, important, minbase, none, standard") {
		t.Errorf("unknown set: %v", err)
	}
}

func TestPackagesErrors(t *testing.T) {
	good := stanzas("a 1 amd64")
	for _, c := range []struct{ old, new, want string }{
		{"Package: a", "Package: ../a", "line 8: missing or malformed package name"},
		{"Package: a\n", "", "line 8: missing or malformed package name"},
		{"Version: 1\n", "", "line 8: package a: missing or malformed version"},
		{"Version: 1", "Version: 1 2", "malformed version"},
		{"Architecture: amd64", "Architecture:", "malformed architecture"},
		{"Filename: pool/", "Filename: /pool/", "malformed file name"},
		{"Filename: pool/", "Filename: pool/../../", "malformed file name"},
		{"Filename: pool/", "Filename: ../", "malformed file name"},
		{"Size: 1", "Size: 1\nSize: 1", "a field occurs twice"},
		{"Size: 1", "Size: -1", "malformed size"},
		{"SHA256: ", "MD5sum: ", "malformed SHA256"},
		{"SHA256: ", "SHA256: 0", "malformed SHA256"},
		{"SHA256: ", "SHA256: " + strings.Repeat("0", 64) + "\nX: ", "malformed SHA256"},
	} {
		text := good + strings.Replace(good, c.old, c.new, 1)
		if _, err := newPackages(&pkg.Repo{}, []byte(text), "amd64"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.new, err, c.want)
		}
	}
	odd := strings.NewReplacer("Package:", "package:", "SHA256", "sha256", "Filename: ", "FILENAME:").Replace(good)
	odd = "\n\n" + strings.TrimRight(odd, "\n") + "\n\n\n" + good
	p, err := newPackages(&pkg.Repo{}, []byte(odd), "amd64")
	if err != nil || len(p.flags) != 2 || p.parse(0).Path != "pool/a_1_amd64.deb" || p.parse(0).SHA256.IsZero() {
		t.Errorf("odd spelling: %v, %+v", err, p)
	}
	if p, err = newPackages(&pkg.Repo{}, nil, "amd64"); err != nil || len(p.flags) != 0 {
		t.Errorf("empty index: %v", err)
	}
}

// However the file is cut, the result is the same.
func TestSplitStanzas(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("p%d 1 amd64; Description: %s", i, strings.Repeat("x", i*7%300)))
	}
	text := []byte(stanzas(lines...))
	for n := 1; n < 40; n++ {
		cuts := splitStanzas(text, n)
		if cuts[0] != 0 || cuts[len(cuts)-1] != len(text) || !slices.IsSorted(cuts) {
			t.Fatalf("%d parts: %v", n, cuts)
		}
		count := 0
		for i, c := range cuts[1:] {
			s := scan{text: text[:c], arch: "amd64"}
			if s.run(cuts[i]); s.err != nil {
				t.Fatalf("%d parts: %v", n, s.err)
			}
			count += len(s.flags)
		}
		if count != 200 {
			t.Errorf("%d parts: %d stanzas", n, count)
		}
	}
}

func FuzzPackages(f *testing.F) {
	f.Add(stanzas("a 1 amd64; Depends: b | c; Provides: d", "b 1 all; Essential: yes"))
	f.Add("Package: a\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := newPackages(&pkg.Repo{}, []byte(text), "amd64")
		if err != nil {
			return
		}
		p.pin = 500
		u := newUniverse([]*packages{p}, "amd64", nil, nil)
		for name := range u.Names() {
			vs := u.Named(name)
			if len(vs) == 0 {
				t.Errorf("%q has no version", name)
			}
			for _, v := range vs {
				if v.Name != name || v.SHA256.IsZero() || v.Path == "" || strings.HasPrefix(v.Path, "..") {
					t.Errorf("%+v", v)
				}
				for _, pr := range v.Relations().Provides {
					u.Providing(pr.Name)
				}
			}
			if u.FirstMention(name) == math.MaxInt {
				t.Errorf("%q is not mentioned", name)
			}
		}
	})
}
