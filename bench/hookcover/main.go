// Command hookcover measures how many packages have scripts that the reader covers. Usage:
//
//	hookcover -fetch -mirror URL [-suite trixie] [-seed 1] [-sample 300] [-names FILE] DIRECTORY
//	hookcover [-v] [-only NAME] DIRECTORY CORPUS...
//
// The first fetches the corpora core and sample-SEED into DIRECTORY; the second reads each package of them on a root of its own, as
// the solver makes it of the minimal base and the package: with the duties and triggers that there are for Debian. It prints the figures,
// and the reasons of leftovers by the number of packages that have them.
//
// Packages above -limit bytes (six times that for those of the corpus that have scripts) come without their payload, by range requests: their files are those of md5sums and conffiles,
// whose bytes are not known. Neither list names links and empty directories, so that a script that asks for
// one finds none; commands count as executable.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
	"github.com/detinstall/detinstall/triggers"
	"github.com/detinstall/detinstall/triggers/hooks"
)

func main() {
	get := flag.Bool("fetch", false, "fetch the corpora")
	a := archive{}
	flag.StringVar(&a.Base, "mirror", "", "the mirror's address")
	flag.StringVar(&a.suite, "suite", "trixie", "the suite")
	flag.Int64Var(&a.limit, "limit", 8<<20, "the size above which a package is fetched without its payload")
	seed := flag.Uint64("seed", 1, "seed of the random sample")
	sample := flag.Int("sample", 300, "packages of the random sample")
	names := flag.String("names", "", "a file with the names of the core's packages; a line that begins with + stands for all that they depend on, too")
	t := newTally()
	flag.BoolVar(&t.verbose, "v", false, "print every leftover")
	flag.StringVar(&t.only, "only", "", "read just this package, and print all that its scripts say")
	flag.Parse()
	if flag.NArg() < 1 || *get == (flag.NArg() > 1) {
		flag.Usage()
		os.Exit(2)
	}
	var err error
	if a.dir = flag.Arg(0); *get {
		if err = a.open(); err == nil {
			err = a.makeCorpora(*names, *seed, *sample)
		}
	} else {
		err = measure(a.dir, flag.Args()[1:], t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookcover:", err)
		os.Exit(1)
	}
}

// measure reads the packages of corpora.
func measure(dir string, corpora []string, t *tally) error {
	s := &shelf{dir: dir, has: map[string]*pkg.Unpacked{}}
	for _, corpus := range corpora {
		text, err := os.ReadFile(filepath.Join(dir, corpus+".roots"))
		if err != nil {
			return err
		}
		t.reset()
		for l := range strings.Lines(string(text)) {
			f := strings.Fields(l)
			if t.only != "" && f[0] != t.only {
				continue
			}
			rep, err := s.read(f[0], f[1:])
			if err != nil {
				return err
			}
			t.add(f[0], rep)
		}
		t.print(corpus)
	}
	return nil
}

// world is what detinstall does for Debian.
func world() hooks.World {
	w := triggers.World("deb")
	w.Arch, w.Compare = "amd64", deb.Compare
	return w
}
