package triggers

import (
	"io/fs"
	"strings"

	apkformat "github.com/detinstall/detinstall/pkg/apk"
	"github.com/detinstall/detinstall/pkg/tree"
)

// apk is apk's own bookkeeping.
func apk() Trigger {
	return Trigger{
		Name: "apk",
		Doc: "apk records every package that it installs, keeps its scripts, and the world that was asked for. The same database, " +
			"with the ids that the names have in this root and the scripts at the epoch, and the repositories that packages came from. " +
			"apk makes /proc for them, which nobody may write.",
		For:   []string{"apk"},
		Reads: []string{"etc/passwd", "etc/group", "lib", "usr/lib", "etc", "var", "var/cache", "proc"},
		Owns: []string{"etc", "etc/apk", "etc/apk/*", "lib", "lib/apk", "lib/apk/**", "usr", "usr/lib", "usr/lib/apk", "usr/lib/apk/**",
			"var", "var/cache", "var/cache/apk", "proc"},
		Run: makeAPK,
	}
}

// apkDatabase is where apk keeps its database; where /lib is a link it lies in /usr/lib.
const apkDatabase = "lib/apk/db"

func makeAPK(in Input) ([]Change, error) {
	if len(in.Packages) == 0 {
		return nil, nil
	}
	ids, err := Accounts(in.FS)
	if err != nil {
		return nil, err
	}
	opt := apkformat.DatabaseOptions{Dir: apkDatabase, Arch: in.Arch, Epoch: in.Lock.Epoch, Users: ids.Users, Groups: ids.Groups}
	listed := map[string]string{} // the architecture by the package's name
	for _, a := range in.Lock.Arches {
		for _, p := range a.Packages {
			if a.Name == in.Arch {
				listed[p.Name] = p.Arch
			}
		}
	}
	var entries []apkformat.Entry
	for _, p := range in.Packages {
		entries = append(entries, apkformat.Entry{Package: p.Unpacked, Files: p.Files, Arch: listed[p.Package.Name]})
		if p.Requested {
			opt.World = append(opt.World, p.Package.Name)
		}
	}
	nodes, err := apkformat.Database(entries, opt)
	if err != nil {
		return nil, err
	}
	out := []Change{proc(in.FS)}
	for _, d := range []struct {
		path string
		mode fs.FileMode
	}{{"etc", 0o755}, {"etc/apk", 0o755}, {"lib", 0o755}, {"lib/apk", 0o755}, {"lib/apk/db", 0o755}, {"lib/apk/exec", 0o700},
		{"var", 0o755}, {"var/cache", 0o755}, {"var/cache/apk", 0o755}} {
		if !exists(in.FS, d.path) {
			out = append(out, dir(d.path, d.mode))
		}
	}
	if repos := repositories(in); len(repos) > 0 {
		nodes = append(nodes, tree.Node{Path: "etc/apk/repositories", Mode: 0o644, User: tree.Root, Group: tree.Root, Content: tree.Bytes(repos)})
	}
	for _, n := range nodes {
		// A package may ship configuration. One that ships the database is in conflict with whoever writes it.
		if strings.HasPrefix(n.Path, apkDatabase+"/") || !exists(in.FS, n.Path) {
			out = append(out, Change{Op: Put, Node: n})
		}
	}
	return out, nil
}

// proc is /proc as apk makes it before it unpacks anything; what a package then says of it does not count.
func proc(root fs.FS) Change {
	c := dir("proc", 0o555)
	if exists(root, c.Node.Path) {
		c.Op = Meta
	}
	return c
}

// repositories returns the file of that name: a line for each source that anybody else could use too.
func repositories(in Input) []byte {
	var b strings.Builder
	for _, s := range in.Lock.Sources {
		if !strings.HasPrefix(s.Base, "http://") && !strings.HasPrefix(s.Base, "https://") {
			continue
		}
		if tag, _, ok := strings.Cut(s.ID, " "); ok && strings.HasPrefix(tag, "@") {
			b.WriteString(tag + " ")
		}
		b.WriteString(strings.TrimSuffix(s.Base+"/"+strings.Trim(s.Suite, "./"), "/") + "\n")
	}
	return []byte(b.String())
}
