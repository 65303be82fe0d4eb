package triggers_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// configured returns the roots that mmdebstrap really configured: $DETINSTALL_ORACLE_SETS/SUITE-SET/, and the
// packages of a suite anywhere below $DETINSTALL_ORACLE_DEBS/SUITE/.
func configured(t *testing.T) []string {
	t.Helper()
	oks, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE_SETS"), "*-*.ok"))
	if os.Getenv("DETINSTALL_ORACLE_SETS") == "" || len(oks) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE_SETS")
	}
	for i, ok := range oks {
		oks[i] = strings.TrimSuffix(ok, ".ok")
	}
	return oks
}

// debsOf returns the files, below dir, of the packages that a root says it has.
func debsOf(t *testing.T, root, dir string) []string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(p, ".deb") {
			files[filepath.Base(p)] = p
		}
		return err
	})
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no packages: ", err)
	}
	status, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for stanza := range strings.SplitSeq(strings.TrimSpace(string(status)), "\n\n") {
		f := map[string]string{}
		for l := range strings.Lines(stanza) {
			k, v, _ := strings.Cut(strings.TrimSpace(l), ": ")
			f[k] = v
		}
		_, v, ok := strings.Cut(f["Version"], ":")
		if !ok {
			v = f["Version"]
		}
		name := f["Package"] + "_" + v + "_" + f["Architecture"] + ".deb"
		if files[name] == "" {
			t.Skipf("SKIPPED, NOT CHECKED: %s is not below %s", name, dir)
		}
		out = append(out, files[name])
	}
	return out
}

var calls = []struct {
	kind hooks.Kind
	re   *regexp.Regexp
	args func(m []string) [][]string
}{
	{hooks.Unit, regexp.MustCompile(`^\s*deb-systemd-helper (--user )?(enable|unmask|update-state) '([^']+)'`), func(m []string) [][]string {
		return [][]string{{m[2], m[3], map[string]string{"": "system", "--user ": "user"}[m[1]]}}
	}},
	{hooks.Unit, regexp.MustCompile(`^    systemctl \$\{DPKG_ROOT\S+ enable (\S+) `), func(m []string) [][]string {
		return [][]string{{"systemctl enable", m[1], "system"}}
	}},
	{hooks.SysV, regexp.MustCompile(`^\s*update-rc\.d (\S+) (defaults|defaults-disabled)\b`), func(m []string) [][]string { return [][]string{{m[1], m[2]}} }},
	{hooks.Tmpfiles, regexp.MustCompile(`^\s*systemd-tmpfiles .* --create ([^>|]+)`), func(m []string) [][]string { return [][]string{strings.Fields(m[1])} }},
}

// grepped finds the calls that debhelper writes into scripts, as a fresh installation runs them.
func grepped(u *pkg.Unpacked, kind hooks.Kind) []hooks.Duty {
	var out []hooks.Duty
	for _, s := range u.Scripts {
		if s.Phase != "postinst" {
			continue
		}
		for l := range strings.Lines(string(s.Body)) {
			for _, c := range calls {
				m := c.re.FindStringSubmatch(l)
				if m == nil || c.kind != kind {
					continue
				}
				for _, args := range c.args(m) {
					known := strings.Contains(string(s.Body), "debian-installed '"+args[1%len(args)]+"'") // false at first
					enabled := slices.ContainsFunc(out, func(d hooks.Duty) bool { return d.Args[0] == "enable" && d.Args[1] == args[1] })
					if args[0] == "enable" && known || args[0] == "update-state" && enabled {
						continue
					}
					out = append(out, hooks.Duty{Kind: kind, Package: u.Package.Name, Phase: s.Phase, Args: args})
				}
			}
		}
	}
	return out
}

// buildSet makes a root of ours with the duties that the reader finds and, of kinds of which it finds none, those of calls.
func buildSet(t *testing.T, debs []string) (*tree.Sealed, []triggers.Applied) {
	t.Helper()
	var all, us []*pkg.Unpacked
	var ps []*pkg.Package
	for _, d := range debs {
		u := load(t, d)
		all, ps = append(all, u), append(ps, u.Package)
	}
	for _, i := range solve.Order(ps, deb.Compare) {
		us = append(us, all[i])
	}
	in := triggers.Input{Format: "deb", Arch: "amd64"}
	arch := lock.Arch{Name: "amd64"}
	found := map[hooks.Kind]bool{}
	for _, r := range hooks.Read(us, hooks.World{Arch: "amd64", Compare: deb.Compare}).Readings {
		for _, d := range r.Duties {
			found[d.Kind] = true
			if d.Kind == hooks.Diversion {
				arch.Diversions = append(arch.Diversions, lock.Diversion{Path: d.Args[0], To: d.Args[1], Package: d.Args[2]})
			}
		}
		in.Duties = append(in.Duties, r.Duties...)
	}
	for _, k := range []hooks.Kind{hooks.Unit, hooks.SysV, hooks.Tmpfiles} {
		for _, u := range us {
			if !found[k] {
				in.Duties = append(in.Duties, grepped(u, k)...)
			}
		}
	}
	in.Lock = &lock.File{Epoch: oracleEpoch, Arches: []lock.Arch{arch}}
	m, err := unpack.Merge(us, unpack.Options{Compare: deb.Compare, MergedUsr: true, Diversions: arch.Diversions})
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range us {
		in.Packages = append(in.Packages, triggers.Installed{Unpacked: u, Files: m.Files[i]})
	}
	applied, err := triggers.Apply(m.Tree, in)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := triggers.Accounts(m.Tree.FS())
	if err != nil {
		t.Fatal(err)
	}
	ids.Unknown = tree.UnknownNumber
	sealed, err := m.Tree.Seal(tree.Epoch(oracleEpoch), ids)
	if err != nil {
		t.Fatal(err)
	}
	return sealed, applied
}

// below are the places of duties whose every path is compared.
var below = map[string][]string{
	"systemd": {"etc/systemd/system/", "etc/systemd/user/", "var/lib/systemd/deb-systemd-"},
	"sysv":    {"etc/rc"},
	"pam":     {"etc/pam.d/", "var/lib/pam/"},
}

// removed are paths that are not in configured roots although a hook made them.
var removed = map[string]string{"var/lib/dbus/machine-id": "mmdebstrap removes it at the end"}

// TestConfigured compares, duty by duty, every path of a root of ours with one that was really configured.
func TestConfigured(t *testing.T) {
	for _, root := range configured(t) {
		t.Run(filepath.Base(root), func(t *testing.T) {
			suite, _, _ := strings.Cut(filepath.Base(root), "-")
			ours, applied := buildSet(t, debsOf(t, root, filepath.Join(os.Getenv("DETINSTALL_ORACLE_DEBS"), suite)))
			theirs, err := tree.FromDir(root)
			if err != nil {
				t.Fatal(err)
			}
			for _, duty := range []string{"systemd", "sysv", "pam", "tmpfiles"} {
				same, total := 0, 0
				check := func(p string) {
					total++
					if got, want := named(t, ours, p), named(t, theirs, p); got == want {
						same++
					} else if why := removed[p]; why != "" && want == "missing" {
						t.Logf("%s: /%s: %s", duty, p, why)
					} else {
						t.Errorf("%s: /%s\nours   %s\ntheirs %s", duty, p, got, want)
					}
				}
				for _, s := range []*tree.Sealed{theirs, ours} {
					for n := range s.All() {
						_, both := theirs.Lookup(n.Path)
						if inside(n.Path, below[duty]) && (s == theirs || !both) {
							check(n.Path)
						}
					}
				}
				for _, a := range applied {
					if a.Trigger == duty && !inside(a.Path, below[duty]) {
						check(a.Path)
					}
				}
				t.Logf("%s: %d of %d paths identical", duty, same, total)
			}
		})
	}
}

func inside(p string, places []string) bool {
	return slices.ContainsFunc(places, func(b string) bool { return strings.HasPrefix(p, b) })
}

// named is all of a node but its time and the attributes that a host adds, with owners by name.
func named(t *testing.T, s *tree.Sealed, p string) string {
	t.Helper()
	n, ok := s.Lookup(p)
	if !ok {
		return "missing"
	}
	owner := func(file string, id uint32) string {
		f, _ := s.Lookup(file)
		b, err := f.Content.ReadAll(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(string(b)) {
			if f := strings.Split(l, ":"); f[2] == fmt.Sprint(id) {
				return f[0]
			}
		}
		return fmt.Sprint(id)
	}
	return fmt.Sprintf("%v %s:%s %q %d %s", n.Mode, owner("etc/passwd", n.User.ID), owner("etc/group", n.Group.ID), n.Link, n.Content.Size, n.Content.Digest)
}
