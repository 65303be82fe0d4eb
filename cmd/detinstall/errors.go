package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/solve"
	"github.com/detinstall/detinstall/solve/lock"
)

// The exit codes of the contract.
const (
	codeFailed   = 1
	codeUsage    = 2
	codeNo       = 3
	codeUnsolved = 4
	codeDistrust = 5
	codePending  = 6
	codeConflict = 7
	codeRefused  = 8
)

// noError is an answer of "no": trees differ, a lock is not current. Its text may be empty when stdout said it all.
type noError struct{ text string }

func (e *noError) Error() string { return e.text }

// pendingError is what --strict makes of scripts with leftovers.
type pendingError struct{ text string }

func (e *pendingError) Error() string { return e.text }

// exitCode is the one place that maps failures to codes, with a hint where there is one.
func exitCode(err error) (code int, hint string) {
	var (
		sig      *signalError
		bad      *usageError
		spec     *detinstall.SpecError
		output   *emit.OutputError
		lossy    *emit.LossyError
		format   *lock.FormatError
		no       *noError
		unsat    *solve.UnsatError
		unknown  *solve.UnknownError
		trust    *pkg.TrustError
		pending  *pendingError
		conflict *tree.ConflictError
		refused  *tree.RefusedError
		owner    *tree.UnknownOwnerError
	)
	switch {
	case errors.As(err, &sig):
		return 128 + int(sig.sig), ""
	case errors.As(err, &trust):
		return codeDistrust, ""
	case errors.As(err, &bad):
		return codeUsage, "see detinstall help"
	case errors.As(err, &spec):
		return codeUsage, spec.Hint
	case errors.As(err, &output):
		if output.Replace {
			hint = "--replace replaces it"
		}
		return codeUsage, hint
	case errors.As(err, &lossy):
		return codeUsage, "--lossy leaves it out"
	case errors.As(err, &format):
		return codeUsage, format.Hint
	case errors.As(err, &no):
		return codeNo, ""
	case errors.As(err, &unknown):
		return codeUnsolved, ""
	case errors.As(err, &unsat):
		return codeUnsolved, unsat.Hint
	case errors.As(err, &pending):
		return codePending, "waive a script by its sha256 under waivers: in the spec file"
	case errors.As(err, &conflict):
		return codeConflict, ""
	case errors.As(err, &owner):
		return codeRefused, "--unknown-owner=number takes the archive's number, as dpkg does"
	case errors.As(err, &refused):
		return codeRefused, ""
	case errors.Is(err, pkg.ErrOffline):
		return codeFailed, "run once without --offline, or vendor the lock"
	case errors.Is(err, syscall.ENOSPC):
		return codeFailed, "the disk is full; nothing was left behind"
	}
	return codeFailed, ""
}

// finish prints err, if any, and returns the exit code.
func (a *app) finish(err error) int {
	a.bar.clear()
	if err == nil {
		return 0
	}
	code, hint := exitCode(err)
	text := err.Error()
	if a.opt.json {
		b, _ := json.Marshal(struct {
			Type    string `json:"type"`
			Code    int    `json:"code"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
		}{"error", code, text, hint})
		fmt.Fprintf(a.stderr, "%s\n", b)
		return code
	}
	if text != "" {
		fmt.Fprintf(a.stderr, "detinstall: %s\n", text)
	}
	if hint != "" {
		fmt.Fprintf(a.stderr, "detinstall: hint: %s\n", hint)
	}
	return code
}
