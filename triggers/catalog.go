package triggers

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	format "github.com/detinstall/detinstall/internal/catalog"
)

// catalog is the message catalog of systemd's journal.
func catalog() Trigger {
	return Trigger{
		Name:  "catalog",
		Doc:   "journalctl --update-catalog compiles the texts that explain the journal's messages. The same database.",
		Reads: []string{catalogTexts, catalogTexts + "/*.catalog", "usr/bin/journalctl"},
		Owns:  []string{path.Dir(catalogDatabase), catalogDatabase},
		Run:   makeCatalog,
	}
}

const (
	catalogTexts    = "usr/lib/systemd/catalog"
	catalogDatabase = "var/lib/systemd/catalog/database"
)

func makeCatalog(in Input) ([]Change, error) {
	if !exists(in.FS, "usr/bin/journalctl") || exists(in.FS, catalogDatabase) {
		return nil, nil
	}
	entries, err := fs.ReadDir(in.FS, catalogTexts)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []format.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".catalog") {
			continue
		}
		b, err := fs.ReadFile(in.FS, catalogTexts+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, format.File{Name: e.Name(), Body: b})
	}
	if len(files) == 0 {
		return nil, nil
	}
	slices.SortFunc(files, func(a, b format.File) int { return cmp.Compare(a.Name, b.Name) })
	b, err := format.Compile(files)
	if err != nil {
		return nil, fmt.Errorf("/%s: %w", catalogTexts, err)
	}
	out := []Change{file(catalogDatabase, 0o644, b)}
	if d := path.Dir(catalogDatabase); !exists(in.FS, d) {
		out = append([]Change{dir(d, 0o755)}, out...)
	}
	return out, nil
}
