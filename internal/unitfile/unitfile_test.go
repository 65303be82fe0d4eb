package unitfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	var in Install
	for _, f := range []string{
		"[Unit]\nAlso=not.service\n[Install]\n# c\n WantedBy = a.target \\\n; c\n  \"b.target\"\nAlias=x.service\nAlias=\nAlias=y.service y.service\nAlso=z.socket\nwantedby=no.target\nnonsense\n",
		"[Install]\nRequiredBy=r.target\nDefaultInstance=tty1\nUpheldBy=u.target",
	} {
		if err := in.Read([]byte(f)); err != nil {
			t.Fatal(err)
		}
	}
	want := Install{Alias: []string{"y.service"}, WantedBy: []string{"a.target", "b.target"}, RequiredBy: []string{"r.target"},
		UpheldBy: []string{"u.target"}, Also: []string{"z.socket"}, DefaultInstance: "tty1"}
	if d := cmp.Diff(want, in); d != "" {
		t.Error(d)
	}
	if in.Read(make([]byte, MaxSize+1)) == nil {
		t.Error("a huge file is taken")
	}
	if in.Read([]byte("[Install]\nAlso="+strings.Repeat("a b c ", 10))) != nil {
		t.Error("a repeated name is refused")
	}
}

func TestHelper(t *testing.T) {
	got, err := Helper([]byte("[Unit]\nAlias=a.service b.service\n wantedby=x.target 'y.target'\nRequiredBy= z.target\nAlso=\nDefaultInstance= \"tty1\" \nAfter=n\nAlso=c.socket"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Key: "Alias", Words: []Word{{"a.service", "a.service b.service"}, {"b.service", "a.service b.service"}}},
		{Key: "WantedBy", Words: []Word{{"x.target", "wantedby"}, {"y.target", "'"}}},
		{Key: "RequiredBy", Words: []Word{{"", "RequiredBy"}, {"z.target", "RequiredBy"}}},
		{Key: "DefaultInstance", Value: "tty1"},
		{Key: "Also", Words: []Word{{"c.socket", "Also"}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := Helper(make([]byte, MaxSize+1)); err == nil {
		t.Error("a huge file is taken")
	}
}

func TestPresets(t *testing.T) {
	got, err := Presets([]byte("# c\n; c\nenable a.* \ndisable *\nenable g@.service tty1 tty2\nmaybe x\nignore i.service\nenable\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Rule{{"enable", "a.*", []string{}}, {"disable", "*", []string{}}, {"enable", "g@.service", []string{"tty1", "tty2"}}, {"ignore", "i.service", []string{}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		p, s string
		want bool
	}{
		{"a.service", "a.service", true}, {"a.service", "b.service", false}, {"*", "", true}, {"a*e", "a.service", true}, {"a*f", "a.service", false},
		{"?.service", "a.service", true}, {"?", "", false}, {"[ab].x", "b.x", true}, {"[!ab].x", "b.x", false}, {"[^b]", "c", true}, {"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false}, {"[]]", "]", true}, {"[ab", "[ab", true}, {"[ab", "a", false}, {"[a-]", "-", true}, {"a", "ab", false}, {"a*b*c", "abxbc", true}, {"*a", "ba", true}, {strings.Repeat("a*", 60) + "b", strings.Repeat("a", 90), false},
	} {
		if got := Match(c.p, c.s); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.p, c.s, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("[Install]\nWantedBy=a \\\n b\nAlias='x y'\nAlso=\"\n"))
	f.Add([]byte("enable [a-z]*.service x\nDefaultInstance=\"\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in Install
		if err := in.Read(b); err == nil {
			for _, w := range in.WantedBy {
				if strings.ContainsRune(w, '\n') {
					t.Errorf("a name holds a line break: %q", w)
				}
			}
		}
		ls, _ := Helper(b)
		for _, l := range ls {
			if l.Key == "" {
				t.Error("no key")
			}
		}
		rs, _ := Presets(b)
		for _, r := range rs {
			if !strings.ContainsAny(r.Pattern, "*?[") && !Match(r.Pattern, r.Pattern) {
				t.Errorf("%q does not match itself", r.Pattern)
			}
		}
	})
}
