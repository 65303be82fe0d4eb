package fetch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseNetrc(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       netrc
		bad        bool
	}{
		{"empty", "", netrc{}, false},
		{"one line", "machine a login u password p", netrc{"a": {"u", "p"}}, false},
		{"lines, upper case, account", "machine A.Example\n\tlogin u\n\taccount x\n\tpassword p\n", netrc{"a.example": {"u", "p"}}, false},
		{"the first counts", "machine a login u password p machine a login v password q", netrc{"a": {"u", "p"}}, false},
		{"default is nobody", "machine a login u password p\ndefault login anonymous password x", netrc{"a": {"u", "p"}}, false},
		{"no login", "machine a password p", netrc{}, false},
		{"no password", "machine a login u", netrc{"a": {"u", ""}}, false},
		{"comments", "# machine x login y password z\nmachine a login u password p#q\n  # more\n", netrc{"a": {"u", "p#q"}}, false},
		{"a password that looks like one", "machine a login #u password p", netrc{"a": {"#u", "p"}}, false},
		{"quotes", `machine a login "u v" password "p\"\\\n"`, netrc{"a": {"u v", "p\"\\\n"}}, false},
		{"macro", "machine a login u password p\nmacdef init\nmachine evil login x password y\n\nmachine b login v password q\n",
			netrc{"a": {"u", "p"}, "b": {"v", "q"}}, false},
		{"macro to the end", "macdef init\nmachine evil login x password y\n", netrc{}, false},
		{"keywords as values", "machine machine login login password password", netrc{"machine": {"login", "password"}}, false},
		{"CRLF", "machine a\r\nlogin u\r\npassword p\r\n", netrc{"a": {"u", "p"}}, false},
		{"nonsense", "machin a", nil, true},
		{"no value", "machine a login", nil, true},
		{"no name", "machine", nil, true},
		{"open quotation", `machine a login u password "p`, nil, true},
	} {
		got, err := parseNetrc(c.text)
		if (err != nil) != c.bad {
			t.Errorf("%s: error %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(login{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What is written with quotes is read as it was.
func FuzzNetrc(f *testing.F) {
	f.Add("machine a login u password p\ndefault login x", "h", "u v", `p"\`)
	f.Add("macdef x\n\n\nmachine \"", "h#", "#", "\n")
	f.Fuzz(func(t *testing.T, text, host, user, password string) {
		n, err := parseNetrc(text)
		if err != nil && n != nil {
			t.Errorf("both a result and the error %v", err)
		}
		for h, l := range n {
			if h == "" || l.user == "" || h != strings.ToLower(h) {
				t.Errorf("credentials %v for %q", l, h)
			}
		}
		quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		if host == "" || user == "" || err != nil {
			return
		}
		written := fmt.Sprintf("\nmachine \"%s\" login \"%s\" password \"%s\"\n", quote.Replace(host), quote.Replace(user), quote.Replace(password))
		got, err := parseNetrc(written)
		if err != nil || len(got) != 1 || got[strings.ToLower(host)] != (login{user, password}) {
			t.Errorf("%q is read as %v, %v", written, got, err)
		}
	})
}

func TestCredentials(t *testing.T) {
	data := body(1, 100)
	var got []string
	note := func(r *http.Request) {
		u, p, ok := r.BasicAuth()
		if !ok {
			u, p = "-", "-"
		}
		got = append(got, r.Host[:strings.IndexByte(r.Host, ':')]+" "+u+":"+p)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		switch {
		case strings.HasPrefix(r.URL.Path, "/away/"):
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "127.0.0.1", "localhost", 1)+"/here/x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/back/"):
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "127.0.0.1", "localhost", 1)+"/home/x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/home/"):
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "localhost", "127.0.0.1", 1)+"/here/x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/same/"):
			http.Redirect(w, r, "/here/x", http.StatusFound)
		default:
			w.Write(data)
		}
	})
	rc := filepath.Join(t.TempDir(), "netrc")
	text := "machine 127.0.0.1 login u password p\nmachine localhost login other password q\ndefault login d password d\n"
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	withUser := strings.Replace(s.URL, "http://", "http://me:secret@", 1)
	for _, c := range []struct {
		base string
		want []string
	}{
		{s.URL + "/here", []string{"127.0.0.1 u:p"}},
		{s.URL + "/same", []string{"127.0.0.1 u:p", "127.0.0.1 u:p"}},
		{s.URL + "/away", []string{"127.0.0.1 u:p", "localhost -:-"}},
		{s.URL + "/back", []string{"127.0.0.1 u:p", "localhost -:-", "127.0.0.1 -:-"}},
		{withUser + "/same", []string{"127.0.0.1 me:secret", "127.0.0.1 me:secret"}},
		{withUser + "/away", []string{"127.0.0.1 me:secret", "localhost -:-"}},
	} {
		got = nil
		w := newWorld(t, func(cfg *Config) { cfg.Netrc = rc })
		mustGet(t, w, refTo(data, c.base), data)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.base, diff)
		}
	}
	// Another port is another server, perhaps of another owner.
	got = nil
	port := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		http.Redirect(w, r, s.URL+"/here/x", http.StatusFound)
	})
	mustGet(t, newWorld(t, func(cfg *Config) { cfg.Netrc = rc }), refTo(data, port.URL), data)
	if !slices.Equal(got, []string{"127.0.0.1 u:p", "127.0.0.1 -:-"}) {
		t.Errorf("another port: %v", got)
	}
	// Nor do they come back after a detour.
	got = nil
	mustGet(t, newWorld(t, func(cfg *Config) { cfg.Netrc = rc }), refTo(data, strings.Replace(s.URL, "127.0.0.1", "localhost", 1)+"/home"), data)
	if !slices.Equal(got, []string{"localhost other:q", "127.0.0.1 -:-"}) {
		t.Errorf("the other host: %v", got)
	}
	// Another host has none, whatever default says.
	got = nil
	if err := os.WriteFile(rc, []byte("machine example.org login u password p\ndefault login d password d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustGet(t, newWorld(t, func(cfg *Config) { cfg.Netrc = rc }), refTo(data, s.URL), data)
	if !slices.Equal(got, []string{"127.0.0.1 -:-"}) {
		t.Errorf("another host: %v", got)
	}
	// A broken file is reported and gives none; a missing one is nothing to speak of.
	os.WriteFile(rc, []byte("machine"), 0o600)
	w := newWorld(t, func(cfg *Config) { cfg.Netrc = rc })
	mustGet(t, w, refTo(data, s.URL), data)
	if !strings.Contains(w.said(), "machine without a name") {
		t.Errorf("said %q", w.said())
	}
	// A password is in no message and on no disk.
	w = newWorld(t, nil)
	err := mustFail(t, w, refTo(body(2, 100), withUser, withUser+"/same"))
	if strings.Contains(err.Error()+w.said(), "secret") {
		t.Errorf("the password is told: %v; %s", err, w.said())
	}
}

func TestSameHost(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"http://a/x", "http://A/y", true},
		{"http://a/x", "https://a/y", true},
		{"http://a:80/x", "https://a:8443/y", false},
		{"https://a/x", "https://a:444/y", false},
		{"https://a/x", "http://a/y", false},
		{"https://a/x", "https://b.a/y", false},
		{"https://b.a/x", "https://a/y", false},
	} {
		if got := sameHost(parse(t, c.a), parse(t, c.b)); got != c.want {
			t.Errorf("%s, %s: %v", c.a, c.b, got)
		}
	}
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	r := httptest.NewRequest("GET", s, nil)
	return r.URL
}
