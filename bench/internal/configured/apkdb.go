package configured

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/pkg/tree"
)

// installed returns the digest of apk's records with owners by name and without what a package replaces: apk 2.14.0 writes that of a package
// without files into the next one's record.
func installed(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err.Error()
	}
	users, groups := names(filepath.Join(dir, "etc/passwd")), names(filepath.Join(dir, "etc/group"))
	called := func(id string, m map[uint32]string) string {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil || m[uint32(n)] == "" {
			return id
		}
		return m[uint32(n)]
	}
	var out strings.Builder
	for l := range strings.Lines(string(b)) {
		f := strings.Split(l, ":")
		switch {
		case f[0] == "r":
			continue
		case len(f) > 3 && (f[0] == "M" || f[0] == "a"):
			f[1], f[2] = called(f[1], users), called(f[2], groups)
			l = strings.Join(f, ":")
		}
		out.WriteString(l)
	}
	return "records " + tree.Sum([]byte(out.String())).Hex()
}

// members returns the digest of the members of a tar, in its order, without their times.
func members(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return "members " + tree.Sum([]byte(out.String())).Hex()
		}
		if err != nil {
			return err.Error()
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&out, "%s %o %d:%d %s\n", h.Name, h.Mode, h.Uid, h.Gid, tree.Sum(body).Hex())
	}
}
