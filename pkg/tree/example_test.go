package tree_test

import (
	"fmt"
	"os"

	"github.com/detinstall/detinstall/pkg/tree"
)

func Example() {
	t := tree.New()
	err := t.Put(tree.Node{
		Path: "etc/motd", Mode: 0o644, User: tree.Root, Group: tree.Owner{Name: "adm"},
		Content: tree.Bytes([]byte("hello\n")), From: "deb:base-files=13",
	})
	if err != nil {
		fmt.Println(err)
	}
	s, err := t.Seal(tree.Epoch(1_700_000_000), tree.IDs{Groups: map[string]uint32{"adm": 4}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.WriteManifest(os.Stdout); err != nil {
		fmt.Println(err)
	}
	d, err := s.Digest() // sha256 of the canonical tar
	fmt.Println(d, err)
	// Output:
	// #tree 1 epoch=1700000000
	// . dir 0755 0 0 1700000000 from=implicit
	// etc dir 0755 0 0 1700000000 from=implicit
	// etc/motd file 0644 0 4 1700000000 size=6 sha256=5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 from=deb:base-files=13
	// sha256:7a828d6f183b917e92eacb0cf5fa874b724c3edeb3b9f3d0d199d471dac5711d <nil>
}
