package unpack

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// show prints a merge: the tree, then what each package owns, then the notes.
func show(ps []*pkg.Unpacked, m *Merged) string {
	var out strings.Builder
	for n := range m.Tree.All() {
		if n.From == "implicit" {
			continue
		}
		fmt.Fprintf(&out, "%s %s", n.Mode, tree.Quote(n.Path))
		if n.Link != "" {
			fmt.Fprintf(&out, " -> %s", n.Link)
		}
		if b, err := n.Content.ReadAll(100); err == nil && len(b) > 0 {
			fmt.Fprintf(&out, " %q", b)
		}
		fmt.Fprintf(&out, " %s\n", strings.TrimPrefix(n.From, "deb:"))
	}
	for i, f := range m.Files {
		fmt.Fprintf(&out, "%s: %s\n", ps[i].Package.Name, strings.Join(f, " "))
	}
	for _, n := range m.Notes {
		out.WriteString("note: " + n + "\n")
	}
	return out.String()
}

func trim(s string) string {
	var lines []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

var mergeTests = []struct {
	name string
	opt  Options
	in   string
	want string
}{
	{"directories are shared, the last counts", Options{}, `
package a 1
	dir 0755 root:root .
	dir 0755 root:root usr
	file 0644 root:root usr/x "a"
package b 1
	dir 0755 root:root .
	dir 2775 root:staff usr
	file 0644 root:root usr/y "b"
`, `
	drwxr-xr-x . a=1
	dgrwxrwxr-x usr a=1
	-rw-r--r-- usr/x "a" a=1
	-rw-r--r-- usr/y "b" b=1
	a: . usr usr/x
	b: . usr usr/y
	note: /usr: deb:a=1 ships the directory as drwxr-xr-x root:root, deb:b=1 as dgrwxrwxr-x root:staff, which counts
`},
	{"directories are shared, the first counts", Options{}, `
package a 1 leaves=dirs
	dir 0755 root:root usr
	file 0644 root:root usr/x "a"
package b 1 leaves=dirs
	dir 2775 root:staff usr
	file 0644 root:root usr/y "b"
`, `
	drwxr-xr-x usr a=1
	-rw-r--r-- usr/x "a" a=1
	-rw-r--r-- usr/y "b" b=1
	a: usr usr/x
	b: usr usr/y
	note: /usr: deb:b=1 ships the directory as dgrwxrwxr-x root:staff, deb:a=1 as drwxr-xr-x root:root, which counts
`},
	{"merged /usr that no package ships", Options{MergedUsr: true}, `
package a 1
	dir 0755 root:root bin
	file 0755 root:root bin/ls "ls"
	dir 0755 root:root lib64
	link 0777 root:root lib64/ld.so -> ../lib/ld.so
	file 0755 root:root lib/ld.so "ld"
`, `
	Lrwxrwxrwx bin -> usr/bin merged-usr
	Lrwxrwxrwx lib -> usr/lib merged-usr
	Lrwxrwxrwx lib64 -> usr/lib64 merged-usr
	Lrwxrwxrwx sbin -> usr/sbin merged-usr
	drwxr-xr-x usr/bin a=1
	-rwxr-xr-x usr/bin/ls "ls" a=1
	-rwxr-xr-x usr/lib/ld.so "ld" a=1
	drwxr-xr-x usr/lib64 a=1
	Lrwxrwxrwx usr/lib64/ld.so -> ../lib/ld.so a=1
	drwxr-xr-x usr/sbin merged-usr
	a: bin bin/ls lib/ld.so lib64 lib64/ld.so
`},
	{"links of base-files stand first, wherever it is in the order", Options{}, `
package a 1
	dir 0755 root:root lib
	file 0644 root:root lib/x "x"
package base-files 13
	link 0777 root:root lib -> usr/lib
	link 0777 root:root bin -> usr/bin
	dir 0755 root:root usr/lib
`, `
	Lrwxrwxrwx bin -> usr/bin base-files=13
	Lrwxrwxrwx lib -> usr/lib base-files=13
	drwxr-xr-x usr/lib a=1
	-rw-r--r-- usr/lib/x "x" a=1
	a: lib lib/x
	base-files: bin lib usr/lib
`},
	{"not merged", Options{}, `
package a 1
	dir 0755 root:root bin
	file 0755 root:root bin/ls "ls"
	file 0755 root:root usr/bin/ls "other"
`, `
	drwxr-xr-x bin a=1
	-rwxr-xr-x bin/ls "ls" a=1
	-rwxr-xr-x usr/bin/ls "other" a=1
	a: bin bin/ls usr/bin/ls
`},
	{"the replacer is unpacked last", Options{}, `
package a 1
	file 0644 root:root x "a"
	file 0644 root:root only "a"
package b 1 replaces=a
	file 0644 root:root x "b"
`, `
	-rw-r--r-- only "a" a=1
	-rw-r--r-- x "b" b=1
	a: only
	b: x
	note: /x: of deb:b=1, which replaces it in deb:a=1 (1 paths)
`},
	{"the replacer is unpacked first", Options{}, `
package b 1 replaces=a
	file 0644 root:root x "b"
	file 0644 root:root y "b"
package a 1
	file 0644 root:root x "a"
	file 0644 root:root y "a"
	file 0644 root:root only "a"
`, `
	-rw-r--r-- only "a" a=1
	-rw-r--r-- x "b" b=1
	-rw-r--r-- y "b" b=1
	b: x y
	a: only
	note: /x: of deb:b=1, which replaces it in deb:a=1 (2 paths)
`},
	{"both replace: the later", Options{}, `
package a 1 replaces=b
	file 0644 root:root x "a"
package b 1 replaces=a
	file 0644 root:root x "b"
`, `
	-rw-r--r-- x "b" b=1
	a:
	b: x
	note: /x: of deb:b=1, which replaces it in deb:a=1 (1 paths)
`},
	{"replaces through an alias, by version", Options{MergedUsr: true, Compare: strings.Compare}, `
package a 1
	file 0644 root:root bin/x "a"
package b 1 replaces=a<<2
	file 0644 root:root usr/bin/x "b"
`, `
	Lrwxrwxrwx bin -> usr/bin merged-usr
	Lrwxrwxrwx lib -> usr/lib merged-usr
	Lrwxrwxrwx sbin -> usr/sbin merged-usr
	-rw-r--r-- usr/bin/x "b" b=1
	drwxr-xr-x usr/lib merged-usr
	drwxr-xr-x usr/sbin merged-usr
	a:
	b: usr/bin/x
	note: /usr/bin/x: of deb:b=1, which replaces it in deb:a=1 (1 paths)
`},
	{"shared between architectures", Options{}, `
package a 1 multi=same arch=amd64
	file 0644 root:root doc "d"
	hard 0644 root:root doc2 -> doc
	link 0777 root:root l -> doc
package a 1 multi=same arch=i386
	file 0644 root:root doc "d"
	file 0644 root:root doc2 "d"
	link 0777 root:root l -> doc
`, `
	-rw-r--r-- doc "d" a=1
	-rw-r--r-- doc2 -> doc a=1
	Lrwxrwxrwx l -> doc a=1
	a: doc l doc2
	a: doc doc2 l
`},
	{"diversions", Options{MergedUsr: true, Diversions: []lock.Diversion{
		{Path: "/bin/sh", To: "/bin/sh.distrib", Package: "dash"},
		{Path: "usr/man", To: "usr/man.distrib"},
	}}, `
package bash 1
	link 0777 root:root bin/sh -> bash
	hard 0644 root:root usr/hard -> usr/man
	file 0644 root:root usr/man "m"
package dash 1
	link 0777 root:root bin/sh -> dash
`, `
	Lrwxrwxrwx bin -> usr/bin merged-usr
	Lrwxrwxrwx lib -> usr/lib merged-usr
	Lrwxrwxrwx sbin -> usr/sbin merged-usr
	Lrwxrwxrwx usr/bin/sh -> dash dash=1
	Lrwxrwxrwx usr/bin/sh.distrib -> bash bash=1
	-rw-r--r-- usr/hard -> usr/man.distrib bash=1
	drwxr-xr-x usr/lib merged-usr
	-rw-r--r-- usr/man.distrib "m" bash=1
	drwxr-xr-x usr/sbin merged-usr
	bash: bin/sh usr/man usr/hard
	dash: bin/sh
`},
	{"a directory where a link stands", Options{}, `
package a 1
	link 0777 root:root opt/x -> /srv/../data/x
	dir 0750 root:root data/x
package b 1
	dir 0750 root:root opt/x
	file 0644 root:root opt/x/f "f"
`, `
	drwxr-x--- data/x a=1
	-rw-r--r-- data/x/f "f" b=1
	Lrwxrwxrwx opt/x -> /srv/../data/x a=1
	a: data/x opt/x
	b: opt/x opt/x/f
`},
	{"a link where a directory stands", Options{}, `
package a 1
	file 0644 root:root x/f "f"
package b 1
	link 0777 root:root x -> y
`, `
	-rw-r--r-- x/f "f" a=1
	a: x/f
	b: x
	note: /x: the link of deb:b=1 is left out: it is a directory of deb:a=1
`},
	{"a link out of the root stays inside", Options{}, `
package a 1
	link 0777 root:root a -> ../../../../etc
	file 0644 root:root a/b "b"
`, `
	Lrwxrwxrwx a -> ../../../../etc a=1
	-rw-r--r-- etc/b "b" a=1
	a: a a/b
`},
	{"filters", Options{Exclude: []string{"/usr/share/doc/*", "/opt*"}, Include: []string{"/usr/share/doc/*/copyright", "/opt/a/keep"}}, `
package a 1
	dir 0755 root:root usr/share/doc
	dir 0755 root:root usr/share/doc/a
	dir 0755 root:root usr/share/doc/a/examples
	file 0644 root:root usr/share/doc/a/copyright "c"
	file 0644 root:root usr/share/doc/a/changelog "c"
	link 0777 root:root usr/share/doc/b -> a
	dir 0755 root:root opt
	dir 0755 root:root opt/a
	dir 0755 root:root opt/b
	file 0644 root:root opt/a/keep "k"
	link 0777 root:root opt/l -> a
`, `
	drwxr-xr-x opt a=1
	drwxr-xr-x opt/a a=1
	-rw-r--r-- opt/a/keep "k" a=1
	drwxr-xr-x usr/share/doc a=1
	drwxr-xr-x usr/share/doc/a a=1
	-rw-r--r-- usr/share/doc/a/copyright "c" a=1
	drwxr-xr-x usr/share/doc/a/examples a=1
	Lrwxrwxrwx usr/share/doc/b -> a a=1
	a: opt opt/a opt/a/keep opt/b opt/l usr/share/doc usr/share/doc/a usr/share/doc/a/changelog usr/share/doc/a/copyright usr/share/doc/a/examples usr/share/doc/b
`},
	{"hard links whose file is filtered out or replaced", Options{Exclude: []string{"/f"}}, `
package a 1
	file 0755 root:root f "f"
	hard 0755 root:root g -> f
	hard 0755 root:root h -> f
	file 0644 root:root p "p"
	hard 0644 root:root q -> p
package b 1 replaces=a
	file 0644 root:root p "b"
`, `
	-rwxr-xr-x g "f" a=1
	-rwxr-xr-x h -> g a=1
	-rw-r--r-- p "b" b=1
	-rw-r--r-- q "p" a=1
	a: f g h q
	b: p
	note: /p: of deb:b=1, which replaces it in deb:a=1 (1 paths)
`},
	{"devices where they are allowed", Options{AllowDevices: true}, `
package a 1
	char 0666 root:root dev/null 1,3
`, `
	Dcrw-rw-rw- dev/null a=1
	a: dev/null
`},
	{"base-files' directories are kept as shipped", Options{MergedUsr: true}, `
package base-files 12
	dir 0755 root:root var/run
	dir 1777 root:root var/lock
	dir 0755 root:root usr/bin
	dir 0755 root:root usr/sbin
	dir 0755 root:root usr/lib
	link 0777 root:root etc/os-release -> ../usr/lib/os-release
`, `
	Lrwxrwxrwx bin -> usr/bin merged-usr
	Lrwxrwxrwx etc/os-release -> ../usr/lib/os-release base-files=12
	Lrwxrwxrwx lib -> usr/lib merged-usr
	Lrwxrwxrwx sbin -> usr/sbin merged-usr
	drwxr-xr-x usr/bin base-files=12
	drwxr-xr-x usr/lib base-files=12
	drwxr-xr-x usr/sbin base-files=12
	dtrwxrwxrwx var/lock base-files=12
	drwxr-xr-x var/run base-files=12
	base-files: etc/os-release usr/bin usr/lib usr/sbin var/lock var/run
`},
}

func TestMerge(t *testing.T) {
	for _, tt := range mergeTests {
		t.Run(tt.name, func(t *testing.T) {
			ps := packages(tt.in)
			m, err := Merge(ps, tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(trim(tt.want), trim(show(ps, m))); diff != "" {
				t.Error(diff)
			}
			if _, err := m.Tree.Seal(tree.Epoch(0), tree.IDs{Unknown: tree.UnknownNumber}); err != nil {
				t.Errorf("seal: %v", err)
			}
		})
	}
}
