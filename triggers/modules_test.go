package triggers

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/internal/modinfo"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// TestUnread: what cannot be read of modules is a leftover of the script that asks for the table; what is no module is not.
func TestUnread(t *testing.T) {
	fsys := fstest.MapFS{"m/a.so": {Data: []byte("bad")}, "m/b.so": {Data: []byte("none")}, "m/c.so": {Data: []byte("good")}, "m/d": {Data: []byte("bad")}}
	got := unreadModules([]string{"m", "n"}, func(b []byte) (int, error) {
		return 0, map[string]error{"bad": errors.New("a call of what is not known"), "none": modinfo.ErrNone}[string(b)]
	})(fsys)
	if d := cmp.Diff([]string{"what /m/a.so says of itself: a call of what is not known"}, got); d != "" {
		t.Error(d)
	}
	w := World("deb")
	root := tree.New()
	for _, n := range []string{"usr/lib/x/gio/modules/liba.so", "usr/lib/x/glib-2.0/gio-querymodules"} {
		// An ELF file for another machine.
		if err := root.Put(tree.Node{Path: n, Mode: 0o755, Content: tree.Bytes([]byte("\x7fELF\x01\x01\x01" + strings.Repeat("\x00", 9) + "\x03\x00\x28\x00\x01" + strings.Repeat("\x00", 31)))}); err != nil {
			t.Fatal(err)
		}
	}
	w.FS, w.Arch, w.Compare = root.FS(), "armhf", strings.Compare
	ps := []*pkg.Unpacked{{Package: &pkg.Package{Name: "libglib2.0-0t64", Version: "1", Arch: "armhf"}, Scripts: []pkg.Script{{Phase: "postinst", Interpreter: "/bin/sh",
		Body: []byte("/usr/lib/x/glib-2.0/gio-querymodules /usr/lib/x/gio/modules || true\n")}}}}
	r := hooks.Read(ps, w).Readings[0]
	if r.Verdict() != hooks.Pending || !strings.Contains(r.Pending[0].Reason, "a module for EM_ARM") {
		t.Errorf("%+v", r.Pending)
	}
}
