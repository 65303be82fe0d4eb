package triggers

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/detinstall/detinstall/internal/gschema"
)

// gschemas is glib-compile-schemas(1), which GLib's postinst runs, also when dpkg triggers it.
func gschemas() Trigger {
	return Trigger{
		Name: "gschemas",
		Doc: "glib-compile-schemas compiles the schemas in /usr/share/glib-2.0/schemas, and their overrides. " +
			"The same, byte for byte. Runs with GLib alone.",
		For:   []string{"deb"},
		Reads: []string{gschemasDir, gschemasDir + "/*"},
		Owns:  []string{gschemasDir + "/gschemas.compiled"},
		Run:   makeGschemas,
	}
}

const gschemasDir = "usr/share/glib-2.0/schemas"

func makeGschemas(in Input) ([]Change, error) {
	_, ok := in.runs("libglib2.0-0t64", "glib-compile-schemas")
	if _, old := in.runs("libglib2.0-0", "glib-compile-schemas"); !ok && !old {
		return nil, nil
	}
	entries, err := fs.ReadDir(in.FS, gschemasDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var sources []gschema.Source
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".xml") && !strings.HasSuffix(e.Name(), ".override") {
			continue
		}
		b, err := fs.ReadFile(in.FS, gschemasDir+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		sources = append(sources, gschema.Source{Name: "/" + gschemasDir + "/" + e.Name(), Body: b})
	}
	body, err := gschema.Compile(sources)
	if body == nil || err != nil {
		return nil, err
	}
	return []Change{file(gschemasDir+"/gschemas.compiled", 0o644, body)}, nil
}
