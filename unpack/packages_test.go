package unpack

import (
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
)

// multi is the native record of a package that says Multi-Arch.
type multi string

func (m multi) MultiArch() string { return string(m) }

// leaving is the native record of a package whose ecosystem leaves directories as they are.
type leaving struct{}

func (leaving) LeavesDirectories() bool { return true }

// packages reads packages from text: "package NAME VERSION [arch=A] [multi=M] [leaves=dirs] [replaces=N[<<V]]...", each followed
// by its tree in the words of treetest. Entries are in canonical order, hard links last.
func packages(text string) []*pkg.Unpacked {
	var ps []*pkg.Unpacked
	for part := range strings.SplitSeq("\n"+text, "\npackage ") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		head, body, _ := strings.Cut(part, "\n")
		f := strings.Fields(head)
		p := &pkg.Package{Format: "deb", Name: f[0], Version: f[1], Arch: "amd64"}
		rel := &pkg.Relations{}
		for _, kv := range f[2:] {
			k, v, _ := strings.Cut(kv, "=")
			switch k {
			case "arch":
				p.Arch = v
			case "multi":
				p.Native = multi(v)
			case "leaves":
				p.Native = leaving{}
			case "replaces":
				name, version, versioned := strings.Cut(v, "<<")
				l := pkg.Literal{Name: name}
				if versioned {
					l.Op, l.Version = pkg.Less, version
				}
				rel.Replaces = append(rel.Replaces, l)
			default:
				panic(kv)
			}
		}
		p.Parse = func() *pkg.Relations { return rel }
		u := &pkg.Unpacked{Package: p}
		for n := range treetest.Parse(body).All() {
			if n.From != "implicit" {
				u.Nodes = append(u.Nodes, n)
			}
		}
		slices.SortStableFunc(u.Nodes, func(a, b tree.Node) int {
			return map[bool]int{true: 1}[a.IsHardLink()] - map[bool]int{true: 1}[b.IsHardLink()]
		})
		ps = append(ps, u)
	}
	return ps
}
