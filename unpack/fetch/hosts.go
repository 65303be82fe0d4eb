package fetch

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// HostMirrors returns where the host's apt gets Debian from, if it does: the address, without a trailing
// slash, for the keys "debian" and "debian-security" as far as they are known. aptDir is usually /etc/apt; read are
// sources.list and sources.list.d/*.list and *.sources, in sources.list(5)'s both forms.
//
// It takes addresses only, and only those that are certain to be of Debian itself: binary packages, enabled, suites and
// components that Debian has, main among them, no key but Debian's named, not marked trusted, not a dated
// snapshot, no credentials. Of several the best known is taken: *.debian.org, then one with Debian's
// key, then one with an -updates suite, then the first. What cannot be read counts for nothing.
func HostMirrors(aptDir string) map[string]string {
	var found []aptSource
	for _, name := range aptFiles(aptDir) {
		data, err := readSmall(name)
		if err != nil {
			continue
		}
		if strings.HasSuffix(name, ".sources") {
			found = append(found, parseSources(string(data))...)
		} else {
			found = append(found, parseList(string(data))...)
		}
	}
	best := map[string]string{}
	rank := map[string]int{}
	for _, s := range found {
		for _, u := range s.uris {
			archive, r := s.debian(u)
			if archive != "" && r > rank[archive] {
				best[archive], rank[archive] = strings.TrimRight(u, "/"), r
			}
		}
	}
	return best
}

func aptFiles(dir string) []string {
	files := []string{filepath.Join(dir, "sources.list")}
	entries, _ := os.ReadDir(filepath.Join(dir, "sources.list.d")) // sorted
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".list" || ext == ".sources" {
			files = append(files, filepath.Join(dir, "sources.list.d", e.Name()))
		}
	}
	return files
}

// aptSource is one line or stanza.
type aptSource struct {
	binary     bool // has packages, not only sources
	disabled   bool
	uris       []string
	suites     []string
	components []string
	signedBy   string // evidence of whose archive it is; never used as a key
	trusted    bool
}

// parseList reads the one-line form: deb [ option=value ... ] uri suite component ...
func parseList(text string) []aptSource {
	var all []aptSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		kind, rest, ok := cutSpace(line)
		if !ok || kind != "deb" {
			continue
		}
		s := aptSource{binary: true}
		if options, after, ok := bracketed(rest); ok {
			rest = after
			for o := range strings.FieldsSeq(options) {
				s.option(strings.Cut(o, "="))
			}
		}
		f := strings.Fields(rest)
		if len(f) < 3 {
			continue
		}
		s.uris, s.suites, s.components = f[:1], f[1:2:2], f[2:]
		all = append(all, s)
	}
	return mergeSuites(all)
}

// mergeSuites joins the suites of lines that are alike otherwise: Debian's archive has a line per suite.
func mergeSuites(all []aptSource) []aptSource {
	var out []aptSource
	for _, s := range all {
		i := slices.IndexFunc(out, func(o aptSource) bool {
			return o.uris[0] == s.uris[0] && o.signedBy == s.signedBy && o.trusted == s.trusted && slices.Equal(o.components, s.components)
		})
		if i < 0 {
			out = append(out, s)
			continue
		}
		out[i].suites = append(out[i].suites, s.suites...)
	}
	return out
}

func (s *aptSource) option(key, value string, _ bool) {
	switch strings.ToLower(key) {
	case "signed-by":
		s.signedBy = value
	case "trusted":
		s.trusted = yes(value)
	}
}

func yes(s string) bool {
	return slices.Contains([]string{"yes", "true", "with", "on", "enable", "1"}, strings.ToLower(strings.TrimSpace(s)))
}

func cutSpace(s string) (word, rest string, ok bool) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimSpace(s[i:]), true
}

func bracketed(s string) (inside, after string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return "", s, false
	}
	inside, after, ok = strings.Cut(s[1:], "]")
	return inside, after, ok
}

// parseSources reads the deb822 form.
func parseSources(text string) []aptSource {
	var all []aptSource
	var s aptSource
	var field, value string
	set := func() {
		s.field(strings.ToLower(field), strings.TrimSpace(value))
		field, value = "", ""
	}
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			set()
			if len(s.uris) > 0 {
				all = append(all, s)
			}
			s = aptSource{}
		case line[0] == ' ' || line[0] == '\t':
			value += "\n" + line
		default:
			set()
			field, value, _ = strings.Cut(line, ":")
		}
	}
	return all
}

func (s *aptSource) field(name, value string) {
	switch name {
	case "types":
		s.binary = slices.Contains(strings.Fields(value), "deb")
	case "uris":
		s.uris = strings.Fields(value)
	case "suites":
		s.suites = strings.Fields(value)
	case "components":
		s.components = strings.Fields(value)
	case "enabled":
		s.disabled = !yes(value)
	default:
		s.option(name, value, true)
	}
}

var (
	debianSuites = []string{
		"oldoldstable", "oldstable", "stable", "testing", "unstable",
		"jessie", "stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	}
	debianComponents = []string{"main", "contrib", "non-free", "non-free-firmware"}
	suiteEndings     = []string{"", "-updates", "-proposed-updates", "-backports", "-backports-sloppy"}
	securityEndings  = []string{"-security", "/updates"}
	// Archives for Debian's suites under a path that looks like Debian's.
	strangers = []string{"raspberrypi.org", "raspberrypi.com", "raspbian.org"}
)

// debian returns which of Debian's archives, if any, u is, and how sure that is (from 1).
func (s *aptSource) debian(u string) (archive string, rank int) {
	host, dir, ok := plainAddress(u)
	if !ok || s.disabled || !s.binary || s.trusted || !subset(s.components, debianComponents) || !slices.Contains(s.components, "main") {
		return "", 0
	}
	plain, security := s.kinds()
	official := host == "debian.org" || strings.HasSuffix(host, ".debian.org")
	keyring := path.IsAbs(s.signedBy) && !strings.ContainsAny(s.signedBy, " \t\n")
	signed := keyring && strings.HasPrefix(path.Base(s.signedBy), "debian")
	updates := slices.ContainsFunc(s.suites, func(x string) bool { return strings.HasSuffix(x, "-updates") })
	switch {
	case !plain && !security, s.signedBy != "" && !signed:
		return "", 0
	case path.Base(dir) == "debian" && plain:
		archive = "debian"
	case path.Base(dir) == "debian-security" && security:
		archive = "debian-security"
	case plain && security, !official && !signed && !updates:
		return "", 0 // by its suites alone it could be anybody's
	case plain:
		archive = "debian"
	default:
		archive = "debian-security"
	}
	switch {
	case official:
		return archive, 4
	case signed:
		return archive, 3
	case updates:
		return archive, 2
	}
	return archive, 1
}

// kinds reports whether there are suites of the main and of the security archive; neither, if one is not Debian's.
func (s *aptSource) kinds() (plain, security bool) {
	for _, suite := range s.suites {
		suite = strings.TrimSuffix(suite, "/")
		name := suite
		if i := strings.IndexAny(suite, "-/"); i >= 0 {
			name = suite[:i]
		}
		switch ending := suite[len(name):]; {
		case suite == "experimental" || suite == "rc-buggy":
			plain = true
		case !slices.Contains(debianSuites, name):
			return false, false
		case slices.Contains(suiteEndings, ending):
			plain = true
		case slices.Contains(securityEndings, ending):
			security = true
		default:
			return false, false
		}
	}
	return plain, security
}

// plainAddress takes http, https and file addresses apart and refuses those that cannot serve as a mirror for any suite.
func plainAddress(address string) (host, dir string, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(address, "$(") {
		return "", "", false
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return "", "", false
		}
	case "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return "", "", false
		}
	default:
		return "", "", false
	}
	host = strings.ToLower(u.Hostname())
	for _, s := range strangers {
		if host == s || strings.HasSuffix(host, "."+s) {
			return "", "", false
		}
	}
	for e := range strings.SplitSeq(u.Path, "/") {
		if isStamp(e) {
			return "", "", false
		}
	}
	return host, "/" + strings.Trim(u.Path, "/"), true
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
