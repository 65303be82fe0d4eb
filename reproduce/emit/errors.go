package emit

import (
	"errors"
	"fmt"
)

// OutputError says that an output may not be written where it was asked for: it exists, it
// is the wrong kind of thing, or it is not a name of an output at all. It is the user's to
// change the request.
type OutputError struct {
	Path   string // as asked for
	Reason string
	// Replace is set where [StageOptions.Replace] would allow it.
	Replace bool
}

func (e *OutputError) Error() string { return fmt.Sprintf("output %s: %s", e.Path, e.Reason) }

// ErrBusy says that another process is writing the same output.
var ErrBusy = errors.New("another process is writing it")

// LossyError says that a tree holds what the form of output cannot carry.
type LossyError struct {
	Kind Kind
	Path string // the first such path, as [tree.Quote] spells it
	What string
}

func (e *LossyError) Error() string {
	return fmt.Sprintf("/%s: %s cannot carry %s", e.Path, e.Kind, e.What)
}
