package triggers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/triggers/hooks"
)

const oddTemplates = `Template: a/first
Type: select
Choices: one, two\, and a half,  ${three}  ` + `
Choices-de.UTF-8: eins, zwei
Default:
Description: A short one  ` + `
 The first paragraph goes
 over two lines.
 .
   preformatted  ` + `
    more of it
 and text again.
 .
 .
 The end.
 .
Description-pt_BR.UTF-8: Ação
 Não.


Template: a/secret
Type: password
Description: Say it

Template: b/shared
Type: boolean
Default: true
Description: From the first package
 With more text.
`

const moreTemplates = `
Template: b/shared
Type: string
Description: From the second

Template: z/last
Type: note
Description: N`

// TestDebconf compares with the database that debconf itself makes of the same templates and answers.
func TestDebconf(t *testing.T) {
	if _, err := exec.LookPath("debconf-loadtemplate"); err != nil {
		t.Skip("SKIPPED, NOT CHECKED: needs debconf")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	conf := write("debconf.conf", `Config: configdb
Templates: templatedb

Name: config
Driver: File
Mode: 644
Reject-Type: password
Filename: `+dir+`/config.dat

Name: passwords
Driver: File
Mode: 600
Backup: false
Required: false
Accept-Type: password
Filename: `+dir+`/passwords.dat

Name: configdb
Driver: Stack
Stack: config, passwords

Name: templatedb
Driver: File
Mode: 644
Filename: `+dir+`/templates.dat
`)
	script := write("x.config", `#!/bin/sh
. /usr/share/debconf/confmodule
db_set a/first "two words"
db_fset a/first seen true
db_subst a/first three "3, and = more"
db_subst a/first another ""
db_set a/secret s3cret
db_register b/shared pkg/own
db_fset pkg/own odd true
`)
	for _, args := range [][]string{
		{"debconf-loadtemplate", "pkg:amd64", write("1", oddTemplates)}, {"debconf-loadtemplate", "other", write("2", moreTemplates)},
		{"debconf", "-opkg:amd64", "sh", script},
	} {
		c := exec.Command(args[0], args[1:]...)
		c.Env = append(os.Environ(), "DEBCONF_SYSTEMRC="+conf, "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	db := &debconfDB{}
	for _, l := range []struct{ text, owner string }{{oddTemplates, "pkg:amd64"}, {moreTemplates, "other"}} {
		if err := db.load([]byte(l.text), l.owner); err != nil {
			t.Fatal(err)
		}
	}
	db.answer(hooks.Duty{Args: []string{"a/first", "", "seen", "two words"}, Slaves: [][]string{{"three", "3, and = more"}, {"another", ""}}})
	db.answer(hooks.Duty{Args: []string{"a/secret", "", "", "s3cret"}})
	db.answer(hooks.Duty{Package: "pkg:amd64", Args: []string{"pkg/own", "b/shared", "odd"}})
	db.answer(hooks.Duty{Args: []string{"no/such", "", "", "question"}})
	config, passwords, templates := db.files()
	for name, got := range map[string][]byte{"config": config, "passwords": passwords, "templates": templates} {
		want, err := os.ReadFile(filepath.Join(dir, name+".dat"))
		if err != nil || len(want) < 50 {
			t.Fatal(name, err, len(want))
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s.dat (-theirs +ours):\n%s", name, d)
		}
	}
}

func TestDebconfRefuses(t *testing.T) {
	for _, text := range []string{"Type: string\n", "Template: a/b\nType: x\nType: y\n", "Template: a/b\nno field\n"} {
		if err := (&debconfDB{}).load([]byte(text), "p"); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzDebconf(f *testing.F) {
	f.Add([]byte(oddTemplates))
	f.Add([]byte(moreTemplates))
	f.Fuzz(func(t *testing.T, b []byte) {
		db := &debconfDB{}
		if db.load(b, "p") != nil {
			return
		}
		c1, p1, t1 := db.files()
		again := &debconfDB{}
		if err := again.load(b, "p"); err != nil {
			t.Fatal(err)
		}
		c2, p2, t2 := again.files()
		if string(c1)+string(p1)+string(t1) != string(c2)+string(p2)+string(t2) {
			t.Error("two loads differ")
		}
	})
}
