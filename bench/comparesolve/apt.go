package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/bench/internal/mirror"
	"github.com/detinstall/detinstall/unpack/fetch"
)

// An aptRoot is a configuration of apt with an empty dpkg status and one suite.
type aptRoot struct {
	dir, suite, arch, mirror, conf string
}

func (a *aptRoot) open(dir, suite, arch string) error {
	base := fetch.HostMirrors("/etc/apt")["debian"]
	if base == "" {
		return errors.New("no mirror of Debian in /etc/apt")
	}
	dir, err := filepath.Abs(filepath.Join(dir, suite+"-"+arch))
	if err != nil {
		return err
	}
	*a = aptRoot{dir: dir, suite: suite, arch: arch, mirror: base, conf: filepath.Join(dir, "apt.conf")}
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"status":           "",
		"etc/sources.list": fmt.Sprintf("deb [signed-by=%s] %s %s main\n", mirror.Keyring, a.mirror, suite),
		"apt.conf": fmt.Sprintf(`Dir::State "%[1]s/state"; Dir::State::status "%[1]s/status"; Dir::Cache "%[1]s/cache";
Dir::Etc "%[1]s/etc"; Dir::Etc::Parts "%[1]s/etc/apt.conf.d";
APT::Architecture "%[2]s"; APT::Architectures { "%[2]s"; };
APT::Install-Recommends "false"; APT::Sandbox::User "root"; Debug::NoLocking "true";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false";
`, dir, arch),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if lists, _ := filepath.Glob(filepath.Join(dir, "state/lists/*_Packages*")); len(lists) > 0 {
		return nil
	}
	_, err = a.run("update")
	return err
}

func (a *aptRoot) run(args ...string) (string, error) {
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+a.conf, "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("apt-get %s: %v: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// install returns what apt-get would install, as sorted "NAME VERSION" lines.
func (a *aptRoot) install(recommends bool, names ...string) ([]string, error) {
	weak := fmt.Sprintf("APT::Install-Recommends=%v", recommends)
	out, err := a.run(append([]string{"-s", "-o", weak, "install", "--"}, names...)...)
	if err != nil {
		return nil, err
	}
	return installed(out), nil
}

// installed reads the lines "Inst NAME (VERSION RELEASES [ARCH])" of a simulation, each package once.
func installed(out string) []string {
	var got []string
	for l := range strings.Lines(out) {
		rest, ok := strings.CutPrefix(l, "Inst ")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, " ")
		_, rest, _ = strings.Cut(rest, "(")
		version, _, _ := strings.Cut(rest, " ")
		got = append(got, strings.TrimSpace(name)+" "+version)
	}
	slices.Sort(got)
	return slices.Compact(got)
}
