package iconcache_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/detinstall/detinstall/internal/iconcache"
)

// TestOracle compares with the caches of really configured roots.
func TestOracle(t *testing.T) {
	dir := os.Getenv("DETINSTALL_ORACLE")
	caches, _ := filepath.Glob(filepath.Join(dir, "*", "usr/share/icons/*/icon-theme.cache"))
	if dir == "" || len(caches) == 0 {
		t.Skip("SKIPPED, NOT CHECKED: no really configured roots in $DETINSTALL_ORACLE")
	}
	for _, c := range caches {
		want, err := os.ReadFile(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := iconcache.Make(os.DirFS(filepath.Dir(c)), ".")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes differ from the program's %d", c, len(got), len(want))
		} else {
			t.Logf("%s: %d bytes", c, len(got))
		}
	}
}

// random makes a theme of n files with few names, so that they meet: links, directories by links, .icon files.
func random(t *testing.T, r *rand.Rand, n int) string {
	t.Helper()
	dir := t.TempDir()
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	must := func(err error) {
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
	}
	write("index.theme", "[Icon Theme]\n")
	write("top.png", "")
	for range n {
		sub := pick("16x16", "22x22@2", "scalable") + "/" + pick("apps", "places", "apps/deep", "status")
		name := sub + "/" + pick("C", "folder", "sr@Latn", "a.b", "go-next", "x"+strconv.Itoa(r.IntN(n)))
		switch r.IntN(8) {
		case 0:
			write(name+".icon", icon(r, pick))
		case 1:
			must(os.MkdirAll(filepath.Join(dir, sub), 0o755))
			suffix := pick(".png", ".icon") // a .icon file without its group crashes the program
			must(os.Symlink(pick("folder", "C", "gone")+suffix, filepath.Join(dir, name)+suffix))
		case 2:
			must(os.Symlink("16x16", filepath.Join(dir, "linked")))
		default:
			write(name+pick(".png", ".svg", ".xpm", ".txt"), "")
		}
	}
	return dir
}

// icon is a .icon file with some of what one can say.
func icon(r *rand.Rand, pick func(...string) string) string {
	text := "# text\n\n[Other]\nDisplayName=no\n[Icon Data]\n"
	if r.IntN(2) == 0 {
		text += "EmbeddedTextRectangle=" + pick("4,5,40,41", "1,2,3,4,", "1,2,3", "1,x,3,4") + "\n"
	}
	if r.IntN(2) == 0 {
		text += "AttachPoints=" + pick("4,5", "4,5|40,-1|7, 8") + "\n"
	}
	if r.IntN(2) == 0 {
		text += "DisplayName=" + pick("Folder", "C", `a\sb`) + "\nDisplayName[de]=" + pick("Ordner", "folder") + "\nDisplayName[sr@Latn]=C\n"
	}
	return text
}

// TestProgram compares with this machine's program.
func TestProgram(t *testing.T) {
	program, err := exec.LookPath("gtk-update-icon-cache")
	if err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no gtk-update-icon-cache")
	}
	made := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		dir := random(t, r, 1+int(seed)*7)
		if seed%10 == 9 { // a name that the program refuses
			if err := os.WriteFile(filepath.Join(dir, "16x16/apps/"+[]string{"é", "a b", strings.Repeat("x", 200)}[seed/10%3]+".png"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := iconcache.Make(os.DirFS(dir), ".")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "-q", "-f", dir).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "cache was invalid") {
			t.Fatalf("%v\n%s", err, out)
		}
		want, err := os.ReadFile(filepath.Join(dir, "icon-theme.cache"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) || (got == nil) != (err != nil) {
			t.Fatalf("seed %d: ours is of %d bytes, the program's of %d", seed, len(got), len(want))
		}
		if bytes.Contains(got, []byte("Ordner")) {
			made++
		}
	}
	if made < 20 {
		t.Errorf("only %d caches with what .icon files say: the check checks nothing", made)
	}
}

// TestHostile: what cannot be a theme's comes to an error or to nothing.
func TestHostile(t *testing.T) {
	big := fstest.MapFS{"t/a/x.icon": {Data: make([]byte, 2<<20)}, "t/a/x.png": {}}
	if _, err := iconcache.Make(big, "t"); err == nil {
		t.Error("a large .icon file is read")
	}
	if b, err := iconcache.Make(fstest.MapFS{"t/x.png": {}, "t/a/x.icon": {}}, "t"); b != nil || err != nil {
		t.Error("a cache of no icons", b, err)
	}
	if b, err := iconcache.Make(fstest.MapFS{}, "t"); b != nil || err != nil {
		t.Error("a cache of no directory", b, err)
	}
}

func FuzzIcon(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		f.Add(icon(r, func(s ...string) string { return s[r.IntN(len(s))] }))
	}
	f.Fuzz(func(t *testing.T, text string) {
		theme := fstest.MapFS{"t/a/x.icon": {Data: []byte(text)}, "t/a/x.png": {}, "t/b/x.icon": {Data: []byte(text)}, "t/b/x.svg": {}}
		b, err := iconcache.Make(theme, "t")
		if err != nil || b != nil && (len(b) < 80 || len(b)%4 != 0) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}
