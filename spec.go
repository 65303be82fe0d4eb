package detinstall

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// Spec is a request: what to install, from where, and by which rules. Its YAML
// form is the file that -c reads. The zero value of every field means the
// default that doc/CLI names.
type Spec struct {
	// Repos are repositories as --repo takes them: a built-in name with an optional
	// release ("debian@trixie"), a directory or URL (with @SUITE), the URL of an index of apk (".../packages.adb"), or a YAML
	// definition.
	Repos      []string `yaml:"repos" json:"repos"`
	Suites     []string `yaml:"suites" json:"suites,omitempty"`         // exactly these, instead of a release's set
	Components []string `yaml:"components" json:"components,omitempty"` // instead of main
	Keys       []string `yaml:"keys" json:"-"`                          // files with further trusted keys

	AllowUnsigned bool `yaml:"allow_unsigned" json:"allow_unsigned,omitempty"`

	// Pkgs is a set, and so part of the request. As with apt-get, the order counts where two of them leave open
	// alternatives of which either satisfies the other (about one random set of five in a hundred); the lock settles it.
	Pkgs       []string `yaml:"pkgs" json:"pkgs"`
	Exclude    []string `yaml:"exclude" json:"exclude,omitempty"`
	Pins       []Pin    `yaml:"pins" json:"pins,omitempty"`
	Base       string   `yaml:"base" json:"base,omitempty"`
	Arch       []string `yaml:"arch" json:"arch,omitempty"`
	Policy     string   `yaml:"policy" json:"policy,omitempty"`
	Recommends bool     `yaml:"recommends" json:"recommends,omitempty"`
	NoDeps     bool     `yaml:"no_deps" json:"no_deps,omitempty"`

	// Epoch is in seconds since 1970; nil: Ambient.Epoch, else the newest signed date of the sources.
	Epoch *int64 `yaml:"epoch" json:"epoch,omitempty"`

	Answers map[string]string `yaml:"answers" json:"answers,omitempty"` // debconf, by PACKAGE/QUESTION
	Waivers []Waiver          `yaml:"waivers" json:"waivers,omitempty"`
	IDs     struct {
		Users  map[string]uint32 `yaml:"users" json:"users,omitempty"`
		Groups map[string]uint32 `yaml:"groups" json:"groups,omitempty"`
	} `yaml:"ids" json:"ids,omitzero"`

	ExcludePaths []string `yaml:"exclude_paths" json:"exclude_paths,omitempty"`
	IncludePaths []string `yaml:"include_paths" json:"include_paths,omitempty"`
	NoDocs       bool     `yaml:"no_docs" json:"no_docs,omitempty"`
	Langs        []string `yaml:"langs" json:"langs,omitempty"`
	Pending      string   `yaml:"pending" json:"pending,omitempty"`             // "installed" (default) or "unpacked"
	UnknownOwner string   `yaml:"unknown_owner" json:"unknown_owner,omitempty"` // "error" (default), "number", "root"
	AllowDevices bool     `yaml:"allow_devices" json:"allow_devices,omitempty"`

	// Ambient is what a resolution takes from its surroundings. It is not part of the request.
	Ambient Ambient `yaml:"-" json:"-"`
}

// Pin sets a priority as apt_preferences(5) does; an empty Package or Repo matches all.
type Pin struct {
	Package  string `yaml:"package" json:"package,omitempty"`
	Repo     string `yaml:"repo" json:"repo,omitempty"`
	Priority int    `yaml:"priority" json:"priority"`
}

// Waiver accepts a script that is not wholly accounted for, by the digest of its text.
type Waiver struct {
	Package string `yaml:"package" json:"package"`
	Phase   string `yaml:"phase" json:"phase"`
	SHA256  string `yaml:"sha256" json:"sha256"`
	Why     string `yaml:"why" json:"why"`
}

// Ambient is what only the caller can know. Nothing of it is read from the process.
type Ambient struct {
	Now      int64                 // reference time for Valid-Until, seconds since 1970; 0 skips the checks
	Exact    bool                  // Now was given by the user, not read from a clock: nothing is taken after its time
	Warn     func(string)          // told of what is accepted, but should be known; nil: nobody
	Epoch    *int64                // SOURCE_DATE_EPOCH, where the caller honours it
	Previous *lock.File            // the lock that this resolution replaces: its ids are kept
	Seen     func(id string) int64 // newest date seen of the repository with this ID: an older index is refused; nil: none
	Arch     string                // architecture for a Spec without one, in any spelling
}

// SpecError says that a request makes no sense; nothing was read or written.
type SpecError struct{ Reason, Hint string }

func (e *SpecError) Error() string { return e.Reason }

func badSpec(format string, args ...any) error {
	return &SpecError{Reason: fmt.Sprintf(format, args...)}
}

// ParseSpec reads the YAML form. Unknown keys are refused.
func ParseSpec(r io.Reader) (*Spec, error) {
	s := &Spec{}
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(s); err != nil && !errors.Is(err, io.EOF) {
		return nil, badSpec("%v", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, badSpec("more than one YAML document")
	}
	return s, nil
}

// Request returns the digest of s in canonical form: sorted, without
// duplicates, key and package files by their digests. Equal requests have equal
// digests on every machine.
func (s *Spec) Request() (tree.Digest, error) {
	c := *s
	c.Pkgs = canonicalList(s.Pkgs)
	c.Exclude = canonicalList(s.Exclude)
	c.Langs = canonicalList(s.Langs)
	c.Arch = nil
	arches, err := s.arches()
	if err != nil {
		return tree.Digest{}, err
	}
	for _, a := range arches {
		c.Arch = append(c.Arch, a.Deb)
	}
	c.Arch = canonicalList(c.Arch)
	form := struct {
		*Spec
		KeyDigests  []string `json:"keys,omitempty"`
		FileDigests []string `json:"files,omitempty"`
	}{Spec: &c}
	for _, k := range s.Keys {
		if form.KeyDigests, err = appendFileDigest(form.KeyDigests, k); err != nil {
			return tree.Digest{}, err
		}
	}
	for _, p := range c.Pkgs {
		if isFile(p) {
			if form.FileDigests, err = appendFileDigest(form.FileDigests, p); err != nil {
				return tree.Digest{}, err
			}
		}
	}
	slices.Sort(form.KeyDigests)
	b, err := json.Marshal(form)
	if err != nil {
		return tree.Digest{}, err
	}
	return tree.Sum(b), nil
}

func canonicalList(l []string) []string {
	l = slices.Clone(l)
	slices.Sort(l)
	return slices.Compact(l)
}

func appendFileDigest(to []string, name string) ([]string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return append(to, tree.Sum(b).Hex()), nil
}

// isFile reports whether a requested name is a package file: it has a slash, or
// one of the endings of packages.
func isFile(name string) bool {
	return strings.Contains(name, "/") || slices.Contains([]string{".deb", ".rpm", ".apk"}, filepath.Ext(name))
}

// arches returns the architectures of the request, by Go spelling, without duplicates.
func (s *Spec) arches() ([]pkg.Arch, error) {
	names := s.Arch
	if len(names) == 0 {
		names = []string{s.Ambient.Arch}
	}
	var out []pkg.Arch
	for _, n := range names {
		a, ok := pkg.ParseArch(n)
		if !ok {
			return nil, badSpec("unknown architecture %q", n)
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b pkg.Arch) int { return bytes.Compare([]byte(a.Go+a.Variant), []byte(b.Go+b.Variant)) })
	return out, nil
}

// check refuses values that no other part would name as well.
func (s *Spec) check() error {
	if len(s.Repos) == 0 {
		for _, p := range s.Pkgs {
			if !isFile(p) {
				return &SpecError{Reason: "no repository given", Hint: "for example --repo debian@trixie; detinstall repos lists the built-in ones"}
			}
		}
	}
	if len(s.Pkgs) == 0 && (s.Base == "" || s.Base == "none") && len(s.Repos) == 0 {
		return badSpec("nothing to install")
	}
	if s.Pending != "" && s.Pending != "installed" && s.Pending != "unpacked" {
		return badSpec("pending: %q is neither installed nor unpacked", s.Pending)
	}
	switch tree.Unknown(s.UnknownOwner) {
	case "", tree.UnknownError, tree.UnknownNumber, tree.UnknownRoot:
	default:
		return badSpec("unknown_owner: %q is none of error, number, root", s.UnknownOwner)
	}
	if s.Epoch != nil && *s.Epoch < 0 {
		return badSpec("epoch: %d is before 1970", *s.Epoch)
	}
	for _, w := range s.Waivers {
		if _, err := tree.ParseDigest(w.SHA256); err != nil || w.Package == "" || w.Phase == "" || w.Why == "" {
			return badSpec("waiver for %q: package, phase, sha256 and why are needed", w.Package)
		}
	}
	return nil
}
