package apk

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
)

// shared reads a file of the shared data, or skips.
func shared(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("../../../shared/data/apk", name))
	if err != nil {
		tb.Skipf("SKIPPED: %v", err)
	}
	return b
}

// alpine returns the universe of the full Alpine 3.19 indexes.
func alpine(tb testing.TB) *Universe {
	tb.Helper()
	var lists []List
	for i, name := range []string{"cache_APKINDEX.b2c94760.tar.gz", "cache_APKINDEX.be78cdff.tar.gz"} {
		text, _, err := OpenIndex(shared(tb, "alpine-3.19-x86_64/index/"+name), nil, true)
		if err != nil {
			tb.Fatal(err)
		}
		lists = append(lists, List{Repo: &pkg.Repo{ID: []string{"main", "community"}[i]}, Dir: "x", Text: text})
	}
	u, err := NewUniverse("x86_64", lists...)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func TestRealUniverse(t *testing.T) {
	start := time.Now()
	u := alpine(t)
	took := time.Since(start)
	n, relations, installIf, conflicts := 0, 0, 0, 0
	for name := range u.Names() {
		for _, p := range u.Named(name) {
			if p.Path != "x/"+p.Name+"-"+p.Version+".apk" || p.Size == 0 {
				t.Errorf("%s: %q of %d bytes", p, p.Path, p.Size)
			}
			r := p.Relations()
			n++
			relations += len(r.Depends)
			conflicts += len(r.Conflicts)
			if len(r.InstallIf) > 0 {
				installIf++
			}
			for _, c := range r.Depends {
				if len(c.Any) != 1 {
					t.Errorf("%s: %q could not be read", p, c.Text)
				}
			}
			for _, v := range r.Provides {
				if !slices.Contains(u.Providing(v.Name), p) {
					t.Errorf("%s is not among those that provide %s", p, v.Name)
				}
			}
		}
	}
	t.Logf("%d packages in %v, %d dependencies", n, took, relations)
	if n != 5443+17587 || installIf != 1753+6320 || conflicts == 0 {
		t.Errorf("%d packages, %d with install_if, %d conflicts", n, installIf, conflicts)
	}
}

func TestUniverse(t *testing.T) {
	one := "C:Q1EyN5AdpAOBJWKMR89pp/C66o+OE=\nP:a\nV:1\nD:b>1 !c so:x\np:cmd:a=1 virt\nt:5\n\n" +
		"C:Q1eVpkasfqZAukAXFYbgwt4xAMZWU=\nP:a\nV:2\nk:7\nq:3\nr:old\n\nP:other\nV:1\nA:riscv64\np:virt\n\nP:new\nV:1\nX:what\n\nP:fine\nV:1\nx:what\ni:a=2 !b\n"
	two := "C:Q1eVpkasfqZAukAXFYbgwt4xAMZWU=\nP:a\nV:2\n\nC:Q1C4uoV7SdMdDhYg4OCVmI71D8HIA=\nP:a\nV:3\np:virt\np:virt=2\n"
	first, second := &pkg.Repo{ID: "first"}, &pkg.Repo{ID: "second", Tag: "edge"}
	u, err := NewUniverse("x86_64", List{Repo: first, Dir: "d", Text: []byte(one)}, List{Repo: second, Dir: "", Text: []byte(two)})
	if err != nil {
		t.Fatal(err)
	}
	list := func(ps []*pkg.Package) string {
		var s []string
		for _, p := range ps {
			s = append(s, p.Name+"="+p.Version+"@"+p.Repo.ID)
		}
		return strings.Join(s, " ")
	}
	for _, c := range []struct{ what, got, want string }{
		{"named", list(u.Named("a")), "a=2@first a=1@first a=3@second"},
		{"providing", list(u.Providing("virt")), "a=1@first a=3@second"},
		{"installed if", list(u.InstalledIf("b")), "fine=1@first"},
		{"names", strings.Join(slices.Collect(u.Names()), " "), "a fine"},
		{"path", u.Named("a")[0].Path + " " + u.Named("a")[2].Path, "d/a-2.apk a-3.apk"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if got := u.Repos(u.Named("a")[0]); !slices.Equal(got, []*pkg.Repo{first, second}) {
		t.Errorf("a=2 is to be had from %v", got)
	}
	r := u.Named("a")[1].Relations()
	if len(r.Depends) != 2 || len(r.Conflicts) != 1 || len(r.Provides) != 2 || u.Place(u.Named("a")[2]) != 4 {
		t.Errorf("%+v, place %d", r, u.Place(u.Named("a")[2]))
	}
}

func TestBadIndex(t *testing.T) {
	for name, text := range map[string]string{
		"no name":     "V:1\n",
		"no version":  "P:a\n",
		"a path":      "P:../a\nV:1\n",
		"two names":   "P:a\nP:b\nV:1\n",
		"no field":    "P:a\nV:1\nhello\n",
		"two indexes": "P:a\nV:1\nP:a\nV:2\n",
	} {
		if _, err := NewUniverse("x", List{Repo: &pkg.Repo{ID: "bad"}, Dir: "", Text: []byte(text)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
