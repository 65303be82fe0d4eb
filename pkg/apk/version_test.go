package apk

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg"
)

// TestVersionData holds the order against the cases of the project's own and, where they lie beside it, apk-tools' cases.
func TestVersionData(t *testing.T) {
	for _, file := range []string{"testdata/version.txt", "../../../shared/data/solver/apk-tools-unit/version.data"} {
		t.Run(file[strings.LastIndexByte(file, '/')+1:], func(t *testing.T) {
			f, err := os.Open(file)
			if err != nil {
				t.Skipf("SKIPPED: %v", err)
			}
			defer f.Close()
			n := 0
			for s := bufio.NewScanner(f); s.Scan(); {
				line, _, _ := strings.Cut(s.Text(), "#")
				if words := strings.Fields(line); len(words) > 0 {
					checkVersions(t, words)
					n++
				}
			}
			t.Logf("%d cases", n)
		})
	}
}

// checkVersions checks "a OP b", with "!" before the operator for its opposite, "a" for a version and "!a" for none.
func checkVersions(t *testing.T, words []string) {
	if len(words) != 3 {
		v, invalid := strings.CutPrefix(words[0], "!")
		if Valid(v) == invalid {
			t.Errorf("Valid(%q) = %v", v, !invalid)
		}
		return
	}
	text, not := strings.CutPrefix(words[1], "!")
	op, ok := operators[text]
	if !ok {
		t.Fatalf("unknown operator in %q", words)
	}
	if Match(words[0], op, words[2]) == not {
		t.Errorf("%q: want the opposite", words)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("1.0", "1.0a_pre2~12ab-r1", "01.0")
	f.Add("1.05", "1.1", "1.5_git20230717")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if Compare(a, b) != -Compare(b, a) || Compare(a, a) != 0 {
			t.Errorf("%q and %q: not antisymmetric", a, b)
		}
		if Match(a, pkg.Equal, b) && !Match(a, pkg.Fuzzy, b) {
			t.Errorf("%q equals %q, but not fuzzily", a, b)
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Errorf("%q, %q and %q: not transitive", a, b, c)
		}
	})
}
