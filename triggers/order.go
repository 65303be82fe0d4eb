package triggers

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// job is a trigger with what its declarations and duties come to.
type job struct {
	Trigger
	duties []hooks.Duty
	named  map[string][]hooks.Duty // by the paths that they own
	reads  []pattern               // what it may look at
	owns   []pattern               // where it may put
	edits  []pattern
	writes []pattern // owns and edits: who reads these comes later
}

// newJob resolves the paths of the trigger's duties in t.
func newJob(tr Trigger, t *tree.Tree, duties []hooks.Duty) (*job, error) {
	j := &job{Trigger: tr, reads: patterns(tr.Reads), owns: patterns(tr.Owns), edits: patterns(tr.Edits), named: map[string][]hooks.Duty{}}
	var owned, read []string
	for _, d := range duties {
		if slices.Contains(tr.Duties, d.Kind) {
			j.duties = append(j.duties, d)
			paths, err := resolve(t, slices.Concat(d.Owns(), touched(t, d)))
			if err != nil {
				return nil, err
			}
			if d.Kind == hooks.Edit {
				j.edits = append(j.edits, literals(paths)...)
			}
			for _, p := range paths {
				j.named[p] = append(j.named[p], d)
			}
			owned = append(owned, paths...)
			read = append(read, slices.Concat(d.Reads(), lookedAt(d))...)
		}
	}
	read, err := resolve(t, read)
	if err != nil {
		return nil, err
	}
	j.owns = append(j.owns, literals(owned)...)
	j.reads = append(j.reads, literals(read)...)
	if tr.Claims != nil {
		claimed, err := tr.Claims(t.FS(), j.duties)
		if err != nil {
			return nil, err
		}
		if claimed, err = resolve(t, claimed); err != nil {
			return nil, err
		}
		j.owns, j.reads = append(j.owns, literals(claimed)...), append(j.reads, literals(claimed)...)
	}
	j.writes = slices.Concat(j.owns, j.edits)
	return j, nil
}

// touched returns what a duty changes besides what it names: the home directory that comes with
// a user, and what a link leads to whose mode changes.
func touched(t *tree.Tree, d hooks.Duty) []string {
	switch d.Kind {
	case hooks.User:
		if home := homeOf(d); home != "" {
			return []string{home}
		}
	case hooks.Capability, hooks.Meta:
		if fi, err := fs.Stat(t.FS(), strings.TrimPrefix(d.Args[0], "/")); err == nil {
			return []string{fi.Sys().(tree.Node).Path}
		}
	}
	return nil
}

// lookedAt returns what a trigger looks at for a duty that does not name it in [hooks.Duty.Reads]: the
// directory of a shell, the file that ucf keeps a copy of.
func lookedAt(d hooks.Duty) []string {
	switch d.Kind {
	case hooks.Shell:
		return []string{path.Dir(d.Args[0])}
	case hooks.Ucf:
		return d.Args[:1]
	}
	return nil
}

// resolve returns paths, which may begin with a slash, and, where they differ, what they mean in t.
func resolve(t *tree.Tree, paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		p = strings.TrimPrefix(p, "/")
		real, err := t.Resolve(p)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
		if real != p {
			out = append(out, real)
		}
	}
	return out, nil
}

// mayRead reports whether j may look at path: what it declares, and what it writes itself.
func (j *job) mayRead(path string) bool {
	return matchAny(j.reads, path) || matchAny(j.writes, path)
}

// mayList reports whether something that j may look at could lie below dir.
func (j *job) mayList(dir string) bool {
	return leadsAny(j.reads, dir) || leadsAny(j.writes, dir)
}

// before reports whether j writes what k reads.
func (j *job) before(k *job) bool {
	return slices.ContainsFunc(j.writes, func(w pattern) bool {
		return slices.ContainsFunc(k.reads, w.overlaps)
	})
}

// CycleError says that triggers wait for one another's paths.
type CycleError struct{ Names []string } // each writes what the next reads, and the last what the first reads

func (e *CycleError) Error() string {
	return fmt.Sprintf("triggers %s: each writes what the next reads", strings.Join(slices.Concat(e.Names, e.Names[:1]), ", "))
}

// order sorts jobs: who writes a path comes before who reads it, ties by name.
func order(jobs []*job) ([]*job, error) {
	jobs = slices.Clone(jobs)
	slices.SortFunc(jobs, func(a, b *job) int { return cmp.Compare(a.Name, b.Name) })
	var out []*job
	for len(jobs) > 0 {
		i := slices.IndexFunc(jobs, func(k *job) bool { return writer(jobs, k) == nil })
		if i < 0 {
			return nil, cycle(jobs)
		}
		out = append(out, jobs[i])
		jobs = slices.Delete(jobs, i, i+1)
	}
	return out, nil
}

// writer returns the first of jobs that must come before k, or nil.
func writer(jobs []*job, k *job) *job {
	for _, j := range jobs {
		if j != k && j.before(k) {
			return j
		}
	}
	return nil
}

// cycle finds a cycle among jobs, each of which has a writer.
func cycle(jobs []*job) *CycleError {
	var path []*job
	for k := jobs[0]; ; k = writer(jobs, k) {
		if i := slices.Index(path, k); i >= 0 {
			path = path[i:]
			break
		}
		path = append(path, k)
	}
	e := &CycleError{}
	for _, j := range slices.Backward(path) {
		e.Names = append(e.Names, j.Name)
	}
	first := slices.Index(e.Names, slices.Min(e.Names))
	e.Names = slices.Concat(e.Names[first:], e.Names[:first])
	return e
}
