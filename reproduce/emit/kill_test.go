package emit_test

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/detinstall/detinstall/reproduce/emit"
)

// Whenever a writer is killed, the output is absent or whole, and the next one succeeds.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("EMIT_TEST_KILL"); dir != "" {
		for {
			write(t, dir+"/root", full(), emit.StageOptions{Replace: true}, emit.Options{})
			os.Stdout.WriteString("\nwritten\n")
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs to run as root")
	}
	want, err := seal(t, full()).Digest()
	must(t, err)
	dir, whole, cut := tempDir(t), 0, 0
	cmd := child(t, &syscall.SysProcAttr{})
	for i := range 14 {
		c := exec.Command(cmd.Path, cmd.Args[1:]...)
		c.Env = append(cmd.Env, "EMIT_TEST_KILL="+dir)
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		for lines := bufio.NewScanner(out); i > 4 && lines.Scan() && lines.Text() != "written"; {
		}
		time.Sleep(time.Duration(i*3) * time.Millisecond)
		must(t, c.Process.Kill())
		c.Wait()
		if _, err := os.Stat(dir + "/.root.detinstall"); err == nil {
			cut++
		}
		if _, err := os.Stat(dir + "/root"); err != nil {
			continue
		}
		whole++
		if got := gnuTar(t, dir+"/root"); got != want.String() {
			t.Fatalf("killed after %d rounds: output is %s, want %s", i, got, want)
		}
	}
	if whole == 0 || cut == 0 {
		t.Errorf("killed 14 times: %d outputs, %d staging directories: the test proves nothing", whole, cut)
	}
	write(t, dir+"/root", full(), emit.StageOptions{Replace: true}, emit.Options{})
	nothingBut(t, dir, "root")
}
