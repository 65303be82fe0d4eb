package triggers

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// Applied is a change that was made.
type Applied struct {
	Trigger string
	Op      Op
	Path    string
	// By are the lines of scripts that it comes of; none if the trigger made it of the tree and the packages alone.
	By []hooks.Source
}

// Run applies the triggers that fit to t in the order that their declarations demand.
// in.FS is not looked at. On an error t is of no use any more.
func Run(t *tree.Tree, in Input) error {
	_, err := Apply(t, in)
	return err
}

// Apply is [Run], and returns the changes in the order in which they were made.
//
// Errors: *AccessError for what a trigger did not declare, *tree.ConflictError for a path that is taken, *CycleError,
// and those of the triggers.
func Apply(t *tree.Tree, in Input) ([]Applied, error) { return apply(All(), t, in) }

// elsewhere are the duties that no trigger needs to do: diversions are an argument of the merge.
var elsewhere = []hooks.Kind{hooks.Diversion}

func apply(triggers []Trigger, t *tree.Tree, in Input) ([]Applied, error) {
	if in.Lock == nil {
		in.Lock = &lock.File{}
	}
	done := slices.Clone(elsewhere)
	var jobs []*job
	for _, tr := range triggers {
		if len(tr.For) > 0 && !slices.Contains(tr.For, in.Format) {
			continue
		}
		j, err := newJob(tr, t, in.Duties)
		if err != nil {
			return nil, fmt.Errorf("trigger %s: %w", tr.Name, err)
		}
		jobs = append(jobs, j)
		done = append(done, tr.Duties...)
	}
	for _, d := range in.Duties {
		if !slices.Contains(done, d.Kind) {
			return nil, fmt.Errorf("duty %s of package %s: no trigger does it", d.Kind, d.Package)
		}
	}
	jobs, err := order(jobs)
	if err != nil {
		return nil, err
	}
	r := &runner{tree: t, epoch: in.Lock.Epoch, writers: map[string]string{}}
	for _, j := range jobs {
		if err := r.run(j, in); err != nil {
			return nil, err
		}
	}
	return r.applied, nil
}

// runner applies changes to a tree.
type runner struct {
	tree    *tree.Tree
	epoch   int64
	writers map[string]string // the trigger that changed a path
	applied []Applied
}

func (r *runner) run(j *job, in Input) error {
	box := &sandbox{fsys: r.tree.FS(), job: j}
	in.FS, in.Duties = box, j.duties
	changes, err := j.Run(in)
	if box.bad != nil {
		return box.bad
	}
	if err != nil {
		return fmt.Errorf("trigger %s: %w", j.Name, err)
	}
	for _, c := range changes {
		if err := r.apply(j, c); err != nil {
			return err
		}
	}
	return nil
}

// apply makes one change of j's.
func (r *runner) apply(j *job, c Change) error {
	if c.Op < Put || c.Op > Replace || !c.Node.ModTime.IsZero() {
		return fmt.Errorf("trigger %s: /%s: an unknown change, or one of a time", j.Name, tree.Quote(c.Node.Path))
	}
	path, err := r.tree.Resolve(c.Node.Path)
	if err != nil {
		return fmt.Errorf("trigger %s: %w", j.Name, err)
	}
	if w, ok := r.writers[path]; ok && (c.Op != Meta || j.Claims == nil || w == j.Name) {
		return &tree.ConflictError{Path: path, First: "trigger:" + w, Second: "trigger:" + j.Name}
	}
	n := c.Node
	n.Path, n.From, n.ModTime = path, "trigger:"+j.Name, tree.Epoch(r.epoch)
	old, taken := r.tree.Get(path)
	if !matchAny(j.writes, path) {
		return &AccessError{j.Name, c.Op.String(), path}
	}
	switch c.Op {
	case Put:
		if taken || !n.Mode.IsDir() && len(r.tree.Children(path)) > 0 {
			return &tree.ConflictError{Path: path, First: old.From, Second: n.From}
		}
		if !matchAny(j.owns, path) {
			return &AccessError{j.Name, c.Op.String(), path}
		}
	case Replace:
		empty := old.Mode.IsDir() && len(r.tree.Children(path)) == 0
		if !taken || !empty && (old.Mode.IsDir() || !matchAny(j.edits, path)) {
			return fmt.Errorf("trigger %s: replace /%s: neither a file named in Edits nor an empty directory", j.Name, tree.Quote(path))
		}
	case Meta:
		if !taken {
			return fmt.Errorf("trigger %s: meta /%s: %w", j.Name, tree.Quote(path), fs.ErrNotExist)
		}
		old.Mode = old.Mode&(fs.ModeType|fs.ModeCharDevice) | n.Mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)
		old.User, old.Group, old.Xattrs = n.User, n.Group, withXattrs(old.Xattrs, n.Xattrs)
		n = old
	}
	if err := r.tree.Set(n); err != nil {
		return fmt.Errorf("trigger %s: %w", j.Name, err)
	}
	r.writers[path] = j.Name
	r.applied = append(r.applied, Applied{j.Name, c.Op, path, j.by(c, path)})
	return nil
}

// withXattrs returns old with the attributes of set instead of those of the same names, sorted.
func withXattrs(old, set []tree.Xattr) []tree.Xattr {
	out := slices.DeleteFunc(slices.Clone(old), func(x tree.Xattr) bool {
		return slices.ContainsFunc(set, func(y tree.Xattr) bool { return x.Name == y.Name })
	})
	out = append(out, set...)
	slices.SortFunc(out, func(a, b tree.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return out
}
