package triggers

import (
	"io/fs"

	"github.com/detinstall/detinstall/pkg/tree"
)

// baseFiles is what base-files and libc-bin seed a new root with.
func baseFiles() Trigger {
	t := Trigger{
		Name: "base-files",
		Doc: "base-files makes directories, links, empty logs and first copies of configuration files, libc-bin makes nsswitch.conf. " +
			"The same from a table; a row counts where the package's own postinst names its path, so that each release gets what it has.",
		For:   []string{"deb"},
		Reads: []string{"usr/share/base-files/*", "usr/share/libc-bin/*", "etc/staff-group-for-usr-local", "etc/dpkg/origins/debian", updateInfoDir},
		Run:   makeBaseFiles,
	}
	for _, s := range seeds {
		t.Owns = append(t.Owns, s.path)
		if s.with != "" {
			t.Reads = append(t.Reads, s.with)
		}
	}
	return t
}

// seed is one path that a postinst makes if it is missing.
type seed struct {
	kind  seedKind
	path  string
	owner string
	mode  fs.FileMode
	from  string // copies: the file; links: the target
	group string // of directories and logs; "": root
	words string // what the postinst has if it makes the path
	with  string // made only where this is there
}

type seedKind int

const (
	copied    seedKind = iota // first copy of a file that the package ships elsewhere
	directory                 // mode and group as given
	local                     // directory of the local administrator's
	symlink                   // where nothing is
	migrated                  // link in the place of an empty directory
	empty                     // log that programs append to only where it is there
)

const bf = "base-files"

// seeds is the table, in the order of the postinst scripts of base-files 12.4 and 13.8 and libc-bin 2.36 and 2.41.
var seeds = []seed{
	{symlink, "etc/dpkg/origins/default", bf, 0, "debian", "", "/etc/dpkg/origins/default", "etc/dpkg/origins/debian"},
	{copied, "root/.profile", bf, 0o644, "usr/share/base-files/dot.profile", "", "/root/.profile", ""},
	{copied, "root/.bashrc", bf, 0o644, "usr/share/base-files/dot.bashrc", "", "/root/.bashrc", ""},
	{copied, "etc/profile", bf, 0o644, "usr/share/base-files/profile", "", "/etc/profile", ""},
	{copied, "etc/motd", bf, 0o644, "usr/share/base-files/motd", "", "/etc/motd", ""},
	{directory, "mnt", bf, 0o755, "", "", "install_directory mnt ", ""},
	{directory, "srv", bf, 0o755, "", "", "install_directory srv ", ""},
	{directory, "opt", bf, 0o755, "", "", "install_directory opt ", ""},
	{directory, "etc/opt", bf, 0o755, "", "", "install_directory etc/opt ", ""},
	{directory, "var/opt", bf, 0o755, "", "", "install_directory var/opt ", ""},
	{directory, "media", bf, 0o755, "", "", "install_directory media ", ""},
	{directory, "var/mail", bf, fs.ModeSetgid | 0o775, "", "mail", "install_directory var/mail ", ""},
	{symlink, "var/spool/mail", bf, 0, "../mail", "", "/var/spool/mail", ""},
	{directory, "run/lock", bf, fs.ModeSticky | 0o777, "", "", "install_directory run/lock ", ""},
	{migrated, "var/run", bf, 0, "/run", "", "migrate_directory /var/run ", ""},
	{migrated, "var/lock", bf, 0, "/run/lock", "", "migrate_directory /var/lock ", ""},
	{local, "usr/local", bf, 0o755, "", "", "install_local_dir /usr/local\n", ""},
	{local, "usr/local/share", bf, 0o755, "", "", "install_local_dir /usr/local/share\n", ""},
	{local, "usr/local/share/man", bf, 0o755, "", "", "install_local_dir /usr/local/share/man\n", ""},
	{local, "usr/local/bin", bf, 0o755, "", "", "install_local_dir /usr/local/bin\n", ""},
	{local, "usr/local/games", bf, 0o755, "", "", "install_local_dir /usr/local/games\n", ""},
	{local, "usr/local/lib", bf, 0o755, "", "", "install_local_dir /usr/local/lib\n", ""},
	{local, "usr/local/libexec", bf, 0o755, "", "", "install_local_dir /usr/local/libexec\n", ""},
	{local, "usr/local/include", bf, 0o755, "", "", "install_local_dir /usr/local/include\n", ""},
	{local, "usr/local/sbin", bf, 0o755, "", "", "install_local_dir /usr/local/sbin\n", ""},
	{local, "usr/local/src", bf, 0o755, "", "", "install_local_dir /usr/local/src\n", ""},
	{local, "usr/local/etc", bf, 0o755, "", "", "install_local_dir /usr/local/etc\n", ""},
	{symlink, "usr/local/man", bf, 0, "share/man", "", "/usr/local/man", ""},
	{empty, "var/log/wtmp", bf, 0o664, "", "utmp", "/var/log/wtmp", ""},
	{empty, "var/log/btmp", bf, 0o660, "", "utmp", "/var/log/btmp", ""},
	{empty, "var/log/lastlog", bf, 0o664, "", "utmp", "/var/log/lastlog", ""},
	{copied, "usr/share/info/dir", bf, 0o644, "usr/share/base-files/info.dir", "", "/usr/share/info/dir", "usr/share/info"},
	{symlink, "lib32", bf, 0, "usr/lib32", "", "lib32 libo32 libx32", "usr/lib32"},
	{symlink, "libo32", bf, 0, "usr/libo32", "", "lib32 libo32 libx32", "usr/libo32"},
	{symlink, "libx32", bf, 0, "usr/libx32", "", "lib32 libo32 libx32", "usr/libx32"},
	{copied, "etc/nsswitch.conf", "libc-bin", 0o644, "usr/share/libc-bin/nsswitch.conf", "", "/etc/nsswitch.conf", ""},
}

func makeBaseFiles(in Input) ([]Change, error) {
	var out []Change
	for _, s := range seeds {
		if !in.scriptedBy(s.owner, "postinst", s.words) || s.with != "" && !exists(in.FS, s.with) {
			continue
		}
		if s.path == infoMenu && exists(in.FS, updateInfoDir) {
			continue // the trigger info makes it anew
		}
		c, err := s.change(in)
		if err != nil {
			return nil, err
		}
		old, err := fs.Lstat(in.FS, s.path)
		switch {
		case err != nil:
			out = append(out, c)
		case s.kind == migrated && old.IsDir():
			c.Op = Replace
			out = append(out, c)
		case s.kind == empty:
			c.Op = Meta
			out = append(out, c)
		}
	}
	return out, nil
}

// change returns what makes s anew.
func (s seed) change(in Input) (Change, error) {
	group := tree.Root
	if s.group != "" {
		group.Name = s.group
	}
	switch s.kind {
	case copied:
		fi, err := fs.Stat(in.FS, s.from)
		if err != nil {
			return Change{}, err
		}
		n := fi.Sys().(tree.Node)
		n = tree.Node{Path: s.path, Mode: s.mode, User: n.User, Group: n.Group, Content: n.Content}
		return Change{Op: Put, Node: n}, nil
	case symlink, migrated:
		return link(s.path, s.from), nil
	case local:
		c := dir(s.path, s.mode)
		if exists(in.FS, "etc/staff-group-for-usr-local") {
			c.Node.Mode, c.Node.Group = fs.ModeDir|fs.ModeSetgid|0o775, tree.Owner{Name: "staff"}
		}
		return c, nil
	case empty:
		c := file(s.path, s.mode, nil)
		c.Node.Group = group
		return c, nil
	}
	c := dir(s.path, s.mode)
	c.Node.Group = group
	return c, nil
}
