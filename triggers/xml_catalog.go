package triggers

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/triggers/hooks"
)

// xmlCatalog is update-xmlcatalog(8).
func xmlCatalog() Trigger {
	return Trigger{
		Name: "xml-catalog",
		Doc: "Scripts call update-xmlcatalog for each entry of the XML catalogs below /etc/xml; it keeps the entries in /var/lib/xml-core and writes " +
			"the catalog anew each time. The same, once, and without the copy of the catalog before. The order is that of --sort, " +
			"which debhelper's dh_installxmlcatalogs asks for; without it the real one writes in the order of a Perl hash.",
		For:    []string{"deb"},
		Reads:  []string{xmlHeader, xmlFooter},
		Duties: []hooks.Kind{hooks.XMLCatalog},
		Owns:   []string{xmlState + "/*"},
		Run:    makeXMLCatalogs,
	}
}

const (
	xmlHeader = "usr/share/xml-core/catalog.header"
	xmlFooter = "usr/share/xml-core/catalog.footer"
	xmlState  = "var/lib/xml-core"
)

func makeXMLCatalogs(in Input) ([]Change, error) {
	if len(in.Duties) == 0 {
		return nil, nil
	}
	header, err := xmlPart(in.FS, xmlHeader)
	if err != nil {
		return nil, err
	}
	footer, err := xmlPart(in.FS, xmlFooter)
	if err != nil {
		return nil, err
	}
	catalogs := map[string]map[string]string{}
	for _, d := range in.Duties {
		at := strings.TrimPrefix(arg(d, 0), "/")
		if catalogs[at] == nil {
			catalogs[at] = map[string]string{}
		}
		if old, ok := catalogs[at][arg(d, 1)]; ok && old != arg(d, 2) {
			return nil, fmt.Errorf("/%s of package %s: two entries for %s", at, d.Package, arg(d, 1))
		}
		catalogs[at][arg(d, 1)] = arg(d, 2)
	}
	var out []Change
	for _, at := range sortedKeys(catalogs) {
		var body, state bytes.Buffer
		body.Write(header)
		for _, key := range sortedKeys(catalogs[at]) {
			fmt.Fprintf(&body, "<%s %s/>\n", key, catalogs[at][key])
			fmt.Fprintf(&state, "<%s><%s>\n", key, catalogs[at][key])
		}
		body.Write(footer)
		out = append(out, file(at, 0o644, body.Bytes()), file(xmlState+"/"+xmlStateOf(at), 0o644, state.Bytes()))
	}
	return out, nil
}

// xmlStateOf names the file of entries of a catalog: those of packages and the root by their short names.
func xmlStateOf(catalog string) string {
	name, ours := strings.CutPrefix(catalog, "etc/xml/")
	pkg, ok := strings.CutSuffix(name, ".xml")
	switch {
	case ours && name == "catalog":
		return name
	case ours && ok && !strings.Contains(name, "/"):
		return pkg
	}
	return "_" + strings.ReplaceAll(catalog, "/", "_")
}

// xmlPart returns a file whose lines all end: the last byte of each is taken for its end.
func xmlPart(fsys fs.FS, name string) ([]byte, error) {
	b, err := readLimited(fsys, name, largestCatalog)
	if err != nil || len(b) == 0 || b[len(b)-1] == '\n' {
		return b, err
	}
	b = slices.Clone(b)
	b[len(b)-1] = '\n'
	return b, nil
}
