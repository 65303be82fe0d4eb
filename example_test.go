package detinstall_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/detinstall/detinstall"
	"github.com/detinstall/detinstall/fixtures"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/reproduce/emit"
	"github.com/detinstall/detinstall/unpack"
	"github.com/detinstall/detinstall/unpack/fetch"
)

// An image builder makes a root in memory and on disk, from a lock that it keeps.
func Example() {
	dir, _ := os.MkdirTemp("", "detinstall")
	defer os.RemoveAll(dir)
	ctx := context.Background()

	client, err := fetch.New(fetch.Config{Dir: filepath.Join(dir, "cache"), Demo: fixtures.All()})
	check(err)
	stage, err := emit.Begin(filepath.Join(dir, "root"), emit.StageOptions{})
	check(err)
	defer stage.Abort()
	store := unpack.NewStore(unpack.Config{Get: client, Formats: []pkg.Format{deb.Format{}}, Bodies: stage})

	spec := &detinstall.Spec{Repos: []string{"demo-debian"}, Pkgs: []string{"erlang"}, Arch: []string{"amd64"}}
	lk, err := detinstall.Resolve(ctx, spec, store)
	check(err)
	res, err := detinstall.Build(ctx, lk, "amd64", store)
	check(err)
	_, err = emit.Write(ctx, stage, []emit.Image{{Tree: res.Tree, Arch: "amd64"}}, emit.Options{})
	check(err)

	for _, p := range lk.Arches[0].Packages {
		fmt.Println(p.Name, p.Version)
	}
	target, err := fs.ReadLink(os.DirFS(filepath.Join(dir, "root")), "usr/bin/basename")
	check(err)
	fmt.Println("usr/bin/basename ->", target)
	// Output:
	// busybox 1.37.0-1
	// epmd 27.1-2
	// erlang 1:27.1-2
	// libbeam27 27.1-2
	// usr/bin/basename -> /etc/alternatives/basename
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
