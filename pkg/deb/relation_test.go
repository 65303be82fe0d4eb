package deb

import (
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/google/go-cmp/cmp"
)

func TestParseRelations(t *testing.T) {
	type clauses = []pkg.Clause
	for _, c := range []struct {
		text string
		neg  bool
		want clauses
	}{
		{"", false, nil},
		{" \n", false, nil},
		{"a", false, clauses{{Any: []pkg.Literal{{Name: "a"}}, Text: "a"}}},
		{"a,", false, clauses{{Any: []pkg.Literal{{Name: "a"}}, Text: "a"}}},
		{"a(>=1)", false, clauses{{Any: []pkg.Literal{{Name: "a", Op: pkg.AtLeast, Version: "1"}}, Text: "a(>=1)"}}},
		{"a:any (>= 1:2~) | b ( << 3 )", false, clauses{{
			Any:  []pkg.Literal{{Name: "a", Arch: "any", Op: pkg.AtLeast, Version: "1:2~"}, {Name: "b", Op: pkg.Less, Version: "3"}},
			Text: "a:any (>= 1:2~) | b ( << 3 )",
		}}},
		{"a,\n b  (= 1)", false, clauses{{Any: []pkg.Literal{{Name: "a"}}, Text: "a"},
			{Any: []pkg.Literal{{Name: "b", Op: pkg.Equal, Version: "1"}}, Text: "b (= 1)"}}},
		{"libc6-i386:x32, b (>> 1)", true, clauses{{Any: []pkg.Literal{{Neg: true, Name: "libc6-i386", Arch: "x32"}}, Text: "libc6-i386:x32"},
			{Any: []pkg.Literal{{Neg: true, Name: "b", Op: pkg.More, Version: "1"}}, Text: "b (>> 1)"}}},
		// Policy 7.1: the old operators include equality.
		{"a (< 1), b (> 1), c (<= 1), d:native (1)", false, clauses{
			{Any: []pkg.Literal{{Name: "a", Op: pkg.AtMost, Version: "1"}}, Text: "a (< 1)"},
			{Any: []pkg.Literal{{Name: "b", Op: pkg.AtLeast, Version: "1"}}, Text: "b (> 1)"},
			{Any: []pkg.Literal{{Name: "c", Op: pkg.AtMost, Version: "1"}}, Text: "c (<= 1)"},
			{Any: []pkg.Literal{{Name: "d", Arch: "native", Op: pkg.Equal, Version: "1"}}, Text: "d:native (1)"}}},
	} {
		got, err := ParseRelations(c.text, c.neg)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q:\n%s", c.text, diff)
		}
	}
}

// What cannot be read must not be taken for satisfied.
func TestMalformedRelations(t *testing.T) {
	for _, text := range []string{"a b", "a (1", "a 1)", "a (=> 1)", "a ()", "a (>= )", "a (>= 1) x", "|", "a |", "a [amd64]", "${misc:Depends}", "a: (>= 1)", "-a"} {
		got, err := ParseRelations("good, "+text, false)
		if err == nil {
			t.Errorf("%q is accepted: %+v", text, got)
		}
		if len(got) != 2 || len(got[0].Any) != 1 || len(got[1].Any) != 0 || got[1].Text != text {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got, err := ParseRelations("a | b", true); err == nil || len(got[0].Any) != 0 {
		t.Errorf("alternatives of a conflict: %v, %+v", err, got)
	}
}

func TestRelationsOfPackage(t *testing.T) {
	c, err := ParseControl([]byte(helloControl))
	if err != nil {
		t.Fatal(err)
	}
	r := c.Package().Relations()
	var got []string
	for _, list := range [][]pkg.Clause{r.Depends, r.Conflicts} {
		for _, cl := range list {
			for _, l := range cl.Any {
				got = append(got, l.String())
			}
		}
	}
	want := []string{"dpkg (>= 1.15)", "libc6 (>= 2.38)", "foo", "bar:any", "baz (<< 3)", "!other", "!old (<= 1)"}
	if diff := cmp.Diff(want, got); diff != "" || r.PreDepends != 1 {
		t.Errorf("%d pre-depends\n%s", r.PreDepends, diff)
	}
	if diff := cmp.Diff([]pkg.Provide{{Name: "greeting"}, {Name: "hi", Version: "2"}}, r.Provides); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]pkg.Literal{{Name: "old", Op: pkg.AtMost, Version: "1"}}, r.Replaces); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseRelations(f *testing.F) {
	f.Add("a (>= 1) | b:any, c", false)
	f.Add("a (<< 1)", true)
	f.Fuzz(func(t *testing.T, text string, neg bool) {
		clauses, err := ParseRelations(text, neg)
		for _, c := range clauses {
			if err == nil && len(c.Any) == 0 {
				t.Errorf("%q: no error, but a clause without literals", text)
			}
			for _, l := range c.Any {
				l.Neg = false
				if again, err := ParseLiteral(l.String()); err != nil || again != l {
					t.Errorf("%q: literal %q reads again as %+v, %v", text, l, again, err)
				}
			}
		}
	})
}
