package triggers

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// sgmlCatalog is update-catalog --update-super, which sgml-base's postinst runs.
func sgmlCatalog() Trigger {
	return Trigger{
		Name: "sgml-catalog",
		Doc: "update-catalog lists the catalogs in /etc/sgml whose own files are there. The same, without the copy of the list before. " +
			"The catalogs of XML are the arguments of scripts: no file tells them.",
		For:   []string{"deb"},
		Reads: []string{"etc/sgml", "etc/sgml/**", "usr/**", "opt/**"},
		Owns:  []string{superCatalog},
		Run:   makeSGMLCatalog,
	}
}

const superCatalog = "var/lib/sgml-base/supercatalog"

func makeSGMLCatalog(in Input) ([]Change, error) {
	list, err := fs.ReadDir(in.FS, "etc/sgml")
	if err != nil || !exists(in.FS, "usr/sbin/update-catalog") || !exists(in.FS, "var/lib/sgml-base") || exists(in.FS, superCatalog) {
		return nil, nil
	}
	text := "--\n## This file is created by update-catalog with update-super.\n" +
		"## Please see update-catalog(8) for how to modify this file.\n--\n"
	for _, e := range list {
		if name := e.Name(); strings.HasSuffix(name, ".cat") && !strings.HasPrefix(name, ".") && len(name) > len(".cat") {
			ok, err := catalogWorks(in.FS, "etc/sgml/"+name)
			if err != nil {
				return nil, err
			}
			if ok {
				text += "CATALOG /etc/sgml/" + name + "\n"
			}
		}
	}
	return []Change{file(superCatalog, 0o644, []byte(text))}, nil
}

// catalogToken is white space with comments, a literal, or another word.
var catalogToken = regexp.MustCompile(`(?s)(?:\s+|--.*?--)+|'.*?'|".*?"|\S+`)

// catalogWorks reports whether all catalogs that one names are files.
func catalogWorks(fsys fs.FS, name string) (bool, error) {
	fi, err := fs.Stat(fsys, name)
	if err != nil || !fi.Mode().IsRegular() {
		return false, nil
	}
	b, err := readLimited(fsys, name, largestCatalog)
	if err != nil {
		return false, err
	}
	base, before := "/"+path.Dir(name), ""
	for _, token := range catalogToken.FindAllString(string(b), -1) {
		if strings.ContainsRune(" \t\n\r\f", rune(token[0])) || strings.HasPrefix(token, "--") {
			continue
		}
		switch keyword := strings.ToLower(token); {
		case before == "" && (keyword == "catalog" || keyword == "base"):
			before = keyword
			continue
		case before == "base":
			base = unquoteToken(token)
		case before == "catalog":
			at := unquoteToken(token)
			if !strings.HasPrefix(at, "/") {
				at = base + "/" + at
			}
			at = strings.TrimPrefix(path.Clean(at), "/")
			if !strings.HasPrefix(at, "usr/") && !strings.HasPrefix(at, "etc/sgml/") && !strings.HasPrefix(at, "opt/") {
				return false, nil
			}
			if fi, err := fs.Stat(fsys, at); err != nil || !fi.Mode().IsRegular() {
				return false, nil
			}
		}
		before = ""
	}
	return true, nil
}

const largestCatalog = 1 << 20

func unquoteToken(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
