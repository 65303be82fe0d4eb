package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// bases compares the base sets with what a real run of mmdebstrap leaves installed. A list that an
// earlier run of this program left in the directory is used again.
func (c *comparison) bases() error {
	n := count{kind: "base set"}
	essential, err := c.u.Base("essential")
	if err != nil {
		return err
	}
	for _, variant := range []string{"essential", "minbase"} {
		names, err := c.u.Base(variant)
		if err != nil {
			return err
		}
		want, err := c.apt.bootstrap(variant)
		if err != nil {
			return err
		}
		// mmdebstrap installs the essential packages first, then the rest of the set.
		got, gotErr := c.ours(names, essential)
		n.add(c.suite, []string{variant}, got, want, gotErr, nil)
	}
	c.counts = append(c.counts, n)
	return nil
}

// bootstrap returns what mmdebstrap installs, as sorted "NAME VERSION" lines.
func (a *aptRoot) bootstrap(variant string) ([]string, error) {
	list := filepath.Join(a.dir, variant+".list")
	if _, err := os.Stat(list); err != nil {
		hook := fmt.Sprintf(`chroot "$1" dpkg-query -W -f '${Package} ${Version}\n' > '%s.new'`, list)
		cmd := exec.Command("mmdebstrap", "--mode=root", "--variant="+variant, "--architectures="+a.arch,
			`--aptopt=Acquire::Check-Valid-Until "false"`, "--customize-hook="+hook,
			a.suite, "/dev/null", fmt.Sprintf("deb %s %s main", a.mirror, a.suite))
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("mmdebstrap: %v: %s", err, out)
		}
		if err := os.Rename(list+".new", list); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	got := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(got)
	return got, nil
}
