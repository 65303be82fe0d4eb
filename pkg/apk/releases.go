package apk

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// The keys of Alpine and postmarketOS, by the names that signatures give them; keys/update.sh made the files.
//
//go:embed keys/*.rsa.pub
var keyFiles embed.FS

// Release is a distribution's release that is known by name.
type Release struct {
	Distro string // "alpine", "chimera", "postmarketos", "wolfi"
	Name   string // "3.23", "edge"

	base   string
	suites []string // directories below base that have one directory per architecture
	keys   string   // what the names of its keys begin with, empty: they are not shipped
	fixed  bool     // it is merged into /usr
	set    string   // the default base set
}

// stable matches the names of Alpine's stable releases. There is a new one every half year, of the same shape.
var stable = regexp.MustCompile(`^v?(3\.[0-9]{1,2})$`)

// defaults are the releases that a distribution's bare name means: Alpine's is that of the end of 2025.
var defaults = map[string]string{"alpine": "3.23", "postmarketos": "v25.12", "wolfi": "os", "chimera": "current"}

// Releases returns releases to list, sorted by distribution, then the default one first: of Alpine's stable
// releases only some, for there is a rule for their names.
func Releases() []Release {
	var out []Release
	for _, r := range [][2]string{
		{"alpine", "3.23"}, {"alpine", "3.22"}, {"alpine", "3.21"}, {"alpine", "3.20"}, {"alpine", "3.19"}, {"alpine", "edge"},
		{"chimera", "current"}, {"postmarketos", "v25.12"}, {"postmarketos", "edge"}, {"wolfi", "os"},
	} {
		rel, err := FindRelease(r[0], r[1])
		if err != nil {
			panic(err) // a name in this file is wrong
		}
		out = append(out, rel)
	}
	return out
}

// FindRelease returns the release of distro called name; the empty name is the default release.
func FindRelease(distro, name string) (Release, error) {
	if name == "" {
		name = defaults[distro]
	}
	r := Release{Distro: distro, Name: name}
	switch distro {
	case "alpine":
		dir := name
		if m := stable.FindStringSubmatch(name); m != nil {
			r.Name, dir = m[1], "v"+m[1]
		} else if name != "edge" && name != "latest-stable" {
			return r, fmt.Errorf("unknown release %q of alpine: known are edge and 3.N, such as %s", name, defaults[distro])
		}
		r.base, r.keys, r.set = "https://dl-cdn.alpinelinux.org/alpine", "alpine-devel@", "busybox"
		r.suites = []string{dir + "/main", dir + "/community"}
	case "postmarketos":
		dir := name
		if name == "edge" {
			dir = "master"
		} else if !strings.HasPrefix(name, "v") {
			dir, r.Name = "v"+name, "v"+name
		}
		r.base, r.keys, r.set = "https://mirror.postmarketos.org/postmarketos", "build.postmarketos.org", "none"
		r.suites = []string{dir}
	case "wolfi":
		r.base, r.suites, r.fixed, r.set = "https://packages.wolfi.dev", []string{"os"}, true, "none"
	case "chimera":
		r.base, r.suites, r.fixed, r.set = "https://repo.chimera-linux.org", []string{"current/main"}, true, "none"
	default:
		return r, fmt.Errorf("unknown distribution %q: known are alpine, chimera, postmarketos, wolfi", distro)
	}
	if (distro == "wolfi" || distro == "chimera") && name != defaults[distro] || strings.ContainsAny(name, "/ ") {
		return r, fmt.Errorf("unknown release %q of %s: known is %s", name, distro, defaults[distro])
	}
	return r, nil
}

// MergedUsr reports whether /bin, /sbin and /lib are links into /usr on every system of r.
func (r Release) MergedUsr() bool { return r.fixed }

// Policy is the solver of the apk that r comes with: Alpine had version 2 up to 3.22. For the last 2.14 releases
// apk-classic is the nearest that there is, see solve.Policies.
func (r Release) Policy() string {
	minor, err := strconv.Atoi(strings.TrimPrefix(r.Name, "3."))
	if r.Distro == "alpine" && err == nil && minor <= 22 {
		return "apk-classic"
	}
	return "apk"
}

// BaseSet is the base set that a request gets that names none.
func (r Release) BaseSet() string { return r.set }

// Shipped reports whether this program has the keys of r.
func (r Release) Shipped() bool { return r.keys != "" }

// Repos returns the repositories of r in the order of its repositories file. Their IDs are DISTRO@SUITE.
func (r Release) Repos() []*pkg.Repo {
	var repos []*pkg.Repo
	for i, s := range r.suites {
		repos = append(repos, &pkg.Repo{ID: r.Distro + "@" + s, Format: "apk", Base: r.base, Suite: s, Priority: i, Keys: r.shipped()})
	}
	return repos
}

// Repo returns the repository of one suite ("edge/testing").
func (r Release) Repo(suite string) *pkg.Repo {
	r.suites = []string{strings.Trim(suite, "/")}
	return r.Repos()[0]
}

// shipped returns the embedded keys of r.
func (r Release) shipped() []pkg.Key {
	if r.keys == "" {
		return nil
	}
	list, err := keyFiles.ReadDir("keys")
	if err != nil {
		panic(err)
	}
	var keys []pkg.Key
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), r.keys) {
			continue
		}
		data, err := keyFiles.ReadFile("keys/" + e.Name())
		if err != nil {
			panic(err)
		}
		keys = append(keys, pkg.Key{Name: e.Name(), Data: data})
	}
	return slices.Clip(keys)
}
