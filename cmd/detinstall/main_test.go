package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/detinstall/detinstall/fixtures"
	"github.com/detinstall/detinstall/pkg/apk/adbtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"detinstall": func() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// sharedData is the folder of real data, which is no part of the project.
const sharedData = "../../../shared/data"

// TestScripts tests the program as its users use it. A script sees a fresh
// cache, no configured mirror, and the commands below.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("DETINSTALL_APT_CONFIG", filepath.Join(e.WorkDir, "no-apt"))
			shared, err := filepath.Abs(sharedData)
			e.Setenv("SHARED", shared)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    cmdExits,
			"unpack":   cmdUnpack,
			"repo":     cmdRepo,
			"apkrepo":  cmdAPKRepo,
			"adbrepo":  cmdADBRepo,
			"serve":    cmdServe,
			"flip":     cmdFlip,
			"append":   cmdAppend,
			"truncate": cmdTruncate,
			"tmpfs":    cmdTmpfs,
			"tamper":   cmdTamper,
			"readlink": cmdReadlink,
		},
		Condition: func(cond string) (bool, error) {
			switch {
			case cond == "root":
				return os.Getuid() == 0, nil
			case cond == "shared":
				_, err := os.Stat(sharedData)
				return err == nil, nil
			case strings.HasPrefix(cond, "tool:"):
				_, err := exec.LookPath(cond[len("tool:"):])
				return err == nil, nil
			}
			return false, nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// cmdExits runs a command and wants an exact exit code: exits CODE COMMAND...
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ee, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdUnpack writes a demo repository's files below a directory: unpack demo-debian DIR
func cmdUnpack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unpack NAME DIR")
	}
	files, err := fixtures.Demo(args[0])
	ts.Check(err)
	for name, body := range files {
		to := filepath.Join(ts.MkAbs(args[1]), name)
		ts.Check(os.MkdirAll(filepath.Dir(to), 0o755))
		ts.Check(os.WriteFile(to, body, 0o644))
	}
	r, _ := fixtures.Repo(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".key"), r.Keys[0].Data, 0o644))
}

// cmdRepo builds a signed deb repository from a txtar file, in which "~~" stands for "--" since
// the script is a txtar file too: repo TXTAR DIR (and DIR.key)
func cmdRepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: repo TXTAR DIR")
	}
	files, key, err := fixtures.Deb(fixtures.Parse([]byte(strings.ReplaceAll(ts.ReadFile(args[0]), "~~", "--"))))
	ts.Check(err)
	for name, body := range files {
		to := filepath.Join(ts.MkAbs(args[1]), name)
		ts.Check(os.MkdirAll(filepath.Dir(to), 0o755))
		ts.Check(os.WriteFile(to, body, 0o644))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".key"), key, 0o644))
}

// cmdAPKRepo is cmdRepo for apk, whose keys are found by name: apkrepo TXTAR DIR (and DIR.keys/NAME)
func cmdAPKRepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: apkrepo TXTAR DIR")
	}
	files, key, err := fixtures.APK(fixtures.Parse([]byte(strings.ReplaceAll(ts.ReadFile(args[0]), "~~", "--"))))
	ts.Check(err)
	demo, _ := fixtures.Repo("demo-alpine")
	files = maps.Clone(files)
	files["../"+filepath.Base(args[1])+".keys/"+demo.Keys[0].Name] = key
	for name, body := range files {
		to := filepath.Join(ts.MkAbs(args[1]), name)
		ts.Check(os.MkdirAll(filepath.Dir(to), 0o755))
		ts.Check(os.WriteFile(to, body, 0o644))
	}
}

// specialADB are packages that adbrepo knows by name.
var specialADB = map[string]adbtest.Package{
	"device": {Files: []adbtest.File{{Path: "dev/null", Target: adbtest.Device(0x103), Mode: 0o666}}},
	"escape": {Dirs: []adbtest.File{{Path: "../evil"}}},
	"hash":   {Files: []adbtest.File{{Path: "etc/x", Body: "x", Hash: strings.Repeat("\x00", 32)}}},
	"everything": {
		BuildTime: 1700000000, Installed: 100,
		Scripts: map[string]string{"pre-install": "#!/bin/sh\naddgroup -S things 2>/dev/null\nadduser -S -D -H -h /dev/null -s /sbin/nologin -G things -g things things 2>/dev/null\nexit 0\n"},
		Dirs:    []adbtest.File{{Path: "var/lib/things", Mode: 0o2750, User: "things", Group: "things"}},
		Files: []adbtest.File{
			{Path: "etc/passwd", Body: "root:x:0:0:root:/root:/bin/sh\n"},
			{Path: "etc/group", Body: "root:x:0:root\n"},
			{Path: "etc/shadow", Body: "root:*::0:::::\n", Mode: 0o640},
			{Path: "usr/bin/thing", Body: "thing\n", Mode: 0o4755, Time: 1600000000, Xattrs: []string{"user.x\x00y"}},
			{Path: "usr/bin/third", Target: adbtest.Hardlink("usr/bin/thing")},
			{Path: "usr/lib/thing", Target: adbtest.Symlink("../bin/thing")},
		},
	},
}

// cmdADBRepo builds a signed repository of apk's format 3: adbrepo [-zstd] [-key N] DIR NAME[:DEPENDS]... (and DIR.pem). A package has the
// version 1-r0 and one file, srv/NAME; those of specialADB have more.
func cmdADBRepo(ts *testscript.TestScript, neg bool, args []string) {
	compress, number := adbtest.Deflate, 1
	for len(args) > 1 && args[0][0] == '-' {
		if args[0] == "-zstd" {
			compress, args = adbtest.Zstd, args[1:]
			continue
		}
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		number, args = n, args[2:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: adbrepo [-zstd] [-key N] DIR NAME[:DEPENDS]...")
	}
	key := adbtest.NewKey(byte(number))
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	var ps []adbtest.Package
	for _, a := range args[1:] {
		name, depends, _ := strings.Cut(a, ":")
		p := specialADB[name]
		p.Name, p.Version, p.Depends = name, "1-r0", strings.Fields(depends)
		p.Files = append(slices.Clone(p.Files), adbtest.File{Path: "srv/" + name, Body: strings.Repeat(fmt.Sprintln(name, number), 99)})
		ps = append(ps, p)
	}
	for i, p := range ps {
		file := compress(p.Blocks(key))
		ps[i].Size = len(file)
		ts.Check(os.WriteFile(filepath.Join(dir, p.Name+"-1-r0.apk"), file, 0o644))
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "packages.adb"), compress(adbtest.Index(ps, key)), 0o644))
	ts.Check(os.WriteFile(dir+".pem", key.PEM(), 0o644))
}

// cmdServe serves a directory over HTTP and puts its address into an environment variable: serve VAR DIR [MODE]
// where MODE is ok, reset, stall, portal or gone (every package is missing).
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: serve VAR DIR [reset|stall|portal|gone]")
	}
	mode := "ok"
	if len(args) > 2 {
		mode = args[2]
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	files := http.FileServer(http.Dir(ts.MkAbs(args[1])))
	root := ts.MkAbs(args[1])
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := "0"
		if fi, err := os.Stat(filepath.Join(root, filepath.Clean(r.URL.Path))); err == nil {
			size = strconv.FormatInt(fi.Size(), 10)
		}
		if strings.HasSuffix(r.URL.Path, ".deb") && misbehave(mode, size, w, r) {
			return
		}
		files.ServeHTTP(w, r)
	})}
	go srv.Serve(l)
	ts.Defer(func() { srv.Close() })
	ts.Setenv(args[0], "http://"+l.Addr().String())
}

func misbehave(mode, size string, w http.ResponseWriter, r *http.Request) bool {
	switch mode {
	case "reset":
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: " + size + "\r\n\r\nhalf"))
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	case "stall":
		w.Header().Set("Content-Length", size)
		w.Write([]byte("a little"))
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
	case "portal":
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html>Please log in</html>"))
	case "gone":
		http.NotFound(w, r)
	default:
		return false
	}
	return true
}

// cmdFlip flips one bit in the middle of each file: flip FILE...
func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		b := []byte(ts.ReadFile(name))
		b[len(b)/2] ^= 1
		ts.Check(os.WriteFile(ts.MkAbs(name), b, 0o644))
	}
}

// cmdTruncate cuts files to half their length: truncate FILE...
func cmdTruncate(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		b := []byte(ts.ReadFile(name))
		ts.Check(os.WriteFile(ts.MkAbs(name), bytes.Clone(b[:len(b)/2]), 0o644))
	}
}

// cmdAppend puts a byte behind files: append FILE...
func cmdAppend(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), append([]byte(ts.ReadFile(name)), 0), 0o644))
	}
}

// cmdTmpfs mounts a small tmpfs: tmpfs DIR SIZE. Only root can.
func cmdTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]))
	ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// cmdTamper does to a clearsigned file what an attacker would: tamper KIND FILE
func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper KIND FILE")
	}
	b := ts.ReadFile(args[1])
	const begin, sig = "-----BEGIN PGP SIGNED MESSAGE-----\n", "-----BEGIN PGP SIGNATURE-----"
	head, tail, ok := strings.Cut(b, sig)
	if !ok || !strings.HasPrefix(b, begin) {
		ts.Fatalf("%s is not clearsigned", args[1])
	}
	out := map[string]string{
		"prefix":   "Origin: evil\n\n" + b,
		"suffix":   b + "Origin: evil\n",
		"twice":    b + b,
		"body":     strings.Replace(b, "Suite: ", "Suite: x", 1),
		"unsigned": strings.TrimPrefix(head, begin),
		"nohash":   begin + b[strings.Index(b, "\n\n")+1:],
		"cut":      head + sig + tail[:len(tail)/2],
		"longline": strings.Replace(b, "\nSuite: ", "\nX: "+strings.Repeat("x", 1<<20)+"\nSuite: ", 1),
	}[args[0]]
	if out == "" || out == b {
		ts.Fatalf("tamper %s: no such kind, or no change", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out), 0o644))
}

// cmdReadlink wants a symbolic link with exactly this target: readlink FILE TARGET
func cmdReadlink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readlink FILE TARGET")
	}
	got, err := os.Readlink(ts.MkAbs(args[0]))
	ts.Check(err)
	if got != args[1] {
		ts.Fatalf("%s -> %s, want %s", args[0], got, args[1])
	}
}

func TestDefaultVerb(t *testing.T) {
	a := &app{getenv: func(string) string { return "" }}
	for in, want := range map[string]string{
		"--repo x --pkgs y":     "install --repo x --pkgs y",
		"-q --repo x":           "install -q --repo x",
		"-q lock --repo x":      "-q lock --repo x",
		"--cache lock --pkgs x": "install --cache lock --pkgs x",
		"--cache c lock":        "--cache c lock",
		"--cache=c build":       "--cache=c build",
		"--strict --pkgs lock":  "install --strict --pkgs lock",
		"solve --repo x":        "solve --repo x",
		"--help":                "--help",
		"--version":             "--version",
		"":                      "",
		"-o - --repo x":         "install -o - --repo x",
	} {
		if got := strings.Join(withDefaultVerb(a.root(), strings.Fields(in)), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestManual holds doc/detinstall.1 to the tables that the program uses; `make man` writes it.
func TestManual(t *testing.T) {
	var b bytes.Buffer
	if code := run(t.Context(), []string{"man"}, nil, &b, &b); code != 0 {
		t.Fatalf("exit code %d: %s", code, b.String())
	}
	have, err := os.ReadFile("../../doc/detinstall.1")
	if err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("doc/detinstall.1 is not current: run make man (%v)", err)
	}
}
