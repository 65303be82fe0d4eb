package detinstall

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/detinstall/detinstall/fixtures"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
)

// origin is where a request's packages come from.
type origin struct {
	format    string
	repos     []*pkg.Repo
	base      string // the default base set
	mergedUsr bool
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
		part, err := s.repo(ref, arch)
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
			o.base, o.mergedUsr = part.base, part.mergedUsr
		}
		o.repos = append(o.repos, part.repos...)
	}
	if o.format == "" {
		o.format = "deb" // package files alone
	}
	for i, r := range o.repos {
		r.Priority = i
		r.Keys = append(r.Keys, keys...)
		r.Unsigned = r.Unsigned || s.AllowUnsigned
		if len(s.Components) > 0 && !strings.HasSuffix(r.Suite, "/") {
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

// repo resolves one --repo word.
func (s *Spec) repo(ref string, arch pkg.Arch) (*origin, error) {
	switch {
	case strings.HasSuffix(ref, ".yaml"), strings.HasSuffix(ref, ".yml"):
		return readDefinition(ref)
	case strings.Contains(ref, "://"):
		return s.location(ref, func(string) bool { return false })
	case strings.Contains(ref, "/"):
		return s.directory(ref)
	}
	name, release, _ := strings.Cut(ref, "@")
	if r, ok := fixtures.Repo(name); ok {
		return &origin{format: r.Format, repos: []*pkg.Repo{r}, base: "none", mergedUsr: true}, nil
	}
	rel, err := deb.FindRelease(name, release)
	if fi, statErr := os.Stat(name); err != nil && statErr == nil && fi.IsDir() {
		return s.directory(ref)
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
func (s *Spec) directory(ref string) (*origin, error) {
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
	return s.location("file:"+abs+suite, func(p string) bool {
		_, err := os.Stat(filepath.Join(abs, p))
		return err == nil
	})
}

// location resolves a directory or URL with an optional @SUITE; has tells whether a
// path lies there, as far as that can be known without asking a server.
func (s *Spec) location(ref string, has func(path string) bool) (*origin, error) {
	base, suite := ref, ""
	if i := strings.LastIndexByte(ref, '@'); i > strings.LastIndexByte(ref, '/') {
		base, suite = ref[:i], ref[i+1:]
	}
	base = strings.TrimRight(base, "/")
	switch {
	case has("repodata/repomd.xml"):
		return nil, badSpec("repository %s: rpm repositories are not supported yet", base)
	case has("APKINDEX.tar.gz"):
		return nil, badSpec("repository %s: apk repositories are not supported yet", base)
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
	if d.ID == "" || d.Base == "" || d.Format != "deb" {
		return nil, badSpec("repository %s: id, base and format: deb are needed", file)
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
	o := &origin{format: d.Format, base: "none", mergedUsr: d.MergedUsr == nil || *d.MergedUsr}
	if d.BaseSet != "" {
		o.base = d.BaseSet
	}
	if len(d.Suites) == 0 {
		d.Suites = []string{"./"}
	}
	for _, su := range d.Suites {
		comps := d.Components
		if len(comps) == 0 && !strings.HasSuffix(su, "/") {
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
	for _, name := range fixtures.Names() {
		r, _ := fixtures.Repo(name)
		out = append(out, BuiltinRepo{name, r.Format, r.Base})
	}
	return out
}
