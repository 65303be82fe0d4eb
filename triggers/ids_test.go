package triggers_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

const mastersTree = `
file 0644 root:root usr/share/base-passwd/passwd.master "root:*:0:0:root:/root:/bin/bash\n"
file 0644 root:root usr/share/base-passwd/group.master "root:*:0:\nadm:*:4:\nusers:*:100:\nnogroup:*:65534:\n"
file 0644 root:root usr/lib/sysusers.d/a.conf "u sshd -:nogroup\nu! net 110\ng journal -\n"
`

func accountDuties() []hooks.Duty {
	user := func(name, uid, group string) hooks.Duty {
		return hooks.Duty{Kind: hooks.User, Args: []string{name, uid, group, "", "", "", "system", ""}}
	}
	group := func(name string) hooks.Duty {
		return hooks.Duty{Kind: hooks.Group, Args: []string{name, "", "system"}}
	}
	return []hooks.Duty{user("redis", "", "redis"), user("postgres", "", "postgres"), group("postgres"), group("_ssh"), group("ssl-cert"),
		{Kind: hooks.Member, Args: []string{"postgres", "ssl-cert"}}, {Kind: hooks.Sysusers, Args: []string{"a.conf"}}}
}

func TestAllocate(t *testing.T) {
	files := treetest.Parse(mastersTree).FS()
	ds := accountDuties()
	got, err := triggers.Allocate(ds, files, lock.IDs{Users: []lock.ID{{Name: "gone", ID: 101}, {Name: "redis", ID: 105}}})
	if err != nil {
		t.Fatal(err)
	}
	want := lock.IDs{
		Users:  []lock.ID{{Name: "postgres", ID: 103}, {Name: "redis", ID: 105}, {Name: "sshd", ID: 104}},
		Groups: []lock.ID{{Name: "_ssh", ID: 101}, {Name: "journal", ID: 102}, {Name: "postgres", ID: 103}, {Name: "redis", ID: 105}, {Name: "ssl-cert", ID: 106}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(ds), func(i, j int) { ds[i], ds[j] = ds[j], ds[i] })
		again, err := triggers.Allocate(ds, files, got)
		if d := cmp.Diff(got, again); err != nil || d != "" {
			t.Fatalf("allocated again in another order: %v\n%s", err, d)
		}
	}
	more, err := triggers.Allocate(append(ds, hooks.Duty{Kind: hooks.Group, Args: []string{"AAA", "", "system"}}), files, got)
	if err != nil || !slices.Equal(more.Users, got.Users) || len(more.Groups) != len(got.Groups)+1 || more.Groups[0].ID != 107 {
		t.Errorf("one more group moves ids: %v, %v", more, err)
	}
}

// TestSysusers compares with the accounts that the real systemd-sysusers makes of the same files, but for numbers and order.
func TestSysusers(t *testing.T) {
	if _, err := exec.LookPath("systemd-sysusers"); err != nil || os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: needs systemd-sysusers and root")
	}
	const conf = `# accounts
u plain -
u gecos - "A \"quoted\" name" /var/lib/x /bin/sh
u numbered 444 - -
u other -:adm 'single' /home
g agroup -
g bgroup 555
m member agroup
m plain bgroup
u member - "declared late"
r - 500-600
`
	dir := t.TempDir()
	for name, body := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "etc/group": "root:x:0:\nadm:x:4:\n",
		"usr/lib/sysusers.d/a.conf": conf, "etc/shadow": "root:*:11:0:99999:7:::\n", "etc/gshadow": "root:*::\nadm:*::\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("systemd-sysusers", "--root="+dir, "a.conf")
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1000000")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root := treetest.Parse(`
file 0644 root:root usr/share/base-passwd/passwd.master "root:*:0:0:root:/root:/bin/bash\n"
file 0644 root:root usr/share/base-passwd/group.master "root:*:0:\nadm:*:4:\n"
file 0755 root:root usr/sbin/shadowconfig
`)
	n, _ := treetest.Parse("file 0644 root:root usr/lib/sysusers.d/a.conf " + quote(conf)).Get("usr/lib/sysusers.d/a.conf")
	if err := root.Put(n); err != nil {
		t.Fatal(err)
	}
	in := triggers.Input{Format: "deb", Arch: "amd64", Lock: testLock(), Duties: []hooks.Duty{{Kind: hooks.Sysusers, Args: []string{"a.conf"}}}}
	got := results(t, root, in)
	if got["error"] != "" {
		t.Fatal(got["error"])
	}
	for _, f := range []string{"passwd", "group", "shadow", "gshadow"} {
		want, err := os.ReadFile(filepath.Join(dir, "etc", f))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(withoutIDs(f, string(want)), withoutIDs(f, got["body etc/"+f])); d != "" {
			t.Errorf("etc/%s (-theirs +ours):\n%s", f, d)
		}
	}
}

func quote(s string) string {
	return "\"" + strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n").Replace(s) + "\""
}

// withoutIDs returns the lines of an account file sorted, allocated numbers as N and members sorted.
func withoutIDs(name, text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(l), ":")
		for _, i := range map[string][]int{"passwd": {2, 3}, "group": {2}}[name] {
			if len(f[i]) == 3 && f[i] != "444" && f[i] != "555" {
				f[i] = "N"
			}
		}
		if name == "group" || name == "gshadow" {
			m := strings.Split(f[3], ",")
			slices.Sort(m)
			f[3] = strings.Join(m, ",")
		}
		out = append(out, strings.Join(f, ":"))
	}
	slices.Sort(out)
	return out
}
