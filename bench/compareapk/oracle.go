package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What the real apk needs to run: itself, its libraries and Alpine's keys.
var parts = []string{"apk-tools", "musl", "libcrypto3", "libssl3", "zlib", "alpine-keys"}

// An oracle is the real apk with an empty root and the full indexes.
type oracle struct{ dir string }

// newOracle unpacks apk from the packages in data into dir, as nothing but a tool for this comparison.
func newOracle(dir, data string) (*oracle, error) {
	o := &oracle{dir}
	if err := os.MkdirAll(dir+"/apk", 0o755); err != nil {
		return nil, err
	}
	for _, p := range parts {
		files, err := filepath.Glob(filepath.Join(data, "apks", p+"-[0-9]*.apk"))
		if err != nil || len(files) != 1 {
			return nil, fmt.Errorf("%d packages %s in %s", len(files), p, data)
		}
		if out, err := exec.Command("tar", "-xzf", files[0], "-C", dir+"/apk").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %v: %s", files[0], err, out)
		}
	}
	var repos strings.Builder
	for _, r := range indexes {
		to := filepath.Join(dir, r.name, "x86_64")
		if err := os.MkdirAll(to, 0o755); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(filepath.Join(data, r.file))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(to+"/APKINDEX.tar.gz", b, 0o644); err != nil {
			return nil, err
		}
		fmt.Fprintln(&repos, filepath.Join(dir, r.name))
	}
	if err := os.WriteFile(dir+"/repos", []byte(repos.String()), 0o644); err != nil {
		return nil, err
	}
	_, err := o.run("--initdb", "add")
	return o, err
}

func (o *oracle) run(args ...string) (string, error) {
	a := o.dir + "/apk"
	cmd := exec.Command(a+"/lib/ld-musl-x86_64.so.1", append([]string{
		"--library-path", a + "/lib:" + a + "/usr/lib", a + "/sbin/apk", "--arch", "x86_64",
		"--keys-dir", a + "/usr/share/apk/keys/x86_64", "--no-network", "--root", o.dir + "/root",
		"--repositories-file", o.dir + "/repos",
	}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("apk: %v: %s%s", err, out, stderr.String())
	}
	return string(out), nil
}

// install returns what apk would install, as "NAME=VERSION" in its order.
func (o *oracle) install(world []string) ([]string, error) {
	out, err := o.run(append([]string{"add", "--simulate"}, world...)...)
	if err != nil {
		return nil, err
	}
	var got []string
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) == 4 && f[1] == "Installing" {
			got = append(got, f[2]+"="+strings.Trim(f[3], "()"))
		}
	}
	return got, nil
}
