package triggers

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

// TestDesktopOracle compares what the triggers of desktops make with roots that were really configured: $DETINSTALL_ORACLE_ROOTS/*-desktop.
func TestDesktopOracle(t *testing.T) {
	roots, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE_ROOTS"), "*-desktop"))
	if os.Getenv("DETINSTALL_ORACLE_ROOTS") == "" || len(roots) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots of desktops in $DETINSTALL_ORACLE_ROOTS")
	}
	versions := map[string]string{"bookworm-desktop": "2.2-1", "trixie-desktop": "2.4-5+b2"}
	for _, root := range roots {
		in := Input{FS: os.DirFS(root), Format: "deb"}
		for _, p := range [][3]string{
			{"shared-mime-info", versions[filepath.Base(root)], "update-mime-database"},
			{"libglib2.0-0t64", "1", "glib-compile-schemas"},
			{"desktop-file-utils", "1", "update-desktop-database"},
		} {
			in.Packages = append(in.Packages, Installed{Unpacked: &pkg.Unpacked{Package: &pkg.Package{Name: p[0], Version: p[1]},
				Scripts: []pkg.Script{{Phase: "postinst", Body: []byte(p[2])}}}})
		}
		for _, trigger := range []Trigger{mime(), gschemas(), desktop()} {
			changes, err := trigger.Run(in)
			if err != nil {
				t.Fatal(root, trigger.Name, err)
			}
			same := 0
			for _, c := range changes {
				want, err := os.ReadFile(filepath.Join(root, c.Node.Path))
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.Node.Content.ReadAll(1 << 24)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s: /%s differs", root, c.Node.Path)
					continue
				}
				same++
			}
			t.Logf("%s: %s: %d of %d paths identical", root, trigger.Name, same, len(changes))
			if same == 0 {
				t.Errorf("%s: %s makes nothing: the check checks nothing", root, trigger.Name)
			}
		}
	}
}
