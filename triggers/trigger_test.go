package triggers_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// TestTriggers runs every trigger on each testdata/*.txtar. "tree" is what the packages shipped (treetest), "requested" the names that
// were, "duties" are more duties than the scripts come to, "NAME/control" and "NAME/postinst" are packages, "lock" what differs from testLock; "want" is every path that triggers
// changed, but for those below var/lib/dpkg/info, "log" the changes, "body PATH" what a file holds, "error" the error. With a
// file "format" that says apk, which comes first, packages are "NAME/.PKGINFO", "NAME/tree" and "NAME/.post-install" (see apkMember).
func TestTriggers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := runCase(t, a)
			if *update {
				if err := writeCase(f, a, got); err != nil {
					t.Fatal(err)
				}
			}
			for _, w := range a.Files {
				if expected(w.Name) {
					if d := cmp.Diff(string(w.Data), got[w.Name]); d != "" {
						t.Errorf("%s (-want +got):\n%s", w.Name, d)
					}
				}
			}
			if got["error"] != "" && !strings.Contains(string(txtar.Format(a)), "-- error --") {
				t.Error(got["error"])
			}
		})
	}
}

func expected(name string) bool {
	return name == "want" || name == "log" || name == "error" || strings.HasPrefix(name, "body ")
}

// testLock is the lock of all cases.
func testLock() *lock.File {
	const snapshot = "https://snapshot.debian.org/archive/"
	return &lock.File{Epoch: 1000000, Format: "deb", Settings: lock.Settings{Pending: "unpacked"},
		Sources: []lock.Source{
			{ID: "debian@trixie", Base: snapshot + "debian", Suite: "trixie", Components: []string{"main"}},
			{ID: "debian@trixie-security", Base: snapshot + "debian-security", Suite: "trixie-security", Components: []string{"main", "contrib"}},
			{ID: "elsewhere", Base: "https://packages.example.com/debian", Suite: "trixie-updates", Components: []string{"main"}},
		},
		Arches: []lock.Arch{{Name: "amd64", Diversions: []lock.Diversion{{Path: "/bin/x", To: "/bin/x.distrib", Package: "x"}}}}}
}

func runCase(t *testing.T, a *txtar.Archive) map[string]string {
	t.Helper()
	root := tree.New()
	in := triggers.Input{Format: "deb", Arch: "amd64", Lock: testLock()}
	var us []*pkg.Unpacked
	requested := ""
	for _, f := range a.Files {
		name, member, ok := strings.Cut(f.Name, "/")
		switch {
		case f.Name == "tree":
			root = treetest.Parse(string(f.Data))
		case f.Name == "requested":
			requested = string(f.Data)
		case f.Name == "exclude":
			in.Exclude = strings.Fields(string(f.Data))
		case f.Name == "include":
			in.Include = strings.Fields(string(f.Data))
		case f.Name == "ids":
			for _, l := range strings.Fields(string(f.Data)) {
				id := lock.ID{Name: l, ID: uint32(900 + len(in.Lock.IDs.Users))}
				in.Lock.IDs.Users, in.Lock.IDs.Groups = append(in.Lock.IDs.Users, id), append(in.Lock.IDs.Groups, id)
			}
		case f.Name == "duties":
			in.Duties = append(in.Duties, parseDuties(t, string(f.Data))...)
		case f.Name == "format":
			in.Format, in.Arch, in.Lock = strings.TrimSpace(string(f.Data)), "x86_64", apkLock()
		case ok && in.Format == "apk" && !expected(f.Name):
			us = apkMember(t, us, root, name, member, f.Data)
		case ok && member == "control":
			c, err := deb.ParseControl(f.Data)
			if err != nil {
				t.Fatal(f.Name, err)
			}
			us = append(us, &pkg.Unpacked{Package: c.Package(), Control: fstest.MapFS{"control": {Data: f.Data}, "md5sums": {}}})
		case ok && !expected(f.Name):
			u := us[len(us)-1]
			if u.Package.Name != name {
				t.Fatalf("%s: the control file comes first", f.Name)
			}
			if strings.HasPrefix(member, "usr/") {
				u.Nodes = append(u.Nodes, tree.Node{Path: member, Mode: 0o644, Content: tree.Bytes(f.Data)})
				continue
			}
			u.Control.(fstest.MapFS)[member] = &fstest.MapFile{Data: f.Data, Mode: 0o755}
			u.Scripts = append(u.Scripts, pkg.Script{Phase: pkg.Phase(member), Interpreter: "/bin/sh", Body: f.Data})
		}
	}
	readScripts(&in, root, us, requested)
	return results(t, root, in)
}

// readScripts adds to in the packages, those of them that were requested marked so, and what their scripts come to.
func readScripts(in *triggers.Input, root *tree.Tree, us []*pkg.Unpacked, requested string) {
	pending := map[string]bool{}
	w := triggers.World(in.Format)
	w.FS, w.Arch, w.Compare = root.FS(), in.Arch, deb.Compare
	for _, r := range hooks.Read(us, w).Readings {
		in.Duties = append(in.Duties, r.Duties...)
		pending[r.Package.Name] = pending[r.Package.Name] || r.Verdict() == hooks.Pending
	}
	for _, u := range us {
		files := []string{"."}
		for _, n := range u.Nodes {
			files = append(files, n.Path)
		}
		in.Packages = append(in.Packages, triggers.Installed{Unpacked: u, Files: files,
			Requested: strings.Contains(requested, u.Package.Name), Pending: pending[u.Package.Name]})
	}
}

// parseDuties reads a duty per line: KIND PACKAGE or KIND PACKAGE:PHASE, then arguments, quoted as in Go where they need it; "| LINK NAME PATH" is a slave
// and "body TEXT" a body.
func parseDuties(t *testing.T, text string) []hooks.Duty {
	t.Helper()
	var ds []hooks.Duty
	for l := range strings.Lines(text) {
		var words []string
		for l = strings.TrimSpace(l); l != ""; l = strings.TrimSpace(l) {
			w, err := strconv.QuotedPrefix(l)
			if err != nil {
				w, _, _ = strings.Cut(l, " ")
			}
			l = l[len(w):]
			if u, err := strconv.Unquote(w); err == nil {
				w = u
			}
			words = append(words, w)
		}
		d := hooks.Duty{Kind: hooks.Kind(words[0]), Phase: "postinst"}
		if name, phase, ok := strings.Cut(words[1], ":"); ok {
			d.Package, d.Phase = name, pkg.Phase(phase)
		} else {
			d.Package = name
		}
		args := words[2:]
		if i := slices.Index(args, "body"); i >= 0 {
			d.Body, args = []byte(args[i+1]), args[:i]
		}
		for i := slices.Index(args, "|"); i >= 0; i = slices.Index(args, "|") {
			rest := args[i+1:]
			j := slices.Index(rest, "|")
			if j < 0 {
				j = len(rest)
			}
			d.Slaves = append(d.Slaves, rest[:j])
			args = slices.Concat(args[:i], rest[j:])
		}
		d.Args = args
		ds = append(ds, d)
	}
	return ds
}

func results(t *testing.T, root *tree.Tree, in triggers.Input) map[string]string {
	t.Helper()
	got := map[string]string{}
	applied, err := triggers.Apply(root, in)
	if err != nil {
		got["error"] = err.Error() + "\n"
		return got
	}
	changed := tree.New()
	for _, a := range applied {
		if strings.HasPrefix(a.Path, "var/lib/dpkg/info/") {
			continue
		}
		got["log"] += a.Trigger + " " + a.Op.String() + " /" + a.Path + "\n"
		n, _ := root.Get(a.Path)
		if err := changed.Put(n); err != nil {
			t.Fatal(err)
		}
		b, err := n.Content.ReadAll(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		got["body "+a.Path] = string(b)
	}
	ids, err := triggers.Accounts(root.FS())
	if err != nil {
		t.Fatal(err)
	}
	ids.Unknown = tree.UnknownNumber
	sealed, err := changed.Seal(tree.Epoch(in.Lock.Epoch), ids)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(treetest.Format(sealed)) {
		if !strings.Contains(l, "from=implicit") {
			got["want"] += l
		}
	}
	return got
}

// writeCase rewrites what a expects.
func writeCase(name string, a *txtar.Archive, got map[string]string) error {
	for i, f := range a.Files {
		if expected(f.Name) {
			a.Files[i].Data = []byte(got[f.Name])
		}
	}
	return os.WriteFile(name, txtar.Format(a), 0o644)
}
