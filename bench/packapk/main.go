// Command packapk packs payloads as a signed repository of apk, format 2, with a key that everybody can derive.
//
//	packapk FROM TO ARCH
//
// For every FROM/NAME.info, a .PKGINFO without size, builddate and datahash, FROM/NAME.tar is the payload. The repository is TO/ARCH, and
// TO/KEY.rsa.pub its key. Nothing of a payload is unpacked.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/fixtures"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: packapk FROM TO ARCH")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "packapk:", err)
		os.Exit(1)
	}
}

func pack(from, to, arch string) error {
	infos, err := fs.Glob(os.DirFS(from), "*.info") // sorted
	if err != nil {
		return err
	}
	var packages []fixtures.APKPackage
	for _, name := range infos {
		info, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		data, err := os.Open(filepath.Join(from, strings.TrimSuffix(name, ".info")+".tar"))
		if err != nil {
			return err
		}
		defer data.Close()
		packages = append(packages, fixtures.APKPackage{Info: string(info), Data: data})
	}
	files, key, err := fixtures.PackAPK("packapk", arch, packages...)
	if err != nil {
		return err
	}
	files[fixtures.APKKey] = key
	paths := make([]string, 0, len(files))
	for p := range files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		name := filepath.Join(to, p)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, files[p], 0o644); err != nil {
			return err
		}
	}
	return nil
}
