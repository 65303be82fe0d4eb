package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// Corpora are kept beside the packages: NAME.roots has a line for each package of the corpus, which begins with it and goes on
// with the files of the root that the solver makes of the minimal base and it, in dependency order.

// makeCorpora fetches the two corpora: the packages of priority required, important and standard with those of names and the
// closures of its lines that begin with "+"; and a random sample.
func (a *archive) makeCorpora(names string, seed uint64, sample int) error {
	core, err := a.core(names)
	if err != nil {
		return err
	}
	drawn, err := a.sample(seed, sample)
	if err != nil {
		return err
	}
	if err := a.corpus("core", core); err != nil {
		return err
	}
	return a.corpus(fmt.Sprintf("sample-%d", seed), drawn)
}

// core returns the packages of the first corpus, sorted by name.
func (a *archive) core(names string) ([]*pkg.Package, error) {
	text, err := os.ReadFile(names)
	if err != nil {
		return nil, err
	}
	set := map[string]*pkg.Package{}
	for name := range a.u.Names() {
		if ps := a.u.Named(name); len(ps) > 0 && ps[0].Native.(*deb.Control).Priority() <= 2 {
			set[name] = ps[0]
		}
	}
	for l := range strings.Lines(string(text)) {
		l, _, _ = strings.Cut(l, "#")
		closure := strings.HasPrefix(l, "+")
		for _, name := range strings.Fields(strings.TrimPrefix(l, "+")) {
			ps := a.u.Named(name)
			if len(ps) == 0 {
				return nil, fmt.Errorf("%s: no package %s", names, name)
			}
			set[name] = ps[0]
			if !closure {
				continue
			}
			root, err := a.root(name)
			if err != nil {
				return nil, err
			}
			for _, p := range root {
				set[p.Name] = p
			}
		}
	}
	var out []*pkg.Package
	for name := range a.u.Names() {
		if set[name] != nil {
			out = append(out, set[name])
		}
	}
	return out, nil
}

// sample draws packages until n of them have a preinst or a postinst.
func (a *archive) sample(seed uint64, n int) ([]*pkg.Package, error) {
	names := slices.Collect(a.u.Names())
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var out []*pkg.Package
	looked := 0
	for batch := range slices.Chunk(names, 64) {
		var ps []*pkg.Package
		for _, name := range batch {
			if c := a.u.Named(name); len(c) > 0 {
				ps = append(ps, c[0])
			}
		}
		ks, err := a.fetch(ps, false)
		if err != nil {
			return nil, err
		}
		for i, k := range ks {
			looked++
			if k.scripted() {
				out = append(out, ps[i])
			}
			if len(out) == n {
				fmt.Printf("sample of seed %d: %d packages looked at until %d had a preinst or a postinst\n", seed, looked, n)
				return out, nil
			}
		}
	}
	return nil, errors.New("the suite has too few packages with scripts")
}

// corpus fetches the roots of packages and writes their list.
func (a *archive) corpus(name string, ps []*pkg.Package) error {
	var b strings.Builder
	all := map[string]*pkg.Package{}
	for _, p := range ps {
		root, err := a.root(p.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		b.WriteString(p.Name)
		for _, q := range root {
			b.WriteString(" " + filepath.Base(a.file(q)))
			all[filepath.Base(a.file(q))] = q
		}
		b.WriteByte('\n')
	}
	var list []*pkg.Package
	size, cut := int64(0), 0
	for _, q := range all {
		list = append(list, q)
	}
	slices.SortFunc(list, func(p, q *pkg.Package) int { return strings.Compare(a.file(p), a.file(q)) })
	for _, q := range list {
		if q.Size > a.limit {
			cut++
		} else {
			size += q.Size
		}
	}
	fmt.Printf("corpus %s: %d packages; their roots are of %d, with %d MB of payload; of %d just the control members\n", name, len(ps), len(list), size>>20, cut)
	list = slices.DeleteFunc(list, a.complete)
	if _, err := a.fetch(list, true); err != nil {
		return err
	}
	if err := a.whole(ps); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, name+".roots"), []byte(b.String()), 0o644)
}

// whole fetches again, with their payload, those of ps that are not too much larger than the limit and have scripts.
func (a *archive) whole(ps []*pkg.Package) error {
	more := *a
	more.limit *= 6
	var cut []*pkg.Package
	for _, p := range ps {
		if more.complete(p) {
			continue
		}
		k, err := load(a.file(p))
		if err != nil {
			return err
		}
		if k.scripted() {
			cut = append(cut, p)
		}
	}
	_, err := more.fetch(cut, true)
	return err
}

// root returns what installing a package on the minimal base installs, in dependency order; where the two cannot be together, the essential
// packages are the base.
func (a *archive) root(name string) ([]*pkg.Package, error) {
	policy, err := solve.Policies("apt-classic")
	if err != nil {
		return nil, err
	}
	var sol *solve.Solution
	for _, set := range []string{"minbase", "essential"} {
		var base []string
		if base, err = a.u.Base(set); err != nil {
			return nil, err
		}
		req := solve.Request{Arch: "amd64", Compare: deb.Compare}
		for _, stage := range [][]string{base, {name}} {
			var wants []solve.Want
			for _, n := range stage {
				wants = append(wants, solve.Want{Literal: pkg.Literal{Name: n}, Text: n})
			}
			req.Stages = append(req.Stages, wants)
		}
		if sol, err = policy.Solve(a.u, req); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	var ps []*pkg.Package
	for _, p := range sol.Picks {
		ps = append(ps, p.Package)
	}
	var out []*pkg.Package
	for _, i := range solve.Order(ps, deb.Compare) {
		out = append(out, ps[i])
	}
	return out, nil
}

// shelf holds the packages of a directory that were looked at.
type shelf struct {
	dir string
	has map[string]*pkg.Unpacked
}

// read reads the scripts of the files of a root, if the package name has any that an installation runs.
func (s *shelf) read(name string, files []string) (*hooks.Report, error) {
	own := slices.IndexFunc(files, func(f string) bool { return strings.HasPrefix(f, name+"_") })
	u, err := s.take(files[own])
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(u.Scripts, installs) {
		return &hooks.Report{}, nil
	}
	var root []*pkg.Unpacked
	for _, file := range files {
		if u, err = s.take(file); err != nil {
			return nil, err
		}
		root = append(root, u)
	}
	return hooks.Read(root, world()), nil
}

// installs reports whether an installation runs a script.
func installs(s pkg.Script) bool { return s.Phase != "prerm" && s.Phase != "postrm" }

func (s *shelf) take(file string) (*pkg.Unpacked, error) {
	if u := s.has[file]; u != nil {
		return u, nil
	}
	k, err := load(filepath.Join(s.dir, "packages", file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: fetch the corpus again", file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	u, err := k.unpacked()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.has[file] = u
	return u, nil
}
