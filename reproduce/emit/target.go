package emit

import (
	"fmt"
	"regexp"
	"strings"
)

// Kind is a form of output.
type Kind string

// The forms of output.
const (
	KindDir    Kind = "dir"
	KindTar    Kind = "tar"
	KindTarGz  Kind = "tar.gz"
	KindTarZst Kind = "tar.zst"
	KindOCI    Kind = "oci"
	KindCpio   Kind = "cpio"
	KindStdout Kind = "stdout" // a tar
)

// Target says what to write, and where.
type Target struct {
	Kind Kind
	Path string // "-" for KindStdout
	Tag  string // KindOCI only
}

// suffixes are the names that mean a file; any other name means a directory. A kind of ""
// is what users may expect and we do not have: better refused than taken for a directory.
var suffixes = []struct {
	suffix string
	kind   Kind
}{
	{".tar", KindTar},
	{".tar.gz", KindTarGz},
	{".tgz", KindTarGz},
	{".tar.zst", KindTarZst},
	{".cpio", KindCpio},
	{".tar.xz", ""}, {".txz", ""}, {".tar.bz2", ""}, {".tar.lz4", ""}, {".cpio.gz", ""}, {".cpio.zst", ""}, {".cpio.xz", ""},
	{".squashfs", ""}, {".erofs", ""}, {".ext4", ""}, {".zip", ""}, {".iso", ""}, {".img", ""},
}

// tagRule is what the OCI distribution specification allows as a tag.
var tagRule = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Parse reads the value of -o: "-", "oci:DIR[:TAG]" (TAG is "latest" where there is
// none), a name that ends in .tar, .tar.gz, .tgz, .tar.zst or .cpio, or a directory. A name
// that ends in a slash is a directory. Errors are *OutputError.
func Parse(out string) (Target, error) {
	switch {
	case out == "":
		return Target{}, &OutputError{Path: out, Reason: "no output named"}
	case strings.IndexByte(out, 0) >= 0:
		return Target{}, &OutputError{Path: out, Reason: "name holds a NUL byte"}
	case out == "-":
		return Target{Kind: KindStdout, Path: out}, nil
	case strings.HasPrefix(out, "oci:"):
		return parseOCI(out)
	}
	for _, s := range suffixes {
		if len(out) > len(s.suffix) && strings.HasSuffix(out, s.suffix) {
			if s.kind == "" {
				return Target{}, &OutputError{Path: out, Reason: "no such form of output: " + s.suffix + "; a directory of that name ends in a slash"}
			}
			return Target{Kind: s.kind, Path: out}, nil
		}
	}
	return Target{Kind: KindDir, Path: out}, nil
}

// parseOCI reads oci:DIR[:TAG]. A colon before the last slash belongs to DIR.
func parseOCI(out string) (Target, error) {
	dir, tag := strings.TrimPrefix(out, "oci:"), "latest"
	if i := strings.LastIndexByte(dir, ':'); i >= 0 && !strings.Contains(dir[i:], "/") {
		dir, tag = dir[:i], dir[i+1:]
	}
	if dir == "" {
		return Target{}, &OutputError{Path: out, Reason: "want oci:DIR[:TAG]"}
	}
	if !tagRule.MatchString(tag) {
		return Target{}, &OutputError{Path: out, Reason: fmt.Sprintf("tag %q: want letters, digits and ._-, at most 128", tag)}
	}
	return Target{Kind: KindOCI, Path: dir, Tag: tag}, nil
}

// isDir reports whether the target is published as a directory.
func (t Target) isDir() bool { return t.Kind == KindDir || t.Kind == KindOCI }
