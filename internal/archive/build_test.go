package archive

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// buildTar makes an archive from text, one entry per line, with every liberty that a hostile writer has:
//
//	KIND NAME [mode=0644] [uid=N] [gid=N] [uname=S] [gname=S] [mtime=N] [size=N] [link=S] [body=S]
//	          [magic=S] [major=N] [minor=N] [prefix=S] [sum=N] [pax=K=V;K=V]
//	zeros N     N blocks of zeros
//	raw S       bytes
//
// Values may be Go string literals in double quotes without blanks (\x20 for one). A number in
// quotes is written as it stands. "end" is two blocks of zeros.
func buildTar(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		for i := range f {
			f[i] = unquoteField(t, f[i])
		}
		switch f[0] {
		case "end":
			out.Write(make([]byte, 1024))
		case "zeros":
			n, _ := strconv.Atoi(f[1])
			out.Write(make([]byte, n*512))
		case "raw":
			out.WriteString(f[1])
		default:
			buildEntry(t, &out, f)
		}
	}
	return out.Bytes()
}

func unquoteField(t testing.TB, s string) string {
	key, v, ok := strings.Cut(s, `"`)
	if !ok {
		return s
	}
	u, err := strconv.Unquote(`"` + v)
	if err != nil {
		t.Fatalf("field %s: %v", s, err)
	}
	return key + u
}

func buildEntry(t testing.TB, out *bytes.Buffer, f []string) {
	v := map[string]string{"mode": "0000644", "uid": "0", "gid": "0", "mtime": "0", "magic": "ustar\x0000"}
	for _, kv := range f[2:] {
		k, s, ok := strings.Cut(kv, "=")
		if !ok {
			t.Fatalf("field %q", kv)
		}
		v[k] = s
	}
	if p, ok := v["pax"]; ok {
		buildEntry(t, out, []string{"x", "pax", "body=" + paxRecords(p)})
	}
	body := v["body"]
	if _, ok := v["size"]; !ok {
		v["size"] = fmt.Sprintf("%o", len(body))
	}
	var b [512]byte
	copy(b[:100], f[1])
	copy(b[100:108], v["mode"])
	copy(b[108:116], v["uid"])
	copy(b[116:124], v["gid"])
	copy(b[124:136], v["size"])
	copy(b[136:148], v["mtime"])
	copy(b[156:157], f[0])
	copy(b[157:257], v["link"])
	copy(b[257:265], v["magic"])
	copy(b[265:297], v["uname"])
	copy(b[297:329], v["gname"])
	copy(b[329:337], v["major"])
	copy(b[337:345], v["minor"])
	copy(b[345:500], v["prefix"])
	sum := 8 * 32
	for _, c := range b {
		sum += int(c)
	}
	if s, ok := v["sum"]; ok {
		sum, _ = strconv.Atoi(s)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
	out.Write(b[:])
	out.WriteString(body)
	out.Write(make([]byte, padding(int64(len(body)))))
}

func paxRecords(s string) string {
	var out strings.Builder
	for r := range strings.SplitSeq(s, ";") {
		n := len(r) + 3
		for len(strconv.Itoa(n))+len(r)+2 != n {
			n++
		}
		fmt.Fprintf(&out, "%d %s\n", n, r)
	}
	return out.String()
}
