package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/unpack"
)

func (a *app) lockCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lock --repo R --pkgs A,B [--lockfile F]",
		Short: "Resolve and write the lock",
		Long: `Lock always resolves anew and keeps the ids that the lock before had allocated.
With --check it only says, offline, whether the lock is that of the request.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.lock(c) },
	}
	a.requestFlags(c)
	a.lockFlag(c, "the lock (default "+defaultLock+")")
	c.Flags().BoolVar(&a.opt.check, "check", false, "exit 0 if the lock is current for the request, 3 if not; write nothing")
	return c
}

func (a *app) lock(c *cobra.Command) error {
	spec, err := a.request(c)
	if err != nil {
		return err
	}
	before, err := readLock(a.lockName())
	if err != nil && (a.opt.check || !errors.Is(err, fs.ErrNotExist)) {
		if errors.Is(err, fs.ErrNotExist) {
			return &noError{"there is no lock " + a.lockName()}
		}
		return err
	}
	if a.opt.check {
		request, err := spec.Request()
		if err == nil && request != before.Request {
			err = &noError{a.lockName() + " was made for another request"}
		}
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	spec.Ambient.Previous = before
	rollbackGuard(client, spec)
	return a.withScratch(client, func(bodies unpack.Bodies) error {
		store, err := a.store(client, bodies)
		if err != nil {
			return err
		}
		lk, err := detinstall.Resolve(c.Context(), spec, store)
		if err != nil {
			return err
		}
		a.warnUnsigned(lk)
		if err := writeLock(a.lockName(), lk); err != nil {
			return err
		}
		return remember(client, lk.Sources)
	})
}

func readLock(name string) (*lock.File, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	lk, err := lock.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return lk, nil
}

func writeLock(name string, lk *lock.File) error {
	if err := replaceFile(name, lk.Marshal()); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}

// replaceFile writes a file atomically.
func replaceFile(name string, b []byte) error {
	part := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".part")
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		os.Remove(part)
	}
	return err
}
