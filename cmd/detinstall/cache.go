package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (a *app) cacheCommand() *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Show, verify or empty the cache"}
	c.RunE = func(c *cobra.Command, _ []string) error { return usage("cache: want path, verify or clean") }
	for _, s := range []struct {
		use, short string
		run        func(context.Context) error
	}{
		{"path", "Print the cache directory", a.cachePath},
		{"verify", "Hash everything; name what is corrupt", a.cacheVerify},
		{"clean", "Remove everything from the cache", a.cacheClean},
	} {
		c.AddCommand(&cobra.Command{Use: s.use, Short: s.short, Args: usageArgs(cobra.NoArgs),
			RunE: func(c *cobra.Command, _ []string) error { return s.run(c.Context()) }})
	}
	return c
}

func (a *app) cachePath(context.Context) error {
	dir, err := a.cacheDir()
	if err == nil {
		_, err = fmt.Fprintln(a.stdout, dir)
	}
	return err
}

func (a *app) cacheVerify(ctx context.Context) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	n, corrupt, err := client.Cache().Verify(ctx)
	if err != nil {
		return err
	}
	for _, name := range corrupt {
		fmt.Fprintln(a.stdout, name)
	}
	if len(corrupt) > 0 {
		return &noError{fmt.Sprintf("%d of %d cache entries are corrupt; they are fetched anew when needed", len(corrupt), n)}
	}
	a.note(fmt.Sprintf("%d cache entries are as they should be", n))
	return nil
}

func (a *app) cacheClean(context.Context) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	freed, err := client.Cache().Clean()
	if err == nil {
		err = os.RemoveAll(filepath.Join(client.Cache().Path(), "unpacked"))
	}
	if err == nil {
		a.note(fmt.Sprintf("%.1f MB freed", float64(freed)/1e6))
	}
	return err
}
