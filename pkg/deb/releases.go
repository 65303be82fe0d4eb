package deb

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
)

// The archive keys of Debian and Ubuntu, as text; keys/update.sh made the files.
//
//go:embed keys/*.asc
var keyFiles embed.FS

// Release is a distribution's release that is known by name.
type Release struct {
	Distro   string   // "debian", "ubuntu"
	Codename string   // "trixie"
	Aliases  []string // other names: "stable", "13"
	// MergedUsr says that /bin, /sbin and /lib* are links into /usr on every new system.
	MergedUsr bool

	rolling bool // without suites for updates and security
}

// releases are the known ones by distribution, each distribution's default first. Names such as "stable" are those of
// November 2026.
var releases = []Release{
	{Distro: "debian", Codename: "trixie", Aliases: []string{"stable", "13"}, MergedUsr: true},
	{Distro: "debian", Codename: "bookworm", Aliases: []string{"oldstable", "12"}, MergedUsr: true},
	{Distro: "debian", Codename: "bullseye", Aliases: []string{"oldoldstable", "11"}},
	{Distro: "debian", Codename: "forky", Aliases: []string{"testing", "14"}, MergedUsr: true},
	{Distro: "debian", Codename: "sid", Aliases: []string{"unstable"}, MergedUsr: true, rolling: true},
	{Distro: "ubuntu", Codename: "resolute", Aliases: []string{"lts", "26.04"}, MergedUsr: true},
	{Distro: "ubuntu", Codename: "noble", Aliases: []string{"24.04"}, MergedUsr: true},
	{Distro: "ubuntu", Codename: "jammy", Aliases: []string{"22.04"}, MergedUsr: true},
	{Distro: "ubuntu", Codename: "stonking", Aliases: []string{"26.10"}, MergedUsr: true},
}

// Releases returns the known releases, sorted by distribution, then the default one first.
func Releases() []Release { return slices.Clone(releases) }

// FindRelease returns the release of distro that has the name as codename or alias; the empty name is the default
// release. An error lists the known ones.
func FindRelease(distro, name string) (Release, error) {
	var known []string
	for _, r := range releases {
		if r.Distro != distro {
			continue
		}
		if name == "" || name == r.Codename || slices.Contains(r.Aliases, name) {
			return r, nil
		}
		known = append(known, r.Codename)
		if len(r.Aliases) > 0 {
			known[len(known)-1] += " (" + strings.Join(r.Aliases, ", ") + ")"
		}
	}
	if len(known) == 0 {
		return Release{}, fmt.Errorf("unknown distribution %q: known are debian, ubuntu", distro)
	}
	return Release{}, fmt.Errorf("unknown release %q of %s: known are %s", name, distro, strings.Join(known, ", "))
}

// Repos returns the repositories of r for arch in the order of a sources list: the
// release, its updates, its security updates; component main.
func (r Release) Repos(arch string) []*pkg.Repo {
	repos := []*pkg.Repo{r.Repo(r.Codename, arch)}
	if !r.rolling {
		repos = append(repos, r.Repo(r.Codename+"-updates", arch), r.Repo(r.Codename+"-security", arch))
	}
	for i, repo := range repos {
		repo.Priority = i
	}
	return repos
}

// grace is for how long after its Valid-Until an index of a distribution is taken, with a warning: a mirror's copy that is
// two weeks behind was seen, and refusing it helps nobody as long as no older state is played back.
const grace = 30 * day

// Repo returns the repository of one suite of r's distribution, whether it is r's own ("trixie-backports") or not; component main. Its
// ID is ARCHIVE@SUITE, where the archive is "debian", "debian-security" or "ubuntu".
func (r Release) Repo(suite, arch string) *pkg.Repo {
	repo := &pkg.Repo{Format: "deb", Suite: suite, Components: []string{"main"}, Grace: grace}
	repo.Expect.Suite = suite
	archive := r.Distro
	switch {
	case r.Distro == "ubuntu":
		repo.Expect.Origin = "Ubuntu"
		repo.Keys = archiveKeys("ubuntu-archive-2012", "ubuntu-archive-2018")
		if repo.Base = "http://ports.ubuntu.com/ubuntu-ports"; arch == "amd64" || arch == "i386" {
			repo.Base, repo.Snapshot = "http://archive.ubuntu.com/ubuntu", "https://snapshot.ubuntu.com/ubuntu"
		}
	case strings.HasSuffix(suite, "-security"):
		archive = "debian-security"
		repo.Keys = archiveKeys("debian-archive-bullseye-security-automatic",
			"debian-archive-bookworm-security-automatic", "debian-archive-trixie-security-automatic")
	default:
		repo.Keys = archiveKeys("debian-archive-bullseye-automatic", "debian-archive-bullseye-stable",
			"debian-archive-bookworm-automatic", "debian-archive-bookworm-stable",
			"debian-archive-trixie-automatic", "debian-archive-trixie-stable")
	}
	if r.Distro == "debian" {
		repo.Expect.Origin = "Debian"
		repo.Base = "https://snapshot.debian.org/archive/" + archive
		repo.Snapshot = repo.Base
	}
	repo.ID = archive + "@" + suite
	return repo
}

// archiveKeys returns embedded keys by the names of their files.
func archiveKeys(names ...string) []pkg.Key {
	var keys []pkg.Key
	for _, n := range names {
		data, err := keyFiles.ReadFile("keys/" + n + ".asc")
		if err != nil {
			panic(err) // a name in this file is wrong
		}
		keys = append(keys, pkg.Key{Name: n + ".asc", Data: data})
	}
	return keys
}
