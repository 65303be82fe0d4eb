package tree

import (
	"errors"
	"fmt"
)

// ConflictError says that two owners claim one path.
type ConflictError struct {
	Path          string
	First, Second string // the owners, as [Node.From] spells them
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("/%s: claimed by %s and by %s", Quote(e.Path), e.First, e.Second)
}

// RefusedError says that something read from an archive may not enter a tree:
// it is hostile, malformed or over a limit.
type RefusedError struct {
	What   string // the archive member or path, as read; printed escaped
	Reason string
}

func (e *RefusedError) Error() string {
	if e.What == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s: %s", Quote(e.What), e.Reason)
}

// UnknownOwnerError says that no account of the tree has an owner's name.
type UnknownOwnerError struct {
	Path, From, Kind, Name string // Kind is "user" or "group"
}

func (e *UnknownOwnerError) Error() string {
	return fmt.Sprintf("/%s of %s: no such %s: %s", Quote(e.Path), e.From, e.Kind, Quote(e.Name))
}

// errLoop and notDirError say why a path leads nowhere.
var errLoop = errors.New("too many levels of symbolic links")

type notDirError struct{ path string }

func (e *notDirError) Error() string { return "/" + Quote(e.path) + " is not a directory" }
