// Package archive reads the containers that packages come in, ar and tar, under limits, and holds
// the one set of rules for what an archive's entry may be, whatever the format.
//
//	for e, err := range archive.Tar(r, archive.Limits{}) {
//		if err != nil { ... }
//		// e.Node has a clean path, e.Body its bytes
//	}
//
// The rules: a path is cleaned by [Clean]; modes have no bits but 07777; types are regular file,
// hard link, directory, symbolic link, fifo and device, and only a regular file has a body; a hard link
// names an earlier regular file of the same archive; a path comes once, but for directories that agree;
// nothing lies below what is no directory or link; every size is bounded before it is believed. What
// breaks a rule is a *tree.RefusedError.
//
// The package writes nothing, follows no link and decompresses nothing.
package archive

import (
	"fmt"
	"io"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Limits bound what an archive may make us do. Zero values mean the defaults.
type Limits struct {
	Entries int64 // default 1e6
	File    int64 // bytes in one body; default 64 GiB
	Total   int64 // bytes in all bodies; default 64 GiB
	Names   int64 // bytes of paths, link targets, owners and attributes, which stay in memory; default 256 MiB

	// Unended accepts a tar archive that stops between two entries without
	// its two blocks of zeros, as the first streams of an .apk do.
	Unended bool
}

func (l Limits) defaults() Limits {
	l.Entries = orDefault(l.Entries, 1e6)
	l.File = orDefault(l.File, 64<<30)
	l.Total = orDefault(l.Total, 64<<30)
	l.Names = orDefault(l.Names, 256<<20)
	return l
}

func orDefault(n, d int64) int64 {
	if n <= 0 {
		return d
	}
	return n
}

// Entry is one entry of an archive. Its node is as the archive has it, by the rules above, with an empty
// Content and From; a hard link carries the mode, owners, time and attributes of the file it names.
type Entry struct {
	Node tree.Node
	Size int64     // of Body
	Body io.Reader // nil unless a regular file that is no hard link; valid until the next entry

	// Pax holds the extended header records that are neither part of Node nor
	// without meaning here ("APK-TOOLS.checksum.SHA1"), in the archive's order.
	Pax []tree.Xattr
}

func refuse(what, format string, args ...any) error {
	if len(what) > 512 {
		what = what[:512] + "..."
	}
	return &tree.RefusedError{What: what, Reason: fmt.Sprintf(format, args...)}
}
