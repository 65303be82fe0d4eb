package ghash_test

import (
	"fmt"
	"testing"

	"github.com/detinstall/detinstall/internal/ghash"
)

func TestHash(t *testing.T) {
	for s, want := range map[string]uint32{"": 5381, "a": 177670, "\xff": 177572} {
		if got := ghash.Hash(s); got != want {
			t.Errorf("Hash(%q) = %d, want %d", s, got, want)
		}
	}
}

// TestMap holds a table against a map of Go's, through all its sizes; that the order is GLib's is tested where programs of GLib
// write by it (internal/mimedb).
func TestMap(t *testing.T) {
	var m ghash.Map[int]
	if _, ok := m.Get("x"); ok {
		t.Error("the zero Map has a key")
	}
	model := map[string]int{}
	for i := range 5000 {
		k := fmt.Sprint("key", i*i%4001)
		m.Set(k, i)
		model[k] = i
		if v, ok := m.Get(k); !ok || v != i || m.Len() != len(model) {
			t.Fatalf("%s is %d, %v in %d; want %d in %d", k, v, ok, m.Len(), i, len(model))
		}
	}
	n := 0
	for k, v := range m.All() {
		if n++; model[k] != v {
			t.Errorf("%s is %d, want %d", k, v, model[k])
		}
	}
	if _, ok := m.Get("other"); n != len(model) || ok {
		t.Errorf("%d entries, want %d; other: %v", n, len(model), ok)
	}
}
