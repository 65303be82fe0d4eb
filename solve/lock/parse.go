package lock

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/detinstall/detinstall/pkg/tree"
)

// FormatError says why a file is not a lock that this package would have written.
type FormatError struct {
	Line   int // from 1; 0 where no line is to blame
	Reason string
	Hint   string
}

func (e *FormatError) Error() string {
	if e.Line == 0 {
		return "lock: " + e.Reason
	}
	return fmt.Sprintf("lock: line %d: %s", e.Line, e.Reason)
}

// Parse reads a lock. It accepts exactly the files that [File.Marshal] writes:
// anything else, a changed order, a comment, a CRLF, is a *FormatError.
func Parse(b []byte) (*File, error) {
	if i := bytes.IndexByte(b, '\r'); i >= 0 {
		return nil, &FormatError{Line: 1 + bytes.Count(b[:i], []byte("\n")), Reason: "line ends with CR LF",
			Hint: `a lock has LF line ends; for git, put "*.lock.yaml -text" into .gitattributes`}
	}
	var raw file
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&raw); err != nil {
		return nil, &FormatError{Reason: err.Error()}
	}
	if raw.Lock != Version {
		return nil, &FormatError{Reason: fmt.Sprintf("version %d is not known, only %d", raw.Lock, Version),
			Hint: "write the lock anew with this detinstall, or use the one that wrote it"}
	}
	f, err := raw.file()
	if err != nil {
		return nil, &FormatError{Reason: err.Error()}
	}
	if w := f.Marshal(); !bytes.Equal(w, b) {
		return nil, &FormatError{Line: firstDifference(w, b), Reason: "not in canonical form",
			Hint: "locks are not edited by hand; run detinstall lock"}
	}
	return f, nil
}

func firstDifference(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}

// The types below mirror File in the spelling of the YAML.

type file struct {
	Lock     int
	Tool     string
	Request  string
	Format   string
	Policy   string
	Epoch    int64
	Settings settings
	Sources  []source
	IDs      struct{ Users, Groups ordered[uint32] } `yaml:"ids"`
	Waivers  []script
	Arch     yaml.Node
}

type settings struct {
	Base         string
	MergedUsr    bool `yaml:"merged_usr"`
	Recommends   bool
	NoDeps       bool   `yaml:"no_deps"`
	AllowDevices bool   `yaml:"allow_devices"`
	NoDocs       bool   `yaml:"no_docs"`
	UnknownOwner string `yaml:"unknown_owner"`
	Pending      string
	Langs        []string
	ExcludePaths []string `yaml:"exclude_paths"`
	IncludePaths []string `yaml:"include_paths"`
	Answers      ordered[string]
}

type source struct {
	ID, Base, Snapshot, Suite string
	Components                []string
	Date, Index               string
	Keys                      []string
	Unsigned                  bool
}

type arch struct {
	Packages   []packageItem
	Diversions []Diversion
	Pending    []script
}

type packageItem struct {
	Name, Version, Arch, From, Path string
	Size                            int64
	SHA256                          string
	Requested                       bool
}

type script struct{ Package, Phase, SHA256, Why string }

// ordered is a mapping in the order of the file.
type ordered[T any] []pair[T]

type pair[T any] struct {
	Key   string
	Value T
}

func (o *ordered[T]) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want a mapping", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var p pair[T]
		if err := errors.Join(n.Content[i].Decode(&p.Key), n.Content[i+1].Decode(&p.Value)); err != nil {
			return err
		}
		*o = append(*o, p)
	}
	return nil
}

func (r *file) file() (*File, error) {
	f := &File{Lock: r.Lock, Tool: r.Tool, Format: r.Format, Policy: r.Policy, Epoch: r.Epoch, Settings: r.Settings.settings()}
	p := &digests{}
	f.Request = p.digest("request", r.Request)
	for _, s := range r.Sources {
		f.Sources = append(f.Sources, Source{ID: s.ID, Base: s.Base, Snapshot: s.Snapshot, Suite: s.Suite,
			Components: s.Components, Date: p.date(s.ID, s.Date), Index: p.digest(s.ID, s.Index), Keys: s.Keys, Unsigned: s.Unsigned})
	}
	for _, u := range r.IDs.Users {
		f.IDs.Users = append(f.IDs.Users, ID{u.Key, u.Value})
	}
	for _, g := range r.IDs.Groups {
		f.IDs.Groups = append(f.IDs.Groups, ID{g.Key, g.Value})
	}
	for _, w := range r.Waivers {
		f.Waivers = append(f.Waivers, Waiver{w.Package, w.Phase, p.digest(w.Package, w.SHA256), w.Why})
	}
	if err := r.arches(f, p); err != nil {
		return nil, err
	}
	return f, p.err
}

func (r *file) arches(f *File, p *digests) error {
	if r.Arch.Kind != yaml.MappingNode {
		return errors.New("no arch")
	}
	var as ordered[arch]
	if err := as.UnmarshalYAML(&r.Arch); err != nil {
		return err
	}
	for _, a := range as {
		out := Arch{Name: a.Key, Diversions: a.Value.Diversions}
		for _, x := range a.Value.Packages {
			out.Packages = append(out.Packages, Package{Name: x.Name, Version: x.Version, Arch: x.Arch, From: x.From,
				Path: x.Path, Size: x.Size, SHA256: p.digest(x.Name, x.SHA256), Requested: x.Requested})
		}
		for _, s := range a.Value.Pending {
			out.Pending = append(out.Pending, Script{s.Package, s.Phase, p.digest(s.Package, s.SHA256)})
		}
		f.Arches = append(f.Arches, out)
	}
	return nil
}

func (r *settings) settings() Settings {
	s := Settings{Base: r.Base, MergedUsr: r.MergedUsr, Recommends: r.Recommends, NoDeps: r.NoDeps, AllowDevices: r.AllowDevices,
		NoDocs: r.NoDocs, UnknownOwner: tree.Unknown(r.UnknownOwner), Pending: r.Pending, Langs: r.Langs,
		ExcludePaths: r.ExcludePaths, IncludePaths: r.IncludePaths}
	for _, a := range r.Answers {
		s.Answers = append(s.Answers, Answer{a.Key, a.Value})
	}
	return s
}

// digests reads digests and dates and keeps the first error.
type digests struct{ err error }

func (p *digests) digest(what, s string) tree.Digest {
	d, err := tree.ParseDigest(s)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s: %w", what, err)
	}
	return d
}

func (p *digests) date(what, s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s: %w", what, err)
	}
	return t.Unix()
}

// Arch returns the part for the architecture called name, or nil.
func (f *File) Arch(name string) *Arch {
	for i := range f.Arches {
		if f.Arches[i].Name == name {
			return &f.Arches[i]
		}
	}
	return nil
}
