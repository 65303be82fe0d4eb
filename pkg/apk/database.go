package apk

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// Entry is one package of a root as apk's database has it.
type Entry struct {
	Package *pkg.Unpacked
	Files   []string // the paths that it owns, in the order of its archive
	Arch    string   // as its index has it: a package for all architectures is listed under each; empty: its own
}

// DatabaseOptions are what the database holds besides packages.
type DatabaseOptions struct {
	Dir   string   // "lib/apk/db", or where the release's apk has it
	Arch  string   // the architecture
	World []string // what was asked for
	Epoch int64    // the time of the scripts
	// Users and Groups are the ids of names; a name that is in neither has the archive's number.
	Users, Groups map[string]uint32
}

// Database returns apk's database of a root in which the packages ps, in the order in which apk would install
// them, were installed for the first time: installed, triggers and scripts.tar in opt.Dir, and etc/apk/arch and
// world, sorted by path, owned by root and without times. As apk 2.14 does, installed is sorted by name; triggers and scripts
// are in the order of installation.
func Database(ps []Entry, opt DatabaseOptions) ([]tree.Node, error) {
	var installed, triggers, scripts []byte
	sorted := slices.Clone(ps)
	slices.SortFunc(sorted, func(a, b Entry) int { return cmp.Compare(a.Package.Package.Name, b.Package.Package.Name) })
	for _, e := range sorted {
		var err error
		if installed, err = appendInstalled(installed, e, opt); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Package.Package.Name, err)
		}
	}
	for _, e := range ps {
		info := e.Package.Package.Native.(*Info)
		if info.Triggers != "" {
			triggers = fmt.Appendf(triggers, "%s %s\n", info.Identity(), strings.Join(strings.Fields(info.Triggers), " "))
		}
		scripts = appendScripts(scripts, e, opt.Epoch)
	}
	scripts = append(scripts, make([]byte, 1024)...)
	world := slices.Clone(opt.World)
	slices.Sort(world)
	var lines []byte
	for _, w := range slices.Compact(world) {
		lines = append(lines, w+"\n"...)
	}
	nodes := []tree.Node{
		regular("etc/apk/arch", 0o644, []byte(opt.Arch+"\n")),
		regular("etc/apk/world", 0o644, lines),
		regular(opt.Dir+"/installed", 0o644, installed),
		regular(opt.Dir+"/lock", 0o600, nil),
		regular(opt.Dir+"/scripts.tar", 0o644, scripts),
		regular(opt.Dir+"/triggers", 0o644, triggers),
	}
	return nodes, nil
}

func regular(path string, perm fs.FileMode, body []byte) tree.Node {
	return tree.Node{Path: path, Mode: perm, User: tree.Root, Group: tree.Root, Content: tree.Bytes(body)}
}

// appendInstalled appends a record of the database (apk-installed): the fields of the index, then
//
//	F:etc/crontabs                        a directory
//	M:0:0:700                             its owner and mode where they are not 0:0:755
//	R:root                                a file in it
//	a:0:0:600                             its owner and mode where they are not 0:0:644; ":Q1…" and a sum of its attributes
//	Z:Q1vfk1apUWI4yLJGhhNRd0kJixfvY=      the sha1 of its bytes, or of a link's target
//
// and for a package of format 3 "f:S": its checksums are the first 160 bits of a sha256.
func appendInstalled(b []byte, e Entry, opt DatabaseOptions) ([]byte, error) {
	info := e.Package.Package.Native.(*Info)
	line := func(letter byte, text string) {
		if text != "" {
			b = fmt.Appendf(b, "%c:%s\n", letter, strings.ReplaceAll(text, "\n", " "))
		}
	}
	line('C', info.Identity())
	line('P', info.Name)
	line('V', info.Version)
	line('A', cmp.Or(e.Arch, info.Arch))
	b = fmt.Appendf(b, "S:%d\nI:%d\nT:%s\nU:%s\nL:%s\n", e.Package.Package.Size, info.Installed, info.Description, info.URL, info.License)
	line('o', info.Origin)
	line('m', info.Maintainer)
	line('t', positive(info.BuildTime))
	line('c', info.Commit)
	line('k', positive(int64(info.ProviderPriority)))
	line('D', info.Depends)
	line('p', info.Provides)
	line('i', info.InstallIf)
	line('r', info.Replaces)
	line('q', positive(int64(info.ReplacesPriority)))
	if !info.Unique.IsZero() {
		line('f', "S")
	}
	sums, err := fileSums(e.Package.Control)
	if err != nil {
		return nil, err
	}
	return append(appendFiles(b, e, opt, sums), '\n'), nil
}

func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// directory is a directory of a package with its files.
type directory struct {
	node  *tree.Node // nil: the package has files there, but not the directory itself
	files []*tree.Node
}

func appendFiles(b []byte, e Entry, opt DatabaseOptions, sums map[string]string) []byte {
	owned := map[string]bool{}
	for _, f := range e.Files {
		owned[f] = true
	}
	var order []string
	dirs := map[string]*directory{}
	at := func(name string) *directory {
		if dirs[name] == nil {
			dirs[name] = &directory{}
			order = append(order, name)
		}
		return dirs[name]
	}
	for i := range e.Package.Nodes {
		n := &e.Package.Nodes[i]
		switch {
		case !owned[n.Path] || n.Path == ".":
		case n.Mode.IsDir():
			at(n.Path).node = n
		default:
			d := at(strings.TrimPrefix(path.Dir(n.Path), "."))
			d.files = append(d.files, n)
		}
	}
	for _, name := range order {
		d := dirs[name]
		b = fmt.Appendf(b, "F:%s\n", name)
		if d.node != nil {
			b = opt.appendACL(b, 'M', d.node, 0o755)
		}
		for _, f := range d.files {
			b = fmt.Appendf(b, "R:%s\n", path.Base(f.Path))
			b = opt.appendACL(b, 'a', f, 0o644)
			if s, err := hex.DecodeString(sums[f.Path]); err == nil && len(s) > 0 {
				b = fmt.Appendf(b, "Z:Q1%s\n", base64.StdEncoding.EncodeToString(s[:min(len(s), sha1.Size)]))
			}
		}
	}
	return b
}

// appendACL appends the owner and mode of a node of the package, and a sum of its attributes, unless they are root's, usual and none. They are those that the package
// ships, with the ids that its names have here.
func (opt DatabaseOptions) appendACL(b []byte, letter byte, n *tree.Node, usual uint32) []byte {
	uid, gid, mode := id(n.User, opt.Users), id(n.Group, opt.Groups), tree.ModeBits(n.Mode)
	if uid == 0 && gid == 0 && mode == usual && len(n.Xattrs) == 0 {
		return b
	}
	b = fmt.Appendf(b, "%c:%d:%d:%o", letter, uid, gid, mode)
	if len(n.Xattrs) > 0 {
		b = append(append(b, ':'), xattrSum(n.Xattrs).String()...)
	}
	return append(b, '\n')
}

// xattrSum is the sha1 of names and values, each after its length.
func xattrSum(xattrs []tree.Xattr) (c Checksum) {
	h := sha1.New()
	for _, x := range xattrs {
		for _, s := range []string{x.Name, x.Value} {
			h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
			h.Write([]byte(s))
		}
	}
	h.Sum(c[:0])
	return c
}

func id(o tree.Owner, ids map[string]uint32) uint32 {
	if o.Name == "root" {
		return 0
	}
	if n, ok := ids[o.Name]; ok && o.Name != "" {
		return n
	}
	return o.ID
}

// fileSums reads the checksums of files that reading the archive left behind.
func fileSums(control fs.FS) (map[string]string, error) {
	b, err := fs.ReadFile(control, sumsFile)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	_, rest, _ := bytes.Cut(b, []byte("\n"))
	for line := range strings.Lines(string(rest)) {
		sum, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		path, err := tree.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sumsFile, err)
		}
		sums[path] = sum
	}
	return sums, nil
}

// databasePhases are the scripts in the order of the database.
var databasePhases = []string{".pre-install", ".post-install", ".pre-deinstall", ".post-deinstall", ".pre-upgrade", ".post-upgrade", ".trigger"}

// appendScripts appends the scripts of a package to a tar archive, each called NAME-VERSION.CHECKSUM.PHASE, with the
// header as apk writes it: GNU tar's old form, sizes and times of twelve digits without an end.
func appendScripts(b []byte, e Entry, epoch int64) []byte {
	info := e.Package.Package.Native.(*Info)
	for _, phase := range databasePhases {
		for _, s := range e.Package.Scripts {
			if string(s.Phase) != phase {
				continue
			}
			var h [512]byte
			// As apk does with a name that is too long for the header: it is cut.
			copy(h[:100], info.Name+"-"+info.Version+"."+info.Identity()+phase)
			copy(h[100:], fmt.Sprintf("%07o\x00%07o\x00%07o\x00%012o%012o        0", 0o755, 0, 0, len(s.Body), epoch))
			copy(h[257:], "ustar  \x00root")
			copy(h[297:], "root")
			sum := 0
			for _, c := range h {
				sum += int(c)
			}
			copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
			b = append(append(b, h[:]...), s.Body...)
			b = append(b, make([]byte, -len(s.Body)&511)...)
		}
	}
	return b
}
