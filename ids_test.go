package detinstall

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/solve/lock"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// TestAllocateShared holds that all architectures of a lock share one table of ids, and that a lock without them is stale.
func TestAllocateShared(t *testing.T) {
	conf := &pkg.Unpacked{Package: &pkg.Package{Name: "p"}, Nodes: []tree.Node{
		{Path: "usr/lib/sysusers.d/p.conf", Mode: 0o644, Content: tree.Bytes([]byte("g pp -\n"))},
		{Path: "usr/share/base-passwd/group.master", Mode: 0o644, Content: tree.Bytes([]byte("root:*:0:\nusers:*:100:\n"))},
		{Path: "usr/bin/p", Mode: 0o755},
	}}
	group := func(name string) hooks.Duty {
		return hooks.Duty{Kind: hooks.Group, Args: []string{name, "", "system"}}
	}
	plans := []*plan{
		{arch: "amd64", packages: []*pkg.Unpacked{conf}, readings: []hooks.Reading{{Duties: []hooks.Duty{group("zz"), {Kind: hooks.Sysusers, Args: []string{"p.conf"}}}}}},
		{arch: "arm64", packages: []*pkg.Unpacked{conf}, readings: []hooks.Reading{{Duties: []hooks.Duty{group("zz"), group("aa"), group("kept")}}}},
	}
	lk := &lock.File{Format: "deb", IDs: lock.IDs{Groups: []lock.ID{{Name: "gone", ID: 101}, {Name: "kept", ID: 500}}}}
	if err := allocate(lk, plans); err != nil {
		t.Fatal(err)
	}
	want := lock.IDs{Groups: []lock.ID{{Name: "aa", ID: 101}, {Name: "kept", ID: 500}, {Name: "pp", ID: 102}, {Name: "zz", ID: 103}}}
	if d := cmp.Diff(want, lk.IDs); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, p := range plans {
		if err := p.numbered(lk); err != nil {
			t.Errorf("%s: %v", p.arch, err)
		}
	}
	lk.IDs.Groups = lk.IDs.Groups[:3]
	var stale *StaleLockError
	if err := plans[0].numbered(lk); !errors.As(err, &stale) {
		t.Errorf("a lock without the id of zz: %v", err)
	}
}
