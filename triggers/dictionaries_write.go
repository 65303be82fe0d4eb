package triggers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dictDatabase is a class of dictionaries as a table in Perl.
func dictDatabase(dicts map[string]record) string {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var all []string
	for _, name := range recordNames(dicts) {
		var fields []string
		for field, value := range dicts[name] {
			fields = append(fields, "     '"+field+"' => '"+escape.Replace(value)+"'")
		}
		slices.Sort(fields)
		all = append(all, "  '"+escape.Replace(name)+"' => {\n"+strings.Join(fields, ",\n")+"\n  }")
	}
	return dictComment("### ") + "\npackage Debian::DictionariesCommon::dbfile;\n\n%dictionaries = (\n" + strings.Join(all, ",\n") + "\n);\n\n1;\n"
}

var (
	givesDictionary = regexp.MustCompile(`( |^)-d`)
	plainLocale     = regexp.MustCompile(`^[a-z]{2}(|_[A-Z]{2})$`)
	commaSpace      = regexp.MustCompile(`,\s*`)
	spaces          = regexp.MustCompile(`\s+`)
	texVariant      = regexp.MustCompile(`(?i)[^a-z]tex[^a-z]`)
	inBrackets      = regexp.MustCompile(`^.*\((.+)\)$`)
)

// dictEmacs is the table for Emacs. Newer releases have a class for enchant, of the dictionaries with plain names.
func dictEmacs(dicts map[string]record, enchant bool) string {
	var b, tail strings.Builder
	b.WriteString(dictComment(";;; "))
	classes := []string{"hunspell"}
	if enchant {
		classes = append(classes, "enchant")
	}
	tail.WriteString("\n\n;; No emacsen-aspell-equivs entries were found\n")
	for _, class := range classes {
		entries, locales := emacsEntries(dicts, class == "enchant")
		if len(entries) > 0 {
			fmt.Fprintf(&b, "\n;; Adding %s dicts\n\n", class)
			names := sortedKeys(entries)
			slices.Reverse(names)
			for _, n := range names {
				fmt.Fprintf(&b, "(add-to-list 'debian-%s-only-dictionary-alist\n  '(%s))\n", class, entries[n])
			}
			b.WriteByte('\n')
		}
		if len(locales) == 0 {
			fmt.Fprintf(&tail, "\n\n;; No emacsen-%s-equivs entries were found\n", class)
			continue
		}
		fmt.Fprintf(&tail, "\n\n;; An alist that will try to map %s locales to emacsen names\n\n(setq debian-%s-equivs-alist '(\n", class, class)
		for _, l := range sortedKeys(locales) {
			fmt.Fprintf(&tail, "     (\"%s\" \"%s\")\n", l, locales[l])
		}
		fmt.Fprintf(&tail, "))\n\n;; Get default value for debian-%[1]s-dictionary. Will be used if\n;; spellchecker is %[1]s and ispell-local-dictionary is not set.\n"+
			";; We need to get it here, after debian-%[1]s-equivs-alist is loaded\n\n(setq debian-%[1]s-dictionary (debian-ispell-get-%[1]s-default))\n\n", class)
	}
	return b.String() + tail.String()
}

// emacsEntries returns the rows by Emacs' name, and that name by locale.
func emacsEntries(dicts map[string]record, enchant bool) (entries, locales map[string]string) {
	entries, locales = map[string]string{}, map[string]string{}
	taken := map[string]bool{}
	for _, name := range recordNames(dicts) {
		r := dicts[name]
		hash := r["hash-name"]
		if enchant {
			if emacs := r.or("emacsen-name", hash); !plainLocale.MatchString(hash) || taken[emacs] {
				continue
			} else {
				taken[emacs] = true
			}
		}
		if r["emacs-display"] == "no" {
			continue
		}
		many, extended := "nil", "nil"
		if r["many-otherchars"] == "yes" {
			many = "t"
		}
		if v, ok := r["extended-character-mode"]; ok {
			extended = `"` + v + `"`
		}
		args := r.or("ispell-args", "-d "+hash)
		if !givesDictionary.MatchString(args) {
			args += " -d " + hash
		}
		other := r.or("otherchars", "[']")
		if !strings.Contains(other, `\"`) {
			other = strings.Replace(other, `"`, `\"`, 1)
		}
		for _, emacs := range commaSpace.Split(r.or("emacsen-names", r.or("emacsen-name", hash)), -1) {
			entries[emacs] = strings.Join([]string{`"` + emacs + `"`, `"` + r.or("casechars", "[a-zA-Z]") + `"`,
				`"` + r.or("not-casechars", "[^a-zA-Z]") + `"`, `"` + other + `"`, many,
				`("` + strings.Join(spaces.Split(args, -1), `" "`) + `")`, extended, strings.ToLower(r.or("coding-system", "nil"))}, "\n     ")
			for _, l := range strings.Split(r["hunspell-locales"], ",") {
				if l = strings.TrimSpace(l); l != "" {
					locales[l] = emacs
				}
			}
		}
	}
	return entries, locales
}

// dictSquirrel is the table for SquirrelMail.
func dictSquirrel(dicts map[string]record) string {
	var rows []string
	for _, name := range recordNames(dicts) {
		r := dicts[name]
		shown, ok := r["squirrelmail"]
		if m := inBrackets.FindStringSubmatch(name); !ok && m != nil {
			shown = m[1]
		}
		if shown == "" || strings.EqualFold(shown, "no") || texVariant.MatchString(name) {
			continue
		}
		dictionary, words, extended := "-d "+r["hash-name"], "", ""
		if v, ok := r["additionalchars"]; ok {
			words = "-w " + v
		}
		if v, ok := r["extended-character-mode"]; ok {
			extended = "-T " + strings.TrimPrefix(v, "~")
		}
		args := r["ispell-args"]
		if slices.ContainsFunc(strings.Fields(args), func(a string) bool { return strings.HasPrefix(a, "-d") }) {
			dictionary = ""
		}
		rows = append(rows, fmt.Sprintf("  '%s (hunspell)' => 'hunspell -a %s %s %s %s'", shown, dictionary, words, extended, args))
	}
	slices.Sort(rows)
	return "<?php\n" + dictComment("### ") + "$SQSPELL_APP = array (\n" + strings.Join(rows, ",\n") + "\n);\n"
}
