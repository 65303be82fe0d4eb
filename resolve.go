package detinstall

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
)

// Resolve makes the lock for spec: it reads and verifies the indexes, solves for
// each architecture, and reads the chosen packages for what only they hold.
//
// Errors: *SpecError, *pkg.TrustError, *solve.UnsatError, *solve.UnknownError,
// and those of [Build].
func Resolve(ctx context.Context, spec *Spec, store *unpack.Store) (*lock.File, error) {
	lk, _, err := resolve(ctx, spec, store)
	return lk, err
}

// Install is Resolve and Build in one, for a request of one architecture, and
// reads the packages once.
func Install(ctx context.Context, spec *Spec, store *unpack.Store) (*lock.File, []*Result, error) {
	lk, plans, err := resolve(ctx, spec, store)
	if err != nil {
		return nil, nil, err
	}
	var out []*Result
	for _, p := range plans {
		r, err := p.build(lk)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, r)
	}
	return lk, out, nil
}

func resolve(ctx context.Context, spec *Spec, store *unpack.Store) (*lock.File, []*plan, error) {
	sols, err := Solve(ctx, spec, store)
	if err != nil {
		return nil, nil, err
	}
	request, err := spec.Request()
	if err != nil {
		return nil, nil, err
	}
	lk := &lock.File{Lock: lock.Version, Tool: "detinstall " + Version, Request: request,
		Format: sols.format.Name(), Policy: sols.policy, Settings: sols.settings}
	lk.IDs = spec.ids()
	for _, w := range spec.Waivers {
		d, _ := tree.ParseDigest(w.SHA256) // checked by spec.check
		lk.Waivers = append(lk.Waivers, lock.Waiver{Package: w.Package, Phase: w.Phase, SHA256: d, Why: w.Why})
	}
	lk.Sources = sols.sources()
	for _, s := range sols.Arches {
		if err := vouch(ctx, sols.format, &s, store.Getter()); err != nil {
			return nil, nil, err
		}
		lk.Arches = append(lk.Arches, lock.Arch{Name: s.Arch, Packages: s.locked()})
	}
	lk.Epoch = spec.epoch(lk)
	var plans []*plan
	for i := range lk.Arches {
		p, err := newPlan(ctx, lk, &lk.Arches[i], store)
		if err != nil {
			return nil, nil, err
		}
		p.record(&lk.Arches[i])
		plans = append(plans, p)
	}
	return lk, plans, allocate(lk, plans)
}

// Solutions is the answer to a request, before any package was fetched.
type Solutions struct {
	Arches []Solved // by architecture, in the order of the Go spelling

	format   pkg.Format
	policy   string
	settings lock.Settings
}

// Solved is the answer for one architecture.
type Solved struct {
	Arch     string // in the ecosystem's spelling
	Solution *solve.Solution
	Verified []pkg.Verified
}

// Solve reads and verifies the indexes and chooses packages. It fetches no package.
func Solve(ctx context.Context, spec *Spec, store *unpack.Store) (*Solutions, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	arches, err := spec.arches()
	if err != nil {
		return nil, err
	}
	out := &Solutions{}
	for _, a := range arches {
		o, err := spec.origin(a)
		if err != nil {
			return nil, err
		}
		if out.format = store.Format(o.format); out.format == nil {
			return nil, badSpec("repositories of format %q are not supported", o.format)
		}
		out.policy, out.settings = spec.policy(o), spec.settings(o)
		policy, err := solve.Policies(out.policy)
		if err != nil {
			return nil, &SpecError{Reason: err.Error()}
		}
		name := a.In(o.format)
		if name == "" {
			return nil, badSpec("architecture %s: %s has no such port", a.Go, o.format)
		}
		s, err := spec.solve(ctx, o, out.format, policy, name, store)
		if err != nil {
			return nil, err
		}
		out.Arches = append(out.Arches, *s)
	}
	return out, nil
}

// matcher is a format that has relations of versions which its order does not decide.
type matcher interface {
	Match(version string, op pkg.Op, want string) bool
}

func (s *Spec) solve(ctx context.Context, o *origin, format pkg.Format, policy solve.Policy, arch string, store *unpack.Store) (*Solved, error) {
	opt := pkg.IndexOptions{Now: s.Ambient.Now, NotBefore: map[string]int64{}}
	for _, r := range o.repos {
		if s.Ambient.Exact {
			r.Grace = 0
		}
		if s.Ambient.Seen != nil {
			opt.NotBefore[r.ID] = s.Ambient.Seen(r.ID)
		}
	}
	for _, p := range s.Pins {
		opt.Pins = append(opt.Pins, pkg.Pin(p))
	}
	u, err := format.Universe(ctx, o.repos, arch, opt, store.Getter())
	if err != nil {
		return nil, err
	}
	s.warnStale(u.Verified())
	req := solve.Request{Exclude: s.Exclude, Arch: arch, Recommends: s.Recommends, NoDeps: s.NoDeps, Compare: format.Compare}
	if m, ok := format.(matcher); ok {
		req.Match = m.Match
	}
	first, second, err := s.wants(u, o, format)
	if err != nil {
		return nil, err
	}
	if len(first) > 0 {
		req.Stages = append(req.Stages, first)
	}
	if len(second) > 0 {
		req.Stages = append(req.Stages, second)
	}
	sol, err := policy.Solve(u, req)
	if err != nil {
		return nil, err
	}
	return &Solved{Arch: arch, Solution: sol, Verified: u.Verified()}, nil
}

// warnStale tells of indexes whose time has run out.
func (s *Spec) warnStale(indexes []pkg.Verified) {
	for _, v := range indexes {
		if v.Stale != 0 && s.Ambient.Warn != nil {
			s.Ambient.Warn(fmt.Sprintf("WARNING: the index of %s was valid until %s, and this machine's clock says %s: the mirror may be behind",
				v.Repo.ID, tree.Epoch(v.Stale).Format(time.DateOnly), tree.Epoch(s.Ambient.Now).Format(time.DateOnly)))
		}
	}
}

// wants returns the two transactions of a request, as mmdebstrap makes them: first what is essential,
// then the packages that were named, in the order of the request, with the rest of the base set.
func (s *Spec) wants(u pkg.Universe, o *origin, format pkg.Format) (first, second []solve.Want, err error) {
	base, err := u.Base(s.base(o))
	if err != nil {
		return nil, nil, &SpecError{Reason: err.Error()}
	}
	var essential []string
	if len(base) > 0 {
		if essential, err = u.Base("essential"); err != nil {
			return nil, nil, &SpecError{Reason: err.Error()}
		}
	}
	for _, text := range s.Pkgs {
		w, err := parseWant(text, format)
		if err != nil {
			return nil, nil, err
		}
		second = append(second, w)
	}
	for _, name := range base {
		w := solve.Want{Literal: pkg.Literal{Name: name}}
		if slices.Contains(essential, name) {
			first = append(first, w)
		} else {
			second = append(second, w)
		}
	}
	return first, second, nil
}

func (s *Spec) base(o *origin) string {
	if s.Base != "" {
		return s.Base
	}
	return o.base
}

func (s *Spec) policy(o *origin) string {
	return cmp.Or(s.Policy, o.policy, map[string]string{"deb": "apt-classic", "rpm": "rpm", "apk": "apk"}[o.format])
}

func (s *Spec) settings(o *origin) lock.Settings {
	set := lock.Settings{
		Base: s.base(o), MergedUsr: o.mergedUsr, Recommends: s.Recommends, NoDeps: s.NoDeps,
		UnknownOwner: tree.Unknown(s.UnknownOwner), AllowDevices: s.AllowDevices, Pending: s.Pending,
		ExcludePaths: s.ExcludePaths, IncludePaths: s.IncludePaths, NoDocs: s.NoDocs, Langs: canonicalList(s.Langs),
	}
	for q, v := range s.Answers {
		set.Answers = append(set.Answers, lock.Answer{Question: q, Value: v})
	}
	slices.SortFunc(set.Answers, func(a, b lock.Answer) int { return strings.Compare(a.Question, b.Question) })
	return set
}

// ids returns the ids that the request demands and, from the lock before, those
// that were allocated: a re-lock never moves an id.
func (s *Spec) ids() lock.IDs {
	users, groups := map[string]uint32{}, map[string]uint32{}
	if p := s.Ambient.Previous; p != nil {
		for _, u := range p.IDs.Users {
			users[u.Name] = u.ID
		}
		for _, g := range p.IDs.Groups {
			groups[g.Name] = g.ID
		}
	}
	for n, id := range s.IDs.Users {
		users[n] = id
	}
	for n, id := range s.IDs.Groups {
		groups[n] = id
	}
	return lock.IDs{Users: idList(users), Groups: idList(groups)}
}

func idList(m map[string]uint32) []lock.ID {
	var out []lock.ID
	for n, id := range m {
		out = append(out, lock.ID{Name: n, ID: id})
	}
	slices.SortFunc(out, func(a, b lock.ID) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// epoch decides the time of the root (D14): the request's, the lock's before
// where the packages are the same, the caller's, the newest date of the sources.
func (s *Spec) epoch(lk *lock.File) int64 {
	if s.Epoch != nil {
		return *s.Epoch
	}
	if p := s.Ambient.Previous; p != nil && samePackages(p, lk) {
		return p.Epoch
	}
	if s.Ambient.Epoch != nil {
		return *s.Ambient.Epoch
	}
	var newest int64
	for _, src := range lk.Sources {
		newest = max(newest, src.Date)
	}
	return newest
}

func samePackages(a, b *lock.File) bool {
	x, y := lock.File{Arches: archPackages(a)}, lock.File{Arches: archPackages(b)}
	return string(x.Marshal()) == string(y.Marshal())
}

func archPackages(f *lock.File) []lock.Arch {
	var out []lock.Arch
	for _, a := range f.Arches {
		out = append(out, lock.Arch{Name: a.Name, Packages: a.Packages})
	}
	return out
}

// sources merges what stands behind the indexes of all architectures: they share one signed file.
func (s *Solutions) sources() []lock.Source {
	var out []lock.Source
	for _, a := range s.Arches {
		for _, v := range a.Verified {
			if slices.ContainsFunc(out, func(o lock.Source) bool { return o.ID == v.Repo.ID }) {
				continue
			}
			out = append(out, lock.Source{ID: v.Repo.ID, Base: v.Repo.Base, Snapshot: v.Repo.Snapshot, Suite: v.Repo.Suite,
				Components: v.Repo.Components, Date: v.Date, Index: v.Index, Keys: v.Fingerprint, Unsigned: len(v.Fingerprint) == 0})
		}
	}
	return out
}

// locked returns the chosen packages as the lock has them. Their texts are copied, for they are parts of the whole index,
// which would otherwise stay in memory.
func (s *Solved) locked() []lock.Package {
	var out []lock.Package
	for _, p := range s.Solution.Picks {
		l := lock.Package{Name: strings.Clone(p.Package.Name), Version: strings.Clone(p.Package.Version),
			Arch: strings.Clone(p.Package.Arch), Path: strings.Clone(p.Package.Path),
			Size: p.Package.Size, SHA256: p.Package.SHA256, Requested: p.Requested}
		if p.Package.Repo != nil {
			l.From = p.Package.Repo.ID
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b lock.Package) int {
		return strings.Compare(a.Name+"\x00"+a.Version+"\x00"+a.Arch, b.Name+"\x00"+b.Version+"\x00"+b.Arch)
	})
	return out
}

// parseWant reads a request: NAME, NAME:ARCH, and NAME with one of = >= <= << >> > < ~ and a version, or a package file.
func parseWant(text string, format pkg.Format) (solve.Want, error) {
	if isFile(text) {
		p, err := openFile(text, format)
		if err != nil {
			return solve.Want{}, err
		}
		return solve.Want{Package: p, Literal: pkg.Literal{Name: p.Name, Op: pkg.Equal, Version: p.Version}, Text: text}, nil
	}
	if f, ok := format.(interface {
		ParseRequest(string) (pkg.Literal, error)
	}); ok {
		l, err := f.ParseRequest(text)
		if err != nil {
			return solve.Want{}, &SpecError{Reason: "request: " + err.Error()}
		}
		return solve.Want{Literal: l, Text: text}, nil
	}
	l := pkg.Literal{Name: text}
	if i := strings.IndexAny(text, "<>=~"); i >= 0 {
		rest := text[i:]
		op := rest[:len(rest)-len(strings.TrimLeft(rest, "<>=~"))]
		var ok bool
		if l.Op, ok = ops[op]; !ok || rest == op || i == 0 {
			return solve.Want{}, badSpec("request %q: want NAME, or NAME with one of = >= <= >> << and a version", text)
		}
		l.Name, l.Version = text[:i], strings.TrimSpace(rest[len(op):])
	}
	l.Name = strings.TrimSpace(l.Name)
	if name, arch, ok := strings.Cut(l.Name, ":"); ok {
		l.Name, l.Arch = name, arch
	}
	if l.Name == "" {
		return solve.Want{}, badSpec("request %q: no name", text)
	}
	return solve.Want{Literal: l, Text: text}, nil
}

var ops = map[string]pkg.Op{"=": pkg.Equal, "==": pkg.Equal, ">=": pkg.AtLeast, "<=": pkg.AtMost,
	">>": pkg.More, "<<": pkg.Less, ">": pkg.More, "<": pkg.Less, "~": pkg.Fuzzy}

// Why returns, for the package called name, the chain of picks from the request down to it.
func (s *Solved) Why(name string) ([]solve.Pick, error) {
	chain := solve.Why(s.Solution, name)
	if len(chain) == 0 {
		return nil, &SpecError{Reason: fmt.Sprintf("%s is not part of the answer", name)}
	}
	return chain, nil
}
