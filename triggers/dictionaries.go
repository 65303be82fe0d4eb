package triggers

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// dictionaries is what the postinst of dictionaries-common makes of dictionaries.
func dictionaries() Trigger {
	return Trigger{
		Name: "dictionaries",
		Doc: "dictionaries-common collects the installed dictionaries and word lists for Emacs, jed and SquirrelMail, and chooses the default of each class. " +
			"The same, but for the tables that ispell and aspell compile for themselves. What the real one writes in the order of a Perl hash is sorted.",
		For: []string{"deb"},
		Reads: []string{dictInfo + "/**", dictModule, dictAffixes, dictAffixes + "/*.aff", "usr/sbin/update-dictcommon-hunspell", "usr/share/*/*.aff",
			"usr/lib/ispell", "usr/share/dict"},
		Owns: []string{dictCache, dictCache + "/*", dictEtc + "/*", "usr/lib/ispell/default.aff", "usr/lib/ispell/default.hash", "usr/share/dict/words"},
		Run:  makeDictionaries,
	}
}

const (
	dictInfo    = "var/lib/dictionaries-common"
	dictCache   = "var/cache/dictionaries-common"
	dictModule  = "usr/share/perl5/Debian/DictionariesCommon.pm"
	dictAffixes = "usr/share/hunspell"
	dictEtc     = "etc/dictionaries-common"

	largestDictionaryFile = 16 << 20
)

// record is what is known of a dictionary, by the names of dictionaries-common's fields in lower case.
type record map[string]string

// or returns a field, or another value where it is missing.
func (r record) or(field, other string) string {
	if v, ok := r[field]; ok {
		return v
	}
	return other
}

func makeDictionaries(in Input) ([]Change, error) {
	if !exists(in.FS, "usr/sbin/update-dictcommon-hunspell") || !exists(in.FS, dictModule) {
		return nil, nil
	}
	module, err := readLimited(in.FS, dictModule, largestDictionaryFile)
	if err != nil {
		return nil, err
	}
	dicts := map[string]map[string]record{}
	for _, class := range []string{"aspell", "ispell", "wordlist"} {
		if dicts[class], err = declaredRecords(in.FS, class); err != nil {
			return nil, err
		}
	}
	if dicts["hunspell"], err = hunspellRecords(in.FS, string(module)); err != nil {
		return nil, err
	}
	var out []Change
	if !exists(in.FS, dictCache) {
		out = append(out, dir(dictCache, 0o755))
	}
	add := func(name, text string) { out = append(out, file(dictCache+"/"+name, 0o644, []byte(text))) }
	for _, class := range sortedKeys(dicts) {
		add(class+".db", dictDatabase(dicts[class]))
	}
	ispell, list := in.dictDefault("ispell", dicts["ispell"]), ""
	for _, n := range recordNames(dicts["ispell"]) {
		list += n + "\n"
	}
	add("emacsen-ispell-dicts.el", dictEmacs(dicts, string(module)))
	add("emacsen-ispell-default.el", dictEmacsDefault(dicts["ispell"][ispell]))
	add("jed-ispell-dicts.sl", dictJed(dicts))
	add("sqspell.php", dictSquirrel(dicts))
	add("ispell-dicts-list.txt", list)
	links := in.dictLinks("ispell", ispell, dicts["ispell"])
	links = append(links, in.dictLinks("wordlist", in.dictDefault("wordlist", dicts["wordlist"]), dicts["wordlist"])...)
	if ispell == "" {
		links = append(links, file(dictEtc+"/ispell-default", 0o644, nil))
	}
	for _, c := range links {
		if !exists(in.FS, c.Node.Path) {
			out = append(out, c)
		}
	}
	return out, nil
}

func dictComment(mark string) string {
	return mark + "This file is part of the dictionaries-common package.\n" +
		mark + "It has been automatically generated.\n" + mark + "DO NOT EDIT!\n"
}

func recordNames(m map[string]record) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// declaredRecords returns the dictionaries of a class that packages declare.
func declaredRecords(fsys fs.FS, class string) (map[string]record, error) {
	declared := map[string]record{}
	list, err := fs.ReadDir(fsys, dictInfo+"/"+class)
	if err != nil {
		return declared, nil // no package declares one
	}
	for _, e := range list {
		if !e.Type().IsRegular() || strings.HasSuffix(e.Name(), "~") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		name := dictInfo + "/" + class + "/" + e.Name()
		b, err := readLimited(fsys, name, largestDictionaryFile)
		if err != nil {
			return nil, err
		}
		if err := parseRecords(string(b), e.Name(), declared); err != nil {
			return nil, fmt.Errorf("/%s: %w", name, err)
		}
	}
	return declared, nil
}

// hunspellRecords returns the dictionaries that packages declare, and those that only have a file of affixes.
func hunspellRecords(fsys fs.FS, module string) (map[string]record, error) {
	if !exists(fsys, dictAffixes) {
		return nil, nil
	}
	declared, err := declaredRecords(fsys, "hunspell")
	if err != nil {
		return nil, err
	}
	found, err := affixRecords(fsys, module)
	if err != nil {
		return nil, err
	}
	emacs, hashes := map[string]bool{}, map[string]bool{}
	for _, r := range declared {
		name, ok := r["emacsen-name"]
		if ok {
			emacs[name] = true
		}
		if ok && name != "english_american" {
			hashes[r["hash-name"]] = true
		}
	}
	for _, name := range recordNames(found) {
		r := found[name]
		known := emacs[r["emacsen-name"]] || hashes[r["hash-name"]]
		for _, locale := range strings.Split(r["hunspell-locales"], ", ") {
			known = known || hashes[locale]
		}
		if !known && declared[name] == nil {
			declared[name] = r
		}
	}
	return declared, nil
}

// parseRecords adds the paragraphs of a file of fields to records, by their Language.
func parseRecords(text, pkg string, records map[string]record) error {
	for _, paragraph := range regexp.MustCompile(`\n\n+`).Split(text, -1) {
		if strings.Trim(paragraph, "\n") == "" {
			continue
		}
		r := record{}
		for line := range strings.SplitSeq(paragraph, "\n") {
			name, value, ok := strings.Cut(line, ":")
			if value = strings.TrimLeft(value, " \t"); ok && name != "" && value != "" {
				r[strings.ToLower(name)] = value
			}
		}
		language, ok := r["language"]
		if _, hash := r["hash-name"]; !ok || !hash {
			return fmt.Errorf("a record without Language or Hash-Name")
		}
		delete(r, "language")
		r["package"] = pkg
		records[language] = r
	}
	return nil
}

// emacsName is a row of the module's table of locales and the names that Emacs has for their dictionaries.
var emacsName = regexp.MustCompile(`"([^"]+)"\s*=>\s*"([^"]+)"`)

// affixRecords returns what the files of affixes tell.
func affixRecords(fsys fs.FS, module string) (map[string]record, error) {
	records := map[string]record{}
	locales := map[string][]string{}
	list, err := fs.ReadDir(fsys, dictAffixes)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".aff")
		if !ok || strings.HasPrefix(name, ".") || !exists(fsys, dictAffixes+"/"+e.Name()) {
			continue
		}
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := fs.ReadLink(fsys, dictAffixes+"/"+e.Name())
			if err != nil {
				return nil, err
			}
			target = strings.TrimSuffix(path.Base(target), ".aff")
			locales[target] = append(locales[target], name)
			continue
		}
		b, err := readLimited(fsys, dictAffixes+"/"+e.Name(), largestDictionaryFile)
		if err != nil {
			return nil, err
		}
		records[name] = affixRecord(name, string(b))
		locales[name] = append(locales[name], name)
	}
	_, table, _ := strings.Cut(module, "$emacs_equivs = {")
	table, _, _ = strings.Cut(table, "}")
	for _, row := range emacsName.FindAllStringSubmatch(table, -1) {
		if r, ok := records[row[1]]; ok {
			r["emacsen-name"] = row[2]
		}
	}
	for name, r := range records {
		slices.Sort(locales[name])
		r["hunspell-locales"] = strings.Join(slices.Compact(locales[name]), ", ")
	}
	return records, nil
}

var isoCoding = regexp.MustCompile(`^iso[0-9]`)

// affixRecord reads a file of affixes: its encoding, and which bytes beyond ASCII words have.
func affixRecord(name, text string) record {
	r := record{"hash-name": name, "emacsen-name": name, "package": "auto-detect"}
	value := func(key string) (string, bool) {
		for line := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(strings.TrimLeft(line, " \t\r\f\n"), key); ok {
				return strings.Trim(v, " \t\r\f\n"), true
			}
		}
		return "", false
	}
	if v, ok := value("SET"); ok {
		v = strings.ToLower(v)
		if isoCoding.MatchString(v) {
			v = "iso-" + v[3:]
		}
		r["coding-system"] = v
	}
	if v, ok := value("WORDCHARS"); ok {
		r["otherchars"] = "[" + v + "]"
	}
	if v, ok := value("TRY"); ok {
		var bytes, octal strings.Builder
		for i := range len(v) {
			if v[i] >= 0x80 {
				bytes.WriteByte(v[i])
				fmt.Fprintf(&octal, `\%o`, v[i])
			}
		}
		r["additionalchars"] = bytes.String()
		r["casechars"], r["not-casechars"] = "[a-zA-Z"+octal.String()+"]", "[^a-zA-Z"+octal.String()+"]"
	}
	return r
}
