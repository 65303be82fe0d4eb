package hooks

import "testing"

// TestSetLocale has what update-locale of trixie's locales writes.
func TestSetLocale(t *testing.T) {
	for _, c := range []struct {
		text string
		args []string
		want string
		ok   bool
	}{
		{"#  G\n", []string{"--no-checks", "LANG"}, "#  G\n", true},
		{"#  G\n", []string{"LANG=C.UTF-8"}, "#  G\nLANG=C.UTF-8\n", true},
		{"#  G\nLANG=C\nLC_TIME=x\n", []string{"LANG"}, "#  G\n#LANG=C\nLC_TIME=x\n", true},
		{"LANG=C\n", []string{"LANG=D"}, "LANG=D\n", true},
		{"", []string{"LANG=C", "LC_ALL=C"}, "\nLANG=C\nLC_ALL=C\n", false}, // in the order of a hash
		{"", []string{"LANGUAGE=de"}, "", false},
		{"", []string{"--reset"}, "", false},
	} {
		got, ok := setLocale(c.text, c.args)
		if got != c.want || ok != c.ok {
			t.Errorf("%q %q: %q, %v; want %q, %v", c.text, c.args, got, ok, c.want, c.ok)
		}
	}
}
