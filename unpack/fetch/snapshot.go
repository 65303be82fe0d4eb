package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg"
)

// A snapshot service, as snapshot.debian.org is one, keeps states of an archive under
//
//	ROOT/archive/NAME/YYYYMMDDTHHMMSSZ/PATH
//
// A time between two states is answered from the earlier one, by a redirect, and a file by one to ROOT/file/SHA1.
// The times at which there are states can be had from ROOT/mr/timestamp/?archive=NAME&after=TIME:
//
//	{"_api": "0.3", "result": {"debian": ["20250809T143112Z", "20250809T203103Z"]}}
//
// The slash before the question mark matters: without it https is redirected to http.
//
// A state holds what the archive was when it was taken. A Release file is dated before it
// reaches the archive; so the state that has it, and the files it names, is the first one after its date or, if
// that was taken before everything had arrived, one soon after.

const (
	stamp     = "20060102T150405Z"
	tryStates = 3       // how many states after the date are looked at
	listLimit = 8 << 20 // bytes in a list: all of Debian's from 2005 to 2025 have 0.6 MB
)

// times is the answer to the question for the states after a date. It is asked for once.
type times struct {
	done  chan struct{}
	after []string
	err   error
}

// dates returns the times under which to look, in order: the first ones after date or, if the list cannot be
// had, date itself. Without a date it is Config.Now, from which the service goes back to the newest state before it.
func (c *Client) dates(ctx context.Context, base string, date int64) ([]string, error) {
	if date == 0 {
		if c.cfg.Now == 0 {
			return nil, errors.New("neither the repository nor the request has a date by which to choose a state")
		}
		return []string{formatStamp(c.cfg.Now)}, nil
	}
	key := base + " " + formatStamp(date)
	for {
		c.mu.Lock()
		t := c.times[key]
		lead := t == nil
		if lead {
			t = &times{done: make(chan struct{})}
			c.times[key] = t
		}
		c.mu.Unlock()
		if lead {
			c.askTimes(ctx, t, key, base, date)
		}
		select {
		case <-t.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if t.err == nil {
			return t.after, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// askTimes fills t. Only an interruption is an error; then the next one who needs the list asks again.
func (c *Client) askTimes(ctx context.Context, t *times, key, base string, date int64) {
	defer close(t.done)
	t.after = []string{formatStamp(date)}
	list, err := c.stateTimes(ctx, base, date)
	if e := ctx.Err(); e != nil {
		t.err = e
		c.mu.Lock()
		delete(c.times, key)
		c.mu.Unlock()
		return
	}
	if err != nil {
		c.report("%s: the list of states cannot be had, taking %s: %v", redact(base), t.after[0], err)
		return
	}
	if len(list) > 0 {
		t.after = list[:min(len(list), tryStates)]
	}
}

// stateTimes returns the times after date at which there are states, ascending.
func (c *Client) stateTimes(ctx context.Context, base string, date int64) ([]string, error) {
	root, archive, ok := strings.Cut(base, "/archive/")
	if !ok || archive == "" {
		return nil, errors.New("the address does not have the form ROOT/archive/NAME")
	}
	from := formatStamp(date)
	query := url.Values{"archive": {archive}, "after": {from}}
	ref := pkg.Ref{Path: "the list of states", Size: -1, Limit: listLimit}
	data, err := c.downloadIndex(ctx, ref, root+"/mr/timestamp/?"+query.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Result map[string][]string `json:"result"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("list of states: %w", err)
	}
	list, ok := answer.Result[archive]
	if !ok {
		return nil, fmt.Errorf("list of states: nothing about %q", archive)
	}
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !isStamp(s) || s <= from })
	slices.Sort(list)
	return slices.Compact(list), nil
}

func formatStamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(stamp) }

func isStamp(s string) bool {
	t, err := time.Parse(stamp, s)
	return err == nil && t.Format(stamp) == s
}
