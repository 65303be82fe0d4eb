package triggers

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var octalByte = regexp.MustCompile(`\\([0-3][0-7][0-7])`)

// dictJed is the table for jed, of what aspell and ispell have.
func dictJed(dicts map[string]map[string]record) string {
	out := dictComment("%%% ")
	for _, class := range []string{"aspell", "ispell"} {
		plain, unicode := map[string]string{}, map[string]string{}
		for _, name := range recordNames(dicts[class]) {
			r := dicts[class][name]
			if r["jed-display"] == "no" {
				continue
			}
			emacs := r.or("emacsen-name", r["hash-name"])
			more := jedBytes(r["additionalchars"])
			other := jedBytes(strings.TrimSuffix(strings.TrimPrefix(r.or("otherchars", "'"), "["), "]"))
			mode := ""
			if class == "ispell" {
				mode = "    \"" + r["extended-character-mode"] + "\",\n"
			}
			plain[emacs] = fmt.Sprintf("  %s_add_dictionary (\n    \"%s\",\n    \"%s\",\n    \"%s\",\n    \"%s\",\n%s    \"%s\");",
				class, emacs, r["hash-name"], more, other, mode, r["ispell-args"])
			coding := r.or("coding-system", "l1")
			unicode[emacs] = fmt.Sprintf("    aspell_add_dictionary (\n      \"%s\",\n      \"%s\",\n      \"%s\",\n      \"%s\",\n      \"%s\");",
				emacs, r["hash-name"], toUTF8(more, coding), toUTF8(other, coding), r["ispell-args"])
		}
		switch {
		case len(plain) == 0:
		case class == "aspell":
			out += "\n#ifexists aspell_add_dictionary\n  if (_slang_utf8_ok) {\n" + sortedRows(unicode) + "\n  } else {\n" + sortedRows(plain) + "\n  }\n#endif\n"
		default:
			out += "\n#ifexists ispell_add_dictionary\n" + sortedRows(plain) + "\n#endif\n"
		}
	}
	return out
}

func sortedRows(rows map[string]string) string {
	var out []string
	for _, k := range sortedKeys(rows) {
		out = append(out, rows[k])
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// jedBytes puts bytes for their octal spelling.
func jedBytes(s string) string {
	return octalByte.ReplaceAllStringFunc(s, func(m string) string {
		n, _ := strconv.ParseUint(m[1:], 8, 8)
		return string([]byte{byte(n)})
	})
}

// toUTF8 converts from Latin 1, the encoding of aspell's dictionaries where they say nothing, and leaves alone what is ASCII or UTF-8.
// Other encodings of more than ASCII give nothing, as where iconv fails.
func toUTF8(s, coding string) string {
	ascii := !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
	switch strings.ToLower(coding) {
	case "utf-8", "utf8":
		return s
	case "l1", "iso-8859-1", "latin1", "iso8859-1":
		var b strings.Builder
		for i := range len(s) {
			b.WriteRune(rune(s[i]))
		}
		return b.String()
	}
	if ascii {
		return s
	}
	return ""
}
