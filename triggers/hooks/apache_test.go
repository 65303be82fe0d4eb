package hooks

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg/tree"
)

// apacheFiles is a small Apache.
var apacheFiles = map[string]string{
	"etc/apache2/mods-available/a.load":            "# Depends: b\nLoadModule a\n",
	"etc/apache2/mods-available/b.load":            "LoadModule b\n# Depends: missing\n",
	"etc/apache2/mods-available/b.conf":            "",
	"etc/apache2/mods-available/mpm_event.load":    "# Conflicts: mpm_prefork mpm_worker\n",
	"etc/apache2/mods-available/mpm_prefork.load":  "# Conflicts: mpm_event mpm_worker\n",
	"etc/apache2/mods-available/cgi.load":          "",
	"etc/apache2/mods-available/cgid.load":         "",
	"etc/apache2/conf-available/c.conf":            "# Depends: a\n",
	"etc/apache2/sites-available/000-default.conf": "",
	"usr/share/xml/p/catalog.xml":                  "",
	"etc/xml/readme":                               "",
	"var/lib/apache2/readme":                       "",
	"etc/apache2/mods-enabled/readme":              "",
	"etc/apache2/conf-enabled/readme":              "",
	"etc/apache2/sites-enabled/readme":             "",
}

// duties reads a postinst on a root with files and returns its duties and leftovers, a line each.
func duties(files map[string]string, body string) string {
	ps := script("postinst", "/bin/sh", body)
	dirs := map[string]bool{}
	for name, text := range files {
		for i, c := range name {
			if c == '/' && !dirs[name[:i]] {
				dirs[name[:i]] = true
				ps[0].Nodes = append(ps[0].Nodes, tree.Node{Path: name[:i], Mode: fs.ModeDir | 0o755})
			}
		}
		ps[0].Nodes = append(ps[0].Nodes, tree.Node{Path: name, Mode: 0o644, Content: tree.Bytes([]byte(text))})
	}
	var out []string
	for _, r := range Read(ps, World{Arch: "amd64", Compare: strings.Compare}).Readings {
		for _, d := range r.Duties {
			if d.Kind != Directory {
				out = append(out, fmt.Sprintf("%s %s", d.Kind, strings.Join(d.Args[:min(2, len(d.Args))], " ")))
			}
		}
		for _, n := range r.Pending {
			out = append(out, fmt.Sprintf("left %d: %s", n.Line, n.Reason))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestApache holds a2enmod and its like against what the text of the real ones says; the roots are made up.
func TestApache(t *testing.T) {
	const state = "file /var/lib/apache2/"
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"dependencies come too, with their configuration", "a2enmod -m a", []string{
			state + "module/enabled_by_maint/a 0644", state + "module/enabled_by_maint/b 0644",
			"link /etc/apache2/mods-enabled/a.load ../mods-available/a.load", "link /etc/apache2/mods-enabled/b.conf ../mods-available/b.conf",
			"link /etc/apache2/mods-enabled/b.load ../mods-available/b.load"}},
		{"who enabled it first stays", "a2enmod b.load\na2enmod -m -q b", []string{
			state + "module/enabled_by_admin/b 0644",
			"link /etc/apache2/mods-enabled/b.conf ../mods-available/b.conf", "link /etc/apache2/mods-enabled/b.load ../mods-available/b.load"}},
		{"a conflict", "a2enmod -m mpm_event\na2enmod -m mpm_prefork || a2ensite 000-default", []string{
			state + "module/enabled_by_maint/mpm_event 0644", state + "site/enabled_by_admin/000-default 0644",
			"link /etc/apache2/mods-enabled/mpm_event.load ../mods-available/mpm_event.load",
			"link /etc/apache2/sites-enabled/000-default.conf ../sites-available/000-default.conf"}},
		{"a switch", "a2enmod -m mpm_event\nm=$(a2query -M)\na2dismod -m -q mpm_$m\na2enmod -m mpm_prefork", []string{
			state + "module/disabled_by_maint/mpm_event 0644", state + "module/enabled_by_maint/mpm_prefork 0644",
			"link /etc/apache2/mods-enabled/mpm_prefork.load ../mods-available/mpm_prefork.load"}},
		{"threads want cgid", "a2enmod -m mpm_event cgi", []string{
			state + "module/enabled_by_maint/cgid 0644", state + "module/enabled_by_maint/mpm_event 0644",
			"link /etc/apache2/mods-enabled/cgid.load ../mods-available/cgid.load",
			"link /etc/apache2/mods-enabled/mpm_event.load ../mods-available/mpm_event.load"}},
		{"what is needed stays", "a2enmod -m a\na2dismod -m b && a2enmod cgi", []string{
			state + "module/enabled_by_maint/a 0644", state + "module/enabled_by_maint/b 0644",
			"link /etc/apache2/mods-enabled/a.load ../mods-available/a.load", "link /etc/apache2/mods-enabled/b.conf ../mods-available/b.conf",
			"link /etc/apache2/mods-enabled/b.load ../mods-available/b.load"}},
		{"a configuration enables no modules", "a2enconf -m c || true", nil},
		{"codes", "a2enmod -m cgid\na2dismod -m cgid\na2query -m cgid || test $? = 33 && a2enmod -m cgid", []string{
			state + "module/enabled_by_maint/cgid 0644", "link /etc/apache2/mods-enabled/cgid.load ../mods-available/cgid.load"}},
		{"one that is not there", "a2enmod nothing || true", nil},
		{"a pattern", "a2enmod 'mpm_*'", []string{"left 1: not read yet: a2enmod of what its names match"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(strings.Join(c.want, "\n"), duties(apacheFiles, c.script+"\n")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestXMLCatalog reads update-xmlcatalog: entries, what is refused, and what scripts see afterwards.
func TestXMLCatalog(t *testing.T) {
	const add = "update-xmlcatalog --sort --add --type public --id '-//P//EN' --package p "
	for _, c := range []struct{ name, script, want string }{
		{"a package's and the root", add + "--local /usr/share/xml/p/catalog.xml\n" + add + "--root\n[ -f /etc/xml/catalog ] && ln -s x /etc/y",
			"link /etc/y x\n" + `xmlcatalog /etc/xml/catalog delegatePublic publicIdStartString="-//P//EN"` + "\n" +
				`xmlcatalog /etc/xml/p.xml delegatePublic publicIdStartString="-//P//EN"`},
		{"the root needs the package's", add + "--root || true", ""},
		{"a file that is not there", add + "--local /usr/share/xml/none.xml || true", ""},
		{"twice", add + "--local /usr/share/xml/p/catalog.xml\n" + add + "--local /usr/share/xml/p/catalog.xml",
			`xmlcatalog /etc/xml/p.xml delegatePublic publicIdStartString="-//P//EN"`},
		{"two places", add + "--local /usr/share/xml/p/catalog.xml\n" + add + "--local /etc/xml/readme || true",
			`xmlcatalog /etc/xml/p.xml delegatePublic publicIdStartString="-//P//EN"`},
		{"a local one", "update-xmlcatalog --add --type uri --id u --local /etc/xml/l --file /etc/xml/readme", `xmlcatalog /etc/xml/l uri name="u"`},
		{"nothing to remove", "update-xmlcatalog --del --type uri --id u --root || true", ""},
		{"a wrong type", "update-xmlcatalog --add --type other --id u --root || true", ""},
		{"brackets", "update-xmlcatalog --add --type uri --id 'a>b' --local /etc/xml/l --file /etc/xml/readme",
			"left 1: not read yet: a catalog's entry that its own file cannot hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, duties(apacheFiles, c.script+"\n")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
