package pkg

import (
	"fmt"
	"testing"
	"testing/fstest"
)

func TestReadScripts(t *testing.T) {
	control := fstest.MapFS{
		"control":  {Data: []byte("#!/bin/sh\n")},
		"postinst": {Data: []byte("#!/bin/sh -e\nexit 0\n")},
		"config":   {Data: []byte("#! /usr/bin/perl -w\n")},
		"prerm":    {Mode: 0o755},
	}
	got, err := ReadScripts(control, []string{"config", "preinst", "postinst", "prerm"})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, s := range got {
		text += fmt.Sprintf("%s|%s|%s\n", s.Phase, s.Interpreter, s.Body)
	}
	want := "config|/usr/bin/perl|#! /usr/bin/perl -w\n\npostinst|/bin/sh|#!/bin/sh -e\nexit 0\n\nprerm||\n"
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestInterpreter(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"", ""},
		{"#!\n", ""},
		{"# no\n", ""},
		{"#!/bin/sh\n", "/bin/sh"},
		{"#!/usr/bin/env python3\n", "python3"},
		{"#!/usr/bin/env python3-config\n", "python3-config"},
		{"#!/usr/bin/env -S perl -w\n", "/usr/bin/env"},
		{"#!/usr/bin/env A=b sh\n", "/usr/bin/env"},
		{"#!/usr/bin/env\n", "/usr/bin/env"},
	} {
		if got := interpreter([]byte(c.script)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.script, got, c.want)
		}
	}
}
