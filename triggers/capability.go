package triggers

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// capabilities are the names of linux/capability.h, by number.
var capabilities = strings.Fields("chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable " +
	"net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct " +
	"sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override " +
	"mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore")

// capability returns the value of security.capability, of revision 2, for what setcap(8) is given: cap_from_text(3).
func capability(text string) (string, error) {
	var sets [3]uint64 // effective, inheritable, permitted
	for _, clause := range strings.Fields(text) {
		i := strings.IndexAny(clause, "=+-")
		if i < 0 {
			return "", fmt.Errorf("capabilities %q: no operator", text)
		}
		list, err := capabilityList(clause[:i])
		if err != nil {
			return "", fmt.Errorf("capabilities %q: %w", text, err)
		}
		for rest := clause[i:]; rest != ""; {
			op := rest[0]
			flags := rest[1:]
			if j := strings.IndexAny(flags, "=+-"); j >= 0 {
				flags = flags[:j]
			}
			rest = rest[1+len(flags):]
			if strings.Trim(flags, "eip") != "" || op != '=' && (flags == "" || clause[:i] == "") {
				return "", fmt.Errorf("capabilities %q: %q", text, string(op)+flags)
			}
			for k, flag := range "eip" {
				switch on := strings.ContainsRune(flags, flag); {
				case op == '=' && !on, op == '-' && on:
					sets[k] &^= list
				case on:
					sets[k] |= list
				}
			}
		}
	}
	magic := uint32(0x02000000)
	if sets[0] != 0 {
		if sets[0]&(sets[1]|sets[2]) != sets[1]|sets[2] {
			return "", fmt.Errorf("capabilities %q: a file's are effective all or none", text)
		}
		magic |= 1
	}
	var b []byte
	for _, v := range []uint32{magic, uint32(sets[2]), uint32(sets[1]), uint32(sets[2] >> 32), uint32(sets[1] >> 32)} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return string(b), nil
}

// capabilityList reads names and numbers between commas; nothing and "all" mean all.
func capabilityList(text string) (uint64, error) {
	if text == "" || strings.EqualFold(text, "all") {
		return 1<<len(capabilities) - 1, nil
	}
	var list uint64
	for name := range strings.SplitSeq(strings.ToLower(text), ",") {
		n, err := strconv.ParseUint(name, 10, 6)
		if err != nil {
			n = 64
			for i, c := range capabilities {
				if name == "cap_"+c {
					n = uint64(i)
				}
			}
		}
		if n >= uint64(len(capabilities)) {
			return 0, fmt.Errorf("no capability %q", name)
		}
		list |= 1 << n
	}
	return list, nil
}
