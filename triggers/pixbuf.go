package triggers

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/modinfo"
)

// pixbuf is gdk-pixbuf-query-loaders(1), which GdkPixbuf's postinst runs, also when dpkg triggers it.
func pixbuf() Trigger {
	return Trigger{
		Name: "pixbuf",
		Doc: "gdk-pixbuf-query-loaders loads the image loaders and writes down what each says of itself. The same table, byte for byte, " +
			"of what is read in their code without running it. Runs with GdkPixbuf alone.",
		For:    []string{"deb"},
		Reads:  []string{"usr/lib/*/gdk-pixbuf-2.0/*", "usr/lib/*/gdk-pixbuf-2.0/*/loaders/**", "usr/lib/gdk-pixbuf-2.0/*/loaders/**"},
		Owns:   []string{"usr/lib/*/gdk-pixbuf-2.0/*/loaders.cache"},
		Unread: unreadModules([]string{loadersDir, loadersOldDir}, modinfo.Loader),
		Run:    makePixbuf,
	}
}

const (
	loadersDir    = "usr/lib/*/gdk-pixbuf-2.0/2.10.0/loaders"
	loadersOldDir = "usr/lib/gdk-pixbuf-2.0/2.10.0/loaders"
)

func makePixbuf(in Input) ([]Change, error) {
	version, ok := in.runs("libgdk-pixbuf-2.0-0", "gdk-pixbuf-query-loaders")
	if !ok {
		return nil, nil
	}
	names, err := modulesIn(in.FS, loadersDir)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	cache := path.Join(path.Dir(path.Dir(names[0])), "loaders.cache")
	old, err := modulesIn(in.FS, loadersOldDir)
	if err != nil {
		return nil, err
	}
	names = append(names, old...)
	slices.Sort(names)
	version, _, _ = strings.Cut(upstream(version), "+")
	b := bytes.NewBufferString("# GdkPixbuf Image Loader Modules file\n# Automatically generated file, do not edit\n" +
		"# Created by gdk-pixbuf-query-loaders from gdk-pixbuf-" + version + "\n#\n")
	for _, n := range names {
		f, ok, err := readModule(in.FS, n, modinfo.Loader)
		if err != nil {
			return nil, err
		}
		if ok {
			writeLoader(b, "/"+n, f)
		}
	}
	b.WriteByte('\n')
	return []Change{file(cache, 0o644, b.Bytes())}, nil
}

func writeLoader(b *bytes.Buffer, name string, f *modinfo.Format) {
	domain := f.Domain
	if domain == "" {
		domain = "gdk-pixbuf"
	}
	fmt.Fprintf(b, "\"%s\"\n\"%s\" %d \"%s\" \"%s\" \"%s\"\n", name, f.Name, f.Flags, domain, f.Description, f.License)
	for _, list := range [][]string{f.MIMETypes, f.Extensions} {
		for _, s := range list {
			fmt.Fprintf(b, "\"%s\" ", s)
		}
		b.WriteString("\"\"\n")
	}
	for _, p := range f.Patterns {
		fmt.Fprintf(b, "\"%s\" \"%s\" %d\n", strescape(p.Prefix), strescape(p.Mask), p.Relevance)
	}
	b.WriteByte('\n')
}

// strescape is g_strescape.
func strescape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if j := strings.IndexByte("\b\f\n\r\t\v\\\"", c); j >= 0 {
			b.WriteByte('\\')
			b.WriteByte(`bfnrtv\"`[j])
		} else if c < ' ' || c >= 0x7f {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
