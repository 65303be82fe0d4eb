// Command detinstall installs distribution packages without running a line of
// their scripts. Flags, progress and exit codes live here; no logic does.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/detinstall/detinstall"
)

// gcPercent is how much the heap may grow before garbage is collected, where GOGC does not say. Most of it are the buffers of
// decoders: less than Go's 100 saves 20 MB of 190 on a server's packages and costs no time that can be measured.
const gcPercent = 60

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	opt            options
	bar            *meter // nil where no progress is shown
}

// run executes the command line args and returns the exit code. It is the whole program but for the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, getenv: os.Getenv, now: time.Now}
	ctx, stop := withSignals(ctx)
	defer stop()
	root := a.root()
	root.SetArgs(withDefaultVerb(root, args))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	return a.finish(err)
}

// signalError is the cause of a context that a signal ended.
type signalError struct{ sig syscall.Signal }

func (e *signalError) Error() string { return "interrupted: " + e.sig.String() }

// withSignals ends the context on SIGINT and SIGTERM, so that every stage cleans up behind itself.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-ch:
			cancel(&signalError{s.(syscall.Signal)})
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(ch); close(done); cancel(nil) }
}

// withDefaultVerb inserts "install" where the first word that is no global flag is a flag too.
func withDefaultVerb(root *cobra.Command, args []string) []string {
	for i := 0; i < len(args); i++ {
		name, hasValue := strings.CutPrefix(args[i], "-")
		if !hasValue || args[i] == "-h" || args[i] == "--help" || args[i] == "--version" {
			return args
		}
		name, _, hasValue = strings.Cut(strings.TrimPrefix(name, "-"), "=")
		flag := root.PersistentFlags().Lookup(name)
		if flag == nil && len(name) == 1 {
			flag = root.PersistentFlags().ShorthandLookup(name)
		}
		if flag == nil {
			return append([]string{"install"}, args...)
		}
		if !hasValue && flag.NoOptDefVal == "" {
			i++ // its value
		}
	}
	return args
}

// root assembles the commands; each has a file of its own.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "detinstall",
		Short: "Install distribution packages without running their scripts, reproducibly",
		Long: `detinstall reads the real repositories of Debian- and Alpine-likes, verifies them from the
signature down, solves as apt or apk would, and writes a root file system, without
running a line of the packages' scripts and with the same bits every time.

The default command is install:

  detinstall --repo demo-debian --pkgs erlang -o root/`,
		Version:           detinstall.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Args:              cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	root.SetVersionTemplate("detinstall {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	a.globalFlags(root)
	for _, c := range a.commands() {
		c.Args = usageArgs(c.Args)
		root.AddCommand(c)
	}
	return root
}

// commands lists the subcommands by name; the man page and the help come from the same table.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.buildCommand(), a.cacheCommand(), a.diffCommand(), a.digestCommand(), a.hooksCommand(), a.installCommand(), a.lockCommand(),
		a.manCommand(), a.manifestCommand(), a.reposCommand(), a.solveCommand(), a.vendorCommand(), a.versionCommand(),
		a.whyCommand(),
	}
}

// usageArgs makes a wrong number of arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.NoArgs
	}
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// usageError says that the command line is wrong.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(text string) error { return &usageError{errors.New(text)} }
