package hooks

import (
	"slices"

	"github.com/detinstall/detinstall/pkg"
)

// Kind is a kind of duty.
type Kind string

// The kinds of duties, sorted, with their Args by position. An Arg that is not
// known to matter is empty: a mode that stays, an id that is to be allocated.
const (
	Alternative  Kind = "alternative"  // link, name, path, priority; Slaves
	Capability   Kind = "capability"   // path, capabilities as setcap(8) spells them
	Debconf      Kind = "debconf"      // "": the script starts debconf; or question, template ("": its name), flags ("seen,…"), and the answer if there is one; Slaves: variables
	Directory    Kind = "directory"    // path, mode (octal), user, group: made unless it is there
	Diversion    Kind = "diversion"    // path, to, package
	Edit         Kind = "edit"         // path, mode, user, group; Body: what all scripts together make of a file that a package ships
	File         Kind = "file"         // path, mode, user, group; Body: what all scripts together leave there
	Group        Kind = "group"        // name, gid, "system" or "user"
	IconCache    Kind = "iconcache"    // directory of a theme
	Link         Kind = "link"         // path, target
	Member       Kind = "member"       // user, group
	Meta         Kind = "meta"         // path, mode, user, group: of a path that is there
	PHPModule    Kind = "phpmodule"    // version, interpreter (SAPI) or "ALL", module
	Shell        Kind = "shell"        // path of a login shell
	Statoverride Kind = "statoverride" // user, group, mode, path: the record; a Meta comes with it
	Sysusers     Kind = "sysusers"     // configuration files by name; none: all
	SysV         Kind = "sysv"         // script, action of update-rc.d(8), runlevels to enable or disable it in
	Tmpfiles     Kind = "tmpfiles"     // configuration files by name; none: all
	Ucf          Kind = "ucf"          // path, package, md5 of what was offered, "three-way" or "", mode of what was offered; Body: what was offered. The file is a File
	Unit         Kind = "unit"         // action of deb-systemd-helper ("enable"), or of systemctl with its name ("systemctl enable"); unit; "system" or "user"
	User         Kind = "user"         // name, uid, group, home, shell, comment, "system" or "user", "" (a home directory is a Directory of its own)
	XFonts       Kind = "xfonts"       // "alias", "dir" or "scale"; directory
	XMLCatalog   Kind = "xmlcatalog"   // catalog, what the entry is for, where it leads
)

// Duty is something that a script wants and a trigger does.
type Duty struct {
	Kind    Kind
	Package string
	Phase   pkg.Phase
	Line    int // in the script, from 1
	Args    []string
	Slaves  [][]string // alternatives: link, name, path each
	Body    []byte     // files
	By      []Source   // the other lines of scripts that the duty is the sum of
}

// Sources returns the lines of scripts that the duty comes of, its own last.
func (d Duty) Sources() []Source {
	return append(slices.Clone(d.By), Source{d.Package, d.Phase, d.Line})
}

// Owns returns the paths that the duty makes or changes, as the script spells them. What a kind makes besides
// in places of its own (etc/alternatives) is for its trigger to declare.
func (d Duty) Owns() []string {
	switch d.Kind {
	case Capability, Directory, Edit, File, Link, Meta, XMLCatalog:
		return d.Args[:1]
	case XFonts:
		if d.Args[0] == "dir" {
			return []string{d.Args[1] + "/fonts.dir", d.Args[1] + "/encodings.dir"}
		}
		return []string{d.Args[1] + "/fonts." + d.Args[0]}
	case IconCache:
		return []string{d.Args[0] + "/icon-theme.cache"}
	case Alternative:
		owned := []string{d.Args[0]}
		for _, s := range d.Slaves {
			owned = append(owned, s[0])
		}
		return owned
	}
	return nil
}

// Reads returns the paths that the duty looks at, as the script spells them.
func (d Duty) Reads() []string {
	if d.Kind != Alternative {
		return nil
	}
	read := []string{d.Args[2]}
	for _, s := range d.Slaves {
		read = append(read, s[2])
	}
	return read
}
