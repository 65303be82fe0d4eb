package detinstall

import "github.com/detinstall/detinstall/solve/lock"

// Documentation and translations as dpkg's path filters spell them; the
// copyright files stay, since scanners read licences from them.
var (
	docPaths  = []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/groff/*", "/usr/share/lintian/*", "/usr/share/linda/*"}
	docKept   = []string{"/usr/share/doc/*/copyright"}
	langPaths = []string{"/usr/share/locale/*/LC_MESSAGES/*.mo", "/usr/share/man/??/*", "/usr/share/man/??_*/*"}
)

// excludes returns the path filters of a lock's settings, in dpkg's order: what the user excludes comes last.
func excludes(s lock.Settings) []string {
	var out []string
	if s.NoDocs {
		out = append(out, docPaths...)
	}
	if len(s.Langs) > 0 {
		out = append(out, langPaths...)
	}
	return append(out, s.ExcludePaths...)
}

// includes returns what is kept in spite of [excludes].
func includes(s lock.Settings) []string {
	var out []string
	if s.NoDocs {
		out = append(out, docKept...)
	}
	for _, l := range s.Langs {
		out = append(out, "/usr/share/locale/"+l+"/LC_MESSAGES/*.mo")
		if !s.NoDocs {
			out = append(out, "/usr/share/man/"+l+"/*")
		}
	}
	return append(out, s.IncludePaths...)
}
