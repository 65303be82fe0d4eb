package detinstall

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
)

func TestParseSpec(t *testing.T) {
	s, err := ParseSpec(strings.NewReader("repos: [debian@trixie]\npkgs: [nginx, curl]\nanswers: {tzdata/Areas: Etc}\nids: {users: {www: 900}}\nepoch: 5\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Repos[0] != "debian@trixie" || s.Answers["tzdata/Areas"] != "Etc" || s.IDs.Users["www"] != 900 || *s.Epoch != 5 {
		t.Errorf("read as %+v", s)
	}
	for _, bad := range []string{"repo: [x]\n", "pkgs: {}\n", "pkgs: [a]\n---\npkgs: [b]\n", "epoch: soon\n", "\tx"} {
		var se *SpecError
		if _, err := ParseSpec(strings.NewReader(bad)); !errors.As(err, &se) {
			t.Errorf("%q: %v, want a SpecError", bad, err)
		}
	}
}

func TestRequest(t *testing.T) {
	base := func() *Spec {
		return &Spec{Repos: []string{"debian@trixie"}, Pkgs: []string{"b", "a"}, Arch: []string{"x86_64"}}
	}
	request := func(change func(*Spec)) string {
		t.Helper()
		s := base()
		change(s)
		d, err := s.Request()
		if err != nil {
			t.Fatal(err)
		}
		return d.Hex()
	}
	want := request(func(*Spec) {})
	now := int64(7)
	for name, change := range map[string]func(*Spec){
		"order of packages": func(s *Spec) { s.Pkgs = []string{"a", "b", "a"} },
		"spelling of arch":  func(s *Spec) { s.Arch = []string{"amd64"} },
		"arch of the host":  func(s *Spec) { s.Arch = nil; s.Ambient.Arch = "amd64" },
		"clock":             func(s *Spec) { s.Ambient.Now = 5 },
		"SOURCE_DATE_EPOCH": func(s *Spec) { s.Ambient.Epoch = &now },
	} {
		if request(change) != want {
			t.Errorf("%s changes the request", name)
		}
	}
	for name, change := range map[string]func(*Spec){
		"package":    func(s *Spec) { s.Pkgs = []string{"a"} },
		"repository": func(s *Spec) { s.Repos = []string{"debian@sid"} },
		"arch":       func(s *Spec) { s.Arch = []string{"arm64"} },
		"epoch":      func(s *Spec) { s.Epoch = &now },
		"id":         func(s *Spec) { s.IDs.Users = map[string]uint32{"x": 1} },
		"filter":     func(s *Spec) { s.NoDocs = true },
		"unsigned":   func(s *Spec) { s.AllowUnsigned = true },
	} {
		if request(change) == want {
			t.Errorf("%s does not change the request", name)
		}
	}
}

func TestRequestTakesKeysByContent(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	for _, f := range []string{one, two} {
		if err := os.WriteFile(f, []byte("key"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	request := func(key string) string {
		d, err := (&Spec{Keys: []string{key}, Arch: []string{"amd64"}}).Request()
		if err != nil {
			t.Fatal(err)
		}
		return d.Hex()
	}
	if request(one) != request(two) {
		t.Error("the name of a key file is part of the request")
	}
	if err := os.WriteFile(two, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if request(one) == request(two) {
		t.Error("the content of a key file is not part of the request")
	}
}

func TestParseWant(t *testing.T) {
	for text, want := range map[string]pkg.Literal{
		"nginx":            {Name: "nginx"},
		"nginx=1.26.3-3":   {Name: "nginx", Op: pkg.Equal, Version: "1.26.3-3"},
		"python3>=3.11":    {Name: "python3", Op: pkg.AtLeast, Version: "3.11"},
		"erlang~27":        {Name: "erlang", Op: pkg.Fuzzy, Version: "27"},
		"libc6:arm64":      {Name: "libc6", Arch: "arm64"},
		"libc6:arm64=2.36": {Name: "libc6", Arch: "arm64", Op: pkg.Equal, Version: "2.36"},
		"g++":              {Name: "g++"},
		"x=1.0~rc1":        {Name: "x", Op: pkg.Equal, Version: "1.0~rc1"},
		"x << 2":           {Name: "x", Op: pkg.Less, Version: "2"},
	} {
		w, err := parseWant(text, deb.Format{})
		if err != nil || w.Literal != want || w.Text != text {
			t.Errorf("%q: %+v, %v", text, w.Literal, err)
		}
	}
	for _, bad := range []string{"=1", "x=", "", ":arm64", "x=>1"} {
		if w, err := parseWant(bad, deb.Format{}); err == nil {
			t.Errorf("%q: accepted as %+v", bad, w.Literal)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, s := range map[string]*Spec{
		"no repository":   {Pkgs: []string{"x"}},
		"nothing":         {},
		"pending":         {Repos: []string{"r"}, Pending: "perhaps"},
		"unknown owner":   {Repos: []string{"r"}, UnknownOwner: "me"},
		"early epoch":     {Repos: []string{"r"}, Epoch: ptr(-1)},
		"nameless waiver": {Repos: []string{"r"}, Waivers: []Waiver{{Package: "x"}}},
	} {
		var se *SpecError
		if err := s.check(); !errors.As(err, &se) {
			t.Errorf("%s: %v, want a SpecError", name, err)
		}
	}
	if err := (&Spec{Repos: []string{"r"}, Pkgs: []string{"x"}}).check(); err != nil {
		t.Errorf("a good request: %v", err)
	}
}

func ptr(n int64) *int64 { return &n }
