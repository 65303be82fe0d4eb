package unpack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// Store decodes packages, each at most once. It is safe for concurrent use.
type Store struct {
	cfg  Config
	kept *keptStore // nil: none

	mu    sync.Mutex
	slots map[tree.Digest]*slot
}

// slot is a package that is or was decoded.
type slot struct {
	ready chan struct{} // closed when u is there, or the slot is gone
	u     *pkg.Unpacked
}

// NewStore returns an empty store.
func NewStore(cfg Config) *Store {
	cfg.Jobs = max(cfg.Jobs, 1)
	s := &Store{cfg: cfg, slots: map[tree.Digest]*slot{}}
	if cfg.Kept != "" {
		s.kept = &keptStore{dir: cfg.Kept}
	}
	return s
}

// Getter returns what the store was made with.
func (s *Store) Getter() pkg.Getter { return s.cfg.Get }

// Format returns the format called name, or nil.
func (s *Store) Format(name string) pkg.Format {
	for _, f := range s.cfg.Formats {
		if f.Name() == name {
			return f
		}
	}
	return nil
}

// formatOf returns the format of a locked package: its repository's, else that of its file's suffix.
func (s *Store) formatOf(repo *pkg.Repo, p lock.Package) (pkg.Format, error) {
	name := strings.TrimPrefix(path.Ext(p.Path), ".")
	if repo != nil && repo.Format != "" {
		name = repo.Format
	}
	if f := s.Format(name); f != nil {
		return f, nil
	}
	if len(s.cfg.Formats) == 1 && repo == nil {
		return s.cfg.Formats[0], nil
	}
	return nil, fmt.Errorf("unknown format %q", name)
}

const (
	// maxWorkers bounds the goroutines that decode one archive, for each costs up to 32 MiB of memory.
	maxWorkers = 4
	// fetchAhead is how many archives are fetched, or wait, besides those being decoded.
	fetchAhead = 8
)

// Unpack decodes ps concurrently, the largest first, and returns them by index. repos maps a source's ID
// to its repository. What a package's own control file says of name, version and architecture must be what ps says,
// else it is a *pkg.TrustError. Errors begin with "package NAME: ".
//
// The error is that of the first package by name, whatever the schedule: after an error only packages
// before that one are still decoded.
func (s *Store) Unpack(ctx context.Context, repos map[string]*pkg.Repo, ps []lock.Package) ([]*pkg.Unpacked, error) {
	r := &run{store: s, repos: repos, ps: ps, out: make([]*pkg.Unpacked, len(ps)), failed: -1,
		crew: newCrew(s.cfg.Jobs)}
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
		c, cancel := context.WithCancel(ctx)
		defer cancel()
		r.ctxs, r.cancels = append(r.ctxs, c), append(r.cancels, cancel)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[b].Size, ps[a].Size) })
	next := make(chan int, len(order))
	for _, i := range order {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(s.cfg.Jobs+fetchAhead, len(ps)) {
		wg.Go(func() {
			for i := range next {
				r.one(i)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.failed >= 0 {
		return nil, fmt.Errorf("package %s: %w", ps[r.failed].Name, r.err)
	}
	return r.out, nil
}

// run is one call of Unpack.
type run struct {
	store   *Store
	repos   map[string]*pkg.Repo
	ps      []lock.Package
	out     []*pkg.Unpacked
	ctxs    []context.Context // of each package
	cancels []context.CancelFunc
	crew    *crew

	mu     sync.Mutex
	failed int // the first package by name that failed, -1: none
	err    error
}

// one decodes the package i unless it does not matter any more.
func (r *run) one(i int) {
	if r.ctxs[i].Err() != nil {
		return
	}
	u, err := r.store.unpack(r.ctxs[i], r, i)
	if err == nil {
		err = agrees(u.Package, r.ps[i])
	}
	if err != nil {
		r.fail(i, err)
		return
	}
	r.out[i] = u
}

// before is the order in which packages' errors count.
func (r *run) before(a, b int) bool {
	p, q := r.ps[a], r.ps[b]
	return cmp.Or(cmp.Compare(p.Name, q.Name), cmp.Compare(p.Version, q.Version), cmp.Compare(p.Arch, q.Arch), cmp.Compare(a, b)) < 0
}

// fail remembers the error of i if it is the first, and stops what comes after i.
func (r *run) fail(i int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctxs[i].Err() != nil || r.failed >= 0 && !r.before(i, r.failed) {
		return
	}
	r.failed, r.err = i, err
	for j := range r.ps {
		if r.before(i, j) {
			r.cancels[j]()
		}
	}
}

// agrees compares what a package says of itself with what its index, or the lock, said.
func agrees(have *pkg.Package, want lock.Package) error {
	// An index may list a package for every architecture under its own.
	n, ok := have.Native.(interface{ AnyArch() bool })
	if have.Name == want.Name && have.Version == want.Version && (have.Arch == want.Arch || ok && n.AnyArch()) {
		return nil
	}
	return pkg.Distrust(path.Base(want.Path), "control disagrees with the index: it says %s, the index %s=%s:%s",
		have, want.Name, want.Version, want.Arch)
}

// unpack returns the package i, which it decodes if nobody else did or does.
func (s *Store) unpack(ctx context.Context, r *run, i int) (*pkg.Unpacked, error) {
	p := r.ps[i]
	for {
		s.mu.Lock()
		sl, taken := s.slots[p.SHA256]
		if !taken {
			sl = &slot{ready: make(chan struct{})}
			s.slots[p.SHA256] = sl
		}
		s.mu.Unlock()
		if !taken {
			u, err := s.load(ctx, r, p)
			s.mu.Lock()
			if sl.u = u; err != nil {
				delete(s.slots, p.SHA256)
			}
			s.mu.Unlock()
			close(sl.ready)
			return u, err
		}
		select {
		case <-sl.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if sl.u != nil {
			return sl.u, nil
		}
		// The other one failed, or was stopped for reasons of its own: try for ourselves.
	}
}

// load brings the package from the unpacked store, else decodes it.
func (s *Store) load(ctx context.Context, r *run, p lock.Package) (*pkg.Unpacked, error) {
	repo, ok := r.repos[p.From]
	if !ok && p.From != "" {
		return nil, fmt.Errorf("no source is called %q", p.From)
	}
	f, err := s.formatOf(repo, p)
	if err != nil {
		return nil, err
	}
	u := s.kept.load(p.SHA256, f)
	if u == nil {
		if u, err = s.decode(ctx, r, f, repo, p); err != nil {
			return nil, err
		}
	}
	u.Package.Repo, u.Package.Path, u.Package.Size, u.Package.SHA256 = repo, p.Path, p.Size, p.SHA256
	if s.cfg.Progress != nil {
		s.cfg.Progress(p)
	}
	return u, nil
}

// decode fetches an archive and reads it.
func (s *Store) decode(ctx context.Context, r *run, f pkg.Format, repo *pkg.Repo, p lock.Package) (u *pkg.Unpacked, err error) {
	blob, err := s.cfg.Get.Get(ctx, pkg.Ref{Repo: repo, Path: p.Path, Size: p.Size, SHA256: p.SHA256})
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	if err := r.crew.join(ctx); err != nil {
		return nil, err
	}
	defer r.crew.Dismiss()
	lim := s.cfg.Limits
	lim.Workers, lim.Crew = max(lim.Workers, min(s.cfg.Jobs, maxWorkers)), r.crew

	a, err := f.Open(blob, blob.Size(), lim)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	w, err := s.kept.create(p.SHA256, f)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return read(ctx, a, s.cfg.Bodies)
	}
	defer func() { err = errors.Join(err, w.abort()) }()
	if u, err = read(ctx, a, w); err != nil {
		return nil, err
	}
	return u, w.commit(u)
}

// read takes an archive in; the bodies go to bodies.
func read(ctx context.Context, a pkg.Archive, bodies Bodies) (*pkg.Unpacked, error) {
	u := &pkg.Unpacked{Package: a.Package(), Control: a.Control(), Scripts: a.Scripts()}
	origin := u.Package.Origin()
	for e, err := range a.Nodes() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		n := e.Node
		n.From = origin
		if e.Body != nil && e.Size > 0 {
			if n.Content, err = bodies.Put(e.Body, e.Size); err != nil {
				return nil, err
			}
		}
		u.Nodes = append(u.Nodes, n)
	}
	u.Nodes = slices.Clip(u.Nodes)
	return u, nil
}
