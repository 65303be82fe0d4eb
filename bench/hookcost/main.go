// Command hookcost measures what reading all scripts and running all generators costs of a whole install.
//
//	hookcost LOCK MIRROR COMMAND...
//
// The packages of LOCK are read from the directory MIRROR into memory first; the command is a whole install of the same packages, which
// is run by a shell. Each is timed five times, and the medians are compared. The exit status is 1 above 15 %.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
	"github.com/detinstall/detinstall/unpack"
)

const (
	runs = 5
	most = 0.15 // of a whole install
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: hookcost LOCK MIRROR COMMAND...")
		os.Exit(2)
	}
	share, err := run(os.Args[1], os.Args[2], strings.Join(os.Args[3:], " "))
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookcost:", err)
		os.Exit(1)
	}
	if share > most {
		os.Exit(1)
	}
}

func run(lockfile, mirror, command string) (float64, error) {
	text, err := os.ReadFile(lockfile)
	if err != nil {
		return 0, err
	}
	lk, err := lock.Parse(text)
	if err != nil {
		return 0, err
	}
	ps, locked, err := load(lk, mirror)
	if err != nil {
		return 0, err
	}
	var reading, generating, whole []time.Duration
	for range runs {
		start := time.Now()
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%w: %s", err, out)
		}
		whole = append(whole, time.Since(start))
		r, g, err := hookTime(lk, ps, locked)
		if err != nil {
			return 0, err
		}
		reading, generating = append(reading, r), append(generating, g)
	}
	r, g, w := median(reading), median(generating), median(whole)
	share := (r + g).Seconds() / w.Seconds()
	fmt.Printf("%d packages: scripts read in %d ms, generators %d ms, the whole install %d ms: %.1f %%\n",
		len(ps), r.Milliseconds(), g.Milliseconds(), w.Milliseconds(), 100*share)
	return share, nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// hookTime does what a build does between unpacking and sealing.
func hookTime(lk *lock.File, ps []*pkg.Unpacked, locked []lock.Package) (reading, generating time.Duration, err error) {
	arch := lk.Arches[0]
	w := triggers.World(lk.Format)
	w.Arch, w.Compare, w.Answers = arch.Name, deb.Compare, map[string]string{}
	start := time.Now()
	hooks.Diversions(ps, w)
	reading = time.Since(start)
	m, err := unpack.Merge(ps, unpack.Options{Compare: deb.Compare, MergedUsr: lk.Settings.MergedUsr, Diversions: arch.Diversions})
	if err != nil {
		return 0, 0, err
	}
	w.FS = m.Tree.FS()
	start = time.Now()
	rep := hooks.Read(ps, w)
	reading += time.Since(start)
	in := triggers.Input{Format: lk.Format, Arch: arch.Name, Lock: lk}
	for i, p := range ps {
		in.Packages = append(in.Packages, triggers.Installed{Unpacked: p, Files: m.Files[i], Requested: locked[i].Requested})
	}
	for _, r := range rep.Readings {
		in.Duties = append(in.Duties, r.Duties...)
	}
	start = time.Now()
	err = triggers.Run(m.Tree, in)
	return reading, time.Since(start), err
}

// load reads the packages in dependency order.
func load(lk *lock.File, mirror string) ([]*pkg.Unpacked, []lock.Package, error) {
	var all []*pkg.Unpacked
	var names []*pkg.Package
	for _, p := range lk.Arches[0].Packages {
		u, err := unpackFile(filepath.Join(mirror, p.Path))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		u.Package.Path, u.Package.Size, u.Package.SHA256 = p.Path, p.Size, p.SHA256
		all, names = append(all, u), append(names, u.Package)
	}
	var ps []*pkg.Unpacked
	var locked []lock.Package
	for _, i := range solve.Order(names, deb.Compare) {
		ps, locked = append(ps, all[i]), append(locked, lk.Arches[0].Packages[i])
	}
	return ps, locked, nil
}

func unpackFile(name string) (*pkg.Unpacked, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	a, err := deb.Format{}.Open(f, info.Size(), pkg.Limits{})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	u := &pkg.Unpacked{Package: a.Package(), Control: a.Control(), Scripts: a.Scripts()}
	for e, err := range a.Nodes() {
		if err != nil {
			return nil, err
		}
		n := e.Node
		n.From = u.Package.Origin()
		if e.Body != nil {
			body, err := io.ReadAll(e.Body)
			if err != nil {
				return nil, err
			}
			n.Content = tree.Bytes(body)
		}
		u.Nodes = append(u.Nodes, n)
	}
	return u, nil
}
