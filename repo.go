package detinstall

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/detinstall/detinstall/fixtures"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/pkg/deb"
)

// origin is where a request's packages come from.
type origin struct {
	format    string
	repos     []*pkg.Repo
	base      string // the default base set
	policy    string // the solver of its own tool; empty: the format's
	mergedUsr bool
	asksKey   bool // a distribution whose key we cannot ship
}

// origin resolves the --repo words, in order, for one architecture in Go's spelling: some
// distributions keep their ports elsewhere.
func (s *Spec) origin(arch pkg.Arch) (*origin, error) {
	o := &origin{base: "none", mergedUsr: true}
	keys, err := readKeys(s.Keys)
	if err != nil {
		return nil, err
	}
	for i, ref := range s.Repos {
		part, err := s.tagged(ref, arch)
		if err != nil {
			return nil, err
		}
		if o.format == "" {
			o.format = part.format
		}
		if part.format != o.format {
			return nil, badSpec("repositories of %s and %s in one request", o.format, part.format)
		}
		if i == 0 {
			o.base, o.mergedUsr, o.policy = part.base, part.mergedUsr, part.policy
		}
		o.asksKey = o.asksKey || part.asksKey
		o.repos = append(o.repos, part.repos...)
	}
	if o.format == "" {
		o.format = "deb" // package files alone
	}
	for i, r := range o.repos {
		r.Priority = i
		r.Keys = append(r.Keys, keys...)
		if o.asksKey && len(r.Keys) == 0 && !s.AllowUnsigned {
			return nil, &SpecError{Reason: fmt.Sprintf("repository %s: its key is not shipped with detinstall", r.ID), Hint: "give it with --key"}
		}
		r.Unsigned = r.Unsigned || s.AllowUnsigned
		if len(s.Components) > 0 && !strings.HasSuffix(r.Suite, "/") && r.Format == "deb" {
			r.Components = s.Components
		}
	}
	return o, nil
}

func readKeys(files []string) ([]pkg.Key, error) {
	var keys []pkg.Key
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, &SpecError{Reason: "key: " + err.Error()}
		}
		keys = append(keys, pkg.Key{Name: filepath.Base(f), Data: b})
	}
	return keys, nil
}

// tagged resolves one --repo word that may begin with a tag as apk's repositories file has it: "@edge alpine@edge".
func (s *Spec) tagged(ref string, arch pkg.Arch) (*origin, error) {
	tag, rest, ok := strings.Cut(ref, " ")
	if !ok || !strings.HasPrefix(tag, "@") || len(tag) < 2 {
		return s.repo(ref, arch)
	}
	o, err := s.repo(strings.TrimSpace(rest), arch)
	if err != nil {
		return nil, err
	}
	if o.format != "apk" {
		return nil, badSpec("repository %s: only repositories of apk can have a tag", ref)
	}
	for _, r := range o.repos {
		r.Tag = tag[1:]
		r.ID = tag + " " + r.ID
	}
	return o, nil
}

// repo resolves one --repo word.
func (s *Spec) repo(ref string, arch pkg.Arch) (*origin, error) {
	switch {
	case strings.HasSuffix(ref, ".yaml"), strings.HasSuffix(ref, ".yml"):
		return readDefinition(ref)
	case slices.Contains(apk.IndexFiles, path.Base(ref)) && strings.Contains(ref, "/"):
		return indexed(strings.TrimSuffix(ref, "/"+path.Base(ref)))
	case strings.Contains(ref, "://"):
		return s.location(ref, arch, func(string) bool { return false })
	case strings.Contains(ref, "/"):
		return s.directory(ref, arch)
	}
	name, release, _ := strings.Cut(ref, "@")
	if r, ok := fixtures.Repo(name); ok {
		return &origin{format: r.Format, repos: []*pkg.Repo{r}, base: "none", mergedUsr: r.Format == "deb"}, nil
	}
	if rel, err := apk.FindRelease(name, release); err == nil {
		return s.alpine(rel), nil
	} else if slices.ContainsFunc(apk.Releases(), func(r apk.Release) bool { return r.Distro == name }) {
		return nil, &SpecError{Reason: "repository " + err.Error(), Hint: "detinstall repos lists the built-in repositories"}
	}
	rel, err := deb.FindRelease(name, release)
	if fi, statErr := os.Stat(name); err != nil && statErr == nil && fi.IsDir() {
		return s.directory(ref, arch)
	}
	if err != nil {
		return nil, &SpecError{Reason: "repository " + err.Error(), Hint: "detinstall repos lists the built-in repositories"}
	}
	o := &origin{format: "deb", repos: rel.Repos(arch.Deb), base: "essential", mergedUsr: rel.MergedUsr}
	if len(s.Suites) > 0 {
		o.repos = nil
		for _, suite := range s.Suites {
			o.repos = append(o.repos, rel.Repo(suite, arch.Deb))
		}
	}
	return o, nil
}

// alpine returns the repositories of a release of Alpine or one of its relatives.
func (s *Spec) alpine(rel apk.Release) *origin {
	o := &origin{format: "apk", repos: rel.Repos(), base: rel.BaseSet(), mergedUsr: rel.MergedUsr(), policy: rel.Policy(), asksKey: !rel.Shipped()}
	if len(s.Suites) > 0 {
		o.repos = nil
		for _, suite := range s.Suites {
			o.repos = append(o.repos, rel.Repo(suite))
		}
	}
	return o
}

// knownSuite finds the release that a suite of a mirror belongs to, by its name.
func knownSuite(suite string) (deb.Release, bool) {
	name, _, _ := strings.Cut(suite, "-")
	for _, r := range deb.Releases() {
		if r.Codename == name || slices.Contains(r.Aliases, name) {
			return r, true
		}
	}
	return deb.Release{}, false
}

// directory resolves a directory with an optional @SUITE.
func (s *Spec) directory(ref string, arch pkg.Arch) (*origin, error) {
	dir, suite, found := strings.Cut(ref, "@")
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat(abs); err != nil || !fi.IsDir() {
		return nil, badSpec("repository %s: no such directory", dir)
	}
	if found {
		suite = "@" + suite
	}
	return s.location("file:"+abs+suite, arch, func(p string) bool {
		_, err := os.Stat(filepath.Join(abs, p))
		return err == nil
	})
}

// location resolves a directory or URL with an optional @SUITE; has tells whether a
// path lies there, as far as that can be known without asking a server.
func (s *Spec) location(ref string, arch pkg.Arch, has func(path string) bool) (*origin, error) {
	base, suite := ref, ""
	if i := strings.LastIndexByte(ref, '@'); i > strings.LastIndexByte(ref, '/') {
		base, suite = ref[:i], ref[i+1:]
	}
	base = strings.TrimRight(base, "/")
	switch {
	case has("repodata/repomd.xml"):
		return nil, badSpec("repository %s: rpm repositories are not supported yet", base)
	case hasIndex(has, ""):
		return apkOrigin(base, "./"), nil
	case hasIndex(has, path.Join(suite, arch.APK)+"/"):
		return apkOrigin(base, suite), nil
	case suite == "" && has("dists"):
		return nil, &SpecError{Reason: fmt.Sprintf("repository %s: which suite?", base), Hint: "name it as DIR@SUITE"}
	}
	suites := s.Suites
	if suite != "" {
		suites = strings.Split(suite, ",")
	}
	if len(suites) == 0 {
		suites = []string{"./"}
	}
	o := &origin{format: "deb", base: "none", mergedUsr: true}
	for _, su := range suites {
		r := &pkg.Repo{ID: base + "@" + su, Format: "deb", Base: base, Suite: su, Components: []string{"main"}}
		if strings.HasSuffix(su, "/") {
			r.ID, r.Components = base, nil
		}
		if rel, ok := knownSuite(su); ok {
			o.mergedUsr = rel.MergedUsr
			r.Keys = rel.Repo(su, "").Keys
		}
		o.repos = append(o.repos, r)
	}
	return o, nil
}

// hasIndex reports whether an index of apk lies in a directory.
func hasIndex(has func(path string) bool, dir string) bool {
	return slices.ContainsFunc(apk.IndexFiles, func(name string) bool { return has(dir + name) })
}

// indexed returns the repository of apk whose index lies in a directory or below a URL: it can be named by its index, as in
// apk-repositories(5), since of a URL nothing else tells what format it is of.
func indexed(dir string) (*origin, error) {
	if strings.Contains(dir, "://") {
		return apkOrigin(dir, "./"), nil
	}
	abs, err := filepath.Abs(dir)
	return apkOrigin("file:"+abs, "./"), err
}

func apkOrigin(base, suite string) *origin {
	r := &pkg.Repo{ID: base, Format: "apk", Base: base, Suite: suite}
	if suite != "" && suite != "./" {
		r.ID += "@" + suite
	}
	return &origin{format: "apk", repos: []*pkg.Repo{r}, base: "none"}
}

// definition is a repository of one's own, as a YAML file.
type definition struct {
	ID         string   `yaml:"id"`
	Format     string   `yaml:"format"`
	Base       string   `yaml:"base"`
	Suites     []string `yaml:"suites"`
	Components []string `yaml:"components"`
	Keys       []string `yaml:"keys"` // files, relative to the definition
	MergedUsr  *bool    `yaml:"merged_usr"`
	BaseSet    string   `yaml:"base_set"`
}

func readDefinition(file string) (*origin, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, &SpecError{Reason: "repository: " + err.Error()}
	}
	defer f.Close()
	var d definition
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil {
		return nil, badSpec("repository %s: %v", file, err)
	}
	if d.ID == "" || d.Base == "" || d.Format != "deb" && d.Format != "apk" {
		return nil, badSpec("repository %s: id, base and format: deb or apk are needed", file)
	}
	for i, k := range d.Keys {
		if !filepath.IsAbs(k) {
			d.Keys[i] = filepath.Join(filepath.Dir(file), k)
		}
	}
	keys, err := readKeys(d.Keys)
	if err != nil {
		return nil, err
	}
	o := &origin{format: d.Format, base: "none", mergedUsr: d.Format == "deb"}
	if d.MergedUsr != nil {
		o.mergedUsr = *d.MergedUsr
	}
	if d.BaseSet != "" {
		o.base = d.BaseSet
	}
	if len(d.Suites) == 0 {
		d.Suites = map[string][]string{"deb": {"./"}, "apk": {""}}[d.Format]
	}
	for _, su := range d.Suites {
		comps := d.Components
		if len(comps) == 0 && !strings.HasSuffix(su, "/") && d.Format == "deb" {
			comps = []string{"main"}
		}
		o.repos = append(o.repos, &pkg.Repo{ID: d.ID + "@" + su, Format: d.Format, Base: strings.TrimRight(d.Base, "/"),
			Suite: su, Components: comps, Keys: keys})
	}
	return o, nil
}

// openFile reads what a package file given by hand says of itself.
func openFile(name string, format pkg.Format) (*pkg.Package, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &SpecError{Reason: "package " + err.Error()}
	}
	defer f.Close()
	return fileRecord(f, name, format)
}

// BuiltinRepo is a repository that --repo knows by name.
type BuiltinRepo struct {
	Name   string `json:"name"` // as --repo takes it
	Format string `json:"format"`
	Base   string `json:"base"`
}

// Builtin lists the built-in repositories: distributions with their releases, then the demo ones.
func Builtin() []BuiltinRepo {
	var out []BuiltinRepo
	for _, r := range deb.Releases() {
		out = append(out, BuiltinRepo{r.Distro + "@" + r.Codename, "deb", r.Repo(r.Codename, "amd64").Base})
	}
	for _, r := range apk.Releases() {
		out = append(out, BuiltinRepo{r.Distro + "@" + r.Name, "apk", r.Repos()[0].Base})
	}
	for _, name := range fixtures.Names() {
		r, _ := fixtures.Repo(name)
		out = append(out, BuiltinRepo{name, r.Format, r.Base})
	}
	return out
}
