package triggers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

// madeByFiles are the paths that the triggers make from files, as patterns.
var madeByFiles = []string{
	"etc/ld.so.cache", "etc/ca-certificates.conf", "etc/ssl/certs/*", "etc/ssl/certs/java/cacerts", "usr/local/share/ca-certificates",
	dictCache + "/*", "etc/dictionaries-common/ispell-default",
	"usr/lib/*/gdk-pixbuf-2.0/2.10.0/loaders.cache", "usr/lib/*/gio/modules/giomodule.cache", "usr/lib/*/gtk-3.0/3.0.0/immodules.cache",
}

// foreign are paths among them that others make.
var foreign = []string{"etc/ssl/certs/java", "etc/ssl/certs/ssl-cert-snakeoil.pem"}

// TestFromFiles takes what the triggers make out of really configured roots, $DETINSTALL_ORACLE/*, makes it anew
// and compares. The Java key store, which holds dates, is compared by its entries.
func TestFromFiles(t *testing.T) {
	statuses, _ := filepath.Glob(filepath.Join(os.Getenv("DETINSTALL_ORACLE"), "*", "var/lib/dpkg/status"))
	if os.Getenv("DETINSTALL_ORACLE") == "" || len(statuses) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE")
	}
	for _, s := range statuses {
		root := strings.TrimSuffix(s, "/var/lib/dpkg/status")
		t.Run(filepath.Base(root), func(t *testing.T) { remake(t, root) })
	}
}

func remake(t *testing.T, root string) {
	want, err := tree.FromDir(root)
	if err != nil {
		t.Fatal(err)
	}
	got, owned := tree.New(), patterns(madeByFiles)
	var made []tree.Node
	for n := range want.All() {
		key := strings.HasPrefix(n.Link, "ssl-cert-snakeoil") // made from a key: a link of ssl-cert's
		if matchAny(owned, n.Path) && !slices.Contains(foreign, n.Path) && !key {
			made = append(made, n)
			continue
		}
		if err := got.Set(n); err != nil {
			t.Fatal(err)
		}
	}
	in := Input{Format: "deb", Arch: "amd64", Lock: &lock.File{Epoch: 1750000000}}
	in.Packages = scriptsOf(t, root, "ca-certificates", "libgdk-pixbuf-2.0-0", "libglib2.0-0", "libglib2.0-0t64", "libgtk-3-0", "libgtk-3-0t64")
	applied, err := apply([]Trigger{ldconfig(), caCertificates(), javaCacerts(), dictionaries(), pixbuf(), gioModules(), gtkModules()}, got, in)
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, a := range applied {
		ours[a.Path] = true
	}
	same := 0
	for _, n := range made {
		o, ok := got.Get(n.Path)
		if !ok {
			t.Errorf("/%s is missing", n.Path)
			continue
		}
		delete(ours, n.Path)
		equal := o.Mode == n.Mode && o.Link == n.Link && o.Content.Equal(n.Content) && n.User.ID == 0 && n.Group.ID == 0
		if path.Base(n.Path) == "cacerts" {
			equal = slices.Equal(storeEntries(t, o), storeEntries(t, n))
		}
		if !equal {
			t.Errorf("/%s differs", n.Path)
			continue
		}
		same++
	}
	for p := range ours {
		t.Errorf("/%s is not there", p)
	}
	t.Logf("%d paths identical", same)
	if same == 0 {
		t.Error("nothing was compared: the check checks nothing")
	}
}

// scriptsOf returns the packages of names that a root has, with their postinst.
func scriptsOf(t *testing.T, root string, names ...string) (ps []Installed) {
	t.Helper()
	status, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		t.Fatal(err)
	}
	for stanza := range strings.SplitSeq(string(status), "\n\n") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(stanza, "Package: "), "\n")
		_, version, _ := strings.Cut(rest, "\nVersion: ")
		version, _, _ = strings.Cut(version, "\n")
		files, _ := filepath.Glob(filepath.Join(root, "var/lib/dpkg/info", name) + "[.:]*postinst")
		if !slices.Contains(names, name) || len(files) == 0 {
			continue
		}
		body, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, Installed{Unpacked: &pkg.Unpacked{Package: &pkg.Package{Name: name, Version: version},
			Scripts: []pkg.Script{{Phase: "postinst", Body: body}}}})
	}
	return ps
}

// storeEntries returns alias and digest of the entries of a Java key store, sorted.
func storeEntries(t *testing.T, n tree.Node) (entries []string) {
	t.Helper()
	b, err := n.Content.ReadAll(1 << 24)
	if err != nil || !bytes.HasPrefix(b, []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02")) {
		t.Fatal("no Java key store", err)
	}
	count := binary.BigEndian.Uint32(b[8:])
	b = b[12:]
	take := func(n int) []byte {
		taken := b[:n]
		b = b[n:]
		return taken
	}
	for range count {
		take(4)
		alias := take(int(binary.BigEndian.Uint16(take(2))))
		take(8 + 2 + len("X.509"))
		der := take(int(binary.BigEndian.Uint32(take(4))))
		entries = append(entries, fmt.Sprintf("%s %s", alias, tree.Sum(der)))
	}
	slices.Sort(entries)
	return entries
}
