package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// service is a fake of snapshot.debian.org: states of one archive by their times.
type service struct {
	states map[string]map[string][]byte // time -> path -> content
	list   http.HandlerFunc             // replaces the list of times
	mu     sync.Mutex
	asked  []string
	lists  atomic.Int32
}

func (s *service) times() []string {
	var all []string
	for t := range s.states {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/mr/timestamp/" {
		s.lists.Add(1)
		if s.list != nil {
			s.list(w, r)
			return
		}
		q := r.URL.Query()
		var after []string
		for _, t := range s.times() {
			if t >= q.Get("after") {
				after = append(after, t)
			}
		}
		json.NewEncoder(w).Encode(map[string]any{"_api": "0.3", "result": map[string]any{q.Get("archive"): after}})
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/archive/debian/")
	t, path, _ := strings.Cut(rest, "/")
	if hash, isFile := strings.CutPrefix(r.URL.Path, "/file/"); isFile {
		s.file(w, r, hash)
		return
	}
	if !ok || !isStamp(t) {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, t)
	s.mu.Unlock()
	i, exact := slices.BinarySearch(s.times(), t)
	switch {
	case exact:
		data, ok := s.states[t][path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, "/file/"+tree.Sum(data).Hex(), http.StatusFound)
	case i == 0:
		http.NotFound(w, r)
	default: // the state before
		http.Redirect(w, r, "/archive/debian/"+s.times()[i-1]+"/"+path, http.StatusMovedPermanently)
	}
}

func (s *service) file(w http.ResponseWriter, r *http.Request, hash string) {
	for _, st := range s.states {
		for _, data := range st {
			if tree.Sum(data).Hex() == hash {
				w.Write(data)
				return
			}
		}
	}
	http.NotFound(w, r)
}

func at(t *testing.T, s string) int64 {
	t.Helper()
	when, err := time.Parse(stamp, s)
	if err != nil {
		t.Fatal(err)
	}
	return when.Unix()
}

func newService() (*service, []byte, []byte, []byte) {
	v1, v2, v3 := body(1, 1000), body(2, 1000), body(3, 1000)
	return &service{states: map[string]map[string][]byte{
		"20250101T030000Z": {"Packages": v1},
		"20250101T090000Z": {"Packages": v2, "only": v2},
		"20250101T150000Z": {"Packages": v2, "late": v2},
		"20250101T210000Z": {"Packages": v3},
		"20250102T030000Z": {"Packages": v3, "much-later": v3},
	}}, v1, v2, v3
}

func TestSnapshot(t *testing.T) {
	s, v1, v2, v3 := newService()
	url := serve(t, s.ServeHTTP).URL
	empty := serve(t, http.NotFound).URL
	for _, c := range []struct {
		name  string
		date  string
		path  string
		want  []byte
		asked []string
	}{
		{"first after the date", "20250101T040000Z", "Packages", v2, []string{"20250101T090000Z"}},
		{"the date of a state: the next", "20250101T030000Z", "Packages", v2, []string{"20250101T090000Z"}},
		{"taken before all had arrived", "20250101T080000Z", "late", v2, []string{"20250101T090000Z", "20250101T150000Z"}},
		{"taken before the index had arrived", "20250101T140000Z", "Packages", v3, []string{"20250101T150000Z", "20250101T150000Z", "20250101T210000Z"}},
		{"before all states", "20200101T000000Z", "Packages", v1, []string{"20250101T030000Z"}},
		{"after all states", "20260101T000000Z", "much-later", v3, []string{"20260101T000000Z", "20250102T030000Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.asked = nil
			w := newWorld(t, nil)
			base := url + "/archive/debian"
			ref := pkg.Ref{
				Repo: &pkg.Repo{ID: "debian@x", Base: base, Snapshot: base, Date: at(t, c.date), Mirrors: []string{empty}},
				Path: c.path, Size: int64(len(c.want)), SHA256: tree.Sum(c.want),
			}
			mustGet(t, w, ref, c.want)
			if diff := cmp.Diff(c.asked, s.asked); diff != "" {
				t.Errorf("states asked for (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSnapshotMissing(t *testing.T) {
	s, _, v2, _ := newService()
	base := serve(t, s.ServeHTTP).URL + "/archive/debian"
	repo := &pkg.Repo{ID: "debian@x", Base: base, Snapshot: base, Date: at(t, "20250101T020000Z")}
	w := newWorld(t, nil)
	for _, p := range []string{"none", "much-later"} { // the latter is in the fifth state
		ref := pkg.Ref{Repo: repo, Path: p, Size: 1000, SHA256: tree.Sum(v2)}
		err := mustFail(t, w, ref)
		if !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), "404") != tryStates {
			t.Errorf("%s: %v", p, err)
		}
	}
	if s.lists.Load() != 1 {
		t.Errorf("list asked for %d times", s.lists.Load())
	}
	ref := pkg.Ref{Repo: repo, Path: "Packages", Size: 1000, SHA256: tree.Sum([]byte("never was"))}
	if err := mustFail(t, w, ref); !isTrust(err) || !strings.Contains(err.Error(), tree.Sum(v2).Hex()) {
		t.Errorf("wrong everywhere: %v", err)
	}
}

// Without the list the date itself is taken, and the service goes back from it.
func TestSnapshotNoList(t *testing.T) {
	s, v1, _, _ := newService()
	base := serve(t, s.ServeHTTP).URL + "/archive/debian"
	for name, list := range map[string]http.HandlerFunc{
		"404":         http.NotFound,
		"503":         fail(503),
		"no JSON":     content([]byte("{")),
		"no archive":  content([]byte(`{"result":{"other":["20250101T090000Z"]}}`)),
		"other shape": content([]byte(`{"result":["20250101T090000Z"]}`)),
		"hostile":     content([]byte(`{"result":{"debian":["../../x", "20250101T09", "20251399T000000Z"]}}`)),
		"login page": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
		},
		"endless list": func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, listLimit+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			s.list, s.asked = list, nil
			w := newWorld(t, nil)
			ref := pkg.Ref{
				Repo: &pkg.Repo{ID: "d", Base: base, Snapshot: base, Date: at(t, "20250101T040000Z")},
				Path: "Packages", Size: 1000, SHA256: tree.Sum(v1),
			}
			mustGet(t, w, ref, v1)
			if s.asked[0] != "20250101T040000Z" {
				t.Errorf("asked for %v", s.asked)
			}
			if name != "hostile" && !strings.Contains(w.said(), "the list of states cannot be had") {
				t.Errorf("said %q", w.said())
			}
		})
	}
}

// A fresh resolve without a mirror: Config.Now chooses the newest state before it.
func TestSnapshotNow(t *testing.T) {
	s, _, v2, _ := newService()
	base := serve(t, s.ServeHTTP).URL + "/archive/debian"
	ref := pkg.Ref{Repo: &pkg.Repo{ID: "d", Base: base, Snapshot: base}, Path: "Packages", Size: -1}
	w := newWorld(t, func(c *Config) { c.Now = at(t, "20250101T200000Z") })
	mustGet(t, w, ref, v2)
	if diff := cmp.Diff([]string{"20250101T200000Z", "20250101T150000Z"}, s.asked); diff != "" || s.lists.Load() != 0 {
		t.Errorf("asked for (-want +got):\n%s, and %d lists", diff, s.lists.Load())
	}
	// With neither date nor reference time there is no guess.
	if err := mustFail(t, newWorld(t, nil), ref); errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "date") {
		t.Errorf("no date: %v", err)
	}
}

// An impatient one who asks for the list must not spoil it for the others.
func TestSnapshotListCancelled(t *testing.T) {
	s, _, v2, _ := newService()
	first := make(chan struct{})
	var n atomic.Int32
	s.list = func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			close(first)
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, `{"result":{"debian":["20250101T090000Z"]}}`)
	}
	base := serve(t, s.ServeHTTP).URL + "/archive/debian"
	repo := &pkg.Repo{ID: "d", Base: base, Snapshot: base, Date: at(t, "20250101T040000Z")}
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	lead := make(chan error)
	go func() {
		_, err := w.Get(ctx, pkg.Ref{Repo: repo, Path: "only", Size: 1000, SHA256: tree.Sum(v2)})
		lead <- err
	}()
	<-first
	follow := make(chan error)
	go func() {
		b, err := w.Get(context.Background(), pkg.Ref{Repo: repo, Path: "Packages", Size: 1000, SHA256: tree.Sum(v2)})
		if err == nil {
			b.Close()
		}
		follow <- err
	}()
	time.Sleep(20 * time.Millisecond)
	cancel()
	if err := <-lead; !errors.Is(err, context.Canceled) {
		t.Errorf("leader: %v", err)
	}
	if err := <-follow; err != nil {
		t.Errorf("follower: %v", err)
	}
}
