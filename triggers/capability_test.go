package triggers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCapability compares with the attribute that the real setcap writes.
func TestCapability(t *testing.T) {
	if _, err := exec.LookPath("setcap"); err != nil || os.Getuid() != 0 {
		t.Skip("SKIPPED, NOT CHECKED: needs setcap and root")
	}
	name := filepath.Join(t.TempDir(), "file")
	agreed, refused := 0, 0
	for _, text := range []string{
		"cap_net_raw+ep", "cap_net_raw,cap_net_admin=eip", "cap_dac_override=ep cap_net_raw+p", "cap_sys_nice+p", "CAP_SETGID+ep",
		"cap_net_bind_service=+ep", "cap_net_raw+eip-i", "cap_net_raw+p cap_net_raw+e", "12+ep", "cap_checkpoint_restore,cap_bpf,cap_perfmon=ep", "=",
		"cap_net_raw=ep =", "cap_net_raw+i", "cap_net_raw=p", "cap_net_raw=ep cap_net_admin=p cap_net_raw-ep cap_net_admin+e",
		"cap_nothing+ep", "cap_net_raw", "cap_net_raw+x", "cap_net_raw+", "+ep", "cap_net_raw+e cap_net_admin+p", "99+ep",
	} {
		if err := os.WriteFile(name, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = unix.Removexattr(name, "security.capability")
		got, err := capability(text)
		out, theirs := exec.Command("setcap", text, name).CombinedOutput()
		if (err == nil) != (theirs == nil) {
			t.Errorf("%q: %v, setcap %v: %s", text, err, theirs, out)
			continue
		}
		if err != nil {
			refused++
			continue
		}
		b := make([]byte, 64)
		n, err := unix.Getxattr(name, "security.capability", b)
		if err != nil {
			t.Fatal(text, err)
		}
		if got != string(b[:n]) {
			t.Errorf("%q: %x, setcap writes %x", text, got, b[:n])
		}
		agreed++
	}
	if agreed < 10 || refused < 5 {
		t.Errorf("agreed on %d, both refused %d: the check checks nothing", agreed, refused)
	}
}
