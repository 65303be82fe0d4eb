package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Seen returns the newest Date, in seconds since 1970, that was recorded for the repository with this ID; 0 if none
// was. A record that cannot be read is reported, and counts as none.
func (c *Client) Seen(id string) int64 {
	name := filepath.Join(c.cache.dir, "seen", escape(id))
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err == nil {
		var date int64
		if date, err = parseSeen(data); err == nil {
			return date
		}
	}
	c.report("%s: what was seen of the repository is not known: %v", id, err)
	return 0
}

// SetSeen records date for the repository with this ID unless a newer one is recorded.
func (c *Client) SetSeen(id string, date int64) error {
	err := c.cache.update("seen", escape(id), func(old []byte) []byte {
		if was, err := parseSeen(old); err == nil && was >= date {
			return nil
		}
		return fmt.Appendf(nil, "%d\n", date)
	})
	if err != nil {
		return fmt.Errorf("%s: what was seen is not recorded: %w", id, err)
	}
	return nil
}

func parseSeen(data []byte) (int64, error) {
	return strconv.ParseInt(strings.TrimSuffix(string(data), "\n"), 10, 64)
}
