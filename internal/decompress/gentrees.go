//go:build ignore

// Command gentrees writes lzmatrees.go from lzmatrees.tmpl: the functions of the LZMA decoder
// that read several bits, with their loops unrolled and nothing called. The Go compiler does
// not unroll, and a call that it inlines still leaves an instruction behind. With "-" it
// writes to standard output.
package main

import (
	"fmt"
	"go/format"
	"log"
	"os"
	"strings"
)

const refill = `if r < rangeTop {
	r, c, ip = r<<8, c<<8|uint64(d.in[ip&ringMask]), ip+1
}
`

// step decodes a bit with the probability q, which was read from t[i], and leaves in q that of
// the next bit, one of the children of node m.
func step(t, i, m string) string {
	return refill + fmt.Sprintf(`q0, q1 = uint64(%[1]s[2*%[3]s+1]), uint64(%[1]s[2*%[3]s])
b = (r >> 11) * q
diff, borrow = bits.Sub64(c, b, 0)
rest, u, u0 = r-b, q, q-2017
if c < b {
	rest, diff, u, q1 = b, c, u0, q0
}
%[1]s[%[2]s] = uint32(q - uint64(int64(u)>>5))
r, c, q = rest, diff, q1
`, t, i, m)
}

// last decodes the last bit, which no probability follows.
func last(t, i string) string {
	return refill + fmt.Sprintf(`b = (r >> 11) * q
diff, borrow = bits.Sub64(c, b, 0)
rest, u, u0 = r-b, q, q-2017
if c < b {
	rest, diff, u = b, c, u0
}
%s[%s] = uint32(q - uint64(int64(u)>>5))
r, c = rest, diff
`, t, i)
}

// tree decodes n bits with the tree t, and leaves their complement in i. The statement use, if
// any, follows each bit; its %d is the bit's number.
func tree(t string, n int, use string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "i, q = 1, uint64(%s[1])\n", t)
	for k := range n {
		if k == n-1 {
			s.WriteString(last(t, "i") + "i, _ = bits.Add64(i, i, borrow)\n")
		} else {
			mask := 1<<(n-1) - 1 // of the nodes with children; no bounds check is left
			if k == n-2 {
				mask = 1<<n - 1
			}
			s.WriteString(step(t, "i", "i"))
			fmt.Fprintf(&s, "i, _ = bits.Add64(i, i, borrow)\ni &= %d\n", mask)
		}
		if use != "" {
			fmt.Fprintf(&s, use, k)
		}
	}
	return s.String()
}

// matched decodes the eight bits of a literal after a match.
func matched() string {
	var s strings.Builder
	s.WriteString("i = 0x100 + mb>>7\nm := uint64(1)\nq = uint64(t[i])\n")
	for k := range 7 {
		s.WriteString(step("t", "i&1023", "m") + "m, _ = bits.Add64(m, m, borrow)\n")
		if k < 6 {
			s.WriteString("m &= 127\n")
		}
		// As long as all bits are those of mb, the node is the one that was expected.
		fmt.Fprintf(&s, "h, was, i = mb>>%d, i, m\nqh = uint64(t[0x100+h])\n", 6-k)
		s.WriteString("if m+0x100 == was {\ni, q = 0x100+h, qh\n}\n")
	}
	s.WriteString(last("t", "i&1023") + "m, _ = bits.Add64(m, m, borrow)\n")
	return s.String()
}

func main() {
	text, err := os.ReadFile("lzmatrees.tmpl")
	if err != nil {
		log.Fatal(err)
	}
	src, err := format.Source([]byte(strings.NewReplacer(
		"//VARS\n", "var i, q, q0, q1, b, rest, diff, borrow, u, u0 uint64\n",
		"//REFILL\n", refill,
		"//TREE3\n", tree("t", 3, ""),
		"//TREE8\n", tree("t", 8, ""),
		"//MATCHED\n", matched(),
		"//SLOT\n", tree("t", 6, ""),
		"//ALIGN\n", tree("t", 4, "dist += (^i & 1) << %d\n"),
		"//STEP\n", step("t", "i&31", "m"),
	).Replace(string(text))))
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 && os.Args[1] == "-" {
		_, err = os.Stdout.Write(src)
	} else {
		err = os.WriteFile("lzmatrees.go", src, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
