package unpack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
)

func TestUnpack(t *testing.T) {
	s := &shelf{}
	var ps []lock.Package
	for i := range 20 {
		ps = append(ps, s.add(t, fmt.Sprintf("p%d", i), fmt.Sprintf("./\n./f%d %s\n./l => ./f%d\n./empty", i, strings.Repeat("x", i*1000), i)))
	}
	var told sync.Map
	st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Jobs: 3, Progress: func(p lock.Package) { told.Store(p.Name, true) }})
	us, err := st.Unpack(context.Background(), testRepos, ps)
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range us {
		if u.Package.Name != ps[i].Name || len(u.Nodes) != 4 || u.Nodes[1].Content.Size != int64(i*1000) || u.Package.Repo.ID != "test" {
			t.Errorf("package %d: %s with %d nodes", i, u.Package, len(u.Nodes))
		}
		if _, ok := told.Load(ps[i].Name); !ok {
			t.Errorf("no progress of %s", ps[i].Name)
		}
	}
	again, err := st.Unpack(context.Background(), testRepos, ps[3:5])
	if err != nil || again[0] != us[3] || s.gets.Load() != 20 {
		t.Errorf("not remembered: %v, %d gets", err, s.gets.Load())
	}
	if st.Format("deb") == nil || st.Format("rpm") != nil || st.Getter() != pkg.Getter(s) {
		t.Error("Format or Getter")
	}
}

// TestUnpackFirstError checks that one and the same error comes back whatever the schedule, and its type.
func TestUnpackFirstError(t *testing.T) {
	s := &shelf{delay: func(string) time.Duration { return time.Duration(rand.IntN(2000)) * time.Microsecond }}
	var ps []lock.Package
	for i := range 30 {
		lines := "./a " + strings.Repeat("x", rand.IntN(5000))
		if i == 7 || i == 12 || i == 25 {
			lines += "\n./b/../c x"
		}
		ps = append(ps, s.add(t, fmt.Sprintf("p%02d", i), lines))
	}
	for range 20 {
		rand.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
		st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}, Jobs: 4})
		_, err := st.Unpack(context.Background(), testRepos, ps)
		var refused *tree.RefusedError
		if !errors.As(err, &refused) || err.Error() != "package p07: data.tar: ./b/../c: path leaves the root" {
			t.Fatalf("got %v", err)
		}
	}
}

func TestUnpackErrors(t *testing.T) {
	s := &shelf{}
	good := s.add(t, "good", "./a x")
	other, version, from, gone := good, good, good, good
	other.Name, version.Version, from.From, gone.SHA256 = "other", "2", "nowhere", tree.Sum(nil)
	st := NewStore(Config{Get: s, Formats: []pkg.Format{deb.Format{}}, Bodies: &memory{}})
	var trust *pkg.TrustError
	for _, p := range []lock.Package{other, version} {
		if _, err := st.Unpack(context.Background(), testRepos, []lock.Package{good, p}); !errors.As(err, &trust) || !strings.Contains(err.Error(), "control disagrees with the index") {
			t.Errorf("%s %s: got %v, want a TrustError", p.Name, p.Version, err)
		}
	}
	if _, err := st.Unpack(context.Background(), testRepos, []lock.Package{gone}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	from.SHA256[0]++
	if _, err := st.Unpack(context.Background(), testRepos, []lock.Package{from}); err == nil || !strings.Contains(err.Error(), `no source is called "nowhere"`) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := st.Unpack(ctx, testRepos, []lock.Package{gone}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	hand := s.add(t, "hand", "./x y")
	hand.From = ""
	if us, err := st.Unpack(context.Background(), nil, []lock.Package{hand}); err != nil || us[0].Package.Name != "hand" {
		t.Errorf("a file given by hand: %v", err)
	}
}
