package treetest_test

import (
	"strings"
	"testing"

	"github.com/detinstall/detinstall/pkg/tree"
	"github.com/detinstall/detinstall/pkg/tree/treetest"
	"github.com/google/go-cmp/cmp"
)

func format(t *testing.T, text string) string {
	t.Helper()
	s, err := treetest.Parse(text).Seal(tree.Epoch(1000), tree.IDs{Users: map[string]uint32{"mail": 8}, Groups: map[string]uint32{"mail": 9}})
	if err != nil {
		t.Fatal(err)
	}
	return treetest.Format(s)
}

func TestFormat(t *testing.T) {
	got := format(t, `
		# every type
		file 4755 mail:mail usr/m "a b\x00\"\\" @5 security.capability="\x01" user.a\075\040="" from=deb:m=1
		file 0644 root:root usr/big sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03,6
		hard 0644 root:root usr/n -> usr/m
		link 0777 7:8 a\040b -> usr/\351
		char 0666 0:0 null 1,3
		block 0660 0:0 sda 8,0
		fifo 1600 0:0 p`)
	want := `dir   0755 0:0 . @1000 from=implicit
link  0777 7:8 a\040b -> usr/\351 @1000
char  0666 0:0 null 1,3 @1000
fifo  1600 0:0 p @1000
block 0660 0:0 sda 8,0 @1000
dir   0755 0:0 usr @1000 from=implicit
file  0644 0:0 usr/big sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03,6 @1000
file  4755 8:9 usr/m "a b\x00\"\\" @5 security.capability="\x01" user.a\075\040="" from=deb:m=1
hard  4755 8:9 usr/n -> usr/m @5 security.capability="\x01" user.a\075\040=""
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, format(t, want)); diff != "" {
		t.Error(diff)
	}
}

func TestParsePanics(t *testing.T) {
	for _, line := range []string{
		"file", "file 0644 0:0", "sock 0644 0:0 x", "file 0844 0:0 x", "file 10000 0:0 x", "file 0644 0:0 /x", "link 0777 0:0 x",
		`file 0644 0:0 x "`, `file 0644 0:0 x what`, `file 0644 0:0 x \9`, "char 0644 0:0 x", "char 0644 0:0 x 1", `file 0644 0:0 x @y`,
		`file 0644 0:0 x sha256:00,1`, `file 0644 0:0 x user.a=1`, "dir 0755 0:0 x\nfile 0644 0:0 x",
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(r.(string), "treetest: line ") {
					t.Errorf("%q: %v", line, r)
				}
			}()
			treetest.Parse(line)
		}()
	}
}
