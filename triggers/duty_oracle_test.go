package triggers_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

// handRead are the paths whose duties testdata/oracle/*.duties hold, as a person reads them in the scripts, and what others make of duties.
var handRead = []string{"etc/environment", "etc/security/opasswd", "etc/localtime", "etc/timezone", "var/log/faillog", "var/lib/dpkg/arch-native",
	"etc/shells", "var/lib/shells.state", "var/lib/dpkg/statoverride", "var/cache/debconf/config.dat", "var/cache/debconf/templates.dat",
	"var/cache/debconf/passwords.dat", "var/lib/ucf/hashfile", "var/lib/ucf/registry", "var/lib/ucf/cache",
	"var/lib/ucf/cache/:etc:ssh:sshd_config", "var/lib/ucf/cache/:etc:postgresql-common:createcluster.conf",
	"etc/ssh/sshd_config", "etc/postgresql-common/createcluster.conf", "usr/bin/ssh-agent", "etc/ssl/private", "var/log/redis",
	"var/lib/redis", "etc/redis", "etc/redis/redis.conf", "var/lib/postgresql", "etc/postgresql", "var/log/postgresql", "var/log/nginx",
	"var/log/nginx/access.log", "var/log/nginx/error.log", "etc/nginx/sites-enabled/default", "var/www", "var/www/html",
	"var/www/html/index.nginx-debian.html", "etc/subuid", "etc/subgid", "etc/.pwd.lock"}

// handGaps are those of them that differ, with the reason.
var handGaps = map[string]string{
	"bookworm-minbase /etc/shells":                  "order: the oracle was made before /usr was merged, then again",
	"bookworm-server /etc/shells":                   "order: the oracle was made before /usr was merged, then again",
	"trixie-server /var/lib/ucf/hashfile":           "order: ours is sorted, not that of installation",
	"trixie-server /var/lib/ucf/registry":           "order: ours is sorted, not that of installation",
	"trixie-server /var/cache/debconf/config.dat":   "the answers of locales",
	"bookworm-server /var/cache/debconf/config.dat": "the answers of locales",
}

// TestHandReadDuties compares what triggers make of duties that were read by hand with roots that mmdebstrap really configured, in
// $DETINSTALL_ORACLE_SETS/SUITE-SET/ with SOURCE_DATE_EPOCH=1750000000; the packages lie in $DETINSTALL_ORACLE_DEBS/SUITE/.
// Owners are compared by name, for ids are allocated otherwise.
func TestHandReadDuties(t *testing.T) {
	sets, debs := os.Getenv("DETINSTALL_ORACLE_SETS"), os.Getenv("DETINSTALL_ORACLE_DEBS")
	if sets == "" || debs == "" {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE_SETS, or no packages in $DETINSTALL_ORACLE_DEBS")
	}
	for _, name := range []string{"bookworm-minbase", "bookworm-server", "trixie-minbase", "trixie-server"} {
		t.Run(name, func(t *testing.T) {
			suite, set, _ := strings.Cut(name, "-")
			theirs, err := tree.FromDir(filepath.Join(sets, name))
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("SKIPPED, NOT CHECKED: ", err)
			} else if err != nil {
				t.Fatal(err)
			}
			us := installed(t, filepath.Join(sets, name), filepath.Join(debs, suite))
			ours := carryOut(t, us, diverted(t, theirs), func(root *tree.Tree) []hooks.Duty {
				files := []string{"minbase", suite + "-minbase"}
				if set != "minbase" {
					files = append(files, set, name)
				}
				var ds []hooks.Duty
				for _, f := range files {
					if b, err := os.ReadFile("testdata/oracle/" + f + ".duties"); err == nil {
						ds = append(ds, parseDuties(t, string(b))...)
					}
				}
				return withBodies(t, root, ds)
			})
			compareHandRead(t, name, ours, theirs)
		})
	}
}

func compareHandRead(t *testing.T, name string, ours, theirs *tree.Sealed) {
	same, all := 0, 0
	for _, p := range handRead {
		got, want := byName(t, ours, p), byName(t, theirs, p)
		if got == "missing" && want == "missing" {
			continue
		}
		all++
		switch why := handGaps[name+" /"+p]; {
		case got == want && why != "":
			t.Errorf("/%s: the gap is closed: drop %q", p, why)
		case got == want:
			same++
		case why != "":
			t.Logf("/%s differs: %s", p, why)
		default:
			t.Errorf("/%s:\nours   %s\ntheirs %s", p, got, want)
		}
	}
	for _, f := range []string{"passwd", "group", "shadow", "gshadow"} {
		all++
		if d := cmp.Diff(accountLines(t, theirs, f), accountLines(t, ours, f)); d != "" {
			t.Errorf("/etc/%s (-theirs +ours):\n%s", f, d)
		} else {
			same++
		}
	}
	t.Logf("%d of %d paths are identical", same, all)
	if same < 10 {
		t.Errorf("only %d identical paths: the check checks nothing", same)
	}
}

// installed loads the packages that a root says it has.
func installed(t *testing.T, root, dir string) []*pkg.Unpacked {
	t.Helper()
	var all []*pkg.Unpacked
	var ps []*pkg.Package
	for _, file := range debsOf(t, root, dir) {
		u := load(t, file)
		all, ps = append(all, u), append(ps, u.Package)
	}
	var us []*pkg.Unpacked
	for _, i := range solve.Order(ps, deb.Compare) {
		us = append(us, all[i])
	}
	return us
}

// diverted reads the diversions of a root.
func diverted(t *testing.T, s *tree.Sealed) []lock.Diversion {
	var ds []lock.Diversion
	for r := range slices.Chunk(strings.Fields(contentOf(t, s, "var/lib/dpkg/diversions")), 3) {
		ds = append(ds, lock.Diversion{Path: r[0], To: r[1], Package: r[2]})
	}
	return ds
}

// carryOut makes a root of packages and runs the triggers with other duties than those of the scripts.
func carryOut(t *testing.T, us []*pkg.Unpacked, diversions []lock.Diversion, duties func(*tree.Tree) []hooks.Duty) *tree.Sealed {
	t.Helper()
	lk := &lock.File{Epoch: oracleEpoch, Arches: []lock.Arch{{Name: "amd64", Diversions: diversions}}}
	m, err := unpack.Merge(us, unpack.Options{Compare: deb.Compare, MergedUsr: true, Diversions: diversions})
	if err != nil {
		t.Fatal(err)
	}
	in := triggers.Input{Format: "deb", Arch: "amd64", Lock: lk, Duties: duties(m.Tree)}
	for i, u := range us {
		in.Packages = append(in.Packages, triggers.Installed{Unpacked: u, Files: m.Files[i]})
	}
	if err := triggers.Run(m.Tree, in); err != nil {
		t.Fatal(err)
	}
	ids, err := triggers.Accounts(m.Tree.FS())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := m.Tree.Seal(tree.Epoch(oracleEpoch), ids)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// withBodies puts files of the tree in the place of bodies "@/PATH" and "@/PATH s/PATTERN/TEXT/".
func withBodies(t *testing.T, root *tree.Tree, ds []hooks.Duty) []hooks.Duty {
	t.Helper()
	for i, d := range ds {
		name, ok := strings.CutPrefix(string(d.Body), "@/")
		if !ok {
			continue
		}
		name, edit, _ := strings.Cut(name, " ")
		b, err := fs.ReadFile(root.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		if parts := strings.Split(edit, "/"); len(parts) == 4 {
			b = regexp.MustCompile(parts[1]).ReplaceAll(b, []byte(parts[2]))
		}
		ds[i].Body = b
	}
	return ds
}

// byName describes a node but for its time, with the names of its owners.
func byName(t *testing.T, s *tree.Sealed, path string) string {
	n, ok := s.Lookup(path)
	if !ok {
		return "missing"
	}
	owner := func(file string, id uint32) string {
		for l := range strings.Lines(contentOf(t, s, file)) {
			if f := strings.Split(l, ":"); f[2] == fmt.Sprint(id) {
				return f[0]
			}
		}
		return fmt.Sprint(id)
	}
	return fmt.Sprintf("%v %s:%s %q %d %s %q", n.Mode, owner("etc/passwd", n.User.ID), owner("etc/group", n.Group.ID), n.Link, n.Content.Size, n.Content.Digest, n.Xattrs)
}

func contentOf(t *testing.T, s *tree.Sealed, path string) string {
	t.Helper()
	n, _ := s.Lookup(path)
	b, err := n.Content.ReadAll(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// accountLines are the lines of an account file, sorted, without the ids from 100 to 999.
func accountLines(t *testing.T, s *tree.Sealed, name string) []string {
	var out []string
	for l := range strings.Lines(contentOf(t, s, "etc/"+name)) {
		f := strings.Split(strings.TrimSpace(l), ":")
		for i := range f[:min(len(f), 4)] {
			if len(f[i]) == 3 && strings.Trim(f[i], "0123456789") == "" {
				f[i] = "N"
			}
		}
		out = append(out, strings.Join(f, ":"))
	}
	slices.Sort(out)
	return out
}
