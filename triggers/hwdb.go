package triggers

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	format "github.com/detinstall/detinstall/internal/hwdb"
)

// hwdb is systemd-hwdb(8), which udev's postinst runs, also when dpkg triggers it.
func hwdb() Trigger {
	return Trigger{
		Name: "hwdb",
		Doc: "systemd-hwdb --usr update compiles udev's hardware database of the files in hwdb.d, those of /etc before those of packages. " +
			"The same, byte for byte. Runs with udev alone.",
		For:   []string{"deb"},
		Reads: []string{"etc/udev/hwdb.d", "etc/udev/hwdb.d/*.hwdb", hwdbDir, hwdbDir + "/*.hwdb"},
		Owns:  []string{"usr/lib/udev/hwdb.bin"},
		Run:   makeHwdb,
	}
}

const (
	hwdbDir = "usr/lib/udev/hwdb.d"
	// largestHwdb is a bound, many times the size of any file of Debian's.
	largestHwdb = 64 << 20
)

func makeHwdb(in Input) ([]Change, error) {
	version, ok := in.runs("udev", "systemd-hwdb --usr update")
	if !ok {
		return nil, nil
	}
	major, _, _ := strings.Cut(upstream(version), ".")
	major, _, _ = strings.Cut(major, "~")
	number, err := strconv.ParseUint(major, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("version %s of udev: %w", version, err)
	}
	files, err := in.hwdbFiles()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	return []Change{file("usr/lib/udev/hwdb.bin", 0o444, format.Compile(files, number))}, nil
}

// hwdbFiles returns the files by their base names, as systemd-hwdb takes them.
func (in Input) hwdbFiles() ([]format.File, error) {
	found := map[string]format.File{}
	for _, d := range []string{"etc/udev/hwdb.d", hwdbDir} {
		entries, err := fs.ReadDir(in.FS, d)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, ok := found[e.Name()]; ok || !strings.HasSuffix(e.Name(), ".hwdb") || !e.Type().IsRegular() {
				continue
			}
			b, err := readLimited(in.FS, d+"/"+e.Name(), largestHwdb)
			if err != nil {
				return nil, err
			}
			found[e.Name()] = format.File{Name: "/" + d + "/" + e.Name(), Body: b}
		}
	}
	var out []format.File
	for _, n := range sortedKeys(found) {
		out = append(out, found[n])
	}
	return out, nil
}
