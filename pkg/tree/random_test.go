package tree_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"golang.org/x/sys/unix"
)

const capability = "\x01\x00\x00\x02\x00 \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// dice makes random trees of what is likely to go wrong.
type dice struct{ *rand.Rand }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

func (d dice) name() string {
	const odd = "-+!.~ \n\\=%'\"\x01\x7f\x80\xff"
	size := pick(d, 1, 1, 2, 3, 8, 8, 8, 40, d.IntN(255)+1, 93+d.IntN(10))
	b := make([]byte, size)
	for i := range b {
		switch d.IntN(12) {
		case 0:
			b[i] = odd[d.IntN(len(odd))]
		case 1:
			b[i] = 'A'
		default:
			b[i] = byte('a' + d.IntN(3))
		}
	}
	if s := string(b); s != "." && s != ".." {
		return s
	}
	return "dots"
}

func (d dice) owner() tree.Owner {
	return tree.Owner{ID: pick[uint32](d, 0, 0, 0, 1, 42, 65534, 2097151, 2097152, 3000000, 1<<31, 1<<32-2)}
}

func (d dice) target() string {
	if d.IntN(2) == 0 {
		return strings.Repeat(d.name()+"/", d.IntN(4)+1)
	}
	return d.name()
}

func (d dice) node(files []string) tree.Node {
	n := tree.Node{
		User: d.owner(), Group: d.owner(),
		Mode:    fs.FileMode(d.IntN(0o1000)) | pick(d, 0, 0, 0, fs.ModeSetuid, fs.ModeSetgid, fs.ModeSticky),
		ModTime: tree.Epoch(pick(d, 0, -5, 1, 1500000000, d.Int64N(1<<33), 1<<40)),
	}
	if d.IntN(5) == 0 {
		n.Xattrs = []tree.Xattr{{
			Name: "user." + strings.ReplaceAll(d.name()[:1], "\x00", "_") + pick(d, "", "=", "%", "é"), Value: string(d.body(d.IntN(70)))}}
	}
	switch d.IntN(9) {
	case 0, 1:
		n.Mode |= fs.ModeDir
		return n
	case 2:
		n.Mode, n.Link, n.Xattrs = fs.ModeSymlink, d.target(), nil
		return n
	case 3:
		if len(files) > 0 {
			n.Link = pick(d, files...)
			return n
		}
	case 4:
		n.Mode, n.Xattrs = n.Mode|fs.ModeNamedPipe, nil
		return n
	case 5:
		n.Mode, n.Xattrs = n.Mode|pick(d, fs.ModeDevice, fs.ModeDevice|fs.ModeCharDevice), nil
		// 0,0 as a character device is overlayfs's whiteout, which not every file system takes.
		n.Major, n.Minor = uint32(d.IntN(4095)+1), uint32(d.IntN(1<<20))
		return n
	}
	if d.IntN(8) == 0 {
		n.Xattrs = []tree.Xattr{{Name: "security.capability", Value: capability}}
	}
	n.Content = tree.Bytes(d.body(pick(d, 0, 1, 511, 512, 513, 5000, d.IntN(300000))))
	return n
}

func (d dice) body(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(d.Uint32())
	}
	return b
}

func (d dice) tree(t testing.TB, size int) *tree.Tree {
	tr := tree.New()
	dirs, files := []string{"."}, []string{}
	for tr.Len() < size {
		n := d.node(files)
		n.Path = strings.TrimPrefix(pick(d, dirs...)+"/"+d.name(), "./")
		if _, taken := tr.Get(n.Path); taken {
			continue
		}
		if err := tr.Put(n); err != nil {
			t.Fatal(err)
		}
		switch {
		case n.Mode.IsDir() && len(n.Path) < 2500:
			dirs = append(dirs, n.Path)
		case n.Mode.IsRegular():
			files = append(files, n.Path)
		}
	}
	return tr
}

func TestRandomAgainstTar(t *testing.T) {
	needTar(t)
	for seed := range uint64(12) {
		d := dice{rand.New(rand.NewPCG(seed, 1))}
		s := seal(t, d.tree(t, 150), 1_700_000_000)
		dir := t.TempDir()
		materialize(t, s, dir)
		want := gnuTar(t, dir)
		what := fmt.Sprint("seed ", seed)
		sameTar(t, what, writeTar(t, s), want)

		got, err := tree.FromDir(dir)
		if err != nil {
			t.Fatal(what, err)
		}
		sameTar(t, what+" FromDir", writeTar(t, got), want)
		if got, err = fromTar(want); err != nil {
			t.Fatal(what, err)
		}
		sameTar(t, what+" FromTar", writeTar(t, got), want)

		// Times that Seal would never leave.
		for n := range s.All() {
			ts := unix.NsecToTimespec(pick(d, 0, 1, -1, 999999999, 1500000000, -250000000, d.Int64N(1<<62)))
			if err := unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(dir, n.Path), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				t.Fatal(what, err)
			}
		}
		want = gnuTar(t, dir)
		if got, err = tree.FromDir(dir); err != nil {
			t.Fatal(what, err)
		}
		sameTar(t, what+" odd times", writeTar(t, got), want)
		back, err := tree.ParseManifest(strings.NewReader(manifest(t, got)))
		if err != nil || manifest(t, back) != manifest(t, got) {
			t.Errorf("%s: manifest: %v", what, err)
		}
	}
}

// TestOrderOfPuts holds that nothing but the set of nodes matters.
func TestOrderOfPuts(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(1, 2))}
	tr := d.tree(t, 500)
	all := slices.Collect(tr.All())
	if !slices.IsSortedFunc(all, func(a, b tree.Node) int { return tree.Compare(a.Path, b.Path) }) {
		t.Error("All is not in canonical order")
	}
	want, err := seal(t, tr, 1_700_000_000).Digest()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		again := tree.New()
		for _, n := range all {
			if err := again.Put(n); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := seal(t, again, 1_700_000_000).Digest(); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

// TestSparseHeader compares the header of a file over 8 GiB, which nobody needs to read for it.
func TestSparseHeader(t *testing.T) {
	needTar(t)
	const size = 1<<33 + 5
	dir := t.TempDir()
	if err := unix.Truncate(touch(t, dir+"/big"), size); err != nil {
		t.Skip("SKIPPED: the file system has no files of 8 GiB: ", err)
	}
	ts := []unix.Timespec{{Sec: 1_700_000_000}, {Sec: 1_700_000_000}}
	for _, p := range []string{"/big", ""} {
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, dir+p, ts, 0); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-c", `tar -b1 --sort=name --format=posix --numeric-owner \
		--pax-option=exthdr.name=%d/PaxHeaders.0/%f,delete=atime,delete=ctime -cf - . 2>/dev/null | head -c 2048`)
	cmd.Dir = dir
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	tr := tree.New()
	n := file("big", "")
	n.Content = tree.Content{Size: size, Digest: tree.Sum(nil)}
	root := tree.Node{Path: ".", Mode: fs.ModeDir | 0o755}
	if err := tr.Put(root); err != nil {
		t.Fatal(err)
	}
	if err := tr.Put(n); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := seal(t, tr, 1_700_000_000).WriteTar(&got); err == nil {
		t.Error("a body that was not kept was written")
	}
	// The root's header, the extended header with its record, and the header.
	sameTar(t, "big", []byte(got.String()), want)
}
