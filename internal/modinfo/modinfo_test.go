package modinfo

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// source is modules of all kinds in C, as their authors write them.
const source = `
typedef struct { const char *prefix, *mask; int relevance; } Pattern;
typedef struct {
	const char *name; const Pattern *signature; const char *domain, *description;
	const char **mime_types, **extensions; unsigned flags; int disabled; const char *license;
} Format;
void fill_vtable(void *v) {}
void fill_info(Format *info) {
	static const Pattern signature[] = { { "RIFF    A\x01", "    xxxx z", 100 }, { "B", 0, -1 }, { 0, 0, 0 } };
	static const char *mime[] = { "image/a", "image/b", 0 }, *ext[] = { "a", 0 };
	info->name = "a"; info->signature = signature; info->description = "An image";
	info->mime_types = mime; info->extensions = ext; info->flags = 5; info->license = "LGPL";
	DOMAIN
}
typedef struct { const char *id, *name, *domain, *dir, *locales; } Info;
static const Info one = { "one", "One", "gtk30", "/usr/share/locale", "" }, two = { "two", "Two", "", "", "ja:ko" };
static const Info *list[] = { &one, &two };
void im_module_list(const Info ***contexts, int *n) { *contexts = list; *n = 2; }
char **g_strdupv(char **); char **g_strsplit(const char *, const char *, int); char *g_strdup(const char *);
char **g_io_one_query(void) { char *p[] = { "gio-vfs", "gio-volume-monitor", 0 }; return g_strdupv(p); }
char **g_io_module_query(void) { return g_strsplit("a!b!c", "!", 0); }
`

// TestCompilers reads what this machine's compiler makes of the source, in all the ways that packages are built.
func TestCompilers(t *testing.T) {
	for gcc, more := range map[string]string{"x86_64-linux-gnu-gcc": "-fcf-protection", "aarch64-linux-gnu-gcc": "-mbranch-protection=standard"} {
		t.Run(gcc, func(t *testing.T) { compilers(t, gcc, more) })
	}
}

func compilers(t *testing.T, gcc, more string) {
	if _, err := exec.LookPath(gcc); err != nil {
		t.Skip("SKIPPED, NOT CHECKED: no " + gcc)
	}
	dir := t.TempDir()
	for _, flags := range []string{"-O0", "-O1", "-O2", "-O3", "-Os", "-O2 -fstack-protector-all", "-O2 " + more, "-O2 -fno-plt", "-O0 -fstack-protector-all " + more} {
		for domain, want := range map[string]string{"": "", `info->domain = "mine";`: "mine"} {
			so := filepath.Join(dir, "m.so")
			c := exec.Command(gcc, slices.Concat(strings.Fields(flags), []string{"-DDOMAIN=" + domain, "-shared", "-nostdlib", "-fPIC", "-w", "-x", "c", "-", "-o", so})...)
			c.Stdin = strings.NewReader(source)
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", flags, err, out)
			}
			b, err := os.ReadFile(so)
			if err != nil {
				t.Fatal(err)
			}
			check(t, flags, b, want)
		}
	}
}

func check(t *testing.T, flags string, b []byte, domain string) {
	t.Helper()
	f, err1 := Loader(b)
	ms, err2 := Methods(b)
	e1, err3 := Extensions(b, "libgioone.so")
	e2, err4 := Extensions(b, "libother.so")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Errorf("%s: %v", flags, err)
		return
	}
	want := fmt.Sprint(Format{"a", domain, "An image", "LGPL", 5, []string{"image/a", "image/b"}, []string{"a"},
		[]Pattern{{"RIFF    A\x01", "    xxxx z", 100}, {"B", "", -1}}},
		[]Method{{"one", "One", "gtk30", "/usr/share/locale", ""}, {"two", "Two", "", "", "ja:ko"}},
		[]string{"gio-vfs", "gio-volume-monitor"}, []string{"a", "b", "c"})
	if d := cmp.Diff(want, fmt.Sprint(*f, ms, e1, e2)); d != "" {
		t.Errorf("%s (-want +got):\n%s", flags, d)
	}
}

// module is a shared library of one segment at 0: code at 0x1000, data at 0x2000, the one function named so.
func module(machine elf.Machine, name string, code, data []byte, relocations ...[3]uint64) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x3000)
	copy(b[0x1000:], code)
	copy(b[0x2000:], data)
	var rela []byte
	for _, r := range relocations {
		rela = le.AppendUint64(le.AppendUint64(le.AppendUint64(rela, r[0]), r[1]), r[2])
	}
	strs := "\x00" + name + "\x00g_spawn\x00"
	syms := make([]byte, 24)
	for _, s := range []elf.Sym64{{Name: 1, Info: 0x12, Shndx: 1, Value: 0x1000}, {Name: uint32(2 + len(name)), Info: 0x12}} {
		syms, _ = binary.Append(syms, le, s)
	}
	sections := []elf.Section64{{}, {Type: uint32(elf.SHT_DYNSYM), Link: 2, Entsize: 24}, {Type: uint32(elf.SHT_STRTAB)}, {Type: uint32(elf.SHT_RELA), Link: 1, Entsize: 24}}
	for i, body := range [][]byte{syms, []byte(strs), rela} {
		sections[i+1].Off, sections[i+1].Size = uint64(len(b)), uint64(len(body))
		b = append(b, body...)
	}
	h := elf.Header64{Type: 3, Machine: uint16(machine), Version: 1, Phoff: 64, Shoff: uint64(len(b)), Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64, Shnum: 4, Shstrndx: 2}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	for _, s := range sections {
		b, _ = binary.Append(b, le, s)
	}
	var w bytes.Buffer
	binary.Write(&w, le, h)
	binary.Write(&w, le, elf.Prog64{Type: 1, Filesz: 0x3000, Memsz: 0x3000})
	copy(b, w.Bytes())
	return b
}

// unreadable are functions that are no straight line of constants.
var unreadable = map[string]string{
	"a jump on what is not known":   "\x85\xc0\x75\x00\xc3",
	"a store elsewhere":             "\x89\x05\x00\x10\x00\x00\xc3",
	"an instruction of other kinds": "\x0f\xa2\xc3",
	"without end":                   "\xeb\xfe",
	"into nowhere":                  "\xe9\x00\x00\x00\x70",
	"a call of another function":    "\xff\x15\xfa\x0f\x00\x00\xc3",
	"an address that is computed":   "\x48\x8b\x04\xc7\xc3",
	"nothing stored":                "\xc3",
}

func TestUnreadable(t *testing.T) {
	good := module(elf.EM_X86_64, "im_module_list", []byte("\x48\x8d\x05\xf9\x0f\x00\x00\x48\x89\x07\xc7\x06\x01\x00\x00\x00\xc3"), make([]byte, 64),
		[3]uint64{0x2000, 8, 0x2008}, [3]uint64{0x2008, 8, 0x2030}, [3]uint64{0x2010, 8, 0x2030}, [3]uint64{0x2018, 8, 0x2030}, [3]uint64{0x2020, 8, 0x2030}, [3]uint64{0x2028, 8, 0x2030})
	if ms, err := Methods(good); err != nil || len(ms) != 1 {
		t.Fatal("the check checks nothing:", ms, err)
	}
	for what, code := range unreadable {
		refused(t, elf.EM_X86_64, what, []byte(code), [3]uint64{0x2000, 2<<32 | 6, 0})
	}
	for what, words := range unreadableARM {
		var code []byte
		for _, w := range words {
			code = binary.LittleEndian.AppendUint32(code, w)
		}
		refused(t, elf.EM_AARCH64, what, code, [3]uint64{0x2000, 2<<32 | 1025, 0})
	}
	if _, err := Methods([]byte("text")); !errors.Is(err, ErrNone) {
		t.Error("a text:", err)
	}
}

// unreadableARM are the same for arm64.
var unreadableARM = map[string][]uint32{
	"a jump on what is not known":   {0xeb01001f, 0x54000040, 0xd65f03c0, 0xd65f03c0}, // cmp x0, x1; b.eq
	"a store elsewhere":             {0xb0000001, 0xf9000020, 0xd65f03c0},             // adrp x1; str x0, [x1]
	"an instruction of other kinds": {0x9b017c00, 0xd65f03c0},                         // mul
	"without end":                   {0x14000000},
	"into nowhere":                  {0x15000000},
	"a call of another function":    {0xb0000001, 0xf9400021, 0xd63f0020, 0xd65f03c0}, // ldr x1, [GOT]; blr x1
	"an address that is computed":   {0xf8617800, 0xd65f03c0},                         // ldr x0, [x0, x1, lsl #3]
	"nothing stored":                {0xd65f03c0},
}

// refused checks that a function of such code is read as none of a module's.
func refused(t *testing.T, machine elf.Machine, what string, code []byte, got [3]uint64) {
	t.Helper()
	if _, err := Loader(module(machine, "fill_info", code, nil, got)); !errors.Is(err, ErrNone) {
		t.Errorf("%v: %s, without fill_vtable: %v", machine, what, err)
	}
	if ms, err := Methods(module(machine, "im_module_list", code, nil, got)); what != "nothing stored" && err == nil {
		t.Errorf("%v: %s: %v", machine, what, ms)
	}
	if e, err := Extensions(module(machine, "g_io_module_query", code, nil, got), "x"); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("%v: %s: %v %v", machine, what, e, err)
	}
}

func FuzzModule(f *testing.F) {
	for _, code := range unreadable {
		f.Add([]byte(code), []byte("data"), uint64(0x2000), uint64(8), uint64(0x2000))
	}
	for _, words := range unreadableARM {
		var code []byte
		for _, w := range words {
			code = binary.LittleEndian.AppendUint32(code, w)
		}
		f.Add(code, []byte("data"), uint64(0x2000), uint64(8), uint64(0x2000))
	}
	f.Add([]byte("\x48\x8d\x05\xf9\x0f\x00\x00\x48\x89\x07\xc7\x06\x01\x00\x00\x00\xc3"), make([]byte, 64), uint64(0x2000), uint64(8), uint64(0x2000))
	f.Fuzz(func(t *testing.T, code, data []byte, at, info, addend uint64) {
		for _, name := range []string{"fill_info", "im_module_list", "g_io_module_query"} {
			for _, machine := range []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64} {
				b := module(machine, name, code, data, [3]uint64{at, info, addend})
				Loader(b)
				Methods(b)
				Extensions(b, "libx.so")
			}
		}
		Methods(code)
	})
}
