package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// hostile is a script that would like to be more than text.
const hostile = `#!/bin/sh
# </pre></script><script>alert(1)</script>
mkdir -p "/var/lib/<b>&amp;'x" /var/lib/two
frobnicate '</code><img src=x onerror=alert(2)>' "` + "\u202e" + `evil"
ln -s ../x /etc/link
make-ssl-cert generate-default-snakeoil
echo '</style><style>*{display:none}'
`

// input is what a package with the script hostile, one without scripts, and n more with it come to.
func input(n int) Input {
	a := &lock.Arch{Name: "amd64", Packages: []lock.Package{{Name: "bare", Version: "1"}}}
	var us []*pkg.Unpacked
	for i := range n {
		name := fmt.Sprintf("p%03d", i)
		body := strings.NewReplacer("/var/lib/two", "/var/lib/"+name, "/etc/link", "/etc/link-"+name, "'x", "'x"+name).Replace(hostile)
		a.Packages = append(a.Packages, lock.Package{Name: name, Version: "1:2-3~<i>", Requested: i == 0})
		us = append(us, &pkg.Unpacked{Package: &pkg.Package{Name: name, Version: "1:2-3~<i>", Arch: "amd64"},
			Scripts: []pkg.Script{{Phase: "postinst", Interpreter: "/bin/sh", Body: []byte(body)}},
			Nodes:   []tree.Node{{Path: "var/lib", Mode: 0o755 | 1<<31}, {Path: "etc", Mode: 0o755 | 1<<31}}})
	}
	rep := hooks.Read(us, hooks.World{Arch: "amd64"})
	in := Input{Arch: a, Readings: rep.Readings, Fired: []hooks.Fired{{Package: "p000", Names: []string{"<trigger>"}}, {Package: "libc-bin", Names: []string{"ldconfig"}, Trigger: "ldconfig"}}}
	for _, r := range rep.Readings {
		for _, d := range r.Duties {
			in.Applied = append(in.Applied, triggers.Applied{Trigger: "paths", Path: d.Args[0][1:], By: d.Sources()})
		}
	}
	return in
}

func render(t *testing.T, in Input) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := New(in).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// outline is what a page is made of.
type outline struct {
	count map[string]int
	text  string // all of it
	bad   []string
}

// outlineOf reads a page as XML, which is stricter than a browser: it fails where an element is not closed.
func outlineOf(page []byte) (outline, error) {
	o := outline{count: map[string]int{}}
	var stack []string
	var text strings.Builder
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			o.text = text.String()
			return o, nil
		}
		if err != nil {
			return o, err
		}
		switch x := tok.(type) {
		case xml.StartElement:
			name := x.Name.Local
			o.count[name]++
			if slices.Contains([]string{"script", "img", "iframe", "object", "form", "base"}, name) {
				o.bad = append(o.bad, "element "+name)
			}
			if name == "summary" && stack[len(stack)-1] != "details" {
				o.bad = append(o.bad, "a summary in no details")
			}
			for _, a := range x.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || a.Name.Local == "href" && a.Value != "data:," {
					o.bad = append(o.bad, "attribute "+a.Name.Local+" of "+name)
				}
			}
			stack = append(stack, name)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) == 0 || stack[len(stack)-1] != "style" {
				text.Write(x)
			} else if bytes.Contains(x, []byte("url(")) || bytes.Contains(x, []byte("@import")) {
				o.bad = append(o.bad, "a style that loads something")
			}
		}
	}
}

func TestPage(t *testing.T) {
	in := input(2)
	page := render(t, in)
	o, err := outlineOf(page)
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	if len(o.bad) > 0 {
		t.Error(o.bad)
	}
	r := New(in)
	if r.Summary.Leftovers < 2 || r.Summary.Duties < 6 || r.Summary.Later < 2 {
		t.Fatalf("the scripts come to too little: %+v", r.Summary)
	}
	for _, p := range r.Packages {
		for _, s := range p.Scripts {
			for _, n := range slices.Concat(s.Pending, s.Deferred, s.Noops) {
				if !strings.Contains(o.text, n.Text) || !strings.Contains(o.text, n.Reason) {
					t.Errorf("%s line %d: %q (%s) is not in the page", p.Name, n.Line, n.Text, n.Reason)
				}
			}
			for _, d := range s.Duties {
				if !strings.Contains(o.text, d.Args[0]) {
					t.Errorf("%s: the path %q is not in the page", p.Name, d.Args[0])
				}
			}
		}
	}
	if bytes.Contains(page, []byte("\u202e")) {
		t.Error("text that turns the direction of what follows is in the page")
	}
	if o.count["tr"] != 3 || o.count["details"] < 8 || strings.Contains(o.text, "snakeoil") == false || !strings.Contains(o.text, "bare") {
		t.Errorf("elements %v", o.count)
	}
	if !bytes.Equal(page, render(t, input(2))) {
		t.Error("not the same bytes again")
	}
}

// TestOutlineNegative is the control: the check must be able to fail.
func TestOutlineNegative(t *testing.T) {
	for _, page := range []string{"<p><b>x</p>", "<p>a & b</p>", "<p a=b>x</p>", "<p>x"} {
		if _, err := outlineOf([]byte(page)); err == nil {
			t.Errorf("%s is taken for well-formed", page)
		}
	}
	for _, page := range []string{"<p><script>x</script></p>", `<p onclick="x">x</p>`, `<p><summary>x</summary></p>`, `<style>@import "x"</style>`} {
		if o, err := outlineOf([]byte(page)); err != nil || len(o.bad) != 1 {
			t.Errorf("%s: %v, %v", page, o.bad, err)
		}
	}
}

func TestPageWithoutTriggers(t *testing.T) {
	in := input(1)
	in.Applied, in.Failed = nil, errors.New("trigger <x>: no owner")
	o, err := outlineOf(render(t, in))
	if err != nil || !strings.Contains(o.text, "trigger <x>: no owner") || !strings.Contains(o.text, "/var/lib/p000") {
		t.Errorf("%v\n%s", err, o.text)
	}
	if o, err := outlineOf(render(t, Input{Arch: in.Arch})); err != nil || o.count["table"] != 0 {
		t.Errorf("without scripts: %v, %v", o.count, err)
	}
}

func TestPageSize(t *testing.T) {
	if n := len(render(t, input(150))); n > 3<<20/2 {
		t.Errorf("%d bytes for 150 packages", n)
	}
}

// TestKinds holds the columns to the kinds of duties that there are.
func TestKinds(t *testing.T) {
	for _, k := range triggers.World("deb").Kinds {
		if !slices.ContainsFunc(kinds, func(x struct {
			kind hooks.Kind
			doc  string
		}) bool {
			return x.kind == k
		}) {
			t.Errorf("%s has no column", k)
		}
	}
}

func TestExcerpt(t *testing.T) {
	script := []byte("a\nb \\\n  c\nd\n\n\nx\x00\xff\ny")
	var got []string
	for _, l := range excerpt(script, 1, 2, 7, 99) {
		got = append(got, fmt.Sprint(l.Number, l.Hit, l.Text))
	}
	want := []string{"1 false a", "2 true b \\", "3 true   c", "4 false d", "0 false ", "7 true x\uFFFD\uFFFD", "8 false y"}
	for i, w := range want { // fmt.Sprint puts no blank before a string
		want[i] = strings.Replace(strings.Replace(w, "false ", "false", 1), "true ", "true", 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	r := New(input(1))
	if err := r.WriteText(&b, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"p000 1:2-3~<i> postinst: pending\n", "duty      link /etc/link-p000 ../x\n", "  deferred  make-ssl-cert", "  pending   frobnicate",
		"dpkg trigger ldconfig: libc-bin: trigger ldconfig does it\n", "2 packages, 1 with scripts: 1 covered, 0 deferred to first boot, 1 pending\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	js, err := json.Marshal(r)
	if err != nil || !bytes.Contains(js, []byte(`"recipes":[]`)) || !bytes.Contains(js, []byte(`"generator":"ldconfig"`)) {
		t.Errorf("%v: %s", err, js)
	}
	b.Reset()
	if err := WriteRecipes(&b); err != nil || strings.Count(b.String(), "\n") != len(hooks.Recipes()) {
		t.Errorf("%v: %s", err, b.String())
	}
}
