package triggers

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
)

const shipped = `
dir  0755 root:root etc
file 0644 root:root etc/conf "x" from=deb:c=1
file 0644 root:root etc/other "x" from=deb:c=1
link 0777 root:root etc/alias -> other
dir  0755 root:root var/empty from=deb:c=1
dir  0755 root:root var/full from=deb:c=1
file 0644 root:root var/full/x
dir  0755 root:root usr/bin
link 0777 root:root bin -> usr/bin
`

// one returns a trigger that wants changes.
func one(name string, owns, reads []string, changes ...Change) Trigger {
	return Trigger{Name: name, Owns: owns, Reads: reads, Run: func(Input) ([]Change, error) { return changes, nil }}
}

func metaOf(path string, mode fs.FileMode, user string) Change {
	return Change{Op: Meta, Node: tree.Node{Path: path, Mode: mode, User: tree.Owner{Name: user}, Group: tree.Root}}
}

func TestApply(t *testing.T) {
	tr := one("t", []string{"etc/**", "var/*", "usr/bin/*"}, nil, file("etc/new/deep", 0o600, []byte("n")), link("bin/tool", "conf"),
		metaOf("etc/conf", fs.ModeSetuid|0o750, "daemon"), Change{Op: Replace, Node: link("var/empty", "/run").Node}, dir("var/lib", fs.ModeSticky|0o777))
	tr.Edits = []string{"etc/other"}
	tr.Run = func(run func(Input) ([]Change, error)) func(Input) ([]Change, error) {
		return func(in Input) ([]Change, error) {
			cs, err := run(in)
			return append(cs, Change{Op: Replace, Node: file("etc/other", 0o644, []byte("y")).Node}), err
		}
	}(tr.Run)
	root := treetest.Parse(shipped)
	applied, err := apply([]Trigger{tr}, root, Input{Lock: &lock.File{Epoch: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range applied {
		got = append(got, a.Op.String()+" "+a.Path)
	}
	want := []string{"put etc/new/deep", "put usr/bin/tool", "meta etc/conf", "replace var/empty", "put var/lib", "replace etc/other"}
	if !slices.Equal(got, want) {
		t.Errorf("applied %q, want %q", got, want)
	}
	for path, want := range map[string]tree.Node{
		"etc/new/deep": {Mode: 0o600, From: "trigger:t", ModTime: tree.Epoch(1000)},
		"usr/bin/tool": {Mode: fs.ModeSymlink | 0o777, From: "trigger:t", ModTime: tree.Epoch(1000)},
		"etc/conf":     {Mode: fs.ModeSetuid | 0o750, From: "deb:c=1"}, // still the package's
		"var/empty":    {Mode: fs.ModeSymlink | 0o777, From: "trigger:t", ModTime: tree.Epoch(1000)},
	} {
		n, ok := root.Get(path)
		if !ok || n.Mode != want.Mode || n.From != want.From || !n.ModTime.Equal(want.ModTime) {
			t.Errorf("/%s: %v %s %v, want %v %s %v", path, n.Mode, n.From, n.ModTime, want.Mode, want.From, want.ModTime)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	timed := file("etc/new", 0o644, nil)
	timed.Node.ModTime = time.Unix(1, 0)
	for _, c := range []struct {
		name     string
		triggers []Trigger
		want     string
	}{
		{"put outside", []Trigger{one("t", []string{"etc/*"}, nil, file("var/new", 0o644, nil))}, "trigger t: put /var/new: not declared"},
		{"put through a link", []Trigger{one("t", []string{"bin/*"}, nil, file("bin/new", 0o644, nil))}, "put /usr/bin/new: not declared"},
		{"put on shipped", []Trigger{one("t", []string{"etc/*"}, nil, file("etc/conf", 0o644, nil))}, "/etc/conf: claimed by deb:c=1 and by trigger:t"},
		{"put a file on an implicit directory", []Trigger{one("t", []string{"usr"}, nil, file("usr", 0o644, nil))}, "/usr: claimed by"},
		{"replace without edits", []Trigger{one("t", []string{"etc/*"}, nil, Change{Op: Replace, Node: file("etc/conf", 0o644, nil).Node})}, "neither a file named in Edits"},
		{"replace a full directory", []Trigger{one("t", []string{"var/*"}, nil, Change{Op: Replace, Node: link("var/full", "/x").Node})}, "nor an empty directory"},
		{"replace nothing", []Trigger{one("t", []string{"etc/*"}, nil, Change{Op: Replace, Node: link("etc/none", "/x").Node})}, "neither"},
		{"meta of nothing", []Trigger{one("t", []string{"etc/*"}, nil, metaOf("etc/none", 0o600, "root"))}, "meta /etc/none: file does not exist"},
		{"meta outside", []Trigger{one("t", nil, nil, metaOf("etc/conf", 0o600, "root"))}, "meta /etc/conf: not declared"},
		{"put into edits", []Trigger{{Name: "t", Edits: []string{"etc/new"}, Run: one("", nil, nil, file("etc/new", 0o644, nil)).Run}}, "put /etc/new: not declared"},
		{"a time", []Trigger{one("t", []string{"etc/*"}, nil, timed)}, "one of a time"},
		{"two writers", []Trigger{one("a", []string{"etc/*"}, nil, file("etc/new", 0o644, nil)), one("b", []string{"etc/*"}, nil, metaOf("etc/new", 0o600, "root"))},
			"/etc/new: claimed by trigger:a and by trigger:b"},
		{"twice", []Trigger{one("a", []string{"etc/*"}, nil, file("etc/new", 0o644, nil), file("etc/new", 0o644, nil))}, "claimed by trigger:a and by trigger:a"},
		{"cycle", []Trigger{one("a", []string{"x/1*"}, []string{"z/*"}), one("b", []string{"y/*"}, []string{"x/1"}), one("c", []string{"z/**"}, []string{"y/**"})},
			"triggers a, b, c, a: each writes what the next reads"},
		{"error", []Trigger{{Name: "t", Run: func(Input) ([]Change, error) { return nil, errors.New("no") }}}, "trigger t: no"},
		{"swallowed read", []Trigger{{Name: "t", Reads: []string{"etc/conf"}, Run: func(in Input) ([]Change, error) {
			_, _ = fs.ReadFile(in.FS, "etc/other")
			return nil, nil
		}}}, "trigger t: read /etc/other: not declared"},
		{"read through a link", []Trigger{{Name: "t", Reads: []string{"etc/alias"}, Run: func(in Input) ([]Change, error) {
			_, _ = fs.ReadFile(in.FS, "etc/alias")
			return nil, nil
		}}}, "trigger t: read /etc/other: not declared"},
		{"list", []Trigger{{Name: "t", Reads: []string{"etc/conf"}, Run: func(in Input) ([]Change, error) {
			_, _ = fs.ReadDir(in.FS, "var")
			return nil, nil
		}}}, "trigger t: readdir /var: not declared"},
		{"a file that is not there", []Trigger{{Name: "t", Run: func(in Input) ([]Change, error) {
			_ = exists(in.FS, "nothing")
			return nil, nil
		}}}, "trigger t: lstat /nothing: not declared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := apply(c.triggers, treetest.Parse(shipped), Input{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestDutyWithoutTrigger(t *testing.T) {
	in := Input{Duties: []hooks.Duty{{Kind: hooks.Diversion}, {Kind: "user", Package: "p"}}}
	if _, err := apply(nil, treetest.Parse(shipped), in); err == nil || err.Error() != "duty user of package p: no trigger does it" {
		t.Errorf("got %v", err)
	}
}

// TestOrder holds that writers come before readers, through duties too, and ties go by name.
func TestOrder(t *testing.T) {
	var ran []string
	see := func(tr Trigger) Trigger {
		tr.Run = func(in Input) ([]Change, error) {
			ran = append(ran, tr.Name)
			return nil, nil
		}
		return tr
	}
	ts := []Trigger{
		see(Trigger{Name: "a", Reads: []string{"usr/bin/tool"}}),
		see(Trigger{Name: "b", Reads: []string{"etc/**"}}),
		see(Trigger{Name: "c", Duties: []hooks.Kind{hooks.Alternative}}),
		see(Trigger{Name: "d", Edits: []string{"etc/conf"}}),
		see(Trigger{Name: "e", For: []string{"rpm"}}),
	}
	in := Input{Format: "deb", Duties: []hooks.Duty{{Kind: hooks.Alternative, Args: []string{"/bin/tool", "tool", "/bin/t", "1"}}}}
	slices.Reverse(ts)
	if _, err := apply(ts, treetest.Parse(shipped), in); err != nil {
		t.Fatal(err)
	}
	if want := []string{"c", "a", "d", "b"}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
}

func TestSandbox(t *testing.T) {
	tr := Trigger{Name: "t", Reads: []string{"etc/c*", "usr/**"}, Run: func(in Input) ([]Change, error) {
		entries, err := fs.ReadDir(in.FS, "etc")
		if err != nil || len(entries) != 1 || entries[0].Name() != "conf" {
			t.Errorf("listing of etc: %v, %v: want conf alone", entries, err)
		}
		if b, err := fs.ReadFile(in.FS, "etc/conf"); err != nil || string(b) != "x" {
			t.Errorf("etc/conf: %q, %v", b, err)
		}
		if _, err := fs.Stat(in.FS, "etc/c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("etc/c: %v", err)
		}
		return nil, fs.WalkDir(in.FS, "usr", func(string, fs.DirEntry, error) error { return nil })
	}}
	if _, err := apply([]Trigger{tr}, treetest.Parse(shipped), Input{}); err != nil {
		t.Error(err)
	}
}

// TestAll holds the list in order, and that its declarations have no cycle whatever the duties.
func TestAll(t *testing.T) {
	all := All()
	if !slices.IsSortedFunc(all, func(a, b Trigger) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("All is not sorted")
	}
	var jobs []*job
	for _, tr := range all {
		j, err := newJob(tr, tree.New(), nil)
		if err != nil || tr.Doc == "" {
			t.Errorf("%s: %v; doc %q", tr.Name, err, tr.Doc)
		}
		jobs = append(jobs, j)
	}
	if _, err := order(jobs); err != nil {
		t.Error(err)
	}
}

// TestClaims has a trigger amend what another put, which only one with Claims may, and only by a Meta.
func TestClaims(t *testing.T) {
	claims := func(fsys fs.FS, _ []hooks.Duty) ([]string, error) {
		b, err := fs.ReadFile(fsys, "etc/conf")
		return []string{"var/lib/" + string(b)}, err
	}
	put := one("zz", []string{"var/lib/*"}, nil, dir("var/lib/x", 0o755))
	for _, c := range []struct {
		name   string
		claims func(fs.FS, []hooks.Duty) ([]string, error)
		change Change
		ok     bool
	}{
		{"meta of a claim", claims, metaOf("var/lib/x", 0o700, "daemon"), true},
		{"put of a claim that another put", claims, dir("var/lib/x", 0o700), false},
		{"meta of no claim", claims, metaOf("var/lib/y", 0o700, "daemon"), false},
		{"meta without claims", nil, metaOf("var/lib/x", 0o700, "daemon"), false},
	} {
		root := treetest.Parse(shipped)
		a := one("aa", nil, nil, c.change)
		if a.Claims = c.claims; c.claims == nil {
			a.Reads, a.Owns = []string{"var/lib/x"}, []string{"var/lib/x"}
		}
		_, err := apply([]Trigger{a, put}, root, Input{})
		if c.ok != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n, _ := root.Get("var/lib/x"); c.ok && (n.Mode.Perm() != 0o700 || n.User.Name != "daemon" || n.From != "trigger:zz") {
			t.Errorf("%s: %v %v %s", c.name, n.Mode, n.User, n.From)
		}
	}
}
