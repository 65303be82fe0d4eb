package decompress

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestConditionalMoves counts the CMOV instructions in the functions that decode trees, and
// checks that they have no bounds checks. Should a change, or another compiler, make jumps of
// the moves, the results stay right but the speed is halved.
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
		"literals": 8*4 - 1, "tree8": 8*4 - 1, "matchedLiteral": 8*4 - 1 + 7*2,
		"length": 3*4 - 1, "distance": 6*4 - 1 + 4, "far": 1 + 4*4 - 1,
		"decode": 0, // decodes no tree, and has bounds checks: the control of what looks for them
	} {
		out, err := exec.Command(tool, "tool", "objdump", "-s", `\(\*core\)\.`+name+"$", object).CombinedOutput()
		if err != nil {
			t.Skipf("SKIPPED: go tool objdump: %v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("TEXT")) {
			t.Errorf("%s is not in the object file: inlined or renamed", name)
			continue
		}
		if checks := bytes.Contains(out, []byte("runtime.panic")); checks != (name == "decode") {
			t.Errorf("%s has bounds checks: %t", name, checks)
		}
		if got := strings.Count(string(out), "\tCMOV"); got < want {
			t.Errorf("%s has %d conditional moves, want %d: decoding will be slow", name, got, want)
		}
	}
}

// TestGenerated checks that lzmatrees.go is what gentrees.go writes.
func TestGenerated(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("SKIPPED: no go tool to run the generator with")
	}
	cmd := exec.Command(tool, "run", "gentrees.go", "-")
	cmd.Stderr = os.Stderr
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("lzmatrees.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("lzmatrees.go is not what gentrees.go writes: run go generate")
	}
}
