package decompress

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestConditionalMoves counts the CMOV instructions in the functions that decode trees.
// Should a change, or another compiler, make jumps of them, the results stay right but the
// speed is halved.
func TestConditionalMoves(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skipf("SKIPPED: conditional moves are counted on amd64 only, not on %s", runtime.GOARCH)
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("SKIPPED: no go tool to compile and disassemble with")
	}
	object := filepath.Join(t.TempDir(), "decompress.a") // a test's own binary has no symbols
	if out, err := exec.Command(tool, "build", "-o", object, ".").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: go build: %v\n%s", err, out)
	}
	// Four for each bit, less one for the last, which no probability follows.
	for name, want := range map[string]int{
		"literal": 8*4 - 1, "tree8": 8*4 - 1, "matchedLiteral": 4 + 2,
		"length": 3*4 - 1, "distance": 6*4 - 1 + 4, "far": 4*4 - 1,
	} {
		out, err := exec.Command(tool, "tool", "objdump", "-s", `\(\*core\)\.`+name+"$", object).CombinedOutput()
		if err != nil {
			t.Skipf("SKIPPED: go tool objdump: %v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("TEXT")) {
			t.Errorf("%s is not in the object file: inlined or renamed", name)
			continue
		}
		if got := strings.Count(string(out), "\tCMOV"); got < want {
			t.Errorf("%s has %d conditional moves, want %d: decoding will be slow", name, got, want)
		}
	}
}
