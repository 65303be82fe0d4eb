package hooks

import (
	"slices"
	"strings"
)

// catalogue is an XML catalog that update-xmlcatalog keeps: entries by key.
type catalogue map[string]string

// xmlCatalog reads update-xmlcatalog(8): an entry of the root catalog, of a package's, or of a local one.
func xmlCatalog(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "add del root verbose sort help file: id: local: package: type:")
	if !ok {
		return unknown, next
	}
	if len(o.rest) > 0 || o.has("help") || o.has("add") == o.has("del") || !slices.Contains([]string{"public", "system", "uri"}, o.set["type"]) || !o.has("id") {
		return no, next
	}
	at, key, value, t := w.catalogEntry(o)
	if t != yes {
		if t == unknown {
			w.leftover(c.line, "a catalog of a file that may not be there")
		}
		return t, next
	}
	if strings.ContainsAny(at+key+value, "<>\n") {
		w.leftover(c.line, "a catalog's entry that its own file cannot hold")
		return unknown, next
	}
	old, there := w.catalogs[at][key]
	switch {
	case o.has("del") && there:
		w.leftover(c.line, "removes an entry of a catalog")
		return unknown, next
	case o.has("del"):
		return no, next
	case there && old != value:
		return no, next
	case !there:
		w.duty(Duty{Kind: XMLCatalog, Line: c.line, Args: []string{at, key, value}})
		w.catalogued(at, key, value)
	default:
		w.noop(c.line, "the entry is there")
	}
	return yes, next
}

// catalogEntry returns the catalog that the options name, with the key and the rest of the entry; no where a file is missing
// that update-xmlcatalog looks for.
func (w *walker) catalogEntry(o options) (at, key, value string, t truth) {
	id, kind := o.set["type"], o.set["type"]
	start := kind + "Id"
	if kind == "uri" {
		kind, start = "URI", "uri"
	} else {
		kind = strings.ToUpper(kind[:1]) + kind[1:]
	}
	key = "delegate" + kind + " " + start + `StartString="` + o.set["id"] + `"`
	own := "/etc/xml/" + o.set["package"] + ".xml"
	switch {
	case o.has("root"):
		if o.has("add") && (!o.has("package") || o.has("local") || o.has("file")) {
			return "", "", "", no
		}
		return "/etc/xml/catalog", key, `catalog="file://` + own + `"`, w.needed(o, own)
	case o.has("package"):
		if strings.ContainsAny(o.set["package"], "/\x00") || o.has("file") || o.has("add") && !o.has("local") {
			return "", "", "", no
		}
		return own, key, `catalog="file://` + o.set["local"] + `"`, w.needed(o, o.set["local"])
	case o.has("local") && (o.has("del") || o.has("file")):
		if start == "uri" {
			start = "name"
		}
		return o.set["local"], id + " " + start + `="` + o.set["id"] + `"`, `uri="` + o.set["file"] + `"`, w.needed(o, o.set["file"])
	}
	return "", "", "", no
}

// needed reports whether the file is there that an entry is to point to.
func (w *walker) needed(o options, name string) truth {
	if o.has("del") {
		return yes
	}
	if _, ok := w.catalogs[name]; ok {
		return yes
	}
	return w.exists(name)
}

// catalogued notes what the trigger will make, for the scripts that follow.
func (w *walker) catalogued(at, key, value string) {
	if !w.sure() || !w.world.does(XMLCatalog) {
		return
	}
	if w.catalogs[at] == nil {
		w.catalogs[at] = catalogue{}
	}
	w.catalogs[at][key] = value
	w.madeBy("xml-catalog", at)
}
