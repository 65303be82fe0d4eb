package apk

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Slots of the objects of format 3 (apk-tools' apk_adb.h).
const (
	infoName, infoVersion, infoHash, infoDescription, infoArch   = 1, 2, 3, 4, 5
	infoLicense, infoOrigin, infoMaintainer, infoURL, infoCommit = 6, 7, 8, 9, 10
	infoBuildTime, infoInstalled, infoSize, infoPriority         = 11, 12, 13, 14
	infoDepends, infoProvides, infoReplaces, infoInstallIf       = 15, 16, 17, 18
	dependencyName, dependencyVersion, dependencyMatch           = 1, 2, 3
	packageInfo, packagePaths, packageScripts, packageTriggers   = 1, 2, 3, 4
	packageReplacesPriority                                      = 5
	indexDescription, indexPackages, indexFileNames              = 1, 2, 3
	directoryName, directoryACL, directoryFiles                  = 1, 2, 3
	fileName, fileACL, fileSize, fileTime, fileHash, fileTarget  = 1, 2, 3, 4, 5, 6
	aclMode, aclUser, aclGroup, aclXattrs                        = 1, 2, 3, 4
)

// matches are the relations of a dependency: bits for equal, less, more and fuzzy, and one for a conflict.
var matches = map[uint64]string{
	0: "=", 1: "=", 2: "<", 3: "<=", 4: ">", 5: ">=", 6: "><", 7: "", 8: "~", 9: "~", 11: "<~", 13: ">~",
}

const (
	matchConflict   = 16
	maxDependencies = 1 << 20 // bytes of one list
)

// readInfo reads the object that describes a package, in an index and in the package itself.
func readInfo(o object) (*Info, error) {
	line := func(slot int) string { return oneLine(o.text(slot)) }
	i := &Info{
		Name: o.text(infoName), Version: o.text(infoVersion), Arch: o.text(infoArch),
		Description: line(infoDescription), License: line(infoLicense), Origin: line(infoOrigin), Maintainer: line(infoMaintainer),
		URL: line(infoURL), Commit: hex.EncodeToString(o.d.bytes(o.slot(infoCommit))),
		BuildTime:        o.int(infoBuildTime, "build time", maxTime),
		Installed:        o.int(infoInstalled, "installed size", 1<<61),
		Size:             o.int(infoSize, "file size", 1<<61),
		ProviderPriority: int(o.int(infoPriority, "provider priority", math.MaxInt32)),
		Depends:          readDependencies(o.object(infoDepends)),
		Provides:         readDependencies(o.object(infoProvides)),
		Replaces:         readDependencies(o.object(infoReplaces)),
		InstallIf:        readDependencies(o.object(infoInstallIf)),
	}
	if o.d.err != nil {
		return nil, o.d.err
	}
	return i, i.check()
}

// readDependencies returns a list of dependencies as the formats before this one write them.
func readDependencies(list object) string {
	var b strings.Builder
	for n := 1; n <= list.len(); n++ {
		word := readDependency(list.object(n))
		if b.WriteString(word + " "); b.Len() > maxDependencies {
			list.d.fail("more than %d bytes of dependencies", maxDependencies)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

func readDependency(o object) string {
	word, match := o.text(dependencyName), o.uint(dependencyMatch)
	sign, known := matches[match&^matchConflict]
	if !known {
		o.d.fail("dependency on %.80q: unknown relation %d", word, match)
	}
	if !goodName(word) {
		o.d.fail("malformed dependency %.80q", word)
	}
	if version := o.text(dependencyVersion); version != "" && sign != "" {
		word += sign + version
	}
	if match&matchConflict != 0 {
		word = "!" + word
	}
	if _, err := ParseDependency(word); err != nil {
		o.d.fail("%v", err)
	}
	return word
}

// oneLine makes of a text one that can stand in a line.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	return strings.TrimSpace(string(b))
}

// appendRecord appends i as a record of an APKINDEX.
func (i *Info) appendRecord(b []byte) []byte {
	b = fmt.Appendf(b, "C:%s\n", i.unique())
	for _, f := range fields {
		if text := *f.text(i); f.letter != 0 && text != "" {
			b = fmt.Appendf(b, "%c:%s\n", f.letter, text)
		}
	}
	b = fmt.Appendf(b, "S:%d\nI:%d\nt:%d\nk:%d\n", i.Size, i.Installed, i.BuildTime, i.ProviderPriority)
	return append(b, '\n')
}

// appendPkgInfo appends i as a .PKGINFO says it.
func (i *Info) appendPkgInfo(b []byte) []byte {
	for _, f := range fields {
		if text := *f.text(i); text != "" {
			b = fmt.Appendf(b, "%s = %s\n", f.key, text)
		}
	}
	return fmt.Appendf(b, "size = %d\nbuilddate = %d\nprovider_priority = %d\nreplaces_priority = %d\n",
		i.Installed, i.BuildTime, i.ProviderPriority, i.ReplacesPriority)
}

// maxTime is the last second that a file or a package may be of: in the year 36812.
const maxTime = 1 << 40
