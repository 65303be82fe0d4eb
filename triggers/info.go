package triggers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/detinstall/detinstall/internal/infodir"
	"github.com/detinstall/detinstall/pkg/tree"
)

// info is update-info-dir(8), which install-info's postinst runs.
func info() Trigger {
	return Trigger{
		Name: "info",
		Doc: "update-info-dir makes the top menu of Info from all manuals, in the order in which the file system lists them. " +
			"The same in the order of their names, and no dir.old. Without install-info the menu is base-files' empty one.",
		For:   []string{"deb"},
		Reads: []string{infoManuals + "/**", updateInfoDir},
		Owns:  []string{infoMenu},
		Run:   makeInfo,
	}
}

const (
	infoManuals   = "usr/share/info"
	infoMenu      = infoManuals + "/dir"
	updateInfoDir = "usr/sbin/update-info-dir"
	largestManual = 64 << 20
)

// notManuals are the files that update-info-dir leaves out.
var notManuals = regexp.MustCompile(`^dir(\.gz|\.old|\.old\.gz)?$|-([0-9]|[1-9][0-9])(\.gz)?$|\.(png|jpg)$`)

func makeInfo(in Input) ([]Change, error) {
	if !exists(in.FS, updateInfoDir) || !exists(in.FS, infoManuals) || exists(in.FS, infoMenu) {
		return nil, nil
	}
	menu := infodir.Empty
	err := fs.WalkDir(in.FS, infoManuals, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || notManuals.MatchString(path.Base(name)) {
			return err
		}
		text, err := readManual(in.FS, name)
		if err != nil {
			return err
		}
		menu, err = infodir.Add(menu, text)
		if errors.Is(err, infodir.ErrUnbalanced) {
			return nil // the real one says so, and goes on
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return []Change{file(infoMenu, 0o644, []byte(menu))}, nil
}

// readManual reads a manual, which may be compressed by gzip; what cannot be decompressed counts as far as it goes.
func readManual(fsys fs.FS, name string) (string, error) {
	b, err := readLimited(fsys, name, largestManual)
	if err != nil || !bytes.HasPrefix(b, []byte("\x1f\x8b")) {
		return string(b), err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", nil
	}
	var text strings.Builder
	if n, _ := io.Copy(&text, io.LimitReader(z, largestManual+1)); n > largestManual {
		return "", fmt.Errorf("/%s: larger than %d bytes", tree.Quote(name), largestManual)
	}
	return text.String(), nil
}
