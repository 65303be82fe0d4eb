package pkg

// Arch is one processor architecture in the spellings of Go and of the three ecosystems.
type Arch struct{ Go, Variant, Deb, RPM, APK string }

// arches are ordered by the Go spelling, then the variant. An empty spelling: the ecosystem has no such port.
var arches = []Arch{
	{"386", "", "i386", "i686", "x86"},
	{"amd64", "", "amd64", "x86_64", "x86_64"},
	{"arm", "v5", "armel", "armv5tel", ""},
	{"arm", "v6", "", "armv6hl", ""}, // apk says armhf, which means v7 to Debian: see ParseArch
	{"arm", "v7", "armhf", "armv7hl", "armv7"},
	{"arm64", "", "arm64", "aarch64", "aarch64"},
	{"loong64", "", "loong64", "loongarch64", "loongarch64"},
	{"mips64le", "", "mips64el", "mips64el", ""},
	{"ppc64le", "", "ppc64el", "ppc64le", "ppc64le"},
	{"riscv64", "", "riscv64", "riscv64", "riscv64"},
	{"s390x", "", "s390x", "s390x", "s390x"},
}

// ParseArch finds an architecture by any of its spellings; where two ecosystems
// disagree about a word (armhf), Debian's meaning counts.
func ParseArch(s string) (Arch, bool) {
	for _, spelling := range []func(Arch) string{
		func(a Arch) string { return a.Deb },
		func(a Arch) string { return a.Go },
		func(a Arch) string { return a.RPM },
		func(a Arch) string { return a.APK },
	} {
		for _, a := range arches {
			if s != "" && spelling(a) == s {
				return a, true
			}
		}
	}
	return Arch{}, false
}

// In returns the spelling of the ecosystem called format ("deb", "rpm", "apk"), empty where there is no such port.
func (a Arch) In(format string) string {
	switch format {
	case "deb":
		return a.Deb
	case "rpm":
		return a.RPM
	case "apk":
		return a.APK
	}
	return a.Go
}
