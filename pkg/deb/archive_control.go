package deb

import (
	"io"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
)

// phases are the maintainer scripts, in the order of [debFile.Scripts].
var phases = []string{"config", "preinst", "postinst", "prerm", "postrm"}

// maxControlName is the longest name of a control member, dpkg's own limit.
const maxControlName = 50

// readControl reads control.tar. Its members are regular files right below the root with names of lower-case
// letters, digits and "-+._" (as dpkg has them in its info directory); anything else is refused.
func readControl(r io.ReaderAt, m archive.Member, lim pkg.Limits) (*archive.Files, error) {
	rc, err := unpackMember(r, m, lim, lim.Control)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	var files []archive.File
	for e, err := range archive.Tar(rc, archive.Limits{Entries: 1000, File: lim.Control, Total: lim.Control}) {
		if err != nil {
			return nil, err
		}
		n := e.Node
		if n.Path == "." {
			continue
		}
		if e.Body == nil {
			return nil, refuse(n.Path, "control member is not a regular file")
		}
		if err := checkMember(n.Path); err != nil {
			return nil, err
		}
		b := make([]byte, e.Size)
		if _, err := io.ReadFull(e.Body, b); err != nil {
			return nil, err
		}
		files = append(files, archive.File{Name: n.Path, Mode: n.Mode.Perm(), Data: b})
	}
	return archive.NewFiles(files), nil
}

// checkMember checks the name of a control member, of which the database makes a file name.
func checkMember(name string) error {
	for i := range len(name) {
		c := name[i]
		if ('a' > c || c > 'z') && ('0' > c || c > '9') && (i == 0 || strings.IndexByte("-+._", c) < 0) {
			return refuse(name, "unsupported name of a control member")
		}
	}
	if len(name) > maxControlName {
		return refuse(name, "name of a control member is longer than %d bytes", maxControlName)
	}
	if name == "list" {
		return refuse(name, "a control member may not have the name of dpkg's own file list")
	}
	return nil
}
